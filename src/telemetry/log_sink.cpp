#include "telemetry/log_sink.hpp"

#include "telemetry/log_line.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace stibee_sync::telemetry {
namespace {

constexpr int look_up_every_ms = 100;  // how soon abandon() is noticed
// A pipe that poll() calls writable takes this much without blocking (PIPE_BUF).
constexpr std::size_t safe_write = 4096;

bool is_socket(int fd) {
  struct stat about{};
  return fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
}

}  // namespace

// ---- JournalSocket ---------------------------------------------------------------------------------------

JournalSocket::~JournalSocket() {
  disconnect();
}

void JournalSocket::disconnect() {
  if (const int fd = fd_.exchange(-1); fd >= 0) ::close(fd);
}

bool JournalSocket::connected() {
  if (fd_ >= 0) return true;
  sockaddr_un address{};
  if (path_.size() >= sizeof address.sun_path) return false;
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, path_.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return false;
  }
  fd_ = fd;
  return true;
}

bool JournalSocket::send(std::string_view entry, const std::atomic<bool>& give_up) {
  bool again = true;  // a journal that was restarted listens at the same path
  while (!give_up) {
    if (!connected()) return false;
    if (::send(fd_, entry.data(), entry.size(), MSG_NOSIGNAL) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd room{.fd = fd_, .events = POLLOUT, .revents = 0};
      poll(&room, 1, look_up_every_ms);
      continue;
    }
    if (errno == EMSGSIZE) return false;
    disconnect();
    if (!std::exchange(again, false)) return false;
  }
  return false;
}

bool JournalSocket::all_read() const {
  int waiting = 0;
  return fd_ < 0 || ::ioctl(fd_, SIOCOUTQ, &waiting) != 0 || waiting == 0;
}

// ---- FdSink ----------------------------------------------------------------------------------------------

FdSink::FdSink(int fd, const std::string& journal)
    : fd_(fd),
      is_socket_(is_socket(fd)),
      journal_(journal.empty() ? nullptr : std::make_unique<JournalSocket>(journal)) {}

void FdSink::wait_until_read(std::chrono::milliseconds limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (journal_ && !journal_->all_read() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

bool FdSink::write(std::string_view payload) {
  if (!journal_) {
    buffer_.assign(payload);
  } else if (journal_->send(payload, abandoned_)) {
    return true;
  } else {
    buffer_ = stream_form(payload);
  }
  buffer_ += '\n';
  return write_all(buffer_);
}

void FdSink::sink_it_(const spdlog::details::log_msg& msg) {
  if (!write({msg.payload.data(), msg.payload.size()})) ++failed_;
  {
    const std::lock_guard lock(mutex_);
    ++handled_;
  }
  handled_changed_.notify_all();
}

bool FdSink::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    if (abandoned_) return false;
    pollfd room{.fd = fd_, .events = POLLOUT, .revents = 0};
    const int ready = poll(&room, 1, look_up_every_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    if (ready < 0 || (room.revents & POLLNVAL) != 0) return false;
    const std::size_t length = std::min(bytes.size(), safe_write);
    // A reader that went away must not end the daemon: no SIGPIPE (for pipes the thread has it blocked).
    const ssize_t written = is_socket_ ? ::send(fd_, bytes.data(), length, MSG_NOSIGNAL | MSG_DONTWAIT)
                                       : ::write(fd_, bytes.data(), length);
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
      return false;
    }
  }
  return true;
}

}  // namespace stibee_sync::telemetry
