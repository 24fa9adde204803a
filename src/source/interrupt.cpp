#include "interrupt.hpp"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace stibee_sync::source {

Interrupt::Interrupt() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Interrupt::~Interrupt() {
  unwatch();
  ::close(wake_);
}

Interrupt::Call::Call(Interrupt& interrupt) : interrupt_(interrupt) {
  const std::lock_guard lock(interrupt_.mutex_);
  interrupt_.requested_ = false;
  interrupt_.running_ = true;
  std::uint64_t drained = 0;
  [[maybe_unused]] const auto ignored = ::read(interrupt_.wake_, &drained, sizeof drained);
}

Interrupt::Call::~Call() {
  const std::lock_guard lock(interrupt_.mutex_);
  interrupt_.running_ = false;
}

void Interrupt::request() {
  const std::lock_guard lock(mutex_);
  if (!running_) return;
  requested_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto ignored = ::write(wake_, &one, sizeof one);
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
}

void Interrupt::hang_up() {
  const std::lock_guard lock(mutex_);
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
}

void Interrupt::watch(int socket) {
  const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw std::system_error(errno, std::generic_category(), "dup");
  unwatch();
  const std::lock_guard lock(mutex_);
  socket_ = copy;
  // A request that came while the connection was being made has found no socket.
  if (running_ && requested_) ::shutdown(socket_, SHUT_RDWR);
}

void Interrupt::unwatch() {
  const std::lock_guard lock(mutex_);
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

}  // namespace stibee_sync::source
