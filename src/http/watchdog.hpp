#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace stibee_sync::http {

using Deadline = std::chrono::steady_clock::time_point;

/// Calls a member function of its owner at a deadline, unless disarmed or armed anew before. It is a member
/// of the owner; a call that is already queued when the watchdog is disarmed does nothing.
class Watchdog {
 public:
  explicit Watchdog(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  template <typename Owner>
  void arm(Deadline deadline, std::weak_ptr<Owner> owner, void (Owner::*on_expiry)()) {
    const auto round = ++round_;
    timer_.expires_at(deadline);
    timer_.async_wait(
        [this, round, owner = std::move(owner), on_expiry](const boost::system::error_code& error) {
          if (error) return;
          // While the owner is alive, so is this member of it.
          if (const auto alive = owner.lock(); alive && round == round_) ((*alive).*on_expiry)();
        });
  }

  void disarm() {
    ++round_;
    timer_.cancel();
  }

 private:
  boost::asio::steady_timer timer_;
  std::uint64_t round_ = 0;
};

}  // namespace stibee_sync::http
