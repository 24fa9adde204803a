#include "stibee_sync/pipeline/apply_read.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

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
    if (before.row && !after.row) ++applied.erased;
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

namespace {

using Items = std::vector<domain::Fingerprint>;

/// Within an hour of its being shown a set can be approved.
constexpr std::chrono::hours shown_for{1};

Items both(const Items& a, const Items& b) {
  Items found;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(found));
  return found;
}

/// Finds what of the judged holds waits, and under which digests, and what was approved.
class Holding {
 public:
  Holding(store::Transaction& transaction, store::MirrorId mirror, store::Scan& scan, domain::UtcTime now)
      : transaction_(transaction),
        mirror_(mirror),
        scan_(scan),
        now_(now),
        before_(transaction.holds(mirror)) {}

  void judge(const Judgement::HeldSet& hold) {
    const auto change_class = static_cast<int>(hold.change_class);
    const auto items = scan_.items_of(change_class);
    what_.classes.push_back(change_class);
    auto changes = hold.changes;
    if (const auto released = release(changes, items); released > 0) {
      // Who joined since is nobody's who was shown: the next read judges them by themselves, unless they wait
      // for a reason that it would not find.
      changes.count -= std::min(released, changes.count);
      if (changes.count == 0 || !changes.lasting) return;
      show(std::move(changes), change_class);
      return;
    }
    if (const auto shown = shown_already(changes, items)) {
      changes.digest = *shown;
      committed_.held.push_back(std::move(changes));
      return;
    }
    show(std::move(changes), change_class);
  }

  CommittedRead finish(store::HoldBack& what) {
    std::sort(what_.released.begin(), what_.released.end());
    // An opt-out goes to every address of the member, whatever waits.
    what_.never_with_others = static_cast<int>(diff::ChangeClass::OptOut);
    what = std::move(what_);
    return std::move(committed_);
  }

 private:
  void show(store::HeldChanges changes, int change_class) {
    transaction_.keep_held_set(mirror_, changes, scan_, change_class);
    committed_.news.push_back(changes.digest);
    committed_.held.push_back(std::move(changes));
  }

  /// How many of `items` were approved.
  std::size_t release(const store::HeldChanges& changes, const Items& items) {
    std::size_t count = 0;
    for (const auto& digest : transaction_.held_sets(mirror_, changes.change_class)) {
      if (!transaction_.use_approval(mirror_, digest, now_)) continue;
      const auto found = both(items, transaction_.held_set(mirror_, digest));
      what_.released.insert(what_.released.end(), found.begin(), found.end());
      transaction_.drop_held_set(mirror_, digest);
      auto released = changes;
      released.digest = digest;
      released.count = found.size();
      count += found.size();
      committed_.released.push_back(std::move(released));
    }
    return count;
  }

  /// A set that loses some, or grows a little, keeps the digest that was shown: it stands for those who were
  /// in it then.
  std::optional<std::string> shown_already(const store::HeldChanges& changes, const Items& items) {
    const auto same = std::find_if(before_.begin(), before_.end(), [&](const store::HeldChanges& hold) {
      return hold.change_class == changes.change_class;
    });
    if (same == before_.end()) return std::nullopt;
    const auto shown = transaction_.held_set(mirror_, same->digest);
    const auto still = both(items, shown).size();
    if (still == 0 || (items.size() - still) * 2 > shown.size()) return std::nullopt;
    return same->digest;
  }

  store::Transaction& transaction_;
  store::MirrorId mirror_;
  store::Scan& scan_;
  domain::UtcTime now_;
  std::vector<store::HeldChanges> before_;
  store::HoldBack what_;
  CommittedRead committed_;
};

bool holds(const ReadCommit& commit, diff::ChangeClass change_class) {
  return std::any_of(commit.judgement.holds.begin(), commit.judgement.holds.end(),
                     [&](const auto& hold) { return hold.change_class == change_class; });
}

/// What was applied without anybody's approval, for the sum of a day.
void note_hour(store::SourceFacts& facts, const ReadCommit& commit, domain::UtcTime now) {
  const auto hour = hour_of(now);
  std::erase_if(facts.recent, [&](const auto& each) { return each.hour <= hour - 24 || each.hour > hour; });
  const auto removals = holds(commit, diff::ChangeClass::Removal) ? 0 : commit.removals;
  const auto resubscribes = holds(commit, diff::ChangeClass::Resubscribe) ? 0 : commit.resubscribes;
  if (removals + resubscribes == 0) return;
  if (facts.recent.empty() || facts.recent.back().hour != hour)
    facts.recent.push_back({hour, 0, 0, commit.mirrored});
  facts.recent.back().removals += removals;
  facts.recent.back().resubscribes += resubscribes;
}

}  // namespace

CommittedRead commit_read(store::Transaction& transaction, store::MirrorId mirror, store::Scan& scan,
                          const ReadCommit& commit, const ledger::Policy& policy, domain::UtcTime now) {
  Holding holding(transaction, mirror, scan, now);
  for (const auto& hold : commit.judgement.holds)
    holding.judge(hold);
  store::HoldBack what;
  auto committed = holding.finish(what);
  scan.hold_back(what);
  committed.applied = apply_read(transaction, mirror, scan, policy, now);
  transaction.replace_holds(mirror, committed.held, now + shown_for);
  auto facts = committed.held.empty() ? commit.good_facts : commit.facts;
  note_hour(facts, commit, now);
  transaction.set_facts(mirror, facts);
  transaction.drop_expired_approvals(mirror, now);
  transaction.erase_echo_traces(mirror, now - ledger::echo_window);
  return committed;
}

}  // namespace stibee_sync::pipeline
