#pragma once

#include "interrupt.hpp"
#include "stibee_sync/source/source.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;

/// The only place that speaks libpq. Not through libpqxx 6, which waits for an answer for ever, forgets the
/// SQLSTATE of what it takes for a lost connection (that of a foreign server behind a table, say), and makes
/// a lost connection anew by itself. One thread.
namespace stibee_sync::source::libpq {

using PGconn = ::pg_conn;

struct Finish {
  void operator()(PGconn* connection) const;
};
using Handle = std::unique_ptr<PGconn, Finish>;

/// What ends every wait for PostgreSQL, with a Failure: a request, or so long a time without a byte. Neither
/// keep-alives nor TCP's own time-outs notice a backend that hangs, or a pooler that has no session to give.
struct Wait {
  const Interrupt* interrupt = nullptr;  // outlives it
  std::chrono::milliseconds longest_silence{0};
};

/// Connects within the time-out. Throws Failure.
Handle connect(const Connection& connection, const Interrupt& interrupt);

bool usable(const PGconn* connection);
int socket_of(const PGconn* connection);
/// Major × 10000 + minor.
int version(const PGconn* connection);
/// True in a transaction that has not failed.
bool in_transaction(const PGconn* connection);
/// A value the server reports by itself, "" if it does not.
std::string parameter(const PGconn* connection, const char* name);

struct Column {
  std::string name;
  unsigned type = 0;  // its oid
};
using Row = std::vector<std::optional<std::string>>;

/// What PostgreSQL answered to a command.
struct Answer {
  bool succeeded = false;
  bool fatal = false;               // the refusal ends the session
  std::string sqlstate;             // of a refusal; "": the connection was lost
  std::string text;                 // its primary message, not sanitised
  std::size_t position = 0;         // the character, from 1, that it is about; 0 if none
  std::string command;              // the tag of what succeeded: COMMIT, UPDATE 1
  std::optional<std::size_t> rows;  // nothing if the command does not count
  std::vector<Column> columns;
  std::vector<Row> table;
  std::string value;  // the first of a single row
};

/// Several commands are one transaction; the last answer counts. All of these throw Failure when the wait
/// ends.
Answer execute(PGconn* connection, const Wait& wait, const std::string& commands);
/// One statement. Text ends at a NUL.
Answer execute(PGconn* connection, const Wait& wait, const std::string& statement, const Row& parameters);
/// Lets PostgreSQL parse and check a statement.
Answer prepare(PGconn* connection, const Wait& wait, const std::string& statement);

/// PostgreSQL ended a COPY with an error, or the connection did (then there is no SQLSTATE). Its words are
/// not kept: they quote rows.
struct CopyFailed {
  std::string sqlstate;
};

/// The rows of one `COPY … TO STDOUT`. One thread; the connection outlives it.
class CopyStream {
 public:
  /// Starts the COPY and waits for its first answer. Throws CopyFailed, or Failure when the wait ends.
  CopyStream(PGconn* connection, Wait wait, const std::string& copy);

  /// The next row without its line feed, valid until the next call; false at the true end, which is that
  /// PostgreSQL confirmed the command and the number of rows it sent. Throws as the constructor does.
  bool next(std::string_view& line);

 private:
  struct FreeRow {
    void operator()(char* row) const;
  };
  void finish();

  PGconn* connection_;
  Wait wait_;
  std::unique_ptr<char, FreeRow> row_;
  std::size_t rows_ = 0;
};

}  // namespace stibee_sync::source::libpq
