#include "store/mirror_table.hpp"

#include "store/mirror_columns.hpp"
#include "store/row_codec.hpp"

#include <algorithm>

namespace stibee_sync::store {
namespace {

void bind_number(Statement& statement, int index, const std::optional<std::int64_t>& number) {
  if (number) {
    statement.bind(index, *number);
  } else {
    statement.bind_null(index);
  }
}

/// How old the time of the last read may be on disk, if nothing else was written since.
constexpr std::chrono::hours longest_unwritten{1};

std::size_t size_at(const Statement& row, int column) {
  return static_cast<std::size_t>(row.integer(column));
}

}  // namespace

MirrorTable::MirrorTable(Connection& connection)
    : write_note_(connection, "UPDATE mirror SET last_success = ?, wal_position = ? WHERE id = ?"),
      count_read_(connection, "UPDATE mirror SET generation = generation + 1 WHERE id = ?"),
      set_torn_(connection, "UPDATE mirror SET torn = ? WHERE id = ?"),
      set_recent_(connection, "UPDATE mirror SET recent = ?, drained = ? WHERE id = ?"),
      find_(connection, "SELECT id FROM mirror WHERE name = ? AND list_id = ?"),
      add_(connection, "INSERT INTO mirror (name, list_id) VALUES (?, ?) RETURNING id"),
      list_id_(connection, "SELECT list_id FROM mirror WHERE id = ?"),
      all_(connection, "SELECT id, list_id, name FROM mirror ORDER BY id"),
      rename_(connection, "UPDATE mirror SET name = ? WHERE id = ?"),
      paused_(connection, "SELECT paused FROM mirror WHERE id = ?"),
      set_paused_(connection,
                  "UPDATE mirror SET paused_since = CASE WHEN ?1 = 0 THEN NULL WHEN paused = 1 THEN "
                  "paused_since ELSE ?2 END, paused = ?1, paused_until = ?4 WHERE id = ?3"),
      facts_(connection,
             "SELECT last_good_rows, last_rows, non_null, mapping, server_identity, last_success, rejected, "
             "duplicates, recent, wal_position, drained, unheard_writes FROM mirror WHERE id = ?"),
      set_facts_(
          connection,
          "UPDATE mirror SET generation = generation + 1, last_good_rows = ?, last_rows = ?, non_null = ?, "
          "mapping = ?, server_identity = ?, last_success = ?, rejected = ?, duplicates = ?, recent = ?, "
          "wal_position = ?, drained = ?, unheard_writes = ? WHERE id = ?"),
      generation_(connection, "SELECT generation FROM mirror WHERE id = ?"),
      adopted_(connection, "SELECT adopted FROM mirror WHERE id = ?"),
      set_adopted_(connection, "UPDATE mirror SET adopted = ? WHERE id = ?"),
      reconciled_(connection, "SELECT reconciled FROM mirror WHERE id = ?"),
      set_reconciled_(connection, "UPDATE mirror SET reconciled = ?, drift = ? WHERE id = ?"),
      milestones_(connection,
                  "SELECT paused_since, imported, last_delivery, reconciled, drift, paused_until FROM mirror "
                  "WHERE id = ?"),
      set_last_delivery_(connection, "UPDATE mirror SET last_delivery = ? WHERE id = ?"),
      table_read_(connection, "SELECT last_success FROM mirror WHERE id = ?"),
      imported_(connection, "SELECT imported FROM mirror WHERE id = ?"),
      set_imported_(connection, "UPDATE mirror SET imported = ? WHERE id = ?"),
      holds_(connection,
             "SELECT change_class, count, of, digest, why, refs, since, lasting FROM hold WHERE mirror = ? "
             "ORDER BY change_class"),
      clear_holds_(connection, "DELETE FROM hold WHERE mirror = ?"),
      add_hold_(connection, "INSERT OR REPLACE INTO hold VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      approve_(connection, "INSERT OR REPLACE INTO approval VALUES (?, ?, ?)"),
      approved_(connection, "SELECT 1 FROM approval WHERE mirror = ? AND digest = ? AND expires > ?"),
      drop_approval_(connection, "DELETE FROM approval WHERE mirror = ? AND digest = ?"),
      drop_expired_(connection, "DELETE FROM approval WHERE mirror = ? AND expires <= ?") {}

std::optional<MirrorId> MirrorTable::find(std::string_view name, std::int64_t list_id) {
  find_.bind(1, name).bind(2, list_id);
  const StatementUse use(find_);
  if (!find_.step()) return std::nullopt;
  return MirrorId{find_.integer(0)};
}

MirrorId MirrorTable::add(std::string_view name, std::int64_t list_id) {
  add_.bind(1, name).bind(2, list_id);
  const StatementUse use(add_);
  add_.step();
  return MirrorId{add_.integer(0)};
}

std::int64_t MirrorTable::list_id(MirrorId mirror) {
  list_id_.bind(1, mirror.number);
  const StatementUse use(list_id_);
  return list_id_.step() ? list_id_.integer(0) : 0;
}

std::vector<KnownMirror> MirrorTable::all() {
  std::vector<KnownMirror> mirrors;
  const StatementUse use(all_);
  while (all_.step())
    mirrors.push_back({MirrorId{all_.integer(0)}, std::string(all_.text(2)), all_.integer(1)});
  return mirrors;
}

void MirrorTable::rename(MirrorId mirror, std::string_view name) {
  rename_.bind(1, name).bind(2, mirror.number).run();
}

std::vector<MirrorId> MirrorTable::of_list(std::int64_t list_id) {
  std::vector<MirrorId> mirrors;
  const StatementUse use(all_);
  while (all_.step()) {
    if (all_.integer(1) == list_id) mirrors.push_back(MirrorId{all_.integer(0)});
  }
  return mirrors;
}

bool MirrorTable::paused(MirrorId mirror) {
  paused_.bind(1, mirror.number);
  const StatementUse use(paused_);
  return paused_.step() && paused_.integer(0) != 0;
}

void MirrorTable::set_paused(MirrorId mirror, bool paused, domain::UtcTime now,
                             std::optional<domain::UtcTime> until) {
  set_paused_.bind(1, std::int64_t{paused}).bind(2, to_number(now)).bind(3, mirror.number);
  if (paused && until) {
    set_paused_.bind(4, to_number(*until));
  } else {
    set_paused_.bind_null(4);
  }
  set_paused_.run();
}

bool MirrorTable::table_read(MirrorId mirror) {
  table_read_.bind(1, mirror.number);
  const StatementUse use(table_read_);
  return table_read_.step() && !table_read_.is_null(0);
}

Milestones MirrorTable::milestones(MirrorId mirror) {
  milestones_.bind(1, mirror.number);
  const StatementUse use(milestones_);
  Milestones known;
  if (!milestones_.step()) return known;
  known.paused_since = time_at(milestones_, 0);
  known.imported = time_at(milestones_, 1);
  known.last_delivery = time_at(milestones_, 2);
  known.last_compared = time_at(milestones_, 3);
  known.drift = size_at(milestones_, 4);
  known.paused_until = time_at(milestones_, 5);
  return known;
}

void MirrorTable::set_last_delivery(MirrorId mirror, domain::UtcTime when) {
  set_last_delivery_.bind(1, to_number(when)).bind(2, mirror.number).run();
}

bool MirrorTable::set_imported(MirrorId mirror, domain::UtcTime when) {
  {
    imported_.bind(1, mirror.number);
    const StatementUse use(imported_);
    if (!imported_.step() || !imported_.is_null(0)) return false;
  }
  set_imported_.bind(1, to_number(when)).bind(2, mirror.number).run();
  return true;
}

SourceFacts MirrorTable::facts(MirrorId mirror) {
  auto facts = stored_facts(mirror);
  const auto note = notes_.find(mirror);
  if (note == notes_.end() || !facts.last_success || note->second.last_success < *facts.last_success)
    return facts;
  facts.last_success = note->second.last_success;
  facts.wal_position = note->second.wal_position;
  return facts;
}

SourceFacts MirrorTable::stored_facts(MirrorId mirror) {
  facts_.bind(1, mirror.number);
  const StatementUse use(facts_);
  SourceFacts facts;
  if (!facts_.step()) return facts;
  if (!facts_.is_null(0)) facts.last_good_rows = size_at(facts_, 0);
  facts.last_rows = size_at(facts_, 1);
  for (const auto count : list_at(facts_, 2))
    facts.non_null.push_back(static_cast<std::size_t>(count));
  facts.mapping = facts_.text(3);
  facts.server_identity = facts_.text(4);
  facts.last_success = time_at(facts_, 5);
  facts.rejected = counts_at(facts_, 6);
  facts.duplicates = size_at(facts_, 7);
  facts.recent = hours_at(facts_, 8);
  if (!facts_.is_null(9)) facts.wal_position = facts_.integer(9);
  facts.drained = slots_at(facts_, 10);
  facts.unheard_writes = facts_.integer(11) != 0;
  return facts;
}

void MirrorTable::set_facts(MirrorId mirror, const SourceFacts& facts) {
  const auto non_null = list_to_text({facts.non_null.begin(), facts.non_null.end()});
  const auto rejected = counts_to_text(facts.rejected);
  const auto recent = hours_to_text(facts.recent);
  const auto drained = slots_to_text(facts.drained);
  if (facts.last_good_rows) {
    set_facts_.bind(1, static_cast<std::int64_t>(*facts.last_good_rows));
  } else {
    set_facts_.bind_null(1);
  }
  set_facts_.bind(2, static_cast<std::int64_t>(facts.last_rows)).bind(3, non_null).bind(4, facts.mapping);
  set_facts_.bind(5, facts.server_identity);
  bind_time(set_facts_, 6, facts.last_success);
  set_facts_.bind(7, rejected).bind(8, static_cast<std::int64_t>(facts.duplicates)).bind(9, recent);
  bind_number(set_facts_, 10, facts.wal_position);
  set_facts_.bind(11, drained).bind(12, std::int64_t{facts.unheard_writes}).bind(13, mirror.number).run();
}

void MirrorTable::set_recent(MirrorId mirror, const std::vector<HourOfChanges>& recent,
                             const std::vector<SlotOfChanges>& drained) {
  const auto hours = hours_to_text(recent);
  const auto slots = slots_to_text(drained);
  set_recent_.bind(1, hours).bind(2, slots).bind(3, mirror.number).run();
}

void MirrorTable::count_read(MirrorId mirror) {
  count_read_.bind(1, mirror.number).run();
}

void MirrorTable::set_torn(MirrorId mirror, bool torn) {
  set_torn_.bind(1, std::int64_t{torn}).bind(2, mirror.number).run();
}

bool MirrorTable::only_later(MirrorId mirror, const SourceFacts& facts) {
  auto like = stored_facts(mirror);
  if (!like.last_success || !facts.last_success) return false;
  if (std::chrono::abs(*facts.last_success - *like.last_success) >= longest_unwritten) return false;
  like.last_success = facts.last_success;
  like.wal_position = facts.wal_position;
  return like == facts;
}

void MirrorTable::note_later(MirrorId mirror, const SourceFacts& facts) {
  notes_[mirror] = Note{facts.last_success.value(), facts.wal_position};
}

void MirrorTable::write_notes() {
  for (const auto& [mirror, note] : notes_) {
    const auto stored = stored_facts(mirror).last_success;
    if (stored && *stored > note.last_success) continue;  // written since
    bind_time(write_note_, 1, note.last_success);
    bind_number(write_note_, 2, note.wal_position);
    write_note_.bind(3, mirror.number).run();
  }
}

std::int64_t MirrorTable::generation(MirrorId mirror) {
  generation_.bind(1, mirror.number);
  const StatementUse use(generation_);
  return generation_.step() ? generation_.integer(0) : 0;
}

std::optional<domain::UtcTime> MirrorTable::adopted(MirrorId mirror) {
  adopted_.bind(1, mirror.number);
  const StatementUse use(adopted_);
  return adopted_.step() ? time_at(adopted_, 0) : std::nullopt;
}

void MirrorTable::set_adopted(MirrorId mirror, std::optional<domain::UtcTime> when) {
  bind_time(set_adopted_, 1, when);
  set_adopted_.bind(2, mirror.number).run();
}

std::optional<domain::UtcTime> MirrorTable::reconciled(MirrorId mirror) {
  reconciled_.bind(1, mirror.number);
  const StatementUse use(reconciled_);
  return reconciled_.step() ? time_at(reconciled_, 0) : std::nullopt;
}

void MirrorTable::set_reconciled(MirrorId mirror, domain::UtcTime when, std::size_t differences) {
  set_reconciled_.bind(1, to_number(when))
      .bind(2, static_cast<std::int64_t>(differences))
      .bind(3, mirror.number)
      .run();
}

std::vector<HeldChanges> MirrorTable::holds(MirrorId mirror) {
  std::vector<HeldChanges> holds;
  holds_.bind(1, mirror.number);
  const StatementUse use(holds_);
  while (holds_.step()) {
    HeldChanges hold;
    hold.change_class = holds_.text(0);
    hold.count = size_at(holds_, 1);
    hold.of = size_at(holds_, 2);
    hold.digest = holds_.text(3);
    hold.why = holds_.text(4);
    hold.refs = lines_of(holds_.text(5));
    hold.since = time_from(holds_.integer(6));
    hold.lasting = holds_.integer(7) != 0;
    holds.push_back(std::move(hold));
  }
  return holds;
}

void MirrorTable::replace_holds(MirrorId mirror, const std::vector<HeldChanges>& wanted) {
  const auto before = holds(mirror);
  auto after = wanted;
  for (auto& hold : after) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const HeldChanges& old) {
      return old.change_class == hold.change_class;
    });
    if (same != before.end()) hold.since = same->since;
  }
  std::sort(after.begin(), after.end(),
            [](const HeldChanges& a, const HeldChanges& b) { return a.change_class < b.change_class; });
  if (after == before) return;
  clear_holds_.bind(1, mirror.number).run();
  for (const auto& hold : after) {
    const auto refs = lines_to_text(hold.refs);
    add_hold_.bind(1, mirror.number)
        .bind(2, hold.change_class)
        .bind(3, static_cast<std::int64_t>(hold.count));
    add_hold_.bind(4, static_cast<std::int64_t>(hold.of))
        .bind(5, hold.digest)
        .bind(6, hold.why)
        .bind(7, refs);
    add_hold_.bind(8, to_number(hold.since));
    add_hold_.bind(9, std::int64_t{hold.lasting}).run();
  }
}

void MirrorTable::approve(MirrorId mirror, std::string_view digest, domain::UtcTime expires) {
  approve_.bind(1, mirror.number).bind(2, digest).bind(3, to_number(expires)).run();
}

bool MirrorTable::approved(MirrorId mirror, std::string_view digest, domain::UtcTime now) {
  approved_.bind(1, mirror.number).bind(2, digest).bind(3, to_number(now));
  const StatementUse use(approved_);
  return approved_.step();
}

void MirrorTable::drop_approval(MirrorId mirror, std::string_view digest) {
  drop_approval_.bind(1, mirror.number).bind(2, digest).run();
}

void MirrorTable::drop_expired_approvals(MirrorId mirror, domain::UtcTime now) {
  drop_expired_.bind(1, mirror.number).bind(2, to_number(now)).run();
}

}  // namespace stibee_sync::store
