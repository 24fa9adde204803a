#include "stibee_sync/pipeline/apply_read.hpp"

#include <utility>

namespace stibee_sync::pipeline {
namespace {

bool changes(const ledger::Person& person, const domain::Wanted& wanted) {
  return person.row ? person.row->wanted != wanted : wanted.intent != domain::Intent::Absent;
}

}  // namespace

AppliedRead apply_read(store::Transaction& transaction, store::MirrorId mirror, store::Scan& scan,
                       const ledger::Policy& policy, domain::UtcTime now, std::size_t most) {
  AppliedRead applied;
  const auto part = transaction.take_over(scan, most);
  applied.rows = part.rows;
  applied.lost = part.lost;
  applied.last = part.last;
  store::Decided decided;
  while (scan.next_decision(decided)) {
    const auto before = transaction.find(mirror, decided.email);
    const auto decision =
        transaction.by_now(mirror, decided.email, std::move(decided.decision), before, scan);
    if (!decision) continue;
    if (changes(before, decision->wanted)) ++applied.addresses;
    if (decision->moves_consent) ++applied.consents_moved.at(static_cast<std::size_t>(decided.change_class));
    const auto after = ledger::after_decision(before, *decision, policy, now);
    transaction.write(mirror, decided.email, before, after);
    if (decision->overtakes_resubscribe) transaction.drop_writebacks(mirror, decided.email, "resubscribed");
    if (before.row && !after.row) ++applied.erased;
    if (const auto successor = ledger::silenced_successor(before, decision->wanted)) {
      const auto there = transaction.find(mirror, *successor);
      transaction.write(mirror, *successor, there,
                        ledger::after_silencing(there, decision->wanted, policy, now));
    }
  }
  return applied;
}

}  // namespace stibee_sync::pipeline
