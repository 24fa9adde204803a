#pragma once

#include "failure.hpp"
#include "interrupt.hpp"
#include "relation.hpp"
#include "server_facts.hpp"
#include "session.hpp"
#include "stibee_sync/source/source.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <utility>
#include <variant>

namespace stibee_sync::source {

/// A sink's own exception on its way out of the room.
struct SinkThrew {
  std::exception_ptr cause;
};
/// Calls a caller's sink. Throws SinkThrew.
template <class Sink, class... Arguments>
void deliver(const Sink& sink, const Arguments&... arguments) {
  try {
    sink(arguments...);
  } catch (...) {
    throw SinkThrew{std::current_exception()};
  }
}

/// One connection, and on it the transactions in which a source is read: each with a snapshot of its own, and
/// with settings that are the transaction's, so that they hold behind a connection pooler too. One thread,
/// but for `cancel`.
class ReadTransaction {
 public:
  explicit ReadTransaction(Connection connection) : connection_(std::move(connection)) {}

  /// Runs `work`; whatever it throws becomes a value, apart from what a sink threw, and costs the connection.
  template <class Result, class Work>
  std::variant<Result, SourceError> guarded(const Work& work);
  void cancel() { interrupt_.request(); }
  bool connected() const { return session_ != nullptr && session_->usable(); }

  // All that follows is for `work`, and throws Failure and StatementFailed.

  /// The connection outside of any transaction. One that the server ended meanwhile is replaced.
  Session& connection();
  /// How many there were so far: another one may be of another server.
  std::size_t connections() const { return connections_; }
  /// Begins REPEATABLE READ READ ONLY; the snapshot is that of the first statement.
  Session& begin(const ReadPlan& plan);
  /// Finds out what the plan means, and what the server says of itself. `known`: what the plan meant before,
  /// where the table is known to be as it was then.
  ReadShape prepare(const ReadPlan& plan, const Resolved* known = nullptr);
  const Resolved& resolved() const { return resolved_; }
  /// Streams the rows of a SELECT that PostgreSQL has checked, and returns how many there were.
  template <class Row>
  std::size_t stream(const std::string& select, const Row& row);
  /// The last proof of a true end: PostgreSQL still holds the transaction open and unharmed, and ends it. The
  /// shape's time becomes that of now.
  void finish(ReadShape& shape);

 private:
  SourceError caught();
  SourceError of_sqlstate(const std::string& sqlstate) const;
  void start(const ReadPlan& plan);
  libpq::CopyStream copy(const std::string& select);
  void stop_if_cancelled() const;

  const Connection connection_;
  Interrupt interrupt_;
  std::unique_ptr<Session> session_;
  std::size_t connections_ = 0;
  Resolved resolved_;
  // Of this session's server.
  bool tells_position_ = true;
  bool told_identity_ = false;
  std::string time_zone_;   // it knows this one; "": not asked yet
  WalPosition wal_before_;  // the transaction
  std::chrono::steady_clock::time_point statement_began_;
  std::chrono::steady_clock::time_point told_at_;  // the server's time
};

template <class Result, class Work>
std::variant<Result, SourceError> ReadTransaction::guarded(const Work& work) {
  const Interrupt::Call call(interrupt_);
  statement_began_ = std::chrono::steady_clock::now();
  try {
    return work();
  } catch (const SinkThrew& thrown) {
    session_.reset();
    std::rethrow_exception(thrown.cause);
  } catch (const std::bad_alloc&) {
    session_.reset();
    throw;
  } catch (...) {
    return caught();
  }
}

template <class Row>
std::size_t ReadTransaction::stream(const std::string& select, const Row& row) {
  auto stream = copy(select);
  std::size_t rows = 0;
  std::string_view line;
  while (stream.next(line)) {
    stop_if_cancelled();
    row(line);
    ++rows;
  }
  return rows;
}

}  // namespace stibee_sync::source
