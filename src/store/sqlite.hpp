#pragma once

#include "stibee_sync/store/store_error.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace stibee_sync::store {

/// What a result code of SQLite means to us: damage is treated otherwise than a full disk.
enum class Failure { Damaged, Full, Busy, Unreadable, Other };
Failure failure_of(int sqlite_code);

/// A StoreError that came from SQLite.
class StoreFailure : public StoreError {
 public:
  StoreFailure(Failure kind, const std::string& message) : StoreError(message), kind_(kind) {}
  Failure kind() const { return kind_; }

 private:
  Failure kind_;
};

/// One SQLite connection. Used by one thread at a time. Errors become StoreErrors that name the file and the
/// cure; SQLite's own message is left out, since it could quote data.
class Connection {
 public:
  enum class Mode { ReadWrite, ReadOnly, Immutable };
  Connection(const std::filesystem::path& file, Mode mode);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  sqlite3* get() const { return db_; }
  const std::filesystem::path& file() const { return file_; }
  /// Runs statements that give no rows of interest.
  void execute(const char* sql);
  std::int64_t query_number(const char* sql);
  std::string query_text(const char* sql);
  /// Throws StoreError if the file, or its log, was deleted or replaced since it was opened.
  void check_file() const;
  /// Which of them was; "": none.
  std::string lost_file() const;
  /// The log goes into the file and is emptied. Waits for nobody: false if a reader is in the way.
  bool empty_log();
  /// Ends every running statement and the transaction, if one is open. Never throws.
  void roll_back() noexcept;
  /// Damage that it meets makes the next start check the file, though the connection only reads.
  void accuse() { accuses_ = true; }
  /// Whether the file bears the mark of one that was closed in order: the first change takes it away.
  bool has_mark() const { return has_mark_; }
  void has_mark(bool has) { has_mark_ = has; }
  /// Throws the StoreError for a result code of SQLite.
  [[noreturn]] void fail(int code) const;

 private:
  std::filesystem::path file_;
  sqlite3* db_ = nullptr;
  bool accuses_ = false;
  bool has_mark_ = false;
};

/// Stands beside a state file in which damage was met: the next start checks all of it, however long that
/// takes.
std::filesystem::path suspicion_of(const std::filesystem::path& file);

/// A prepared statement. Text and blobs are bound without a copy: they must live until the statement is
/// reset.
class Statement {
 public:
  Statement(Connection& connection, std::string_view sql);
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, std::span<const std::uint8_t> bytes);
  Statement& bind_null(int index);

  /// True: a row is there. At the end the statement is reset.
  bool step();
  /// For statements without rows.
  void run();
  void reset() noexcept;

  bool is_null(int column) const;
  bool is_integer(int column) const;
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  std::span<const std::uint8_t> blob(int column) const;
  /// For a value that cannot be: throws the StoreError for a damaged file.
  [[noreturn]] void damaged() const;

 private:
  Connection* connection_;
  sqlite3_stmt* statement_ = nullptr;
};

/// Resets a statement when a scope ends, for loops that may be left early.
class StatementUse {
 public:
  explicit StatementUse(Statement& statement) : statement_(statement) {}
  StatementUse(const StatementUse&) = delete;
  StatementUse& operator=(const StatementUse&) = delete;
  ~StatementUse() { statement_.reset(); }

 private:
  Statement& statement_;
};

/// One view of the file for several statements, which are much cheaper within it than each on its own. Not to
/// be used inside a write transaction.
class ReadView {
 public:
  explicit ReadView(Connection& connection);
  ReadView(const ReadView&) = delete;
  ReadView& operator=(const ReadView&) = delete;
  ~ReadView() { connection_.roll_back(); }

 private:
  Connection& connection_;
};

/// A write transaction: rolled back unless committed. Every change of a file is one of these, since the first
/// of them says that the file is no longer as it was closed (see ClosingMark).
class SqlTransaction {
 public:
  explicit SqlTransaction(Connection& connection);
  SqlTransaction(const SqlTransaction&) = delete;
  SqlTransaction& operator=(const SqlTransaction&) = delete;
  ~SqlTransaction();
  void commit();

 private:
  Connection& connection_;
  int changes_before_ = 0;
  bool open_ = true;
};

}  // namespace stibee_sync::store
