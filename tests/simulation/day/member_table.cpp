#include "simulation/day/member_table.hpp"

#include "stibee_sync/domain/email_address.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::day {

std::optional<std::string> usable(const std::string& email) {
  const auto parsed = domain::EmailAddress::parse(email);
  if (const auto* address = std::get_if<domain::EmailAddress>(&parsed)) return address->text();
  return std::nullopt;
}

std::vector<std::int64_t> bearers(const Members& members, const std::string& address) {
  std::vector<std::int64_t> keys;
  for (const auto& [key, member] : members) {
    if (usable(member.email) == address) keys.push_back(key);
  }
  return keys;
}

source::SourceError connection_lost() {
  source::SourceError error;
  error.kind = source::SourceError::Kind::Unreachable;
  error.message = "the server closed the connection";
  return error;
}

std::shared_ptr<const Members> with_changes(const Members& known, const Members& there,
                                            const source::ScriptedDrain& drain) {
  auto made = std::make_shared<Members>(known);
  for (const auto& change : drain.changes) {
    const auto key = static_cast<std::int64_t>(std::stoll(change.key));
    made->erase(key);
    if (const auto row = there.find(key); row != there.end()) made->insert(*row);
  }
  return made;
}

void MemberTable::remember() {
  log_.push_back({std::make_shared<const Members>(), 1'000, {}});
}

void MemberTable::write(const std::function<void(Members&)>& change) {
  auto next = std::make_shared<Members>(rows());
  change(*next);
  const auto& last = log_.back();
  Version version{std::move(next), last.wal + 100, last.feed};
  log_.push_back(std::move(version));
}

void MemberTable::commit(const std::function<void(Members&)>& change, const Writer& writer) {
  const auto before = picture_of_primary();
  write(change);
  if (!has_feed_) return;
  std::set<std::int64_t> keys;
  for (const auto& [key, member] : *before) {
    const auto now = rows().find(key);
    if (now == rows().end() || now->second != member) keys.insert(key);
  }
  for (const auto& [key, member] : rows()) {
    if (!before->contains(key)) keys.insert(key);
  }
  feed().commit(writer, keys);
}

void MemberTable::truncate(const std::function<void(Members&)>& change) {
  const auto writer = feed().begin();
  write(change);
  feed().commit_truncate(writer);
}

void MemberTable::fail_over(std::size_t commits_lost) {
  const auto kept = log_.size() - std::min(commits_lost, log_.size() - 1);
  log_.resize(kept);
  promoted_ = log_.back().wal;
  Version version{log_.back().rows, log_.back().wal + 10, log_.back().feed};
  log_.push_back(std::move(version));
  feed().end_writers();
  ++timeline_;
  behind_ = 0;
}

const MemberTable::Version& MemberTable::version() const {
  return log_[log_.size() - 1 - std::min(behind_, log_.size() - 1)];
}

std::shared_ptr<const Members> MemberTable::picture() const {
  return version().rows;
}

source::ReadShape MemberTable::shape(domain::UtcTime now) const {
  source::ReadShape shape;
  using Type = domain::ColumnType;
  // key, email, subscribed, consented_at, grade, name: the order in which the plan names them
  shape.types = {Type::Integer, Type::Text, Type::Boolean};
  if (has_consents_) shape.types.push_back(Type::TimestampTz);
  shape.types.insert(shape.types.end(), {Type::Text, Type::Text});
  shape.integer_key = true;
  shape.server_identity = "7001/" + std::to_string(timeline_);
  shape.server_time = now;
  shape.in_recovery = behind_ > 0;
  shape.wal_before = version().wal;
  shape.wal_after = version().wal;
  if (!shape.in_recovery) shape.wal_promoted = promoted_;
  return shape;
}

std::string MemberTable::line(std::int64_t key, const Member& member) const {
  std::string line = std::to_string(key) + "\t" + member.email + "\t";
  line += member.subscribed ? (*member.subscribed ? "t" : "f") : "\\N";
  if (has_consents_)
    line += "\t" + (member.consented_at ? text::timestamptz(*member.consented_at) : std::string("\\N"));
  line += "\t" + (member.grade.empty() ? std::string("\\N") : member.grade) + "\t" + member.name;
  return line;
}

source::FeedSeenByScan MemberTable::seen_in_feed() const {
  auto seen = version().feed.seen();
  if (behind_ > 0) seen.loss = source::FeedLoss{source::FeedLoss::Kind::Standby, "the server is a standby"};
  return seen;
}

source::ScriptedRead MemberTable::read(domain::UtcTime now) const {
  source::ScriptedRead read;
  read.shape = shape(now);
  for (const auto& [key, member] : *version().rows)
    read.rows.push_back(line(key, member));
  if (has_feed_) read.feed = seen_in_feed();
  return read;
}

source::ScriptedDrain MemberTable::drain(domain::UtcTime now) const {
  auto seen = seen_in_feed();
  source::ScriptedDrain drain;
  drain.shape = shape(now);
  drain.loss = std::move(seen.loss);
  drain.ids = std::move(seen.ids);
  drain.everything = seen.everything;
  drain.fingerprint = std::move(seen.fingerprint);
  drain.oldest_running = seen.oldest_running;
  drain.next_transaction = seen.next_transaction;
  const auto& rows = *version().rows;
  for (const auto key : version().feed.keys()) {
    const auto row = rows.find(key);
    const bool there = row != rows.end();
    drain.changes.push_back(
        {std::to_string(key), there ? std::optional(line(key, row->second)) : std::nullopt});
  }
  return drain;
}

}  // namespace stibee_sync::day
