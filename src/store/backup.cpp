#include "stibee_sync/store/backup.hpp"

#include "stibee_sync/domain/fingerprint.hpp"
#include "stibee_sync/text/hex.hpp"
#include "stibee_sync/text/time_format.hpp"
#include "store/directory.hpp"
#include "store/integrity.hpp"
#include "store/schema.hpp"
#include "store/state_files.hpp"
#include "store/suppression_journal.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace stibee_sync::store {
namespace {

namespace fs = std::filesystem;

/// Either of the two state files.
struct Kind {
  const char* name;
  std::span<const MigrationStep> steps;
  int application;
};
Kind state_kind() {
  return {state_file_name, migration_steps(), application_id};
}
Kind journal_kind() {
  return {journal_file_name, journal_steps(), journal_application_id};
}

[[noreturn]] void fail(const std::string& what, const fs::path& path, int error) {
  throw StoreError(what + " " + path.string() + ": " + std::strerror(error));
}

void sync_file(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("cannot open", file, errno);
  const int result = ::fsync(fd);
  const int code = errno;
  ::close(fd);
  if (result != 0) fail("cannot sync", file, code);
}

/// Files that are being made; those that are not kept are removed.
class Unfinished {
 public:
  Unfinished() = default;
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    for (const auto& path : paths_)
      remove_database(path);
    if (!folder_.empty()) ::rmdir(folder_.c_str());
  }
  const fs::path& add(fs::path path) { return paths_.emplace_back(std::move(path)); }
  void folder(const fs::path& path) { folder_ = path; }
  void keep() {
    paths_.clear();
    folder_.clear();
  }

 private:
  std::vector<fs::path> paths_;
  fs::path folder_;
};

void make_target(const fs::path& target, Unfinished& unfinished) {
  std::error_code error;
  fs::create_directories(target.parent_path(), error);  // what cannot be made is told of by mkdir
  if (::mkdir(target.c_str(), 0700) == 0) {
    unfinished.folder(target);
    return;
  }
  const int code = errno;
  if (code != EEXIST || !fs::is_directory(target, error)) fail("cannot make the folder", target, code);
  if (!fs::is_empty(target, error) || error) {
    throw StoreError(
        target.string() +
        ": is not empty; name a folder for this backup alone, such as one with the date in its name");
  }
  if (::chmod(target.c_str(), 0700) != 0) fail("cannot close to others", target, errno);
}

void set_mark(Connection& copy, const std::string& mark) {
  SqlTransaction transaction(copy);
  Statement insert(copy, "INSERT OR REPLACE INTO meta VALUES ('backup', ?)");
  insert.bind(1, mark).run();
  transaction.commit();
}

void remove_mark(Connection& copy) {
  SqlTransaction transaction(copy);
  copy.execute("DELETE FROM meta WHERE name = 'backup'");
  transaction.commit();
}

/// ID TIME
std::string mark_of(Connection& copy) {
  return copy.query_text("SELECT value FROM meta WHERE name = 'backup'");
}

/// One moment's contents, without what was deleted. Read-only, so that it works beside a daemon.
void copy_file(const fs::path& directory, const Kind& kind, const fs::path& copy, const std::string& mark) {
  const auto file = directory / kind.name;
  if (!fs::exists(file)) {
    throw StoreError(file.string() + ": there is no state yet; start the daemon, or run `sync`, first");
  }
  {
    Connection source(file, Connection::Mode::ReadOnly);
    const auto version = schema_version(source, kind.application);
    if (version) require_schema(source, kind.steps, *version);
    make_file(copy);
    Statement into(source, "VACUUM INTO ?");
    const auto name = copy.string();
    into.bind(1, name).run();
  }
  Connection made(copy, Connection::Mode::ReadWrite);
  set_mark(made, mark);
}

