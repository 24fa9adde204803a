#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/store/mirror_state.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::store {

struct LaneCount {
  std::size_t people = 0;
  std::optional<domain::UtcTime> oldest;
};

/// Who waits, and who cannot be sent.
struct Backlog {
  std::map<domain::Lane, LaneCount>
      pending;  // without the parked and those not due before a later day (Later)
  std::map<std::string, std::size_t> parked;  // reason → people and rejected rows
};

struct Summary : Backlog {
  std::map<domain::RemoteStatus, std::size_t> people;  // of the ledger
  std::size_t wanted_subscribed = 0;
  std::size_t consents_due = 0;  // people wanted subscribed whose consent is older than 23 months: by whole
                                 // days (UTC), 700 and more
  std::size_t writebacks = 0;    // waiting
  SourceFacts facts;
  Milestones milestones;
  std::vector<HeldChanges> holds;
};

struct ParkedPerson {
  std::string key;
  std::string email;  // as the source has it is not kept: "" if the row has no usable address
  std::string reason;
  std::string message;
  int attempts = 0;
  std::optional<domain::UtcTime> since;
  std::string sent_instead;  // of a duplicate: the key of the row that bears the same address and is sent
};

}  // namespace stibee_sync::store
