#include "stibee_sync/store/store.hpp"

#include "stibee_sync/store/transaction.hpp"
#include "store/last_known.hpp"
#include "store/list_scan_state.hpp"
#include "store/scan_snapshot.hpp"
#include "store/tables.hpp"

#include <chrono>
#include <numeric>
#include <utility>

namespace stibee_sync::store {

Store::Tables::Tables(std::unique_ptr<Connection> opened, Connection::Mode opened_mode,
                      const domain::StateKey::Bytes& key_bytes, std::filesystem::path staging_directory)
    : connection(std::move(opened)),
      mode(opened_mode),
      key(key_bytes),
      staging(std::move(staging_directory)),
      queue(*connection, claims),
      snapshot(*connection, staging),
      ledger(*connection, key),
      mirrors(*connection),
      suppressions(*connection),
      writebacks(*connection),
      held_sets(*connection),
      insert_batch(*connection, "INSERT INTO in_flight (mirror, people) VALUES (?, ?) RETURNING id"),
      erase_batch(*connection, "DELETE FROM in_flight WHERE id = ?"),
      insert_attempt(*connection, "INSERT OR REPLACE INTO limiter_attempt VALUES (?, ?, ?, ?, ?, ?)"),
      touch_address(
          *connection,
          "INSERT INTO touched_address VALUES (?, ?, ?) ON CONFLICT (mirror, email) DO UPDATE SET number = "
          "excluded.number"),
      keys_of_address(*connection, "SELECT key FROM member_address WHERE mirror = ? AND email = ?"),
      address_of_key(*connection, "SELECT email FROM member WHERE mirror = ? AND key = ?"),
      last_touch(connection->query_number("SELECT max(number) FROM touched_address")) {
  Statement last(*connection,
                 "SELECT limiter_class, max(number) FROM limiter_attempt GROUP BY limiter_class");
  while (last.step())
    attempt_numbers[std::string(last.text(0))] = last.integer(1);
  if (mode == Connection::Mode::ReadWrite) shelf = std::make_shared<Scan::State::SnapshotShelf>();
}

std::unique_ptr<Connection> Store::Tables::connection_for_scan() const {
  const bool ours = mode == Connection::Mode::ReadWrite;
  // Else a file that is gone would be called one that may not be opened.
  if (ours) check_files();
  const auto scan_mode = ours ? Connection::Mode::ReadOnly : mode;
  auto opened = std::make_unique<Connection>(connection->file(), scan_mode);
  if (ours) opened->accuse();
  opened->execute("PRAGMA cache_size = -1500");
  return opened;
}

void Store::Tables::touch(MirrorId mirror, std::string_view email) {
  touch_address.bind(1, mirror.number).bind(2, email).bind(3, ++last_touch).run();
  ++reads_wanted[mirror];
}

// A daemon beside a read-only store changes the file: nothing may be remembered.
Tally Store::Tables::tally(MirrorId mirror) {
  return mode == Connection::Mode::ReadWrite ? ledger.tally(mirror) : ledger.fresh_tally(mirror);
}

void Store::Tables::kept(const std::vector<std::int64_t>& erased) {
  ledger.committed();
  claims.keep(erased);
}

void Store::Tables::undone() {
  snapshot.rolled_back();
  ledger.rolled_back();
  claims.undo();
  queue.undone();
}

void Store::Tables::written() {
  write_failed = false;
  untidy = true;
  mirrors.notes_written();
}

void Store::Tables::check_files() const {
  connection->check_file();
  if (journal) journal->connection().check_file();
}

void Store::Tables::try_to_write() {
  // SQLite writes nothing for a value that is the same.
  constexpr const char* little =
      "INSERT INTO meta VALUES ('tried', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1";
  const auto try_one = [](Connection& file) {
    SqlTransaction transaction(file);
    file.execute(little);
    transaction.commit();
  };
  try_one(*connection);
  if (journal) try_one(journal->connection());
  write_failed = false;
}

std::vector<ClosingMark> Store::Tables::finish() {
  if (mode != Connection::Mode::ReadWrite) return {};
  {
    SqlTransaction transaction(*connection);
    mirrors.write_notes();
    if (stored_tallies(*connection) != ledger.tallies()) write_tallies(*connection, ledger.tallies());
    transaction.commit();
    mirrors.notes_written();
  }
  std::vector<ClosingMark> marks;
  const auto mark = [&, now = std::chrono::system_clock::now()](Connection& file) {
    if (ClosingMark::of(file)) return;  // nothing was written
    if (auto made = ClosingMark::make(file, now)) marks.push_back(std::move(*made));
  };
  mark(*connection);
  if (journal) mark(journal->connection());
  return marks;
}

Store::Store(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
Store::~Store() {
  std::vector<ClosingMark> marks;
  try {
    marks = tables_->finish();
  } catch (const StoreError&) {
    // When a read was last done is told by the next one, too; and the next start looks at all of it.
  }
  tables_.reset();
  for (const auto& mark : marks)
    mark.seal();
}

bool Store::tidy() {
  if (!tables_->untidy) return true;
  bool empty = tables_->connection->empty_log();
  if (tables_->journal) empty = tables_->journal->connection().empty_log() && empty;
  tables_->untidy = !empty;
  return empty;
}

std::string Store::trouble() {
  // Less than any change needs.
  constexpr std::uintmax_t least_room = std::uintmax_t{64} * 1024;
  try {
    tables_->check_files();
    if (tables_->write_failed) tables_->try_to_write();
    const auto directory = tables_->connection->file().parent_path();
    if (free_bytes(directory) >= least_room) return "";
    return "the disk is full; free some space on the file system of " + directory.string();
  } catch (const StoreError& error) {
    return error.what();
  }
}

const domain::StateKey& Store::key() const {
  return tables_->key;
}

MirrorId Store::open_mirror(std::string_view name, std::int64_t list_id) {
  if (const auto found = tables_->mirrors.find(name, list_id)) return *found;
  if (tables_->mode != Connection::Mode::ReadWrite) return MirrorId{};  // a mirror of which nothing is known
  SqlTransaction transaction(*tables_->connection);
  const auto mirror = tables_->mirrors.add(name, list_id);
  transaction.commit();
  return mirror;
}

std::vector<KnownMirror> Store::known_mirrors() const {
  return tables_->mirrors.all();
}

void Store::rename_mirror(MirrorId mirror, std::string_view name) {
  if (tables_->mode != Connection::Mode::ReadWrite) return;
  SqlTransaction transaction(*tables_->connection);
  tables_->mirrors.rename(mirror, name);
  transaction.commit();
}

std::string Store::placed_by(MirrorId mirror) const {
  const auto placed = tables_->placed.find(mirror);
  return placed == tables_->placed.end() ? std::string() : placed->second;
}

void Store::set_placed_by(MirrorId mirror, std::string_view what) {
  SqlTransaction transaction(*tables_->connection);
  write_placed(*tables_->connection, mirror, what);
  transaction.commit();
  tables_->placed[mirror] = what;
}

std::string Store::told() const {
  return tables_->connection->query_text("SELECT value FROM meta WHERE name = 'told'");
}

void Store::set_told(std::string_view what) {
  SqlTransaction transaction(*tables_->connection);
  Statement(*tables_->connection, "INSERT OR REPLACE INTO meta VALUES ('told', ?)").bind(1, what).run();
  transaction.commit();
}

std::size_t Store::people(MirrorId mirror) const {
  if (tables_->mode == Connection::Mode::ReadWrite) {
    const auto& status = tables_->ledger.tally(mirror).status;
    return static_cast<std::size_t>(std::accumulate(status.begin(), status.end(), std::int64_t{0}));
  }
  Statement count(*tables_->connection, "SELECT count(*) FROM subscriber WHERE mirror = ?");
  count.bind(1, mirror.number);
  return count.step() ? static_cast<std::size_t>(count.integer(0)) : 0;
}

bool Store::paused(MirrorId mirror) const {
  return tables_->mirrors.paused(mirror);
}

std::optional<domain::UtcTime> Store::adopted(MirrorId mirror) const {
  return tables_->mirrors.adopted(mirror);
}

std::optional<domain::UtcTime> Store::reconciled(MirrorId mirror) const {
  return tables_->mirrors.reconciled(mirror);
}

SourceFacts Store::source_facts(MirrorId mirror) const {
  return tables_->mirrors.facts(mirror);
}

std::uint64_t Store::reads_wanted(MirrorId mirror) const {
  const auto found = tables_->reads_wanted.find(mirror);
  return found == tables_->reads_wanted.end() ? 0 : found->second;
}

Milestones Store::milestones(MirrorId mirror) const {
  return tables_->mirrors.milestones(mirror);
}

std::vector<HeldChanges> Store::holds(MirrorId mirror) const {
  return tables_->mirrors.holds(mirror);
}

std::optional<std::string> Store::class_of_held_set(MirrorId mirror, std::string_view digest,
                                                    domain::UtcTime now) const {
  return tables_->held_sets.class_of(mirror, digest, now);
}

std::vector<HeldPerson> Store::held_people(MirrorId mirror, std::string_view digest) const {
  return tables_->held_sets.people(mirror, digest);
}

bool Store::approved(MirrorId mirror, std::string_view digest, domain::UtcTime now) const {
  return tables_->mirrors.approved(mirror, digest, now);
}

std::vector<LoggedAttempt> Store::logged_attempts() const {
  std::vector<LoggedAttempt> attempts;
  Statement all(
      *tables_->connection,
      "SELECT limiter_class, at, boot_id, since_boot_ns FROM limiter_attempt ORDER BY limiter_class, number");
  while (all.step()) {
    LoggedAttempt attempt;
    attempt.limiter_class = all.text(0);
    attempt.at = time_from(all.integer(1));
    attempt.boot_id = all.text(2);
    attempt.since_boot_ns = all.integer(3);
    attempts.push_back(std::move(attempt));
  }
  return attempts;
}

Scan Store::begin_scan(MirrorId mirror) {
  std::unique_ptr<Scan::State::Snapshot> snapshot;
  if (tables_->shelf) {
    tables_->check_files();
    snapshot = tables_->shelf->take();
  }
  if (!snapshot) snapshot = std::make_unique<Scan::State::Snapshot>(tables_->connection_for_scan());
  // Before the scan fixes its view: a word in between is looked at once more than needed.
  const auto words = tables_->members_words;
  const auto resubscribes = tables_->resubscribes;
  auto state = std::make_unique<Scan::State>(std::move(snapshot), tables_->shelf, tables_->key, mirror,
                                             tables_->staging);
  state->members_words = words;
  state->resubscribes = resubscribes;
  return Scan(std::move(state));
}

ListScan Store::begin_list(MirrorId mirror) {
  std::optional<ListScan::State::InFlightLanes> in_flight;
  if (tables_->mode == Connection::Mode::ReadWrite) in_flight = tables_->claims.lanes(mirror);
  return ListScan(std::make_unique<ListScan::State>(tables_->connection_for_scan(), tables_->key, mirror,
                                                    std::move(in_flight), tables_->staging));
}

ledger::Person Store::find(MirrorId mirror, const domain::EmailAddress& email) const {
  auto& tables = *tables_;
  const ReadView view(*tables.connection);
  ledger::Person person;
  person.row = tables.ledger.find(mirror, email.text());
  if (!person.row) person.trace = tables.ledger.find_trace(mirror, email.text());
  person.suppression =
      tables.suppressions.find(tables.mirrors.list_id(mirror), tables.key.person_hash(email.text()));
  if (const auto* claim = tables.claims.find(mirror, email.text())) person.call = claim->call;
  return person;
}

void Store::release(MirrorId mirror, const std::vector<domain::EmailAddress>& people) {
  for (const auto& email : people)
    tables_->claims.free(mirror, email.text());
  tables_->claims.keep({});
  tables_->queue.undone();
}

std::optional<domain::UtcTime> Store::next_due(const std::vector<MirrorId>& mirrors) const {
  const ReadView view(*tables_->connection);
  return tables_->queue.next_due(mirrors);
}

bool Store::has_writeback(MirrorId mirror, std::int64_t id) const {
  return tables_->writebacks.has(mirror, id);
}

std::vector<PendingWriteback> Store::writebacks(MirrorId mirror, domain::UtcTime now, domain::UtcTime latest,
                                                std::size_t most) const {
  return tables_->writebacks.due(mirror, now, latest, most);
}

std::optional<domain::UtcTime> Store::next_writeback(const std::vector<MirrorId>& mirrors) const {
  std::optional<domain::UtcTime> earliest;
  for (const auto mirror : mirrors) {
    const auto next = tables_->writebacks.next(mirror);
    if (next && (!earliest || *next < *earliest)) earliest = next;
  }
  return earliest;
}

}  // namespace stibee_sync::store
