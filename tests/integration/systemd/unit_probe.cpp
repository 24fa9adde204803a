// Stands in for the daemon inside its unit: does each thing the daemon needs, tries what the unit has to
// forbid, and behaves as a notify service. Says in one log line what is not as it should be, and then
// exits 70.
#include "stibee_sync/telemetry/log.hpp"
#include "stibee_sync/telemetry/service_manager.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <thread>
#include <time.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using namespace stibee_sync::telemetry;

constexpr std::uint16_t admin_port = 9464;

class Probe {
 public:
  explicit Probe(Log& log) : log_(log) {}

  void check(bool as_it_should_be, std::string_view what) {
    if (as_it_should_be) return;
    failed_ = true;
    log_.event(Level::Error, Event::SyncFailed, what, {{"errno", errno}});
  }
  bool failed() const { return failed_; }

 private:
  Log& log_;
  bool failed_ = false;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool can_open_socket(int family, int type) {
  const int fd = socket(family, type | SOCK_CLOEXEC, 0);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

bool can_map(int protection) {
  void* page = mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  munmap(page, 4096);
  return true;
}

bool can_write(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool written = write(fd, "x", 1) == 1 && fsync(fd) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
  close(fd);
  unlink(path.c_str());
  return written;
}

bool has_mode(const std::string& path, mode_t mode) {
  struct stat about{};
  return stat(path.c_str(), &about) == 0 && (about.st_mode & 07777) == mode && about.st_uid == geteuid();
}

bool can_resolve(const char* host) {
  addrinfo* found = nullptr;
  const bool resolved = getaddrinfo(host, "443", nullptr, &found) == 0;
  if (found != nullptr) freeaddrinfo(found);
  return resolved;
}

sockaddr_un local_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

int control_listener(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = local_address(path);
  const bool served = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                      chmod(path.c_str(), 0660) == 0 && listen(fd, 4) == 0;
  return served ? fd : -1;
}

// Root must be known as root on the control socket, although the unit has a user namespace of its own.
void answer_control(int listener) {
  const int fd = accept(listener, nullptr, nullptr);
  if (fd < 0) return;
  ucred peer{};
  socklen_t length = sizeof peer;
  const bool is_root = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == 0;
  const std::string_view report = is_root ? R"({"version":1,"mirrors":[]})" : "{}";
  [[maybe_unused]] const ssize_t sent = write(fd, report.data(), report.size());
  close(fd);
}

int ask_control(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = local_address(path);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 69;
  char report[256];
  const ssize_t count = read(fd, report, sizeof report);
  return count > 0 && write(STDOUT_FILENO, report, static_cast<std::size_t>(count)) == count ? 0 : 69;
}

void check_needs(Probe& probe, const std::string& config) {
  const std::string state = environment("STATE_DIRECTORY");
  const std::string credentials = environment("CREDENTIALS_DIRECTORY");
  probe.check(!first_line(config).empty(), "the configuration cannot be read");
  probe.check(!first_line(credentials + "/stibee_api_key").empty(), "the API key cannot be read");
  probe.check(!first_line(credentials + "/db_password").empty(), "the password cannot be read");
  probe.check(has_mode(state, 0700), "the state directory is not ours alone");
  probe.check(can_write(state + "/probe"), "the state directory cannot be written");
  probe.check(can_open_socket(AF_INET, SOCK_STREAM) && can_open_socket(AF_INET, SOCK_DGRAM),
              "no IPv4 socket");
  probe.check(can_open_socket(AF_INET6, SOCK_STREAM), "no IPv6 socket");
  probe.check(can_resolve("localhost"), "names cannot be looked up");
  probe.check(can_map(PROT_READ | PROT_WRITE), "no memory");
  probe.check(eventfd(0, EFD_CLOEXEC) >= 0 && timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) >= 0,
              "no event loop");
  std::thread([] {}).join();
}

void check_walls(Probe& probe) {
  rlimit core{};
  probe.check(geteuid() != 0, "runs as root");
  probe.check(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0, "a core dump is possible");
  probe.check(!can_write("/etc/stibee-syncd/probe"), "/etc can be written");
  probe.check(!can_write("/var/lib/probe"), "other programs' state can be written");
  probe.check(access("/home", R_OK) != 0, "/home can be read");
  probe.check(access("/proc/1/environ", F_OK) != 0, "other processes can be seen");
  probe.check(access("/proc/kallsyms", F_OK) != 0, "more of /proc than processes can be seen");
  probe.check(!can_open_socket(AF_PACKET, SOCK_RAW), "packet sockets can be opened");
  probe.check(!can_open_socket(AF_INET, SOCK_RAW), "raw sockets can be opened");
  probe.check(!can_open_socket(AF_VSOCK, SOCK_STREAM), "a socket family that nobody needs can be opened");
  probe.check(!can_map(PROT_READ | PROT_WRITE | PROT_EXEC), "memory can be written and executed");
  probe.check(unshare(CLONE_NEWUSER) != 0, "a namespace can be made");
  probe.check(setuid(0) != 0, "root can be regained");
  probe.check(access("/etc/stibee-syncd/credentials/stibee_api_key", R_OK) != 0,
              "the key's own file can be read");
}

int admin_listener() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(admin_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4) != 0)
    return -1;
  return fd;
}

