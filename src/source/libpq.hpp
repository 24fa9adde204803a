#pragma once

#include "interrupt.hpp"
#include "stibee_sync/source/source.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;

/// What libpqxx 6 cannot do for us, and the only place that speaks libpq: connecting with a deadline and an
/// interrupt, the stream of a COPY, and what PostgreSQL said in the parts that libpqxx throws away. One
/// thread.
namespace stibee_sync::source::libpq {

using PGconn = ::pg_conn;

struct Finish {
  void operator()(PGconn* connection) const;
};
using Handle = std::unique_ptr<PGconn, Finish>;

/// Connects within the time-out. Throws Failure.
Handle connect(const Connection& connection, const Interrupt& interrupt);

/// True in a transaction that has not failed.
bool in_transaction(const PGconn* connection);
/// A value the server reports by itself, "" if it does not.
std::string parameter(const PGconn* connection, const char* name);

/// What PostgreSQL answered to a command.
struct Answer {
  bool succeeded = false;
  std::string sqlstate;             // of a refusal; "": the connection was lost
  std::string text;                 // its primary message, not sanitised
  std::size_t position = 0;         // the character, from 1, that it is about; 0 if none
  std::string command;              // the tag of what succeeded: COMMIT, UPDATE 1
  std::optional<std::size_t> rows;  // nothing if the command does not count
  std::string value;                // the first of a single row
};

/// Several commands are one transaction; the last answer counts.
Answer execute(PGconn* connection, const std::string& commands);
/// One statement. Text ends at a NUL.
Answer execute(PGconn* connection, const std::string& statement,
               const std::vector<std::optional<std::string>>& parameters);
/// Lets PostgreSQL parse and check a statement.
Answer prepare(PGconn* connection, const std::string& statement);

/// PostgreSQL ended a COPY with an error, or the connection did (then there is no SQLSTATE). Its words are
/// not kept: they quote rows.
struct CopyFailed {
  std::string sqlstate;
};

/// The rows of one `COPY … TO STDOUT`, straight from libpq: libpqxx's stream_from copies each row, reads an
/// abandoned stream to its end, and leaks a result when the connection is lost. One thread; the connection
/// outlives it.
class CopyStream {
 public:
  /// Starts the COPY and waits for its first answer. Throws CopyFailed.
  CopyStream(PGconn* connection, const std::string& copy);

  /// The next row without its line feed, valid until the next call; false at the true end, which is that
  /// PostgreSQL confirmed the command and the number of rows it sent. Throws CopyFailed.
  bool next(std::string_view& line);

 private:
  struct FreeRow {
    void operator()(char* row) const;
  };
  void finish();

  PGconn* connection_;
  std::unique_ptr<char, FreeRow> row_;
  std::size_t rows_ = 0;
};

}  // namespace stibee_sync::source::libpq
