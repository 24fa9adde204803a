#include "integration/pgbouncer.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <libpq-fe.h>
#include <memory>
#include <sched.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stibee_sync::testing {
namespace {

constexpr const char* program = "/usr/sbin/pgbouncer";
/// Only part of the socket's name: it listens nowhere else.
constexpr const char* port = "6432";

std::string log_of(const std::string& directory) {
  std::ifstream file(directory + "/log");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

bool PgBouncer::installed() {
  return ::access(program, X_OK) == 0;
}

PgBouncer::PgBouncer(const PostgresCluster& cluster, const std::string& mode)
    : directory_(cluster.directory() + "/pgbouncer-XXXXXX") {
  if (::mkdtemp(directory_.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  const auto settings = directory_ + "/pgbouncer.ini";
  std::ofstream(directory_ + "/users") << "\"postgres\" \"\"\n\"mirror\" \"\"\n";
  std::ofstream(settings) << "[databases]\n* = host=" << cluster.directory() << " port=" << cluster.port()
                          << "\n[pgbouncer]\npool_mode = " << mode
                          << "\nlisten_addr =\nlisten_port = " << port << "\nunix_socket_dir = " << directory_
                          << "\nlogfile = " << directory_
                          << "/log\nauth_type = trust\nauth_file = " << directory_
                          << "/users\nserver_round_robin = 1\nmin_pool_size = 3\n";
  start(settings);
  try {
    await();
  } catch (...) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    throw;
  }
}

PgBouncer::~PgBouncer() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

/// It refuses to run as root, and runs as whoever runs the server.
void PgBouncer::start(const std::string& settings) {
  struct stat owner{};
  if (::stat(std::filesystem::path(directory_).parent_path().c_str(), &owner) != 0)
    throw std::runtime_error("no directory of the cluster");
  const bool other = ::geteuid() == 0;
  if (other && ::chown(directory_.c_str(), owner.st_uid, owner.st_gid) != 0)
    throw std::runtime_error("chown failed");
  ::chmod(directory_.c_str(), 0755);
  const pid_t parent = ::getpid();
  process_ = ::fork();
  if (process_ < 0) throw std::runtime_error("fork failed");
  if (process_ > 0) return;
  // Only async-signal-safe calls: other threads may hold locks.
  const int null = ::open("/dev/null", O_RDWR);
  for (const int end : {0, 1, 2})
    ::dup2(null, end);
  if (other && (::setgid(owner.st_gid) != 0 || ::setuid(owner.st_uid) != 0)) ::_exit(126);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(126);
  ::execl(program, program, settings.c_str(), nullptr);
  ::_exit(127);
}

void PgBouncer::await() const {
  while (true) {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
        PQconnectdb(url("postgres", "postgres").c_str()), PQfinish);
    if (PQstatus(connection.get()) == CONNECTION_OK) return;
    if (::waitpid(process_, nullptr, WNOHANG) != 0)
      throw std::runtime_error("pgbouncer has ended: " + log_of(directory_));
    ::sched_yield();
  }
}

std::string PgBouncer::url(std::string_view database, std::string_view user) const {
  return "postgresql://" + std::string(user) + "@/" + std::string(database) + "?host=" + directory_ +
         "&port=" + port;
}

}  // namespace stibee_sync::testing
