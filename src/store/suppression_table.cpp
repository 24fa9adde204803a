#include "store/suppression_table.hpp"

#include "store/row_codec.hpp"

#include <algorithm>
#include <span>

namespace stibee_sync::store {
namespace {

std::span<const std::uint8_t> bytes_of(const PersonHash& person) {
  return person;
}

}  // namespace

PersonHash person_at(const Statement& row, int column) {
  PersonHash person{};
  const auto bytes = row.blob(column);
  if (bytes.size() != person.size()) row.damaged();
  std::copy(bytes.begin(), bytes.end(), person.begin());
  return person;
}

ledger::Suppression suppression_at(const Statement& row, int first) {
  ledger::Suppression suppression;
  suppression.at = time_from(row.integer(first));
  suppression.by = row.text(first + 1);
  suppression.reason = row.text(first + 2);
  suppression.consent = time_at(row, first + 3);
  return suppression;
}

PersonHash hash_of_member(const domain::StateKey& key, const domain::MemberKey& member) {
  // No address begins so: it has no `@`, or another part before it.
  return key.person_hash("key:" + member.to_string());
}

SuppressionTable::SuppressionTable(Connection& connection)
    : any_(connection, "SELECT 1 FROM suppression WHERE list_id = ? LIMIT 1"),
      any_of_members_(connection, "SELECT 1 FROM suppression WHERE list_id = ? AND of_member = 1 LIMIT 1"),
      count_(connection, "SELECT count(*) FROM suppression WHERE list_id = ? AND of_member = 0"),
      find_(connection,
            "SELECT at, by_whom, reason, consent FROM suppression WHERE list_id = ? AND person_hash = ?"),
      put_(connection,
           "INSERT OR REPLACE INTO suppression (list_id, person_hash, at, by_whom, reason, consent, "
           "of_member) "
           "VALUES (?, ?, ?, ?, ?, ?, ?)"),
      erase_(connection, "DELETE FROM suppression WHERE list_id = ? AND person_hash = ?"),
      all_(connection,
           "SELECT list_id, person_hash, at, by_whom, reason, consent, of_member FROM suppression"),
      applied_(connection, "SELECT value FROM meta WHERE name = 'suppressions_applied'"),
      set_applied_(connection, "INSERT OR REPLACE INTO meta VALUES ('suppressions_applied', ?)") {}

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

std::optional<ledger::Suppression> SuppressionTable::find(std::int64_t list_id, const PersonHash& person) {
  find_.bind(1, list_id).bind(2, bytes_of(person));
  const StatementUse use(find_);
  if (!find_.step()) return std::nullopt;
  return suppression_at(find_, 0);
}

bool SuppressionTable::any_of_members(std::int64_t list_id) {
  any_of_members_.bind(1, list_id);
  const StatementUse use(any_of_members_);
  return any_of_members_.step();
}

void SuppressionTable::put(const SuppressionRecord& record) {
  const auto& suppression = record.suppression;
  put_.bind(1, record.list_id).bind(2, bytes_of(record.person)).bind(3, to_number(suppression.at));
  put_.bind(4, suppression.by).bind(5, suppression.reason);
  bind_time(put_, 6, suppression.consent);
  put_.bind(7, std::int64_t{record.of_member}).run();
}

void SuppressionTable::erase(std::int64_t list_id, const PersonHash& person) {
  erase_.bind(1, list_id).bind(2, bytes_of(person)).run();
}

std::vector<SuppressionRecord> SuppressionTable::all() {
  std::vector<SuppressionRecord> records;
  const StatementUse in_use(all_);
  while (all_.step())
    records.push_back({all_.integer(0), person_at(all_, 1), suppression_at(all_, 2), all_.integer(6) != 0});
  return records;
}

std::optional<std::int64_t> SuppressionTable::applied() {
  const StatementUse use(applied_);
  return applied_.step() ? std::optional(applied_.integer(0)) : std::nullopt;
}

void SuppressionTable::set_applied(std::int64_t sequence) {
  set_applied_.bind(1, sequence).run();
}

}  // namespace stibee_sync::store
