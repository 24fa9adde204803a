#pragma once

#include "stibee_sync/runtime/clock.hpp"

#include <memory>

#include <boost/asio/io_context.hpp>

namespace stibee_sync::runtime {

/// Time that stands still while anything can be done and then leaps to the next deadline: a simulated hour
/// takes milliseconds, and the same seed gives the same run. One thread, and one clock for a context, which
/// outlives it.
class VirtualClock : public Clock {
 public:
  /// utc() is `zero` plus monotonic(), which begins at `now`. Not at zero: code that takes the epoch for
  /// "never" must not get away with it.
  VirtualClock(boost::asio::io_context& context, UtcTime zero,
               MonotonicTime now = MonotonicTime(std::chrono::hours(1)));
  ~VirtualClock() override;

  MonotonicTime monotonic() const override;
  UtcTime utc() const override;
  std::unique_ptr<Timer> make_timer() override;

  /// Runs the context until `until` (of this clock) or until nothing is left that could happen. True if time
  /// ran out.
  bool run_until(MonotonicTime until);
  /// When the next thing happens that only waits for time; `forever`: none does.
  MonotonicTime next() const;

  struct State;

 private:
  boost::asio::io_context& context_;
  State& state_;  // the context owns it
};

}  // namespace stibee_sync::runtime
