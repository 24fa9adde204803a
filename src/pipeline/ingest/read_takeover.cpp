#include "stibee_sync/pipeline/apply_read.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace stibee_sync::pipeline {
namespace {

using Items = std::vector<domain::Fingerprint>;

/// Within an hour of its being shown a set can be approved.
constexpr std::chrono::hours shown_for{1};

Items both(const Items& a, const Items& b) {
  Items found;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(found));
  return found;
}

/// What was applied without anybody's approval, for the sum of a day.
void note_hour(store::SourceFacts& facts, const ReadCommit& commit, domain::UtcTime now) {
  const auto hour = hour_of(now);
  std::erase_if(facts.recent, [&](const auto& each) { return each.hour < hour - 24; });
  // What a clock that has been set back since said came later was applied all the same.
  for (auto& each : facts.recent)
    each.hour = std::min(each.hour, hour);
  const auto removals = commit.judgement.holds_any(diff::ChangeClass::Removal) ? 0 : commit.removals;
  const auto resubscribes =
      commit.judgement.holds_any(diff::ChangeClass::Resubscribe) ? 0 : commit.resubscribes;
  if (removals + resubscribes == 0) return;
  if (facts.recent.empty() || facts.recent.back().hour != hour)
    facts.recent.push_back({hour, 0, 0, commit.mirrored});
  facts.recent.back().removals += removals;
  facts.recent.back().resubscribes += resubscribes;
}

/// Those whose consents they made doubtful were approved, or are as they were.
void forget_consents(store::SourceFacts& facts) {
  for (auto& each : facts.drained)
    each.consents_moved = 0;
}

}  // namespace

HoldsBefore holds_before(store::Transaction& transaction, store::MirrorId mirror, const Judgement& judgement,
                         domain::UtcTime now) {
  HoldsBefore before;
  before.holds = transaction.holds(mirror);
  for (const auto& hold : judgement.holds) {
    const auto& change_class = hold.changes.change_class;
    for (auto& digest : transaction.held_sets(mirror, change_class)) {
      HoldsBefore::Set set;
      set.change_class = change_class;
      set.approved = transaction.approved(mirror, digest, now);
      set.items = transaction.held_set(mirror, digest);
      set.digest = std::move(digest);
      before.sets.push_back(std::move(set));
    }
  }
  return before;
}

/// Finds what of the judged holds waits, and under which digests, and what was approved.
class ReadTakeover::Holding {
 public:
  Holding(ReadTakeover& read, HoldsBefore before) : read_(read), before_(std::move(before)) {}

  void judge(const Judgement::HeldSet& hold) {
    const auto change_class = static_cast<int>(hold.change_class);
    const auto items = read_.scan_.items_of(change_class);
    what_.classes.push_back(change_class);
    auto changes = hold.changes;
    const auto released = release(changes, items);
    changes.count -= std::min(released, changes.count);
    if (changes.count == 0) return;
    if (released == 0) {
      show_or_keep(std::move(changes), change_class, items);
    } else if (changes.lasting) {
      // They wait for a reason that the next read would not find.
      show(std::move(changes), change_class);
    } else {
      joined_.push_back({std::move(changes), change_class, items});
    }
  }

  void hold_back() {
    std::sort(what_.released.begin(), what_.released.end());
    // An opt-out goes to every address of the member, whatever waits.
    what_.never_with_others = static_cast<int>(diff::ChangeClass::OptOut);
    read_.scan_.hold_back(what_);
    use_approvals();
  }

 private:
  void show(store::HeldChanges changes, int change_class) {
    read_.kept_.emplace_back(changes, change_class);
    read_.committed_.news.push_back(changes.digest);
    read_.committed_.held.push_back(std::move(changes));
  }

  // An approval is used up by what it lets through. The half of a move waits with the other one, until that
  // is approved as well: then this one must still be.
  void use_approvals() {
    const auto waiting = read_.scan_.waiting_of(what_.released);
    std::set<std::string> kept;  // classes
    for (auto& [changes, items] : released_) {
      const auto still = both(items, waiting).size();
      if (still > 0) kept.insert(changes.change_class);
      if (still > 0 && still == items.size()) continue;
      changes.count = items.size() - still;
      read_.committed_.released.push_back({std::move(changes), still == 0});
    }
    // Who joined since is nobody's who was shown. The next read judges them by themselves; but for those
    // beside whom an approval stays, which it would be taken for again.
    for (auto& [changes, change_class, items] : joined_) {
      if (kept.contains(changes.change_class)) {
        show_or_keep(std::move(changes), change_class, items);
      } else {
        read_.committed_.leaves_unjudged = true;
      }
    }
  }

  /// How many of `items` were approved.
  std::size_t release(const store::HeldChanges& changes, const Items& items) {
    std::set<domain::Fingerprint> all;
    for (const auto& set : before_.sets) {
      if (!set.approved || set.change_class != changes.change_class) continue;
      auto found = both(items, set.items);
      all.insert(found.begin(), found.end());
      what_.released.insert(what_.released.end(), found.begin(), found.end());
      auto released = changes;
      released.digest = set.digest;
      released_.emplace_back(std::move(released), std::move(found));
    }
    return all.size();
  }

