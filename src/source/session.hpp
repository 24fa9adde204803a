#pragma once

#include "libpq.hpp"

#include <string>

namespace stibee_sync::source {

/// PostgreSQL refused a statement, or the connection was lost (then there is no SQLSTATE).
struct StatementFailed {
  libpq::Answer answer;
};

/// One connection to PostgreSQL, made once: when it is lost it stays lost, since a new one would lack what
/// the old one's transaction had set. One thread; `interrupt` ends its calls, and so does silence.
class Session {
 public:
  /// Connects within the time-out. Throws Failure.
  Session(const Connection& connection, Interrupt& interrupt);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// What PostgreSQL answers, whatever it is. Throws Failure when the wait for it ends.
  libpq::Answer execute(const std::string& commands) const;
  libpq::Answer execute(const std::string& statement, const libpq::Row& parameters) const;
  libpq::Answer prepare(const std::string& statement) const;
  /// The rows of one statement. Throws StatementFailed as well.
  std::vector<libpq::Row> rows(const std::string& statement, const libpq::Row& parameters = {}) const;
  /// Its command, for what has no rows. Throws StatementFailed as well.
  void run(const std::string& commands) const;
  libpq::CopyStream copy(const std::string& statement) const;

  bool usable() const;
  /// Usable, and nothing has come in while it was idle: a server that ends a session says so.
  bool quiet() const;
  /// True in a transaction that has not failed.
  bool in_transaction() const;
  /// Major × 10000 + minor.
  int version() const;
  /// A value the server reports by itself: server_version, server_encoding, …
  std::string parameter(const char* name) const;

 private:
  Interrupt& interrupt_;
  libpq::Wait wait_;
  libpq::Handle raw_;
};

}  // namespace stibee_sync::source
