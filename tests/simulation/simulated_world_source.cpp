// What the daemon sees of the world's table, and how rows change while a change feed tells of them.
#include "simulation/simulated_world.hpp"

#include <utility>

namespace stibee_sync::simulation {

namespace {

source::SourceError unreachable() {
  source::SourceError error;
  error.kind = source::SourceError::Kind::Unreachable;
  error.message = "the server closed the connection";
  return error;
}

}  // namespace

source::ScriptedRead SimulatedWorld::read_table() {
  for (const auto& [key, row] : table_)
    note_bearer(key, row);
  source::ScriptedRead read;
  using Type = domain::ColumnType;
  // key, email, subscribed, grade, name: the order in which the plan names them
  read.shape.types = {Type::Integer, Type::Text, Type::Boolean, Type::Text, Type::Text};
  read.shape.integer_key = true;
  for (const auto& [key, row] : table_)
    read.rows.push_back(line_of(key, row));
  if (has_feed_) {
    read.feed = feed_.seen();
    if (calm_) feed_.vacuum();
  }
  if (database_down_) {
    read.fails_after_rows = unreachable();
    read.rows.resize(pick(read.rows.size() + 1));
  }
  if (has_feed_ && !calm_ && chance(0.1)) write();  // while it is compared
  return read;
}

std::string SimulatedWorld::line_of(std::int64_t key, const TableRow& row) const {
  const std::string subscribed = row.subscribed ? (*row.subscribed ? "t" : "f") : "\\N";
  return std::to_string(key) + "\t" + row.email + "\t" + subscribed + "\t" +
         (row.grade.empty() ? "\\N" : row.grade) + "\t" + row.name;
}

void SimulatedWorld::note_bearer(std::int64_t key, const TableRow& row) {
  auto parsed = domain::EmailAddress::parse(row.email);
  if (const auto* address = std::get_if<domain::EmailAddress>(&parsed))
    borne_by_[address->text()].insert(key);
}

source::ScriptedDrain SimulatedWorld::drain_feed() {
  const auto seen = feed_.seen();
  source::ScriptedDrain drain;
  using Type = domain::ColumnType;
  drain.shape.types = {Type::Integer, Type::Text, Type::Boolean, Type::Text, Type::Text};
  drain.shape.integer_key = true;
  drain.loss = seen.loss;
  drain.ids = seen.ids;
  drain.everything = seen.everything;
  drain.fingerprint = seen.fingerprint;
  drain.oldest_running = seen.oldest_running;
  drain.next_transaction = seen.next_transaction;
  for (const auto key : feed_.keys()) {
    const auto row = table_.find(key);
    if (row != table_.end()) note_bearer(key, row->second);
    drain.changes.push_back(
        {std::to_string(key), row == table_.end() ? std::nullopt : std::optional(line_of(key, row->second))});
  }
  drained_ += drain.changes.size();
  if (database_down_) drain.fails_after_rows = unreachable();
  if (!calm_ && !drain.changes.empty() && chance(0.1)) write();
  return drain;
}

std::optional<source::SourceError> SimulatedWorld::discard(const std::vector<std::int64_t>& ids) {
  if (!calm_ && chance(0.1)) write();
  const bool fails = !calm_ && chance(0.1);
  // The connection may be lost before the server has done it, or after.
  if (!database_down_ && (!fails || chance(0.5))) feed_.discard(ids);
  if (calm_ || chance(0.3)) feed_.vacuum();
  if (fails || database_down_) return unreachable();
  return std::nullopt;
}

void SimulatedWorld::write() {
  const auto transaction = feed_.begin();
  if (chance(0.3)) {
    open_.push_back(transaction);
  } else {
    commit(transaction);
  }
}

void SimulatedWorld::commit(const SimulatedFeed::Transaction& transaction) {
  const auto before = table_;
  change_table();
  std::set<std::int64_t> keys;
  for (const auto& [key, row] : before) {
    const auto now = table_.find(key);
    if (now == table_.end() || now->second != row) keys.insert(key);
  }
  for (const auto& [key, row] : table_) {
    if (!before.contains(key)) keys.insert(key);
  }
  feed_.commit(transaction, keys);
  if (life_ && chance(0.5)) life_->hear();
}

void SimulatedWorld::commit_all() {
  for (const auto& transaction : std::exchange(open_, {}))
    commit(transaction);
}

void SimulatedWorld::truncate_partition() {
  const auto transaction = feed_.begin();
  for (std::size_t i = pick(1 + table_.size() / 4); i > 0; --i)
    table_.erase(std::next(table_.begin(), static_cast<std::ptrdiff_t>(pick(table_.size()))));
  feed_.commit_truncate(transaction);
}

// What takes locks waits for writers.
void SimulatedWorld::disturb_feed() {
  const auto what = pick(8);
  if (what != 0 && what != 1) commit_all();
  switch (what) {
    case 0:
      feed_.outgrow();
      break;
    case 1:
      feed_.vacuum();
      break;
    case 2:
      feed_.switch_triggers(false);
      altered_ = true;
      break;
    case 3:
    case 4:
      feed_.switch_triggers(true);
      break;
    case 5:
      feed_.truncate_feed();
      altered_ = true;
      break;
    case 6:
      feed_.alter_table();
      altered_ = true;
      break;
    case 7:
      truncate_partition();
      truncated_ = true;
      break;
    default:
      break;
  }
}

// What a life has counted, when it ends.
void SimulatedWorld::count_missed() {
  if (!has_feed_ || !life_) return;
  const auto expect_none = [&](const char* cause, bool may_be) {
    const auto missed = life_->missed_by_feed(cause);
    if (missed > 0 && !may_be)
      wrong_.push_back(std::to_string(missed) + " changes are said to be missed by the feed: " + cause);
    return missed;
  };
  missed_by_feed_ += expect_none("feed", unheard_);
  expect_none("catalog", altered_);
  expect_none("everything", truncated_);
  expect_none("condition", false);
}

}  // namespace stibee_sync::simulation