BackupContents contents_of(Connection& state, Connection& journal) {
  BackupContents contents;
  Statement mirrors(state,
                    "SELECT m.name, m.list_id, (SELECT count(*) FROM subscriber s WHERE s.mirror = m.id) "
                    "FROM mirror m ORDER BY m.id");
  while (mirrors.step()) {
    contents.mirrors.push_back(
        {std::string(mirrors.text(0)), mirrors.integer(1), static_cast<std::size_t>(mirrors.integer(2))});
  }
  contents.opt_outs = static_cast<std::size_t>(
      journal.query_number("SELECT count(*) FROM suppression WHERE state = 'added' AND of_member = 0"));
  const auto mark = mark_of(state);
  contents.made = mark.substr(std::min(mark.size(), mark.find(' ') + 1));
  return contents;
}

/// Of a backup: copied to where it is to lie, and found sound.
std::unique_ptr<Connection> taken(const fs::path& source, const Kind& kind, const fs::path& copy) {
  const auto file = source / kind.name;
  std::error_code error;
  if (!fs::is_regular_file(file, error)) {
    throw StoreError(source.string() + ": has no " + kind.name +
                     ", so it is no backup of `stibee-syncd backup`");
  }
  // The journal of one that was cut off would be played back into this one.
  remove_database(copy);
  make_file(copy);
  fs::copy_file(file, copy, fs::copy_options::overwrite_existing, error);
  if (error) fail("cannot copy " + file.string() + " to", copy, error.value());
  if (::chmod(copy.c_str(), 0600) != 0) fail("cannot close to others", copy, errno);
  try {
    auto connection = std::make_unique<Connection>(copy, Connection::Mode::ReadWrite);
    const auto version = schema_version(*connection, kind.application);
    if (version && *version > kind.steps.back().to)
      migrate(*connection, kind.steps, kind.application);  // throws
    if (version && looks_sound(*connection, std::nullopt)) {
      require_schema(*connection, kind.steps, *version);
      // It lies alone: a log of its own would be one file more to put in place.
      connection->execute("PRAGMA journal_mode = DELETE");
      return connection;
    }
  } catch (const StoreFailure& failure) {
    if (failure.kind() != Failure::Damaged) throw;
  }
  ::unlink(suspicion_of(copy).c_str());
  throw StoreError(file.string() + ": is damaged; take another backup");
}

void refuse_mixture(const fs::path& source, Connection& state, Connection& journal) {
  const auto of_state = mark_of(state);
  const auto of_journal = mark_of(journal);
  if (of_state == of_journal && state_key(state) && state_key(state) == state_key(journal)) return;
  const auto time = [](const std::string& mark) {
    return mark.empty() ? std::string("no backup") : "the backup of " + mark.substr(mark.find(' ') + 1);
  };
  throw StoreError(source.string() + ": " + state_file_name + " is of " + time(of_state) + ", " +
                   journal_file_name + " of " + time(of_journal) +
                   ": they do not belong together; put back two of the same backup");
}

enum class Present { Nothing, Knows, Older, Foreign };

/// What the opt-outs' file that is there is to the one that would replace it.
Present compare(const fs::path& file, SuppressionJournal& backup) {
  std::error_code error;
  if (!fs::exists(file, error) || fs::file_size(file, error) == 0) return Present::Nothing;
  try {
    auto connection = std::make_unique<Connection>(file, Connection::Mode::ReadWrite);
    const auto version = schema_version(*connection, journal_application_id);
    if (!version || !looks_sound(*connection, std::nullopt)) return Present::Nothing;
    migrate(*connection, journal_steps(), journal_application_id);
    SuppressionJournal present(std::move(connection));
    if (present.key() == backup.key())
      return present.last() >= backup.last() ? Present::Knows : Present::Older;
    return present.empty() ? Present::Nothing : Present::Foreign;
  } catch (const StoreFailure& failure) {
    if (failure.kind() != Failure::Damaged) throw;
  }
  ::unlink(suspicion_of(file).c_str());
  return Present::Nothing;
}

