#include "store/work.hpp"

#include "store/row_codec.hpp"
#include "store/scan_state.hpp"

#include <algorithm>

#include <sqlite3.h>

namespace stibee_sync::store {

Transaction::Work::Work(Store::Tables& of)
    : tables((catch_up(of), of)),
      transaction(*of.connection),
      changes_before(sqlite3_total_changes(of.connection->get())) {}

Transaction::Work::~Work() {
  if (committed) return;
  tables.write_failed = true;
  tables.undone();
}

bool Transaction::Work::changed() const {
  tables.ledger.write_out();
  return !to_journal.empty() || sqlite3_total_changes(tables.connection->get()) != changes_before;
}

void Transaction::Work::set_facts(MirrorId mirror, const SourceFacts& facts) {
  if (!changed() && tables.mirrors.only_later(mirror, facts)) {
    later_facts[mirror] = facts;
  } else {
    tables.mirrors.set_facts(mirror, facts);
  }
}

Transaction::Work::Known& Transaction::Work::known(MirrorId mirror) {
  const auto [found, is_new] = mirrors.try_emplace(mirror);
  auto& known = found->second;
  if (!is_new) return known;
  known.list_id = tables.mirrors.list_id(mirror);
  known.last_address = tables.ledger.last_address(mirror);
  known.has_traces = tables.ledger.has_traces(mirror);
  known.has_suppressions = tables.suppressions.any(known.list_id);
  return known;
}

void Transaction::Work::count_word() {
  ++tables.members_words;
  if (taken_over != nullptr) ++taken_over->members_words;
}

void Transaction::Work::put(const SuppressionRecord& record) {
  if (record.of_member) count_word();
  tables.suppressions.put(record);
  to_journal.push_back({record, true});
}

void Transaction::Work::erase(SuppressionRecord record) {
  if (record.of_member) count_word();
  tables.suppressions.erase(record.list_id, record.person);
  to_journal.push_back({std::move(record), false});
}

void Transaction::Work::suppress(MirrorId mirror, const std::string& email, const ledger::Person& before,
                                 const ledger::Person& after) {
  const auto list_id = known(mirror).list_id;
  const auto hash = tables.key.person_hash(email);
  if (after.suppression) {
    put({list_id, hash, *after.suppression});
  } else {
    erase({list_id, hash, tables.suppressions.find(list_id, hash).value_or(ledger::Suppression{})});
  }
  suppress_members(mirror, email, before, after);
  known(mirror).has_suppressions = true;
}

void Transaction::Work::suppress_members(MirrorId mirror, const std::string& email,
                                         const ledger::Person& before, const ledger::Person& after) {
  for (const auto& key : members_of(mirror, email, after.row ? after : before))
    suppress_member(mirror, key, email, before, after);
}

std::vector<domain::MemberKey> Transaction::Work::bearers_of(MirrorId mirror, const std::string& email) {
  std::vector<domain::MemberKey> keys;
  auto& bearers = tables.keys_of_address;
  bearers.bind(1, mirror.number).bind(2, email);
  const StatementUse use(bearers);
  while (bearers.step())
    keys.push_back(key_at(bearers, 0));
  return keys;
}

std::optional<ledger::Suppression> Transaction::Work::member_opt_out(
    MirrorId mirror, const std::string& email, const std::optional<domain::MemberKey>& key) {
  auto keys = bearers_of(mirror, email);
  if (key) keys.push_back(*key);
  std::optional<ledger::Suppression> newest;
  for (const auto& each : keys) {
    const auto found = tables.suppressions.find(known(mirror).list_id, hash_of_member(tables.key, each));
    if (found) newest = newest ? ledger::newer_of(*newest, *found) : *found;
  }
  return newest;
}

std::vector<domain::MemberKey> Transaction::Work::members_of(MirrorId mirror, const std::string& email,
                                                             const ledger::Person& person) {
  auto keys = bearers_of(mirror, email);
  // Whose row bore it last, though it may bear another by now.
  const auto last = person.row ? person.row->key : tables.ledger.trace_member(mirror, email);
  if (last && std::find(keys.begin(), keys.end(), *last) == keys.end()) keys.push_back(*last);
  return keys;
}

void Transaction::Work::suppress_member(MirrorId mirror, const domain::MemberKey& key,
                                        const std::string& email, const ledger::Person& before,
                                        const ledger::Person& after) {
  SuppressionRecord record{known(mirror).list_id, hash_of_member(tables.key, key), {}, true};
  const auto on_record = tables.suppressions.find(record.list_id, record.person);
  if (!after.suppression) {
    // A later one, under another address, stays.
    if (!on_record || on_record->at > before.suppression->at) return;
    record.suppression = *on_record;
    return erase(std::move(record));
  }
  record.suppression = on_record ? ledger::newer_of(*on_record, *after.suppression) : *after.suppression;
  if (on_record == record.suppression) return;
  put(record);
  const auto now_borne = borne_by(mirror, key);
  if (!now_borne.empty() && now_borne != email) tables.touch(mirror, now_borne);
}

std::string Transaction::Work::borne_by(MirrorId mirror, const domain::MemberKey& key) {
  auto& bears = tables.address_of_key;
  bears.bind(1, mirror.number);
  bind_key(bears, 2, key);
  const StatementUse use(bears);
  return std::string(bears.step() && !bears.is_null(0) ? bears.text(0) : std::string_view());
}

// A call that nobody is out for any more is forgotten on disk, too; if nothing else is written, with the next
// change.
std::vector<std::int64_t> Transaction::Work::forget_ended_calls() {
  if (!changed()) return {};
  auto ended = tables.claims.ended();
  for (const auto batch : ended)
    tables.erase_batch.bind(1, batch).run();
  return ended;
}

void Transaction::Work::commit() {
  tables.check_files();
  const auto erased = forget_ended_calls();
  for (const auto& [mirror, facts] : later_facts)
    tables.mirrors.note_later(mirror, facts);
  const bool writes = changed();  // the ledger is written out
  if (writes) tables.mirrors.write_notes();
  if (tables.journal && !to_journal.empty()) {
    // The opt-outs' own file first: what only it knows is applied later, what only the state knew would be
    // lost with it.
    tables.journal->append(to_journal);
    tables.suppressions.set_applied(tables.journal->last());
  }
  transaction.commit();
  committed = true;
  if (writes) tables.written();
  if (tables.journal) tables.journal_applied = tables.journal->last();
  tables.kept(erased);
  for (const auto& limiter_class : logged)
    ++tables.attempt_numbers[limiter_class];
}

}  // namespace stibee_sync::store
