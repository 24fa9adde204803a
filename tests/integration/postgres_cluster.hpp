#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace stibee_sync::testing {

class PostgresCluster;

/// How a throw-away cluster is made.
struct ClusterOptions {
  bool tcp = false;                             // also listen on 127.0.0.1, with passwords (SCRAM)
  bool tls = false;                             // with tcp: a self-signed certificate
  bool fresh = false;                           // its own initdb, and so its own system identifier
  std::map<std::string, std::string> settings;  // for postgresql.conf, values as written there
  const PostgresCluster* standby_of = nullptr;  // a hot standby that streams from that one
};

/// A PostgreSQL cluster of the test's own, in a directory under /tmp, gone with this object or with the
/// process, however that ends. Listens on a Unix socket (superuser `postgres`, no password). Works as root,
/// where the server runs as `postgres` or `nobody`, and as an ordinary user. Throws std::runtime_error on any
/// failure.
class PostgresCluster {
 public:
  using Rows = std::vector<std::vector<std::optional<std::string>>>;

  explicit PostgresCluster(ClusterOptions options = {});
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  /// The cluster of this test program, made at the first call. Give each test a database of its own.
  static PostgresCluster& shared();

  /// For libpq, over the socket.
  std::string url(std::string_view database = "postgres", std::string_view user = "postgres") const;
  /// Over TCP; without a password.
  std::string tcp_url(std::string_view database = "postgres", std::string_view user = "postgres") const;
  int port() const { return port_; }
  const std::string& directory() const { return directory_; }

  /// Makes a database with a name that no other has, and returns the name. `options` as in CREATE DATABASE.
  std::string create_database(std::string_view options = "");
  /// Runs one or more statements on a connection of its own; the rows of the last one.
  Rows execute(const std::string& sql, std::string_view database = "postgres") const;
  /// The only value of the only row; "" for NULL.
  std::string value(const std::string& sql, std::string_view database = "postgres") const;

  /// A standby: replays nothing more of what its primary writes from now on.
  void cut_replication();
  /// A standby becomes a primary.
  void promote();
  void start();
  void stop();     // fast: open transactions are rolled back
  void restart();  // stop and start
  void kill();     // immediate: as after a crash

 private:
  void initialise();
  void configure();
  void make_certificate();
  void start_reaper();
  void run(const std::vector<std::string>& command) const;
  std::string binary(const std::string& name) const { return binaries_ + "/" + name; }

  ClusterOptions options_;
  std::string binaries_;
  std::string directory_;
  std::string data_;
  int port_ = 5432;
  bool running_ = false;
  std::optional<std::pair<uid_t, gid_t>> server_user_;  // when we are root
  int reaper_pipe_ = -1;
  pid_t reaper_ = -1;
  int databases_ = 0;
};

}  // namespace stibee_sync::testing
