#include "stibee_sync/pipeline/consequence.hpp"

namespace stibee_sync::pipeline {

namespace {

Consequence dated(Consequence change, domain::UtcTime now, domain::UtcTime said) {
  if (change.suppress && change.suppress->at == now) change.suppress->at = said;
  auto& confirmed = change.confirmed;
  if (confirmed && confirmed->status == domain::RemoteStatus::OptedOut && confirmed->since == now)
    confirmed->since = said;
  return change;
}

}  // namespace

void carry_out(store::Transaction& transaction, store::MirrorId mirror, const domain::EmailAddress& email,
               const ledger::Person& person, const Consequence& consequence, const ledger::Policy& policy,
               domain::UtcTime now, domain::UtcTime said) {
  carry_out(transaction, mirror, email, person, dated(consequence, now, said), policy, now);
}

void carry_out(store::Transaction& transaction, store::MirrorId mirror, const domain::EmailAddress& email,
               const ledger::Person& person, const Consequence& consequence, const ledger::Policy& policy,
               domain::UtcTime now) {
  transaction.write(mirror, email, person, ledger::after_observation(person, consequence, policy, now));
  if (consequence.suppress) {
    for (const auto& other : transaction.other_addresses(mirror, email, person)) {
      const auto there = transaction.find(mirror, other);
      transaction.write(mirror, other, there,
                        ledger::after_inheriting(there, *consequence.suppress, policy, now));
    }
  }
  if (consequence.writeback) {
    const auto key = person.row ? person.row->key : std::nullopt;
    transaction.add_writeback(mirror, email, key, *consequence.writeback, now);
  }
  if (consequence.look_again) transaction.touch(mirror, email);
}

}  // namespace stibee_sync::pipeline
