#include "stibee_sync/store/store.hpp"
#include "store/directory.hpp"
#include "store/integrity.hpp"
#include "store/last_known.hpp"
#include "store/ledger_row.hpp"
#include "store/schema.hpp"
#include "store/state_files.hpp"
#include "store/tables.hpp"

#include <algorithm>
#include <chrono>
#include <unistd.h>

namespace stibee_sync::store {
namespace {

// What a start may spend on looking for damage; a million people take about a second.
constexpr std::chrono::milliseconds check_budget{3000};

/// A file that is not damaged, of the last step's version.
struct SoundFile {
  std::unique_ptr<Connection> connection;
  bool was_suspect = false;                 // damage was met the last time, but it has none
  bool checked = false;                     // looked through just now
  std::optional<ClosingMark::Time> closed;  // in order, and untouched since
};

SoundFile open_sound(const std::filesystem::path& file, std::span<const MigrationStep> steps,
                     int application) {
  SoundFile sound;
  const bool has_log = log_left_behind(file);
  auto connection = std::make_unique<Connection>(file, Connection::Mode::ReadWrite);
  const auto version = schema_version(*connection, application);
  if (version && *version > steps.back().to) migrate(*connection, steps, application);  // throws
  if (connection->query_text("PRAGMA journal_mode = WAL") != "wal") {
    throw StoreError(file.string() +
                     ": cannot keep a write-ahead log here; the state directory must be on a local " +
                     "file system");
  }
  connection->execute(
      "PRAGMA synchronous = FULL; PRAGMA cache_size = -2000; PRAGMA secure_delete = ON; "
      "PRAGMA journal_size_limit = 67108864; PRAGMA cell_size_check = ON");
  if (version) {
    sound.was_suspect = std::filesystem::exists(suspicion_of(file));
    require_schema(*connection, steps, *version);
    const auto closed = ClosingMark::of(*connection);
    // What an earlier version closed is rewritten anyway.
    if (!has_log && *version == steps.back().to) sound.closed = closed;
    sound.checked = sound.was_suspect || !sound.closed;
    if (sound.checked &&
        !looks_sound(*connection, sound.was_suspect ? std::nullopt : std::optional(check_budget))) {
      throw StoreFailure(Failure::Damaged, file.string() + ": the file is damaged");
    }
  }
  migrate(*connection, steps, application);
  // A step may have written every row.
  if (version && *version < steps.back().to) connection->empty_log();
  sound.connection = std::move(connection);
  return sound;
}

std::unique_ptr<SuppressionJournal> open_journal(const std::filesystem::path& file, OpenReport& report) {
  make_file(file);
  auto sound = open_sound(file, journal_steps(), journal_application_id);
  report.checked = report.checked || sound.checked;
  sound.connection->execute("PRAGMA cache_size = -500");
  auto journal = std::make_unique<SuppressionJournal>(std::move(sound.connection));
  if (sound.was_suspect) journal->since(0);
  if (sound.was_suspect) ::unlink(suspicion_of(file).c_str());
  return journal;
}

bool has_people(Connection& connection) {
  for (const char* sql :
       {"SELECT EXISTS (SELECT 1 FROM subscriber)", "SELECT EXISTS (SELECT 1 FROM trace)",
        "SELECT EXISTS (SELECT 1 FROM member)", "SELECT EXISTS (SELECT 1 FROM suppression)"}) {
    if (connection.query_number(sql) != 0) return true;
  }
  return false;
}

// Whoever has people keeps the key by which they are known; the other follows.
domain::StateKey::Bytes agree_on_key(Connection& state, SuppressionJournal& journal) {
  const auto of_state = state_key(state);
  const auto of_journal = journal.key();
  if (of_state && of_state == of_journal) return *of_state;
  const bool state_matters = of_state && has_people(state);
  const bool journal_matters = of_journal && !journal.empty();
  if (state_matters && journal_matters) {
    const auto first = state.file().string();
    const auto second = journal.connection().file().string();
    throw StoreError(
        first + " and " + second +
        " are of different states: who opted out by the one cannot be found in the other; restore the "
        "two that belong together; or move " +
        second + " away, and the opt-outs that " + first + " knows are kept; or move " + first +
        " away, and a fresh one begins with the opt-outs of " + second);
  }
  const bool journals = of_journal && !state_matters;
  const auto key = journals ? *of_journal : of_state.value_or(domain::StateKey::random_bytes());
  // The opt-outs' file first: a state is never without it.
  if (of_journal != key) journal.set_key(key);
  if (of_state != key) {
    SqlTransaction transaction(state);
    // What it has applied, it has applied of another file.
    if (of_state) state.execute("DELETE FROM meta WHERE name = 'suppressions_applied'");
    Statement insert(state, "INSERT OR REPLACE INTO meta VALUES ('state_key', ?)");
    insert.bind(1, std::span<const std::uint8_t>(key)).run();
    transaction.commit();
  }
  return key;
}

// What the last life has counted and done still holds.
void recall(Store::Tables& tables, ClosingMark::Time closed) {
  tables.ledger.go_on_with(stored_tallies(*tables.connection));
  // Only a clock that was set back since is before that: who waits for a time that it told must not.
  if (closed <= std::chrono::system_clock::now()) tables.placed = stored_placed(*tables.connection);
}

std::unique_ptr<Store> open_checked(const std::filesystem::path& file,
                                    const std::filesystem::path& journal_file, OpenReport& report) {
  auto sound = open_sound(file, migration_steps(), application_id);
  report.checked = report.checked || sound.checked;
  auto& connection = sound.connection;
  if (sound.was_suspect) read_everything(*connection);
  if (sound.was_suspect) ::unlink(suspicion_of(file).c_str());
  std::unique_ptr<SuppressionJournal> journal;
  try {
    journal = open_journal(journal_file, report);
  } catch (const StoreFailure& failure) {
    if (failure.kind() != Failure::Damaged) throw;
  }
  if (!journal) {
    report.suppressions_set_aside = set_aside(journal_file, "damaged");
    journal = open_journal(journal_file, report);
  }
  const auto key = agree_on_key(*connection, *journal);
  auto store = std::make_unique<Store>(std::make_unique<Store::Tables>(
      std::move(connection), Connection::Mode::ReadWrite, key, file.parent_path()));
  if (!sound.checked && sound.closed) recall(store->tables(), *sound.closed);
  report.suppressions_rebuilt = join_journal(store->tables(), std::move(journal));
  recover_calls(*store);
  return store;
}

}  // namespace

std::unique_ptr<Store> open_store(const std::filesystem::path& directory, OpenReport& report) {
  make_state_directory(directory);
  const auto file = directory / state_file_name;
  const auto journal = directory / journal_file_name;
  report = {};
  remove_unfinished_restore(directory);  // people whom `forget` would not find
  report.created = make_file(file);
  // Each of the two may turn out to be damaged.
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      return open_checked(file, journal, report);
    } catch (const StoreFailure& failure) {
      if (failure.kind() != Failure::Damaged) throw;
    }
    if (std::filesystem::exists(suspicion_of(journal))) {
      report.suppressions_set_aside = set_aside(journal, "damaged");
    } else {
      report.damaged_set_aside = set_aside(file, "damaged");
      make_file(file);
    }
  }
  return open_checked(file, journal, report);
}

