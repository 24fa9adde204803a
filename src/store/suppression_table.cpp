#include "store/suppression_table.hpp"

#include "store/row_codec.hpp"

#include <span>

namespace stibee_sync::store {
namespace {

std::span<const std::uint8_t> bytes_of(const PersonHash& person) {
  return person;
}

}  // namespace

SuppressionTable::SuppressionTable(Connection& connection)
    : any_(connection, "SELECT 1 FROM suppression WHERE list_id = ? LIMIT 1"),
      count_(connection, "SELECT count(*) FROM suppression WHERE list_id = ?"),
      find_(connection, "SELECT at, by_whom, reason FROM suppression WHERE list_id = ? AND person_hash = ?"),
      put_(connection, "INSERT OR REPLACE INTO suppression VALUES (?, ?, ?, ?, ?)"),
      erase_(connection, "DELETE FROM suppression WHERE list_id = ? AND person_hash = ?") {}

bool SuppressionTable::any(std::int64_t list_id) {
  any_.bind(1, list_id);
  const StatementUse use(any_);
  return any_.step();
}

std::size_t SuppressionTable::count(std::int64_t list_id) {
  count_.bind(1, list_id);
  const StatementUse use(count_);
  return count_.step() ? static_cast<std::size_t>(count_.integer(0)) : 0;
}

std::optional<Suppression> SuppressionTable::find(std::int64_t list_id, const PersonHash& person) {
  find_.bind(1, list_id).bind(2, bytes_of(person));
  const StatementUse use(find_);
  if (!find_.step()) return std::nullopt;
  Suppression suppression;
  suppression.at = time_from(find_.integer(0));
  suppression.by = find_.text(1);
  suppression.reason = find_.text(2);
  return suppression;
}

void SuppressionTable::put(std::int64_t list_id, const PersonHash& person, const Suppression& suppression) {
  put_.bind(1, list_id).bind(2, bytes_of(person)).bind(3, to_number(suppression.at));
  put_.bind(4, suppression.by).bind(5, suppression.reason).run();
}

void SuppressionTable::erase(std::int64_t list_id, const PersonHash& person) {
  erase_.bind(1, list_id).bind(2, bytes_of(person)).run();
}

}  // namespace stibee_sync::store
