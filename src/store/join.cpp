#include "store/row_codec.hpp"
#include "store/sqlite_store_impl.hpp"

#include <chrono>
#include <set>
#include <utility>

// How the state and the opt-outs' own file are brought to the same: after a crash between their two commits,
// a restore of an older one of them, or the loss of either.
namespace stibee_sync::store {

bool SqliteStore::join(std::unique_ptr<SuppressionJournal> journal) {
  const auto applied = suppressions_.applied();
  const bool incomplete = !applied || journal->last() < *applied;
  const auto known = incomplete ? journal->since(0) : std::vector<JournalEntry>{};
  journal->go_on_from(applied.value_or(0));
  journal_ = std::move(journal);
  journal_applied_ = journal_->last();
  if (applied == journal_applied_ && !incomplete) return false;
  Change change(*this);
  apply_journal(applied.value_or(0));
  const bool completed = incomplete && complete_journal(known, !applied);
  change.commit();
  return completed;
}

// If the last change came to the opt-outs' own file, but not to the state, since the disk was full in
// between, say.
SqliteStore& SqliteStore::caught_up() {
  if (!journal_ || journal_->last() == journal_applied_) return *this;
  Transaction transaction(*connection_);
  try {
    apply_journal(journal_applied_);
    transaction.commit();
  } catch (...) {
    ledger_.rolled_back();
    throw;
  }
  ledger_.committed();
  journal_applied_ = journal_->last();
  return *this;
}

// Within a transaction.
void SqliteStore::apply_journal(std::int64_t after) {
  std::map<std::int64_t, std::map<PersonHash, Suppression>> added;
  for (const auto& entry : journal_->since(after)) {
    if (entry.active) {
      suppressions_.put(entry.list_id, entry.person, entry.suppression);
      added[entry.list_id].insert_or_assign(entry.person, entry.suppression);
    } else {
      // The row, if it still says so, goes on saying that the person opted out: nobody is mailed for a loss.
      suppressions_.erase(entry.list_id, entry.person);
    }
  }
  if (!added.empty()) apply_to_rows(added);
  suppressions_.set_applied(journal_->last());
}

// Rows are known by address, opt-outs by hash: each row has to be looked at.
void SqliteStore::apply_to_rows(const std::map<std::int64_t, std::map<PersonHash, Suppression>>& by_list) {
  for (const auto& [list_id, people] : by_list) {
    for (const auto mirror : mirrors_.of_list(list_id)) {
      ledger_.change_all(mirror, [&](const std::string& email, LedgerRow& row) {
        const auto found = people.find(key_.person_hash(email));
        if (found == people.end()) return Fate::Keep;
        apply_suppression(row, found->second);
        if (auto* claim = claims_.find(mirror, email)) claim->call.observed = true;
        return Fate::Keep;
      });
    }
  }
}

// Within a transaction. The file is new to the state, or older than the state, which knows better then.
// `known`: what the file says; `knows_lifts`: also of those of whom the ledger alone says that they opted
// out. True: something was missing.
bool SqliteStore::complete_journal(const std::vector<JournalEntry>& known, bool knows_lifts) {
  std::set<std::pair<std::int64_t, PersonHash>> lifted;
  std::map<std::int64_t, std::map<PersonHash, Suppression>> active;
  for (const auto& entry : known) {
    if (entry.active) {
      active[entry.list_id].insert_or_assign(entry.person, entry.suppression);
    } else if (knows_lifts) {
      lifted.emplace(entry.list_id, entry.person);
    }
  }
  std::vector<JournalEntry> missing;
  suppressions_.for_each([&](std::int64_t list_id, const PersonHash& person, const Suppression& suppression) {
    auto& people = active[list_id];
    const auto found = people.find(person);
    if (found == people.end() || found->second != suppression)
      missing.push_back({list_id, person, suppression, true});
    if (found != people.end()) people.erase(found);
  });
  for (const auto& [list_id, people] : active) {
    for (const auto& [person, suppression] : people)
      missing.push_back({list_id, person, suppression, false});
  }
  to_journal_.insert(to_journal_.end(), missing.begin(), missing.end());

  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto note = [&](std::int64_t list_id, const PersonHash& person,
                        std::optional<domain::UtcTime> since) {
    if (!suppressions_.find(list_id, person) && !lifted.contains({list_id, person}))
      suppress(list_id, person, {since.value_or(now), "unknown", ""});
  };
  for (const auto mirror : mirrors_.all()) {
    const auto list_id = mirrors_.list_id(mirror);
    for (const auto& [person, since] : ledger_.opted_out(mirror))
      note(list_id, person, since);
  }
  return !to_journal_.empty();
}

}  // namespace stibee_sync::store
