#include "stibee_sync/pipeline/apply_read.hpp"

namespace stibee_sync::pipeline {
namespace {

bool changes(const ledger::Person& person, const domain::Wanted& wanted) {
  return person.row ? person.row->wanted != wanted : wanted.intent != domain::Intent::Absent;
}

}  // namespace

AppliedRead apply_read(store::Transaction& transaction, store::MirrorId mirror, store::Scan& scan,
                       const ledger::Policy& policy, domain::UtcTime now) {
  AppliedRead applied;
  applied.rows = transaction.take_over(scan);
  store::Decided decided;
  while (scan.next_decision(decided)) {
    const auto before = transaction.find(mirror, decided.email);
    if (changes(before, decided.decision.wanted)) ++applied.addresses;
    const auto after = ledger::after_decision(before, decided.decision, policy, now);
    transaction.write(mirror, decided.email, before, after);
    if (const auto successor = ledger::silenced_successor(before, decided.decision.wanted)) {
      const auto there = transaction.find(mirror, *successor);
      transaction.write(mirror, *successor, there,
                        ledger::after_silencing(there, decided.decision.wanted, policy, now));
    }
  }
  return applied;
}

AppliedRead apply_ahead(store::Store& store, store::MirrorId mirror, store::Scan& scan, std::size_t most,
                        const ledger::Policy& policy, domain::UtcTime now) {
  store::Transaction transaction(store);
  if (!scan.is_first() || !transaction.rows_after(mirror, "", 1).empty()) return {};
  scan.show_first(most);
  const auto applied = apply_read(transaction, mirror, scan, policy, now);
  transaction.commit();
  scan.show_rest();
  return applied;
}

CommittedRead commit_read(store::Transaction& transaction, store::MirrorId mirror, store::Scan& scan,
                          const ReadCommit& commit, const ledger::Policy& policy, domain::UtcTime now) {
  CommittedRead committed;
  std::vector<store::HeldChanges> held;
  std::vector<int> held_classes;
  for (const auto& hold : commit.judgement.holds) {
    if (transaction.use_approval(mirror, hold.changes.digest, now)) {
      committed.released.push_back(hold.changes.digest);
      continue;
    }
    held_classes.push_back(static_cast<int>(hold.change_class));
    held.push_back(hold.changes);
  }
  // An opt-out goes to every address of the member, whatever waits.
  scan.hold_back(held_classes, static_cast<int>(diff::ChangeClass::OptOut));
  committed.applied = apply_read(transaction, mirror, scan, policy, now);
  transaction.replace_holds(mirror, held);
  transaction.set_facts(mirror, held.empty() ? commit.good_facts : commit.facts);
  transaction.drop_expired_approvals(mirror, now);
  transaction.erase_echo_traces(mirror, now - ledger::echo_window);
  return committed;
}

}  // namespace stibee_sync::pipeline
