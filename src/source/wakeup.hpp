#pragma once

#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace stibee_sync::source {

/// What a thread that waits in poll is woken by, from any other.
class Wakeup {
 public:
  Wakeup() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~Wakeup() { ::close(fd_); }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void ring() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto ignored = ::write(fd_, &one, sizeof one);
  }
  /// Until it rings, `socket` is readable, or the time is over; < 0: no limit.
  void wait(int socket, int timeout) {
    pollfd fds[] = {{fd_, POLLIN, 0}, {socket, POLLIN, 0}};
    ::poll(fds, 2, timeout);
    std::uint64_t drained = 0;
    [[maybe_unused]] const auto ignored = ::read(fd_, &drained, sizeof drained);
  }

 private:
  int fd_;
};

}  // namespace stibee_sync::source
