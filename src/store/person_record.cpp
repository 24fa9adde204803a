#include "stibee_sync/store/person_record.hpp"

#include "store/row_codec.hpp"
#include "store/tables.hpp"

#include <charconv>
#include <utility>

// What the state has of one person.
namespace stibee_sync::store {
namespace {

constexpr std::string_view row_columns_of_member =
    "SELECT m.key, m.email, m.subscribed, m.rejection, m.rejected_column FROM ";

KnownRow row_at(const Statement& statement) {
  KnownRow row;
  row.key = key_at(statement, 0);
  row.email = statement.text(1);
  row.subscribed = statement.integer(2) != 0;
  row.rejection = statement.text(3);
  row.rejected_column = statement.text(4);
  return row;
}

std::optional<KnownRow> row_of(Store::Tables& tables, MirrorId mirror, const domain::MemberKey& key) {
  Statement find(*tables.connection,
                 std::string(row_columns_of_member) + "member m WHERE m.mirror = ? AND m.key = ?");
  find.bind(1, mirror.number);
  bind_key(find, 2, key);
  if (!find.step()) return std::nullopt;
  return row_at(find);
}

}  // namespace

std::optional<KnownRow> Store::row_of_key(MirrorId mirror, std::string_view key) const {
  const ReadView view(*tables_->connection);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error == std::errc() && end == key.data() + key.size()) {
    if (auto row = row_of(*tables_, mirror, domain::MemberKey(number))) return row;
  }
  return row_of(*tables_, mirror, domain::MemberKey(std::string(key)));
}

PersonRecord Store::record_of(MirrorId mirror, const domain::EmailAddress& email) const {
  PersonRecord record;
  record.person = find(mirror, email);
  const ReadView view(*tables_->connection);
  const auto& address = email.text();
  Statement rows(*tables_->connection,
                 std::string(row_columns_of_member) +
                     "member_address a CROSS JOIN member m ON m.mirror = a.mirror AND m.key = a.key WHERE "
                     "a.mirror = ? AND a.email = ? ORDER BY a.key");
  rows.bind(1, mirror.number).bind(2, address);
  const auto list_id = tables_->mirrors.list_id(mirror);
  while (rows.step()) {
    auto row = row_at(rows);
    row.opt_out = tables_->suppressions.find(list_id, hash_of_member(tables_->key, row.key));
    record.rows.push_back(std::move(row));
  }
  Statement is_in(*tables_->connection,
                  "SELECT 1 FROM held_person WHERE mirror = ? AND digest = ? AND email = ? LIMIT 1");
  for (auto& hold : tables_->mirrors.holds(mirror)) {
    is_in.bind(1, mirror.number).bind(2, hold.digest).bind(3, address);
    const StatementUse use(is_in);
    if (is_in.step()) record.holds.push_back(std::move(hold));
  }
  Statement writebacks(*tables_->connection, "SELECT count(*) FROM writeback WHERE mirror = ? AND email = ?");
  writebacks.bind(1, mirror.number).bind(2, address);
  if (writebacks.step()) record.writebacks = static_cast<std::size_t>(writebacks.integer(0));
  return record;
}

}  // namespace stibee_sync::store
