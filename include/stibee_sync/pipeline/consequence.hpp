#pragma once

#include "stibee_sync/ledger/transitions.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <optional>

namespace stibee_sync::pipeline {

/// What is made of what Stibee showed of a person: for the ledger, for the member database, for the next
/// read.
struct Consequence : ledger::RemoteChange {
  std::optional<store::WritebackRequest> writeback = {};
  bool look_again = false;  // the next read decides about the address anew, though its rows did not change
};

/// Does it to `person`, as the transaction found them under `email`. Blocking, on the store's thread.
void carry_out(store::Transaction& transaction, store::MirrorId mirror, const domain::EmailAddress& email,
               const ledger::Person& person, const Consequence& consequence, const ledger::Policy& policy,
               domain::UtcTime now);
/// The same; an opt-out that the consequence dates by `now` is dated by `said`.
void carry_out(store::Transaction& transaction, store::MirrorId mirror, const domain::EmailAddress& email,
               const ledger::Person& person, const Consequence& consequence, const ledger::Policy& policy,
               domain::UtcTime now, domain::UtcTime said);

}  // namespace stibee_sync::pipeline
