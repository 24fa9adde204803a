#include "store/sqlite.hpp"

#include "stibee_sync/store/store.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <sqlite3.h>

namespace stibee_sync::store {
namespace {

constexpr int busy_timeout_ms = 10'000;

std::string cure(int code, const std::filesystem::path& file) {
  switch (failure_of(code)) {
    case Failure::Full:
      return "the disk is full; free some space on the file system of " + file.parent_path().string();
    case Failure::Damaged:
      return "the file is damaged; restart stibee-syncd, which sets it aside and begins a fresh one";
    case Failure::Busy:
      return "the file is locked by another program; close whatever has it open (a sqlite3 shell?)";
    case Failure::Unreadable:
      return "the file cannot be opened or written; check owner and mode of the file and of " +
             file.parent_path().string();
    case Failure::Other:
      break;
  }
  if ((code & 0xff) == SQLITE_IOERR) return "the disk reports an error; see the kernel's log";
  return "unexpected; please report it";
}

// SQLite's bookkeeping of its memory takes a lock at every allocation, and nobody reads it.
void configure_sqlite() {
  static const int done = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(done);  // refused if SQLite runs already: no harm
}

}  // namespace

Failure failure_of(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Failure::Damaged;
    case SQLITE_FULL:
      return Failure::Full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Failure::Busy;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Failure::Unreadable;
    default:
      return Failure::Other;
  }
}

Connection::Connection(const std::filesystem::path& file, Mode mode)
    : file_(file), accuses_(mode == Mode::ReadWrite) {
  configure_sqlite();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
  flags |= mode == Mode::ReadWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  std::string name = file.string();
  if (mode == Mode::Immutable) {
    std::string uri = "file:";
    for (const char c : name) {
      // What would end or change the path of a URI.
      if (c == '?')
        uri += "%3f";
      else if (c == '#')
        uri += "%23";
      else if (c == '%')
        uri += "%25";
      else
        uri += c;
    }
    name = uri + "?immutable=1";
  } else if (name.starts_with("file:")) {
    name = "./" + name;
  }
  const int code = sqlite3_open_v2(name.c_str(), &db_, flags, nullptr);
  if (code != SQLITE_OK) {
    sqlite3_close_v2(std::exchange(db_, nullptr));
    fail(code);
  }
  sqlite3_busy_timeout(db_, busy_timeout_ms);
}

Connection::~Connection() {
  sqlite3_close_v2(db_);
}

void Connection::execute(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t Connection::query_number(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Connection::query_text(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? std::string(statement.text(0)) : std::string();
}

void Connection::check_file() const {
  if (const auto lost = lost_file(); !lost.empty()) {
    throw StoreError(lost +
                     ": was deleted or replaced while stibee-syncd runs, and what is written now is lost; "
                     "nothing is sent or answered any more: put a backup there if there is one, and restart "
                     "stibee-syncd");
  }
}

std::string Connection::lost_file() const {
  int moved = 0;
  if (sqlite3_file_control(db_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK)
    return {};  // such a file system cannot tell
  if (moved != 0) return file_.string();
  auto log = file_.string() + "-wal";
  if (::access(log.c_str(), F_OK) == 0) return {};  // it is there as long as the file is open
  return log;
}

bool Connection::empty_log() {
  sqlite3_busy_timeout(db_, 0);
  const int code = sqlite3_wal_checkpoint_v2(db_, "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  sqlite3_busy_timeout(db_, busy_timeout_ms);
  if (failure_of(code) == Failure::Busy) return false;
  if (code != SQLITE_OK) fail(code);
  return true;
}

void Connection::roll_back() noexcept {
  for (sqlite3_stmt* s = sqlite3_next_stmt(db_, nullptr); s != nullptr; s = sqlite3_next_stmt(db_, s)) {
    sqlite3_reset(s);
  }
  if (sqlite3_get_autocommit(db_) == 0) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Connection::fail(int code) const {
  if (accuses_ && failure_of(code) == Failure::Damaged) {
    const int fd = ::open(suspicion_of(file_).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
  }
  throw StoreFailure(failure_of(code), file_.string() + ": " + sqlite3_errstr(code) + " (SQLite code " +
                                           std::to_string(code) + "): " + cure(code, file_));
}

std::filesystem::path suspicion_of(const std::filesystem::path& file) {
  return file.string() + "-suspect";
}

Statement::Statement(Connection& connection, std::string_view sql) : connection_(&connection) {
  const int code = sqlite3_prepare_v3(connection.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (code != SQLITE_OK) connection.fail(code);
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_, index, value);
  if (code != SQLITE_OK) connection_->fail(code);
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  // A null pointer would bind NULL instead of "".
  const char* data = text.empty() ? "" : text.data();
  const int code = sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (code != SQLITE_OK) connection_->fail(code);
  return *this;
}

Statement& Statement::bind(int index, std::span<const std::uint8_t> bytes) {
  const int code = sqlite3_bind_blob64(statement_, index, bytes.data(), bytes.size(), SQLITE_STATIC);
  if (code != SQLITE_OK) connection_->fail(code);
  return *this;
}

Statement& Statement::bind_null(int index) {
  const int code = sqlite3_bind_null(statement_, index);
  if (code != SQLITE_OK) connection_->fail(code);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  sqlite3_reset(statement_);
  if (code != SQLITE_DONE) connection_->fail(code);
  return false;
}

void Statement::run() {
  step();
  reset();
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
bool Statement::is_integer(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_INTEGER;
}
std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const std::uint8_t> Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::damaged() const {
  connection_->fail(SQLITE_CORRUPT);
}

ReadView::ReadView(Connection& connection) : connection_(connection) {
  connection_.execute("BEGIN");
}

SqlTransaction::SqlTransaction(Connection& connection) : connection_(connection) {
  connection_.execute("BEGIN IMMEDIATE");
  changes_before_ = sqlite3_total_changes(connection_.get());
}

SqlTransaction::~SqlTransaction() {
  if (open_) connection_.roll_back();
}

void SqlTransaction::commit() {
  const bool first_change =
      connection_.has_mark() && sqlite3_total_changes(connection_.get()) != changes_before_;
  if (first_change) connection_.execute("DELETE FROM meta WHERE name = 'closed'");
  connection_.execute("COMMIT");
  open_ = false;
  if (first_change) connection_.has_mark(false);
}

}  // namespace stibee_sync::store
