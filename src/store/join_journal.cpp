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

// What the state would have kept with the opt-out, had its commit come through. Where no statement is
// configured, it is dropped.
void add_lost_writeback(Store::Tables& tables, MirrorId mirror, const domain::EmailAddress& email,
                        const ledger::LedgerRow& row, const ledger::Suppression& opt_out) {
  WritebackRequest request;
  request.event = "unsubscribed";
  request.occurred_by = opt_out.by;
  request.reason = opt_out.reason;
  request.occurred_at = opt_out.at;
  tables.writebacks.add(mirror, email.text(), row.key, request, opt_out.at);
}

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
      // Of somebody who has another address by now, nothing tells whether the table was told.
      if (before.confirmed.status == domain::RemoteStatus::Moved ||
          ledger::is_news(found->second, before.confirmed))
        add_lost_writeback(tables, mirror, address, before, found->second);
      tables.ledger.write(mirror, email, &before, *after.row);
      // A consent that the table shows since may be newer: a read finds it, before the guard's eyes.
      tables.touch(mirror, email);
      tables.queue.changed(mirror, email, *after.row);
      if (claim != nullptr) tables.claims.change(mirror, email, *after.call);
    }
  }
}

// The next read decides about the addresses of members who opted out.
void touch_members(Store::Tables& tables, MirrorId mirror,
                   const std::map<PersonHash, ledger::Suppression>& people) {
  Statement members(*tables.connection,
                    "SELECT key, email FROM member WHERE mirror = ? AND email IS NOT NULL");
  members.bind(1, mirror.number);
  while (members.step()) {
    if (people.contains(hash_of_member(tables.key, key_at(members, 0))))
      tables.touch(mirror, members.text(1));
  }
}

// Within a transaction.
void apply_journal(Store::Tables& tables, std::int64_t after) {
  OptOutsByList added;
  for (const auto& entry : tables.journal->since(after)) {
    if (entry.active) {
      tables.suppressions.put(entry);
      added[entry.list_id].insert_or_assign(entry.person, entry.suppression);
    } else {
      // The row, if it still says so, goes on saying that the person opted out: nobody is mailed for a loss.
      tables.suppressions.erase(entry.list_id, entry.person);
    }
  }
  for (const auto& [list_id, people] : added) {
    for (const auto mirror : tables.mirrors.of_list(list_id)) {
      apply_to_rows(tables, mirror, people);
      touch_members(tables, mirror, people);
      // Of a state that is older than the opt-outs, no row tells when it went from no to yes.
      tables.mirrors.set_torn(mirror, true);
    }
  }
  tables.suppressions.set_applied(tables.journal->last());
}

// Within a transaction. The file is new to the state, or older than the state, which knows better then.
// `known`: what the file says; `knows_lifts`: also of those of whom the ledger alone says that they opted
// out. What is missing there, or wrong.
std::vector<JournalEntry> missing_in_journal(Store::Tables& tables, const std::vector<JournalEntry>& known,
                                             bool knows_lifts) {
  std::set<std::pair<std::int64_t, PersonHash>> lifted;
  std::map<std::int64_t, std::map<PersonHash, SuppressionRecord>> active;
  for (const auto& entry : known) {
    if (entry.active) {
      active[entry.list_id].insert_or_assign(entry.person, entry);
    } else if (knows_lifts) {
      lifted.emplace(entry.list_id, entry.person);
    }
  }
  std::vector<JournalEntry> missing;
  for (const auto& record : tables.suppressions.all()) {
    auto& people = active[record.list_id];
    const auto found = people.find(record.person);
    if (found == people.end() || found->second.suppression != record.suppression)
      missing.push_back({record, true});
    if (found != people.end()) people.erase(found);
  }
  for (const auto& [list_id, people] : active) {
    for (const auto& [person, record] : people)
      missing.push_back({record, false});
  }

  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  for (const auto& mirror : tables.mirrors.all()) {
    const auto list_id = mirror.list_id;
    for (const auto& [person, since] : tables.ledger.opted_out(mirror.id)) {
      if (lifted.contains({list_id, person}) || tables.suppressions.find(list_id, person)) continue;
      const SuppressionRecord record{list_id, person, {since.value_or(now), "unknown", "", {}}};
      tables.suppressions.put(record);
      missing.push_back({record, true});
    }
  }
  return missing;
}

}  // namespace

// Opt-outs that a state of an earlier version knows by address only are the members', too. Once.
void record_members(Transaction::Work& work) {
  auto& tables = work.tables;
  auto& connection = *tables.connection;
  if (connection.query_number("SELECT count(*) FROM meta WHERE name = 'members_on_record'") != 0) return;
  tables.ledger.write_out();
  std::vector<SuppressionRecord> found;
  Statement bearers(
      connection,
      "SELECT s.mirror, s.email, a.key FROM subscriber s CROSS JOIN member_address a ON a.mirror "
      "= s.mirror AND a.email = s.email WHERE s.status = ?");
  bearers.bind(1, std::int64_t{to_number(domain::RemoteStatus::OptedOut)});
  while (bearers.step()) {
    const auto list_id = tables.mirrors.list_id(MirrorId{bearers.integer(0)});
    const auto opt_out = tables.suppressions.find(list_id, tables.key.person_hash(bearers.text(1)));
    if (opt_out) found.push_back({list_id, hash_of_member(tables.key, key_at(bearers, 2)), *opt_out, true});
  }
  for (const auto& record : found) {
    tables.suppressions.put(record);
    work.to_journal.push_back({record, true});
  }
  connection.execute("INSERT INTO meta VALUES ('members_on_record', 1)");
}

bool join_journal(Store::Tables& tables, std::unique_ptr<SuppressionJournal> journal) {
  const auto applied = tables.suppressions.applied();
  const bool incomplete = !applied || journal->last() < *applied;
  const auto known = incomplete ? journal->since(0) : std::vector<JournalEntry>{};
  journal->go_on_from(applied.value_or(0));
  tables.journal = std::move(journal);
  tables.journal_applied = tables.journal->last();
  const bool joined = applied == tables.journal_applied && !incomplete;
  Transaction::Work work(tables);
  if (!joined) apply_journal(tables, applied.value_or(0));
  if (incomplete) work.to_journal = missing_in_journal(tables, known, !applied);
  const bool completed = !work.to_journal.empty();
  record_members(work);
  work.commit();
  return completed;
}

void catch_up(Store::Tables& tables) {
  if (!tables.journal || tables.journal->last() == tables.journal_applied) return;
  SqlTransaction transaction(*tables.connection);
  try {
    apply_journal(tables, tables.journal_applied);
    tables.ledger.write_out();
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
