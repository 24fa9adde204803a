#pragma once

#include "stibee_sync/domain/member_key.hpp"
#include "stibee_sync/ledger/person.hpp"
#include "stibee_sync/store/mirror_state.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::store {

/// A row of the table, as the last read left it.
struct KnownRow {
  domain::MemberKey key;
  std::string email;  // normalised; "": it has no usable address
  bool subscribed = true;
  std::string rejection;                            // the reason's name; "": the row is usable
  std::string rejected_column;                      // "" if none
  std::optional<ledger::Suppression> opt_out = {};  // on record for the row's key
};

/// All that the state has of one person beside the ledger, for a human who asks.
struct PersonRecord {
  ledger::Person person;
  std::vector<KnownRow> rows;      // that bear the address, in key order
  std::vector<HeldChanges> holds;  // that the person is in
  std::size_t writebacks = 0;      // that wait
};

}  // namespace stibee_sync::store