void answer(int listener) {
  const int fd = accept(listener, nullptr, nullptr);
  if (fd < 0) return;
  char request[1024];
  constexpr std::string_view response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  if (read(fd, request, sizeof request) > 0) {
    [[maybe_unused]] const ssize_t sent = write(fd, response.data(), response.size());
  }
  close(fd);
}

std::chrono::microseconds monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::microseconds(now.tv_nsec / 1000);
}

int serve(Log& log, const ServiceManager& manager, int signals, int listener, int control) {
  const auto timeout = manager.watchdog_timeout();
  const auto feed_every = timeout ? std::chrono::duration_cast<std::chrono::milliseconds>(*timeout / 2) : 10s;
  for (;;) {
    pollfd events[] = {{.fd = signals, .events = POLLIN, .revents = 0},
                       {.fd = listener, .events = POLLIN, .revents = 0},
                       {.fd = control, .events = POLLIN, .revents = 0}};
    poll(events, 3, static_cast<int>(feed_every.count()));
    manager.feed_watchdog();
    if ((events[1].revents & POLLIN) != 0) answer(listener);
    if ((events[2].revents & POLLIN) != 0) answer_control(control);
    if ((events[0].revents & POLLIN) == 0) continue;
    signalfd_siginfo signal{};
    if (read(signals, &signal, sizeof signal) != sizeof signal) return 74;
    if (signal.ssi_signo == SIGTERM) {
      manager.stopping("stopping");
      log.event(Level::Info, Event::DaemonStopped, "stopped");
      return 0;
    }
    manager.reloading(monotonic());
    log.event(Level::Info, Event::DaemonReload, "reloaded");
    manager.ready("reloaded");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::string_view(argv[1]) != "--config") return 64;
  if (std::string_view(argv[3]) == "status") return ask_control("/run/stibee-syncd/control.sock");
  if (std::string_view(argv[3]) == "reload")
    return kill(std::stoi(environment("MAINPID")), SIGHUP) == 0 ? 0 : 69;
  if (std::string_view(argv[3]) != "run") return 64;
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGHUP);
  sigprocmask(SIG_BLOCK, &wanted, nullptr);
  const int signals = signalfd(-1, &wanted, SFD_CLOEXEC);

  Log log{LogOptions{}};
  log.event(Level::Info, Event::DaemonStart, "starting");
  if (first_line(argv[2]).find("no-such-key") != std::string::npos) {
    log.event(Level::Error, Event::ConfigInvalid, "unknown key");
    return 78;
  }
  const auto manager = ServiceManager::from_environment();
  Probe probe(log);
  check_needs(probe, argv[2]);
  check_walls(probe);
  probe.check(manager.listening(), "nobody to notify");
  probe.check(manager.watchdog_timeout().has_value(), "no watchdog");
  const int listener = admin_listener();
  probe.check(listener >= 0, "the admin port cannot be listened on");
  const int control = control_listener(environment("RUNTIME_DIRECTORY") + "/control.sock");
  probe.check(control >= 0, "no socket can be made in the runtime directory");
  if (probe.failed()) return 70;

  log.event(Level::Info, Event::DaemonReady, "ready");
  manager.ready("probing");
  return serve(log, manager, signals, listener, control);
}
