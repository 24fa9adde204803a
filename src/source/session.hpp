#pragma once

#include "libpq.hpp"

#include <memory>
#include <string>

#include <pqxx/pqxx>

namespace stibee_sync::source {

/// The SQLSTATE of what libpqxx threw, which it keeps in some of its exceptions and forgets in others; "" if
/// there is none.
std::string sqlstate_of(const pqxx::failure& failure);

/// One connection to PostgreSQL, made once: when it is lost it stays lost (libpqxx 6 would reconnect by
/// itself and lose the session's settings). One thread; `interrupt` ends its calls.
class Session {
 public:
  /// Connects within the time-out. Throws Failure.
  Session(const Connection& connection, Interrupt& interrupt);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  pqxx::connection_base& connection();
  /// For what libpqxx has no name for.
  libpq::PGconn* raw() { return raw_; }
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
  libpq::PGconn* raw_ = nullptr;  // owned by connection_
  class AdoptedConnection;        // its base class has no virtual destructor
  std::unique_ptr<AdoptedConnection> connection_;
};

}  // namespace stibee_sync::source
