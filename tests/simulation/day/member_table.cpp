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

void MemberTable::remember() {
  log_.push_back({std::make_shared<const Members>(), 1'000});
}

void MemberTable::commit(const std::function<void(Members&)>& change) {
  auto next = std::make_shared<Members>(rows());
  change(*next);
  const auto wal = log_.back().wal + 100;
  log_.push_back({std::move(next), wal});
}

void MemberTable::fail_over(std::size_t commits_lost) {
  const auto kept = log_.size() - std::min(commits_lost, log_.size() - 1);
  log_.resize(kept);
  promoted_ = log_.back().wal;
  log_.push_back({log_.back().rows, log_.back().wal + 10});
  ++timeline_;
  behind_ = 0;
}

const MemberTable::Version& MemberTable::version() const {
  return log_[log_.size() - 1 - std::min(behind_, log_.size() - 1)];
}

std::shared_ptr<const Members> MemberTable::picture() const {
  return version().rows;
}

source::ScriptedRead MemberTable::read(domain::UtcTime now) const {
  source::ScriptedRead read;
  using Type = domain::ColumnType;
  // key, email, subscribed, consented_at, grade, name: the order in which the plan names them
  read.shape.types = {Type::Integer, Type::Text, Type::Boolean};
  if (has_consents_) read.shape.types.push_back(Type::TimestampTz);
  read.shape.types.insert(read.shape.types.end(), {Type::Text, Type::Text});
  read.shape.integer_key = true;
  read.shape.server_identity = "7001/" + std::to_string(timeline_);
  read.shape.server_time = now;
  read.shape.in_recovery = behind_ > 0;
  read.shape.wal_before = version().wal;
  read.shape.wal_after = version().wal;
  if (!read.shape.in_recovery) read.shape.wal_promoted = promoted_;
  for (const auto& [key, member] : *version().rows) {
    std::string line = std::to_string(key) + "\t" + member.email + "\t";
    line += member.subscribed ? (*member.subscribed ? "t" : "f") : "\\N";
    if (has_consents_)
      line += "\t" + (member.consented_at ? text::timestamptz(*member.consented_at) : std::string("\\N"));
    line += "\t" + (member.grade.empty() ? std::string("\\N") : member.grade) + "\t" + member.name;
    read.rows.push_back(std::move(line));
  }
  return read;
}

}  // namespace stibee_sync::day
