#pragma once

#include "stibee_sync/domain/time.hpp"

#include <memory>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::runtime {

using domain::MonotonicTime;
using domain::UtcTime;

/// One waiter, any number of wakers, all on the loop thread.
class Timer {
 public:
  virtual ~Timer() = default;
  /// Returns at `deadline`, or earlier when woken. A wake that came while nobody waited counts once.
  virtual boost::asio::awaitable<void> wait_until(MonotonicTime deadline) = 0;
  virtual void wake() = 0;
};

/// Time made injectable: the daemon's is the system's, the simulation's is virtual. Thread-safe but for
/// timers.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime monotonic() const = 0;
  virtual UtcTime utc() const = 0;
  virtual std::unique_ptr<Timer> make_timer() = 0;
};

/// "Never", for `wait_until`.
inline constexpr MonotonicTime forever = MonotonicTime::max();

}  // namespace stibee_sync::runtime