  void show_or_keep(store::HeldChanges changes, int change_class, const Items& items) {
    const auto shown = shown_already(changes, items);
    if (!shown) return show(std::move(changes), change_class);
    changes.digest = *shown;
    read_.committed_.held.push_back(std::move(changes));
  }

  /// A set that loses some, or grows a little, keeps the digest that was shown: it stands for those who were
  /// in it then.
  std::optional<std::string> shown_already(const store::HeldChanges& changes, const Items& items) {
    const auto same = std::find_if(before_.holds.begin(), before_.holds.end(), [&](const auto& hold) {
      return hold.change_class == changes.change_class;
    });
    if (same == before_.holds.end()) return std::nullopt;
    const auto shown = std::find_if(before_.sets.begin(), before_.sets.end(), [&](const auto& set) {
      return set.digest == same->digest && !set.approved;
    });
    if (shown == before_.sets.end()) return std::nullopt;
    const auto still = both(items, shown->items).size();
    if (still == 0 || (items.size() - still) * 2 > shown->items.size()) return std::nullopt;
    return same->digest;
  }

  ReadTakeover& read_;
  HoldsBefore before_;
  store::HoldBack what_;
  std::vector<std::pair<store::HeldChanges, Items>> released_;
  struct Joined {
    store::HeldChanges changes;
    int change_class = 0;
    Items items;
  };
  std::vector<Joined> joined_;  // a set that was approved
};

ReadTakeover::ReadTakeover(store::MirrorId mirror, store::Scan scan, ReadCommit commit, HoldsBefore before,
                           const ledger::Policy& policy, domain::UtcTime now, std::size_t first)
    : mirror_(mirror), scan_(std::move(scan)), commit_(std::move(commit)), policy_(policy), now_(now) {
  Holding holding(*this, std::move(before));
  for (const auto& hold : commit_.judgement.holds)
    holding.judge(hold);
  holding.hold_back();
  scan_.arrange(first);
}

std::size_t ReadTakeover::take(store::Transaction& transaction, std::size_t most) {
  const auto part = apply_read(transaction, mirror_, scan_, policy_, now_, most);
  auto& applied = committed_.applied;
  applied.rows += part.rows;
  applied.addresses += part.addresses;
  applied.erased += part.erased;
  applied.lost += part.lost;
  for (std::size_t i = 0; i < applied.consents_moved.size(); ++i)
    applied.consents_moved[i] += part.consents_moved[i];
  applied.last = part.last;
  // Who joined a set that was approved waits, though nothing is shown of it before the next read.
  const bool is_good = committed_.held.empty() && !scan_.anything_waits();
  auto facts = is_good ? commit_.good_facts : commit_.facts;
  note_hour(facts, commit_, now_);
  if (part.last) {
    note_taken_in(facts.drained);
    if (commit_.resubscribes_waited && !waits_since(committed_.held, diff::ChangeClass::Resubscribe))
      forget_consents(facts);
    finish(transaction, facts);
  } else {
    // Should it never be finished: what is applied now counts for the hour and the day.
    auto drained = commit_.drained_before;
    note_taken_in(drained);
    transaction.set_recent(mirror_, facts.recent, drained);
  }
  return part.addresses;
}

void ReadTakeover::note_taken_in(std::vector<store::SlotOfChanges>& slots) const {
  const auto& applied = committed_.applied;
  std::size_t moved = 0;
  for (std::size_t i = 0; i < applied.consents_moved.size(); ++i) {
    // What of a class that is held is taken all the same was approved.
    if (!commit_.judgement.holds_any(static_cast<diff::ChangeClass>(i))) moved += applied.consents_moved[i];
  }
  note_taken(slots, commit_.judgement.holds_any(diff::ChangeClass::Removal) ? 0 : applied.lost, moved, now_);
}

void ReadTakeover::finish(store::Transaction& transaction, const store::SourceFacts& facts) {
  for (const auto& [changes, as_a_whole] : committed_.released) {
    if (!as_a_whole) continue;
    transaction.use_approval(mirror_, changes.digest, now_);
    transaction.drop_held_set(mirror_, changes.digest);
  }
  for (const auto& [changes, change_class] : kept_)
    transaction.keep_held_set(mirror_, changes, scan_, change_class);
  transaction.replace_holds(mirror_, committed_.held, now_ + shown_for);
  transaction.set_facts(mirror_, facts);
  transaction.drop_expired_approvals(mirror_, now_);
  transaction.erase_echo_traces(mirror_, now_ - ledger::echo_window);
}

std::size_t ReadTakeover::next_part(std::size_t last, domain::Duration took) {
  constexpr std::chrono::milliseconds aim{50};
  const auto in_time = took <= domain::Duration::zero() ? largest_part : last * aim / took;
  const auto most = std::min(2 * last, largest_part);
  return std::clamp(static_cast<std::size_t>(in_time), std::min(smallest_part, most), most);
}

}  // namespace stibee_sync::pipeline
