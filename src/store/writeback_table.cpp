#include "store/writeback_table.hpp"

#include "store/row_codec.hpp"

#include <algorithm>
#include <stdexcept>

namespace stibee_sync::store {
namespace {

domain::FieldValues to_values(const std::map<std::string, std::string>& fields) {
  domain::FieldValues values;
  for (const auto& [tag, value] : fields)
    values.push_back({tag, value});
  return values;
}

std::map<std::string, std::string> fields_at(const Statement& row, int column) {
  std::map<std::string, std::string> fields;
  try {
    for (auto& field : domain::fields_from_text(row.text(column)))
      fields.emplace(std::move(field.tag), std::move(field.value));
  } catch (const std::invalid_argument&) {
    row.damaged();
  }
  return fields;
}

}  // namespace

WritebackTable::WritebackTable(Connection& connection)
    : add_(connection,
           "INSERT INTO writeback (mirror, email, member_key, event, occurred_by, reason, occurred_at, "
           "fields, not_before, new_email) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      due_(connection,
           "SELECT id, email, member_key, event, occurred_by, reason, occurred_at, fields, attempts, "
           "new_email FROM writeback w WHERE mirror = ?1 AND (not_before <= ?2 OR not_before > ?4) AND NOT "
           "EXISTS (SELECT 1 FROM writeback e WHERE e.mirror = ?1 AND e.email = w.email AND e.id < w.id AND "
           "e.not_before > ?2 AND e.not_before <= ?4) ORDER BY id LIMIT ?3"),
      next_(
          connection,
          "SELECT min(not_before) FROM writeback w WHERE mirror = ?1 AND NOT EXISTS (SELECT 1 FROM writeback "
          "e WHERE e.mirror = ?1 AND e.email = w.email AND e.id < w.id)"),
      erase_(connection, "DELETE FROM writeback WHERE mirror = ? AND id = ? RETURNING email"),
      drop_(connection, "DELETE FROM writeback WHERE mirror = ? AND email = ? AND event = ?"),
      has_(connection, "SELECT 1 FROM writeback WHERE mirror = ? AND id = ?"),
      postpone_(connection,
                "UPDATE writeback SET not_before = ?, attempts = attempts + 1 WHERE mirror = ? AND id = ?"),
      count_(connection, "SELECT count(*) FROM writeback WHERE mirror = ?") {}

void WritebackTable::add(MirrorId mirror, std::string_view email, const std::optional<domain::MemberKey>& key,
                         const WritebackRequest& request, domain::UtcTime now) {
  const auto fields = domain::to_text(to_values(request.fields));
  add_.bind(1, mirror.number).bind(2, email);
  if (key) {
    bind_key(add_, 3, *key);
  } else {
    add_.bind_null(3);
  }
  add_.bind(4, request.event).bind(5, request.occurred_by).bind(6, request.reason);
  add_.bind(7, to_number(request.occurred_at)).bind(8, fields).bind(9, to_number(now));
  add_.bind(10, request.new_email).run();
}

std::vector<PendingWriteback> WritebackTable::due(MirrorId mirror, domain::UtcTime now,
                                                  domain::UtcTime latest, std::size_t most) {
  std::vector<PendingWriteback> found;
  const auto limit = static_cast<std::int64_t>(std::min<std::size_t>(most, std::size_t{1} << 40));
  due_.bind(1, mirror.number).bind(2, to_number(now)).bind(3, limit).bind(4, to_number(latest));
  const StatementUse use(due_);
  while (due_.step()) {
    PendingWriteback one;
    one.id = due_.integer(0);
    one.email = domain::EmailAddress::from_normalised(std::string(due_.text(1)));
    if (!due_.is_null(2)) one.key = key_at(due_, 2);
    one.request.event = due_.text(3);
    one.request.occurred_by = due_.text(4);
    one.request.reason = due_.text(5);
    one.request.occurred_at = time_from(due_.integer(6));
    one.request.fields = fields_at(due_, 7);
    one.attempts = static_cast<int>(due_.integer(8));
    one.request.new_email = due_.text(9);
    found.push_back(std::move(one));
  }
  return found;
}

std::optional<domain::UtcTime> WritebackTable::next(MirrorId mirror) {
  next_.bind(1, mirror.number);
  const StatementUse use(next_);
  return next_.step() ? time_at(next_, 0) : std::nullopt;
}

std::optional<std::string> WritebackTable::erase(MirrorId mirror, std::int64_t id) {
  erase_.bind(1, mirror.number).bind(2, id);
  const StatementUse use(erase_);
  if (!erase_.step()) return std::nullopt;
  std::string email(erase_.text(0));
  return email;
}

void WritebackTable::drop(MirrorId mirror, std::string_view email, std::string_view event) {
  drop_.bind(1, mirror.number).bind(2, email).bind(3, event).run();
}

bool WritebackTable::has(MirrorId mirror, std::int64_t id) {
  has_.bind(1, mirror.number).bind(2, id);
  const StatementUse use(has_);
  return has_.step();
}

void WritebackTable::postpone(MirrorId mirror, std::int64_t id, domain::UtcTime not_before) {
  postpone_.bind(1, to_number(not_before)).bind(2, mirror.number).bind(3, id).run();
}

std::size_t WritebackTable::count(MirrorId mirror) {
  count_.bind(1, mirror.number);
  const StatementUse use(count_);
  return count_.step() ? static_cast<std::size_t>(count_.integer(0)) : 0;
}

}  // namespace stibee_sync::store
