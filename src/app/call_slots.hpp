#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/delivery/rate_limiter.hpp"
#include "stibee_sync/runtime/clock.hpp"
#include "stibee_sync/settings/settings.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stibee_sync::app {

inline constexpr std::chrono::seconds longest_wait_for_slot{10};

/// Why there is no slot.
struct NoSlot {
  NoSlot(std::string words, bool stands_by) : why(std::move(words)), standby(stands_by) {}
  std::string why;
  bool standby = false;  // the daemon here does not lead: that is no trouble, but Stibee cannot be asked
};

/// Room in the rate limit for calls that a command makes itself. A running daemon lends it, so that both
/// together stay within the limit; where none runs, or it makes no calls of that class (the file names
/// another API by now), what was logged in the state is known. On the loop thread, which it blocks while the
/// daemon is asked; the references outlive it.
class CallSlots {
 public:
  CallSlots(const settings::Settings& settings, runtime::Clock& clock) : settings_(settings), clock_(clock) {}

  /// Waits until a call of this class may go out, `patience` at most; it is to be made at once. Otherwise
  /// says why not: at once, if Stibee wants no calls for longer (Retry-After). Prints and throws Exit if
  /// daemon or state may not be asked.
  boost::asio::awaitable<std::optional<NoSlot>> take(delivery::LimiterClass limiter_class,
                                                     domain::Duration patience = longest_wait_for_slot);

  /// Stibee wants no calls of the class for so long.
  void hold(delivery::LimiterClass limiter_class, domain::Duration wait);

  /// A daemon that starts from now on does not know of calls that no daemon has lent. Until then that could
  /// hurt: for short windows until they are over; for the long ones of API v2 only after many calls.
  runtime::MonotonicTime unknown_until() const;
  /// Waits until then.
  boost::asio::awaitable<void> leave();

 private:
  void know_own();
  std::optional<NoSlot> why_held(delivery::LimiterClass limiter_class) const;

  const settings::Settings& settings_;
  runtime::Clock& clock_;
  std::map<delivery::LimiterClass, delivery::RateLimiter>
      own_;                                                 // empty until it is known that no daemon lends
  std::map<delivery::LimiterClass, domain::UtcTime> held_;  // until when Stibee wants no calls
  std::map<delivery::LimiterClass, std::vector<runtime::MonotonicTime>> sent_;
};

}  // namespace stibee_sync::app