std::unique_ptr<Store> open_store_read_only(const std::filesystem::path& directory) {
  const auto file = directory / state_file_name;
  std::error_code error;
  if (!std::filesystem::exists(file, error) || std::filesystem::file_size(file, error) == 0) {
    throw StoreError(file.string() + ": there is no state yet; start the daemon, or run `sync`, first");
  }
  const auto open = [&](Connection::Mode mode) -> std::unique_ptr<Store> {
    auto connection = std::make_unique<Connection>(file, mode);
    const auto version = schema_version(*connection);
    const int known = migration_steps().back().to;
    if (version && *version > known) migrate(*connection, migration_steps());  // throws
    if (!version) {
      throw StoreError(file.string() + ": is not made yet: a daemon that starts does that; try again");
    }
    if (*version < known) {
      throw StoreError(file.string() +
                       ": written by an older stibee-syncd; start the daemon, which brings it up to date");
    }
    require_schema(*connection, migration_steps(), known);
    connection->execute("PRAGMA cache_size = -2000");
    const auto key = state_key(*connection);
    if (!key) throw StoreError(file.string() + ": has no key; start the daemon once");
    return std::make_unique<Store>(
        std::make_unique<Store::Tables>(std::move(connection), mode, *key, temporary_directory()));
  };
  try {
    return open(Connection::Mode::ReadOnly);
  } catch (const StoreFailure& failure) {
    // Where nothing may be written, SQLite cannot make the index of its log. Without a log none is needed.
    const auto log = file.string() + "-wal";
    const bool has_log = std::filesystem::exists(log, error) && std::filesystem::file_size(log, error) > 0;
    if (failure.kind() != Failure::Unreadable || has_log) throw;
  }
  return open(Connection::Mode::Immutable);
}

}  // namespace stibee_sync::store