/// Its owner is the daemon's user, though a restore is root's.
void give_to_owner_of(const fs::path& directory, const fs::path& file) {
  struct stat info{};
  if (::stat(directory.c_str(), &info) != 0) fail("cannot look at", directory, errno);
  if (info.st_uid == ::geteuid()) return;
  if (::chown(file.c_str(), info.st_uid, info.st_gid) != 0) fail("cannot give to its user", file, errno);
}

void put_in_place(const fs::path& copy, const fs::path& file, std::vector<fs::path>& aside) {
  std::error_code error;
  if (fs::exists(file, error)) {
    aside.push_back(set_aside(file, "replaced"));
  } else {
    // One that was cut off has taken the file away, but not its log, which would be taken for the copy's.
    set_logs_aside(file, set_aside_name(file, "replaced"));
  }
  give_to_owner_of(file.parent_path(), copy);
  sync_file(copy);
  if (::rename(copy.c_str(), file.c_str()) != 0) fail("cannot put in place", file, errno);
}

}  // namespace

BackupContents back_up(const fs::path& directory, const fs::path& target, domain::UtcTime now) {
  Unfinished unfinished;
  make_target(target, unfinished);
  const auto id = domain::StateKey::random_bytes();
  const auto mark = text::to_hex(std::span(id).first(8)) + " " + text::iso_utc(now);
  // The state first: a later file of opt-outs knows all that it does.
  const auto state = unfinished.add(target / (std::string(state_file_name) + ".part"));
  copy_file(directory, state_kind(), state, mark);
  const auto journal = unfinished.add(target / (std::string(journal_file_name) + ".part"));
  copy_file(directory, journal_kind(), journal, mark);
  BackupContents contents;
  {
    Connection copied_state(state, Connection::Mode::ReadOnly);
    Connection copied_journal(journal, Connection::Mode::ReadOnly);
    contents = contents_of(copied_state, copied_journal);
  }
  for (const auto& [copy, name] :
       {std::pair(journal, journal_file_name), std::pair(state, state_file_name)}) {
    sync_file(copy);
    if (::rename(copy.c_str(), (target / name).c_str()) != 0) fail("cannot name", target / name, errno);
    unfinished.add(target / name);
  }
  sync_directory(target);
  unfinished.keep();
  return contents;
}

Restored restore(const fs::path& source, const fs::path& directory) {
  Unfinished unfinished;
  const auto state_copy = unfinished.add(restoring_name(directory / state_file_name));
  const auto journal_copy = unfinished.add(restoring_name(directory / journal_file_name));
  Restored restored;
  Present present = Present::Nothing;
  {
    auto state = taken(source, state_kind(), state_copy);
    auto journal_file = taken(source, journal_kind(), journal_copy);
    refuse_mixture(source, *state, *journal_file);
    restored.contents = contents_of(*state, *journal_file);
    remove_mark(*state);
    remove_mark(*journal_file);
    migrate(*journal_file, journal_steps(), journal_application_id);
    {
      SqlTransaction transaction(*state);
      state->execute("UPDATE mirror SET adopted = NULL");
      transaction.commit();
    }
    SuppressionJournal journal(std::move(journal_file));
    present = compare(directory / journal_file_name, journal);
  }
  if (present == Present::Foreign) {
    throw StoreError(
        (directory / journal_file_name).string() +
        ": has the opt-outs of another state, which the backup does not know; restore into a directory "
        "of its own (state.directory), or move both files away if nobody needs them");
  }
  restored.opt_outs_kept = present == Present::Knows;
  if (!restored.opt_outs_kept) put_in_place(journal_copy, directory / journal_file_name, restored.set_aside);
  put_in_place(state_copy, directory / state_file_name, restored.set_aside);
  const auto lock = directory / "lock";
  std::error_code error;
  if (fs::exists(lock, error)) give_to_owner_of(directory, lock);
  sync_directory(directory);
  return restored;
}

}  // namespace stibee_sync::store
