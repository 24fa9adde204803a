#include "telemetry/log_sink.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

FdSink::FdSink(int fd) : fd_(fd), is_socket_(is_socket(fd)) {}

void FdSink::sink_it_(const spdlog::details::log_msg& msg) {
  buffer_.assign(msg.payload.data(), msg.payload.size());
  buffer_ += '\n';
  if (!write_all(buffer_)) ++failed_;
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
    const ssize_t written = is_socket_ ? send(fd_, bytes.data(), length, MSG_NOSIGNAL | MSG_DONTWAIT)
                                       : write(fd_, bytes.data(), length);
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
      return false;
    }
  }
  return true;
}

}  // namespace stibee_sync::telemetry
