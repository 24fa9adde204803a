#include "stibee_sync/ledger/transitions.hpp"
#include "store/row_codec.hpp"
#include "store/tables.hpp"
#include "store/work.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

// How the state and the opt-outs' own file are brought to the same: after a crash between their two commits,
// a restore of an older one of them, or the loss of either.
namespace stibee_sync::store {
namespace {

using OptOutsByList = std::map<std::int64_t, std::map<PersonHash, ledger::Suppression>>;

constexpr std::size_t rows_at_once = 1000;

// Rows are known by address, opt-outs by hash: each row has to be looked at.
void apply_to_rows(Store::Tables& tables, MirrorId mirror,
                   const std::map<PersonHash, ledger::Suppression>& people) {
  std::string last;
  for (;;) {
    const auto page = tables.ledger.rows_after(mirror, last, rows_at_once);
    if (page.empty()) return;
    last = page.back().first.text();
    for (const auto& [address, before] : page) {
      const auto& email = address.text();
      const auto found = people.find(tables.key.person_hash(email));
      if (found == people.end()) continue;
      const auto* claim = tables.claims.find(mirror, email);
      ledger::Person person;
      person.row = before;
      if (claim != nullptr) person.call = claim->call;
      const auto after = ledger::with_suppression(std::move(person), found->second);
      tables.ledger.write(mirror, email, &before, *after.row);
      tables.queue.changed(mirror, email, *after.row);
      if (claim != nullptr) tables.claims.change(mirror, email, *after.call);
    }
  }
}

// Within a transaction.
void apply_journal(Store::Tables& tables, std::int64_t after) {
  OptOutsByList added;
  for (const auto& entry : tables.journal->since(after)) {
    if (entry.active) {
      tables.suppressions.put(entry.list_id, entry.person, entry.suppression);
      added[entry.list_id].insert_or_assign(entry.person, entry.suppression);
    } else {
      // The row, if it still says so, goes on saying that the person opted out: nobody is mailed for a loss.
      tables.suppressions.erase(entry.list_id, entry.person);
    }
  }
  for (const auto& [list_id, people] : added) {
    for (const auto mirror : tables.mirrors.of_list(list_id))
      apply_to_rows(tables, mirror, people);
  }
  tables.suppressions.set_applied(tables.journal->last());
}

// Within a transaction. The file is new to the state, or older than the state, which knows better then.
// `known`: what the file says; `knows_lifts`: also of those of whom the ledger alone says that they opted
// out. What is missing there, or wrong.
std::vector<JournalEntry> missing_in_journal(Store::Tables& tables, const std::vector<JournalEntry>& known,
                                             bool knows_lifts) {
  std::set<std::pair<std::int64_t, PersonHash>> lifted;
  OptOutsByList active;
  for (const auto& entry : known) {
    if (entry.active) {
      active[entry.list_id].insert_or_assign(entry.person, entry.suppression);
    } else if (knows_lifts) {
      lifted.emplace(entry.list_id, entry.person);
    }
  }
  std::vector<JournalEntry> missing;
  for (const auto& [list_id, person, suppression] : tables.suppressions.all()) {
    auto& people = active[list_id];
    const auto found = people.find(person);
    if (found == people.end() || found->second != suppression)
      missing.push_back({list_id, person, suppression, true});
    if (found != people.end()) people.erase(found);
  }
  for (const auto& [list_id, people] : active) {
    for (const auto& [person, suppression] : people)
      missing.push_back({list_id, person, suppression, false});
  }

  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  for (const auto mirror : tables.mirrors.all()) {
    const auto list_id = tables.mirrors.list_id(mirror);
    for (const auto& [person, since] : tables.ledger.opted_out(mirror)) {
      if (lifted.contains({list_id, person}) || tables.suppressions.find(list_id, person)) continue;
      const ledger::Suppression suppression{since.value_or(now), "unknown", ""};
      tables.suppressions.put(list_id, person, suppression);
      missing.push_back({list_id, person, suppression, true});
    }
  }
  return missing;
}

}  // namespace

bool join_journal(Store::Tables& tables, std::unique_ptr<SuppressionJournal> journal) {
  const auto applied = tables.suppressions.applied();
  const bool incomplete = !applied || journal->last() < *applied;
  const auto known = incomplete ? journal->since(0) : std::vector<JournalEntry>{};
  journal->go_on_from(applied.value_or(0));
  tables.journal = std::move(journal);
  tables.journal_applied = tables.journal->last();
  if (applied == tables.journal_applied && !incomplete) return false;
  Transaction::Work work(tables);
  apply_journal(tables, applied.value_or(0));
  if (incomplete) work.to_journal = missing_in_journal(tables, known, !applied);
  const bool completed = !work.to_journal.empty();
  work.commit();
  return completed;
}

void catch_up(Store::Tables& tables) {
  if (!tables.journal || tables.journal->last() == tables.journal_applied) return;
  SqlTransaction transaction(*tables.connection);
  try {
    apply_journal(tables, tables.journal_applied);
    transaction.commit();
  } catch (...) {
    tables.undone();
    throw;
  }
  tables.kept({});
  tables.journal_applied = tables.journal->last();
}

void recover_calls(Store& store) {
  auto& tables = store.tables();
  std::vector<std::pair<MirrorId, std::string>> batches;
  {
    Statement left(*tables.connection, "SELECT mirror, people FROM in_flight ORDER BY id");
    while (left.step())
      batches.emplace_back(MirrorId{left.integer(0)}, left.text(1));
  }
  if (batches.empty()) return;
  Transaction change(store);
  for (const auto& [mirror, text] : batches) {
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      const auto email = domain::EmailAddress::from_normalised(text.substr(at, end - at));
      at = end + 1;
      const auto person = change.find(mirror, email);
      change.write(mirror, email, person, ledger::after_crash(person));
    }
  }
  tables.connection->execute("DELETE FROM in_flight");
  change.commit();
}

}  // namespace stibee_sync::store
