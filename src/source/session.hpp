#pragma once

#include "libpq.hpp"
#include "patience.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace stibee_sync::source {

/// Text ends at a NUL; nothing is NULL.
using Parameters = std::vector<std::optional<std::string>>;

/// What libpqxx tells of a command, and what it forgets to tell.
struct Answer : libpq::Answer {
  pqxx::result table;  // of what succeeded
};

/// PostgreSQL refused a statement, or the connection was lost (then there is no SQLSTATE).
struct StatementFailed {
  Answer answer;
};

/// What that means for whoever did not expect it.
SourceError meaning_of(const Answer& refusal);

/// One connection to PostgreSQL, made once: when it is lost it stays lost (libpqxx 6 would reconnect by
/// itself and lose the session's settings). libpqxx runs the statements. One thread; `interrupt` ends its
/// calls, and so does silence.
class Session {
 public:
  /// Connects within the time-out. Throws Failure or StatementFailed.
  Session(const Connection& connection, Interrupt& interrupt);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// What PostgreSQL answers, whatever it is. Several commands are one transaction; the last answer counts.
  /// Throws Failure when the wait for it ends.
  Answer execute(const std::string& commands);
  /// One statement.
  Answer execute(const std::string& statement, const Parameters& parameters);
  /// Lets PostgreSQL parse and check a statement.
  Answer prepare(const std::string& statement);
  /// The rows of one statement. Throws StatementFailed as well.
  pqxx::result rows(const std::string& statement, const Parameters& parameters = {});
  /// The same two for a statement that is asked again and again: it is planned once for the session, under a
  /// name of its own. (Not behind a pooler, which may hand out another session each time.)
  Answer planned(const std::string& name, const std::string& statement, const Parameters& parameters = {});
  pqxx::result planned_rows(const std::string& name, const std::string& statement,
                            const Parameters& parameters = {});
  /// For what has no rows. Throws StatementFailed as well.
  void run(const std::string& commands);
  libpq::CopyStream copy(const std::string& statement);

  /// The channels of the notifications that have come in since the last call, without waiting. Throws
  /// StatementFailed when the connection is lost.
  std::vector<std::string> notified();
  /// For poll: readable when something has come in.
  int socket() const;
  /// True if who answers is not who made the connection: there is a pooler in between. Asked once.
  bool pooled();

  bool usable() const;
  /// Usable, and nothing has come in while it was idle: a server that ends a session says so.
  bool quiet() const;
  /// True in a transaction that has not failed.
  bool in_transaction() const;
  /// A value the server reports by itself: server_version, server_encoding, …
  std::string parameter(const char* name) const;

 private:
  class AdoptedConnection;

  Session(libpq::Handle raw, const Connection& connection, Interrupt& interrupt);
  template <class Command>
  Answer ask(const Command& command);

  Interrupt& interrupt_;
  const libpq::Wait wait_;
  libpq::PGconn* raw_;  // owned by connection_
  libpq::Listener listener_;
  std::unique_ptr<AdoptedConnection> connection_;
  Patience patience_;
  // BEGIN and COMMIT are statements like others: what they carry, and what is answered to them, matters.
  std::unique_ptr<pqxx::nontransaction> transaction_;
  std::optional<bool> pooled_;
  std::set<std::string> planned_;
};

}  // namespace stibee_sync::source
