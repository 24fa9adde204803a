#include "store/suppression_journal.hpp"

#include "store/row_codec.hpp"

#include <algorithm>
#include <span>

namespace stibee_sync::store {

SuppressionJournal::SuppressionJournal(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)),
      key_(*connection_, "SELECT value FROM meta WHERE name = 'state_key'"),
      set_key_(*connection_, "INSERT OR REPLACE INTO meta VALUES ('state_key', ?)"),
      since_(*connection_,
             "SELECT list_id, person_hash, at, by_whom, reason, consent, of_member, state = 'added' FROM "
             "suppression WHERE sequence > ? ORDER BY sequence"),
      put_(*connection_,
           "INSERT OR REPLACE INTO suppression (list_id, person_hash, at, by_whom, reason, consent, "
           "of_member, "
           "state, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)") {
  last_ = connection_->query_number("SELECT max(sequence) FROM suppression");
  has_entries_ = last_ > 0;
}

std::optional<domain::StateKey::Bytes> SuppressionJournal::key() {
  const StatementUse use(key_);
  if (!key_.step()) return std::nullopt;
  domain::StateKey::Bytes bytes{};
  const auto stored = key_.blob(0);
  if (stored.size() != bytes.size()) key_.damaged();
  std::copy(stored.begin(), stored.end(), bytes.begin());
  return bytes;
}

void SuppressionJournal::set_key(const domain::StateKey::Bytes& key) {
  SqlTransaction transaction(*connection_);
  set_key_.bind(1, std::span<const std::uint8_t>(key)).run();
  transaction.commit();
}

void SuppressionJournal::go_on_from(std::int64_t sequence) {
  last_ = std::max(last_, sequence);
}

std::vector<JournalEntry> SuppressionJournal::since(std::int64_t sequence) {
  std::vector<JournalEntry> entries;
  since_.bind(1, sequence);
  const StatementUse use(since_);
  while (since_.step()) {
    JournalEntry entry;
    entry.list_id = since_.integer(0);
    entry.person = person_at(since_, 1);
    entry.suppression = suppression_at(since_, 2);
    entry.of_member = since_.integer(6) != 0;
    entry.active = since_.integer(7) != 0;
    entries.push_back(std::move(entry));
  }
  return entries;
}

void SuppressionJournal::append(const std::vector<JournalEntry>& entries) {
  SqlTransaction transaction(*connection_);
  auto sequence = last_;
  for (const auto& entry : entries) {
    put_.bind(1, entry.list_id).bind(2, std::span<const std::uint8_t>(entry.person));
    put_.bind(3, to_number(entry.suppression.at)).bind(4, entry.suppression.by);
    // The words of somebody who came back are nobody's business any more.
    put_.bind(5, entry.active ? std::string_view(entry.suppression.reason) : std::string_view());
    bind_time(put_, 6, entry.suppression.consent);
    put_.bind(7, std::int64_t{entry.of_member});
    put_.bind(8, entry.active ? std::string_view("added") : std::string_view("lifted"))
        .bind(9, ++sequence)
        .run();
  }
  transaction.commit();
  last_ = sequence;
  has_entries_ = true;
}

}  // namespace stibee_sync::store
