// The change feed of a day: what it tells of the table, what it keeps back, and how it is judged.
#include "simulation/day/day.hpp"

#include <utility>

namespace stibee_sync::day {

using namespace std::chrono_literals;

using Why = source::FeedListener::Why;

namespace {

// As in day.cpp: the calm ends an hour before the day does.
constexpr auto calm_until = runtime::MonotonicTime(1h) + 23h;

}  // namespace

FeedHands Day::feed_hands() {
  FeedHands hands;
  hands.reach = [this]() -> std::optional<source::SourceError> {
    if (table_.away() || std::exchange(drain_cut_, false)) return connection_lost();
    return std::nullopt;
  };
  hands.drain = [this](const source::FeedPlan& plan) { return drain_feed(plan); };
  hands.discard = [this](const std::vector<std::int64_t>& ids) { return discard(ids); };
  hands.pace = [this] { return feed_pace_; };
  return hands;
}

void Day::notify() {
  if (!life_ || life_->ear() == nullptr || !life_->ear()->hears) return;
  life_->ear()->wake("members", Why::Notified);
}

void Day::commit(const std::function<void(Members&)>& change) {
  if (!profile_.has_feed) return table_.commit(change);
  if (!open_.empty() && feed_chance(0.5)) {
    const auto at = open_.begin() + static_cast<std::ptrdiff_t>(feed_pick(open_.size()));
    const auto writer = *at;
    open_.erase(at);
    table_.commit(change, writer);
  } else {
    table_.commit(change);
  }
  if (feed_chance(0.5)) {
    notify();
  } else {
    heard_late_ = heard_late_ || feed_chance(0.5);
  }
}

source::ScriptedDrain Day::drain_feed(const source::FeedPlan& plan) {
  ++counts_.drains;
  // Most drains find nothing.
  if (plan.look == source::FeedLook::ForKeys && !table_.feed_waits()) return {};
  auto drain = table_.drain(utc());
  if (drain.loss || drain.changes.empty() || drain.everything) return drain;
  trace_.add("drain", std::to_string(drain.changes.size()) + " " + drain.fingerprint);
  counts_.drained += drain.changes.size();
  if (!calm_ && feed_chance(0.05)) {
    drain.fails_after_rows = connection_lost();
    return drain;
  }
  if (pictures_.latest) {
    pictures_.latest = with_changes(*pictures_.latest, *table_.picture(), drain);
    removals_.read(*pictures_.latest);
    drained_ = true;
  }
  if (!calm_ && feed_chance(0.1)) change_table();  // while it is compared
  return drain;
}

std::optional<source::SourceError> Day::discard(const std::vector<std::int64_t>& ids) {
  // What is taken out is in the snapshot.
  if (std::exchange(drained_, false)) pictures_.applied = pictures_.latest;
  if (!calm_ && feed_chance(0.1)) change_table();
  if (table_.away() || table_.on_standby()) return connection_lost();
  // The connection may be lost before the server has done it, or after.
  const bool fails = !calm_ && feed_chance(0.1);
  if (!fails || feed_chance(0.5)) table_.feed().discard(ids);
  if (calm_ || feed_chance(0.3)) table_.feed().vacuum();
  if (fails) return connection_lost();
  return std::nullopt;
}

// Another server, or none, or the same again: who was connected may learn of it, or find the new one in its
// place.
void Day::server_changes() {
  if (!profile_.has_feed) return;
  drain_cut_ = feed_chance(0.5);
  if (!life_ || life_->ear() == nullptr) return;
  auto& ear = *life_->ear();
  const bool hears = !table_.away() && !table_.on_standby();
  if (ear.hears == hears) return;
  ear.turn("members", hears);
}

void Day::trouble_feed() {
  constexpr std::chrono::milliseconds paces[] = {0ms, 250ms, 1000ms, 1000ms, 3000ms};
  feed_pace_ = paces[feed_pick(std::size(paces))];
  if (std::exchange(heard_late_, false)) notify();
  if (feed_chance(0.3)) open_.push_back(table_.feed().begin());
  if (!feed_chance(0.15)) return;
  const auto what = feed_pick(8);
  trace_.add("feed", std::to_string(what));
  // What takes locks waits for writers.
  if (what > 1) {
    open_.clear();
    table_.feed().end_writers();
  }
  switch (what) {
    case 0:
      table_.feed().outgrow();
      break;
    case 1:
      table_.feed().vacuum();
      break;
    case 2:
      table_.feed().switch_triggers(false);
      break;
    case 3:
    case 4:
      table_.feed().switch_triggers(true);
      break;
    case 5:
      table_.feed().truncate_feed();
      break;
    case 6:
      table_.feed().alter_table();
      break;
    default: {
      const auto before = table_.picture_of_primary();
      table_.truncate([&](Members& rows) {
        for (std::size_t i = feed_pick(1 + rows.size() / 4); i > 0; --i) {
          const auto gone = std::next(rows.begin(), static_cast<std::ptrdiff_t>(feed_pick(rows.size())));
          gone_[gone->first] = gone->second;
          rows.erase(gone);
        }
      });
      trace_change(*before);
      consents_.table_changed(*before, table_.rows(), false, utc());
      break;
    }
  }
}

// Whatever else happened, a read finds nothing of which a feed that was believed had kept silent.
void Day::judge_feed() {
  if (!profile_.has_feed || !life_) return;
  const auto missed = life_->missed_by_feed();
  if (missed > 0 && !std::exchange(took_back_, false))
    complain(std::to_string(missed) + " changes were kept back by the feed");
  took_back_ = false;
}

// Nothing is in the way: what is written is at Stibee within seconds, not at the next read.
void Day::feed_in_calm() {
  // A feed that had outgrown its bound is believed after two reads that find it within it.
  const auto poll = settings_.mirrors[0].poll_interval;
  table_.feed().vacuum();
  pass(2 * poll + 1min);
  for (int i = 0; i < 6 && now() < calm_until; ++i) {
    pass(poll + 1min);
    approve();
    bool needs_read = feed_chance(0.3);
    if (needs_read) table_.feed().alter_table();
    ++counts_.calm_changes;
    change([&](Members& rows) {
      if (rows.empty()) return;
      const auto row = std::next(rows.begin(), static_cast<std::ptrdiff_t>(feed_pick(rows.size())));
      row->second.name += "c";
      // What rows that share an address come to, only a read tells.
      const auto address = usable(row->second.email);
      needs_read = needs_read || (address && bearers(rows, *address).size() > 1);
    });
    auto most = now() + 30s + (needs_read ? poll : 0ms);
    while (now() < most && !differences().empty()) {
      pass(1s);
      // Of a few people even so few are many to the guard.
      if (approve()) most = now() + 30s;
    }
    for (const auto& difference : differences())
      complain("in calm, with a change feed: " + difference);
    if (!wrong_.empty()) return;
  }
  pass(2 * poll);
  approve();
}

}  // namespace stibee_sync::day
