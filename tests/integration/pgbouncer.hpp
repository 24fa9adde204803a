#pragma once

#include "integration/postgres_cluster.hpp"

#include <string>
#include <string_view>
#include <sys/types.h>

namespace stibee_sync::testing {

/// PgBouncer in front of a cluster, gone with this object or with the process. In transaction mode its
/// clients get the server's connections in turn, a transaction at a time. Listens on a socket in the
/// cluster's directory. Throws std::runtime_error on any failure.
class PgBouncer {
 public:
  /// Whether the program is there (Debian: the package pgbouncer).
  static bool installed();

  explicit PgBouncer(const PostgresCluster& cluster, const std::string& mode = "transaction");
  ~PgBouncer();
  PgBouncer(const PgBouncer&) = delete;
  PgBouncer& operator=(const PgBouncer&) = delete;

  /// For libpq; `user` is one that the cluster lets in without a password.
  std::string url(std::string_view database, std::string_view user) const;

 private:
  void start(const std::string& settings);
  void await() const;

  std::string directory_;
  pid_t process_ = -1;
};

}  // namespace stibee_sync::testing
