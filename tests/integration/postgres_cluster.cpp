#include "integration/postgres_cluster.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <libpq-fe.h>
#include <memory>
#include <netinet/in.h>
#include <pwd.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stibee_sync::testing {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("throw-away PostgreSQL: " + what);
}

/// Ends the server and removes its directory when the pipe on standard input closes: when the test is gone.
constexpr const char* reaper_script = R"(
cat > /dev/null
[ -d "$1" ] || exit 0
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid" 2>/dev/null
  n=0
  # Where nobody buries orphans, an ended server stays as a zombie.
  while kill -0 "$pid" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$pid/status" && [ $n -lt 100 ]; do
    sleep 0.05
    n=$((n + 1))
  done
fi
rm -rf "$1"
)";

std::string find_binaries() {
  std::string best;
  int newest = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version > newest && fs::exists(entry.path() / "bin/initdb")) {
      newest = version;
      best = entry.path() / "bin";
    }
  }
  if (!best.empty()) return best;
  std::stringstream path(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
  for (std::string part; std::getline(path, part, ':');) {
    if (fs::exists(part + "/initdb")) return part;
  }
  fail("no initdb found; install the package postgresql");
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    fail("no free port");
  }
  ::close(fd);
  return ntohs(address.sin_port);
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

PostgresCluster::PostgresCluster(ClusterOptions options)
    : options_(std::move(options)), binaries_(find_binaries()) {
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr) user = ::getpwnam("nobody");
    if (user == nullptr) fail("no unprivileged user to run the server as");
    server_user_ = {user->pw_uid, user->pw_gid};
  }
  std::array<char, 32> name{"/tmp/stibee-pg-XXXXXX"};
  if (::mkdtemp(name.data()) == nullptr) fail("mkdtemp: " + std::string(std::strerror(errno)));
  directory_ = name.data();
  data_ = directory_ + "/data";
  ::chmod(directory_.c_str(), 0755);
  if (server_user_ && ::chown(directory_.c_str(), server_user_->first, server_user_->second) != 0)
    fail("chown");
  start_reaper();
  try {
    initialise();
    configure();
    start();
  } catch (...) {
    ::close(reaper_pipe_);  // the reaper removes what there is
    ::waitpid(reaper_, nullptr, 0);
    throw;
  }
}

PostgresCluster::~PostgresCluster() {
  // The reaper knows how to end everything, and does it without a failure mode of its own.
  ::close(reaper_pipe_);
  ::waitpid(reaper_, nullptr, 0);
}

PostgresCluster& PostgresCluster::shared() {
  static PostgresCluster cluster;
  return cluster;
}

void PostgresCluster::start_reaper() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  reaper_pipe_ = ends[1];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
  // Not the test's own output: whoever waits for its end must not wait for the reaper's.
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);  // outlives a signal to the test's process group
  std::array<std::string, 5> words{"sh", "-c", reaper_script, "sh", directory_};
  std::array<char*, 6> argv{};
  for (std::size_t i = 0; i < words.size(); ++i)
    argv[i] = words[i].data();
  const int result = ::posix_spawn(&reaper_, "/bin/sh", &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(ends[0]);
  if (result != 0) fail("cannot start the reaper");
}

void PostgresCluster::run(const std::vector<std::string>& command) const {
  const std::string output = directory_ + "/output";
  std::vector<char*> argv;
  for (const auto& word : command)
    argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    // Only async-signal-safe calls: other threads may hold locks.
    const int null = ::open("/dev/null", O_RDONLY);
    const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(null, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    if (server_user_ && (::setgid(server_user_->second) != 0 || ::setuid(server_user_->first) != 0))
      ::_exit(126);
    if (::chdir("/") != 0) ::_exit(126);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) fail(command[0] + " failed: " + contents(output) + contents(directory_ + "/log"));
}

void PostgresCluster::cut_replication() {
  execute("ALTER SYSTEM SET primary_conninfo = ''");
  execute("SELECT pg_reload_conf()");
  execute(
      "DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_wal_receiver) LOOP PERFORM pg_sleep(0.01); "
      "PERFORM pg_stat_clear_snapshot(); END LOOP; END $$");
}

void PostgresCluster::promote() {
  if (value("SELECT pg_promote()") != "t") fail("the standby was not promoted in time");
}

