#include "stibee_sync/pipeline/distrust.hpp"
#include "stibee_sync/pipeline/table_read.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

// What the guard is told of a read, and what it says.
namespace stibee_sync::pipeline {

using diff::ChangeClass;

namespace {

constexpr ChangeClass held_classes[] = {ChangeClass::Removal, ChangeClass::Resubscribe, ChangeClass::OptOut,
                                        ChangeClass::Update, ChangeClass::Add};

/// A sliding hour, in steps of these.
constexpr std::chrono::minutes length_of_slot{5};
constexpr std::int64_t slots_of_hour = std::chrono::hours(1) / length_of_slot;

std::int64_t slot_of(domain::UtcTime now) {
  return now.time_since_epoch() / length_of_slot;
}

store::SlotOfChanges& current(std::vector<store::SlotOfChanges>& slots, domain::UtcTime now) {
  const auto slot = slot_of(now);
  std::erase_if(slots, [&](const auto& each) { return each.slot < slot - slots_of_hour; });
  // What a clock that has been set back since said came later came all the same.
  for (auto& each : slots)
    each.slot = std::min(each.slot, slot);
  if (slots.empty() || slots.back().slot != slot) {
    store::SlotOfChanges fresh;
    fresh.slot = slot;
    slots.push_back(fresh);
  }
  return slots.back();
}

}  // namespace

void note_drained(std::vector<store::SlotOfChanges>& slots, const ReadFinding& finding, domain::UtcTime now) {
  auto& sum = current(slots, now);
  sum.adds += finding.of(ChangeClass::Add).count;
  sum.updates += finding.of(ChangeClass::Update).count;
  sum.optouts += finding.of(ChangeClass::OptOut).count;
  sum.resubscribes += finding.of(ChangeClass::Resubscribe).count;
  sum.removals += finding.of(ChangeClass::Removal).count;
}

void note_taken(std::vector<store::SlotOfChanges>& slots, std::size_t lost, std::size_t consents_moved,
                domain::UtcTime now) {
  if (lost + consents_moved == 0) return;
  auto& sum = current(slots, now);
  sum.lost += lost;
  sum.consents_moved += consents_moved;
}

bool ReadFinding::needs_count() const {
  if (report.rows == 0 || trust != ServerTrust::Trusted) return true;
  constexpr ChangeClass risky[] = {ChangeClass::Update, ChangeClass::OptOut, ChangeClass::Resubscribe,
                                   ChangeClass::Removal};
  return std::any_of(std::begin(risky), std::end(risky), [this](ChangeClass c) { return of(c).count > 0; });
}

diff::GuardHistory history_of(const store::SourceFacts& before, const std::vector<store::HeldChanges>& held,
                              domain::UtcTime now) {
  diff::GuardHistory history;
  bool first = true;
  for (const auto& each : before.recent) {
    // Of the hour that began before that, some may be of the last 24 hours.
    if (each.hour < hour_of(now) - 24) continue;
    if (std::exchange(first, false)) history.mirrored = each.mirrored;
    history.removals += each.removals;
    history.resubscribes += each.resubscribes;
  }
  for (const auto& each : before.drained) {
    if (each.slot < slot_of(now) - slots_of_hour) continue;
    auto& drained = history.drained;
    drained.adds += each.adds;
    drained.updates += each.updates;
    drained.optouts += each.optouts;
    drained.resubscribes += each.resubscribes;
    drained.removals += each.removals;
    drained.lost += each.lost;
    drained.consents_moved += each.consents_moved;
  }
  for (const auto& hold : held) {
    if (!hold.lasting) continue;
    for (const auto change_class : held_classes) {
      if (hold.change_class == diff::name(change_class)) history.lasting[change_class] = hold.why;
    }
  }
  return history;
}

std::optional<domain::UtcTime> waits_since(const std::vector<store::HeldChanges>& held,
                                           ChangeClass change_class) {
  const auto found = std::find_if(held.begin(), held.end(), [&](const store::HeldChanges& each) {
    return each.change_class == diff::name(change_class);
  });
  return found == held.end() ? std::nullopt : std::optional(found->since);
}

bool Judgement::holds_any(ChangeClass change_class) const {
  return std::any_of(holds.begin(), holds.end(),
                     [&](const HeldSet& hold) { return hold.change_class == change_class; });
}

std::int64_t hour_of(domain::UtcTime now) {
  return std::chrono::floor<std::chrono::hours>(now).time_since_epoch().count();
}

Judgement judge_finding(const ReadFinding& finding, const MirrorPlan& plan, const store::SourceFacts& before,
                        const std::vector<store::HeldChanges>& held, std::size_t mirrored,
                        domain::UtcTime now) {
  diff::ReadFacts facts;
  facts.source_rows = finding.report.rows;
  facts.last_good_rows = before.last_good_rows;
  facts.mirrored = mirrored;
  facts.adds = finding.of(ChangeClass::Add).count;
  facts.updates = finding.of(ChangeClass::Update).count;
  facts.optouts = finding.of(ChangeClass::OptOut).count;
  facts.resubscribes = finding.of(ChangeClass::Resubscribe).count;
  facts.removals = finding.of(ChangeClass::Removal).count;
  facts.lost = finding.lost;
  facts.consents_moved = finding.consents_moved;
  facts.history = history_of(before, held, now);
  // Only columns that both reads mapped can have lost their values.
  if (!finding.remapped && before.non_null.size() == finding.non_null.size() && finding.report.rows > 0) {
    for (std::size_t i = 1; i < finding.non_null.size(); ++i) {
      if (before.non_null[i] < diff::NullWatch::enough || finding.non_null[i] > 0) continue;
      const auto& name = plan.read.columns[i];
      if (i == 1) {
        facts.newly_null_removal.push_back(name);
      } else if (plan.mapping.subscribed == i) {
        facts.newly_null_optout.push_back(name);
      } else if (plan.mapping.consented_at != i) {
        facts.newly_null_update.push_back(name);
      }
    }
  }

  auto verdict = diff::guarded(facts, plan.guard);
  if (finding.trust == ServerTrust::Another) {
    // What it says differently is not believed without a human, but for those who say no.
    for (const auto change_class :
         {ChangeClass::Removal, ChangeClass::Resubscribe, ChangeClass::Add, ChangeClass::Update}) {
      const auto count = finding.of(change_class).count;
      const auto waits = std::any_of(verdict.holds.begin(), verdict.holds.end(), [&](const diff::Hold& hold) {
        return hold.change_class == change_class;
      });
      if (count == 0 || waits) continue;
      verdict.holds.push_back({change_class, count, mirrored, std::string(another_server), false});
    }
  }
  Judgement judgement;
  judgement.zero_rows = verdict.zero_rows;
  for (const auto& hold : verdict.holds) {
    const auto& tally = finding.of(hold.change_class);
    store::HeldChanges changes;
    changes.change_class = diff::name(hold.change_class);
    changes.count = hold.count;
    changes.of = hold.of;
    changes.digest = tally.digest;
    changes.why = hold.why;
    changes.refs = tally.refs;
    changes.since = now;
    changes.lasting = hold.lasting;
    judgement.holds.push_back({hold.change_class, std::move(changes)});
  }
  return judgement;
}

}  // namespace stibee_sync::pipeline
