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
struct pg_result;

/// What libpqxx 6 cannot do for us, and the only place that speaks libpq: connecting with a deadline and an
/// interrupt, the stream of a COPY, and what PostgreSQL said in the parts that libpqxx throws away. One
/// thread.
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

/// Major × 10000 + minor.
int version(const PGconn* connection);
/// True in a transaction that has not failed.
bool in_transaction(const PGconn* connection);
/// A value the server reports by itself, "" if it does not.
std::string parameter(const PGconn* connection, const char* name);

int socket(const PGconn* connection);
/// Of the server, as the handshake told it; a pooler makes one up.
int server_process(const PGconn* connection);
/// Adds the channels of all notifications that have come in, in order; false if the connection was lost.
bool take_notifications(PGconn* connection, std::vector<std::string>& channels);

/// What PostgreSQL answered to a command, apart from its rows.
struct Answer {
  bool succeeded = false;
  bool fatal = false;               // the refusal ends the session
  std::string sqlstate;             // of a refusal; "": the connection was lost
  std::string text;                 // its primary message, not sanitised
  std::size_t position = 0;         // the character, from 1, that it is about; 0 if none
  std::string command;              // the tag of what succeeded: COMMIT, UPDATE 1
  std::optional<std::size_t> rows;  // nothing if the command does not count
};

/// Hears every answer that comes in on a connection, whoever asked. libpqxx keeps no SQLSTATE of what it
/// takes for a lost connection (that of a foreign server behind a table, say), no command tag and no
/// position.
class Listener {
 public:
  /// Lives as long as `connection` is asked anything.
  explicit Listener(PGconn* connection);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Before a command.
  void forget();
  /// The last answer that came in; of several commands, that of the one that failed. That the connection was
  /// lost is none.
  const Answer& heard() const { return answer_; }

  /// For libpq.
  void hear(pg_result* result);

 private:
  Answer answer_;
  bool refused_ = false;
};

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