void PostgresCluster::initialise() {
  if (const auto* primary = options_.standby_of) {
    return run({binary("pg_basebackup"), "-h", primary->directory_, "-p", std::to_string(primary->port_),
                "-U", "postgres", "-D", data_, "-R", "-X", "stream", "-c", "fast", "--no-sync"});
  }
  const std::vector<std::string> initdb{binary("initdb"),
                                        "-D",
                                        data_,
                                        "-U",
                                        "postgres",
                                        "-A",
                                        "trust",
                                        "-E",
                                        "UTF8",
                                        "--locale=C.UTF-8",
                                        "--no-sync",
                                        "--no-instructions"};
  const fs::path keep = STIBEE_CLUSTER_TEMPLATES;
  const int lock =
      options_.fresh ? -1 : ::open((keep.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return run(initdb);
  // A copy takes a fraction of the time of initdb. One template for each version, made by whoever comes
  // first.
  ::flock(lock, LOCK_EX);
  const auto finished = keep / fs::path(binaries_).parent_path().filename();
  if (!fs::exists(finished)) {
    run(initdb);
    const auto part = finished.string() + ".part";
    fs::create_directories(keep);
    fs::remove_all(part);
    fs::copy(data_, part, fs::copy_options::recursive);
    fs::rename(part, finished);
  } else {
    fs::copy(finished, data_, fs::copy_options::recursive);
    if (server_user_) {
      ::lchown(data_.c_str(), server_user_->first, server_user_->second);
      for (const auto& entry : fs::recursive_directory_iterator(data_)) {
        if (::lchown(entry.path().c_str(), server_user_->first, server_user_->second) != 0) fail("chown");
      }
    }
  }
  ::close(lock);
}

void PostgresCluster::configure() {
  fs::permissions(data_, fs::perms::owner_all);
  if (options_.tcp) port_ = free_port();
  std::ofstream file(data_ + "/postgresql.conf", std::ios::app);
  file << "port = " << port_ << "\nunix_socket_directories = '" << directory_ << "'\nlisten_addresses = '"
       << (options_.tcp ? "127.0.0.1" : "") << "'\n"
       << "fsync = off\nfull_page_writes = off\nautovacuum = off\nshared_buffers = "
          "32MB\n"
       << "timezone = 'UTC'\nlog_timezone = 'UTC'\nlc_messages = 'C'\n";
  if (options_.tls) {
    make_certificate();
    file << "ssl = on\n";
  }
  for (const auto& [name, text] : options_.settings)
    file << name << " = " << text << "\n";
  std::ofstream access(data_ + "/pg_hba.conf");
  access << "local all all trust\nlocal replication all trust\n"
         << (options_.tcp ? "host all all 127.0.0.1/32 scram-sha-256\n" : "");
}

void PostgresCluster::make_certificate() {
  run({"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days",
       "2", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", data_ + "/server.key", "-out",
       data_ + "/server.crt"});
}

void PostgresCluster::start() {
  run({binary("pg_ctl"), "start", "-w", "-t", "60", "-D", data_, "-l", directory_ + "/log"});
  running_ = true;
}

void PostgresCluster::stop() {
  run({binary("pg_ctl"), "stop", "-w", "-m", "fast", "-D", data_});
  running_ = false;
}

void PostgresCluster::restart() {
  stop();
  start();
}

void PostgresCluster::kill() {
  run({binary("pg_ctl"), "stop", "-w", "-m", "immediate", "-D", data_});
  running_ = false;
}

std::string PostgresCluster::url(std::string_view database, std::string_view user) const {
  return "postgresql://" + std::string(user) + "@/" + std::string(database) + "?host=" + directory_ +
         "&port=" + std::to_string(port_);
}

std::string PostgresCluster::tcp_url(std::string_view database, std::string_view user) const {
  return "postgresql://" + std::string(user) + "@127.0.0.1:" + std::to_string(port_) + "/" +
         std::string(database);
}

std::string PostgresCluster::create_database(std::string_view options) {
  const auto name = "test_" + std::to_string(::getpid()) + "_" + std::to_string(++databases_);
  execute("CREATE DATABASE " + name + " " + std::string(options));
  return name;
}

PostgresCluster::Rows PostgresCluster::execute(const std::string& sql, std::string_view database) const {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
      PQconnectdb((url(database) + "&client_encoding=UTF8").c_str()), PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) fail(PQerrorMessage(connection.get()));
  PQsetNoticeReceiver(connection.get(), [](void*, const PGresult*) {}, nullptr);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()), PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
    fail(PQerrorMessage(connection.get()));
  }
  Rows rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      const int row = static_cast<int>(i);
      if (PQgetisnull(result.get(), row, column) != 0) {
        rows[i].emplace_back();
      } else {
        rows[i].emplace_back(PQgetvalue(result.get(), row, column));
      }
    }
  }
  return rows;
}

std::string PostgresCluster::value(const std::string& sql, std::string_view database) const {
  const auto rows = execute(sql, database);
  if (rows.size() != 1 || rows[0].size() != 1) fail("the statement does not return one value");
  return rows[0][0].value_or("");
}

}  // namespace stibee_sync::testing
