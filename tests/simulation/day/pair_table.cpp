// The table of a pair: what members do to it, where it is read, and what its change feed tells.
#include "simulation/day/pair.hpp"

#include <utility>

namespace stibee_sync::day {

using namespace std::chrono_literals;
using Why = source::FeedListener::Why;

namespace {

/// Of an address of the world: whose it is, wherever they moved.
std::string key_of(const std::string& address) {
  return address.substr(0, address.find_first_of("-@"));
}

}  // namespace

void Pair::fill_table() {
  commit([this](Members& rows) {
    for (std::size_t i = 5 + pick(40); i > 0; --i)
      add_row(rows, chance(0.8));
  });
}

void Pair::add_row(Members& rows, bool says_yes) {
  const auto address = "p" + std::to_string(next_key_) + "@example.com";
  if (!says_yes) ever_said_no_.insert(address);
  rows[next_key_++] = {address, says_yes, utc(), "", "new"};
}

void Pair::change_table() {
  commit([this](Members& rows) {
    if (rows.empty() || chance(0.3)) {
      add_row(rows, chance(0.9));
      return;
    }
    const auto row = std::next(rows.begin(), static_cast<std::ptrdiff_t>(pick(rows.size())));
    if (!plain_ && more_chance(0.15)) {
      move(row->first, row->second);
    } else if (chance(0.5)) {
      row->second.name += "x";
    } else if (chance(0.3)) {
      rows.erase(row);
    } else {
      const bool says = !*row->second.subscribed;
      row->second.subscribed = says;
      if (says) row->second.consented_at = utc();
      trace_.add("row", row->second.email + (says ? " yes" : " no"));
      says_no_once(row->second.email);
      if (!says) return;
      opted_out_.erase(row->second.email);
      for (auto& side : sides_)
        side.knows.erase(row->second.email);
    }
  });
}

void Pair::move(std::int64_t key, Member& member) {
  // Whoever said no at one address said it at each.
  const auto before = member.email;
  member.email = "p" + std::to_string(key) + "-" + std::to_string(++moves_) + "@example.com";
  trace_.add("row", before + " is " + member.email);
  if (ever_said_no_.contains(before)) ever_said_no_.insert(member.email);
  // Whoever knew of it knows whose it is; of the list, nothing tells whose an address was.
  if (!opted_out_.contains(before)) return;
  opted_out_[member.email] = opted_out_[before];
  inherited_.insert(member.email);
  for (auto& side : sides_) {
    if (side.knows.contains(before) && !loses_states_) side.knows.insert(member.email);
  }
}

void Pair::says_no_once(const std::string& address) {
  ever_said_no_.insert(address);
  for (const auto& [key, member] : table_.rows()) {
    if (key_of(member.email) == key_of(address)) ever_said_no_.insert(member.email);
  }
}

void Pair::commit(const std::function<void(Members&)>& change) {
  if (!open_.empty() && more_chance(0.5)) {
    const auto at = open_.begin() + static_cast<std::ptrdiff_t>(more_pick(open_.size()));
    const auto writer = *at;
    open_.erase(at);
    table_.commit(change, writer);
  } else {
    table_.commit(change);
  }
  if (has_feed_ && more_chance(0.5)) notify();
}

source::ScriptedRead Pair::read_table(Side& side) {
  auto read = table_.read(utc());
  if (!locks_.reachable(side.number)) {
    read.rows.clear();
    read.fails_after_rows = connection_lost();
    return read;
  }
  trace_.add("read", name_of(side.number) + " " + std::to_string(read.rows.size()));
  side.read_before = std::exchange(side.read, table_.picture());
  for (const auto& [key, member] : *side.read)
    side.seen.insert(member.email);
  return read;
}

std::variant<std::size_t, source::WriteFailure> Pair::write_back(const Side& side, const std::string& event,
                                                                 const source::WriteValues& values) {
  if (!locks_.reachable(side.number)) {
    source::WriteFailure failure;
    failure.scope = source::WriteFailure::Scope::Database;
    failure.error = connection_lost();
    return failure;
  }
  const auto key = values.find("key");
  const bool says = event == "resubscribed";
  if ((event != "unsubscribed" && !says) || key == values.end() || !key->second) return std::size_t{0};
  std::size_t changed = 0;
  commit([&](Members& rows) {
    const auto row = rows.find(std::stoll(*key->second));
    if (row == rows.end()) return;
    row->second.subscribed = says;
    if (says) row->second.consented_at = utc();
    ++changed;
  });
  trace_.add("write", name_of(side.number) + " " + event + " " + *key->second);
  return changed;
}

void Pair::notify() {
  for (auto& side : sides_) {
    auto* ear = side.life ? side.life->ear() : nullptr;
    if (ear != nullptr && ear->hears) ear->wake("members", Why::Notified);
  }
}

/// The connections of their listeners come and go with the network.
void Pair::tell_listeners() {
  for (auto& side : sides_) {
    auto* ear = side.life ? side.life->ear() : nullptr;
    const bool hears = locks_.reachable(side.number);
    if (ear == nullptr || ear->hears == hears) continue;
    ear->turn("members", hears);
  }
}

FeedHands Pair::feed_hands(Side& side) {
  FeedHands hands;
  hands.reach = [this, &side]() -> std::optional<source::SourceError> {
    if (!locks_.reachable(side.number)) return connection_lost();
    return std::nullopt;
  };
  hands.drain = [this, &side](const source::FeedPlan& plan) {
    if (plan.look == source::FeedLook::ForKeys && !table_.feed_waits()) return source::ScriptedDrain{};
    auto drain = table_.drain(utc());
    if (drain.changes.empty() || drain.loss || drain.everything) return drain;
    trace_.add("drain", name_of(side.number) + " " + std::to_string(drain.changes.size()));
    for (const auto& [key, member] : *table_.picture())
      side.seen.insert(member.email);
    if (side.read)
      side.read_before = std::exchange(side.read, with_changes(*side.read, *table_.picture(), drain));
    return drain;
  };
  hands.discard = [this, &side](const std::vector<std::int64_t>& ids) -> std::optional<source::SourceError> {
    // Its network may fail just now: the server has done it, or not.
    const bool fails = !calm_ && more_chance(0.05);
    if (!locks_.reachable(side.number)) return connection_lost();
    if (!fails || more_chance(0.5)) {
      trace_.add("discard", name_of(side.number) + " " + std::to_string(ids.size()));
      table_.feed().discard(ids);
    }
    if (more_chance(0.3)) table_.feed().vacuum();
    if (fails) return connection_lost();
    return std::nullopt;
  };
  hands.pace = [] { return 50ms; };
  return hands;
}

void Pair::trouble_feed() {
  if (more_chance(0.3)) open_.push_back(table_.feed().begin());
  if (!more_chance(0.15)) return;
  const auto what = more_pick(6);
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
      table_.feed().switch_triggers(true);
      break;
    case 4:
      table_.feed().truncate_feed();
      break;
    default:
      table_.feed().alter_table();
      break;
  }
}

// Whatever else happened, a read finds nothing of which a feed that was believed had kept silent.
void Pair::judge_feed(Side& side) {
  if (!has_feed_ || !side.life) return;
  if (const auto missed = side.life->missed_by_feed(); missed > 0)
    complain(std::to_string(missed) + " changes were kept back by the feed from " + name_of(side.number));
}

}  // namespace stibee_sync::day
