#pragma once

#include "stibee_sync/domain/rate.hpp"
#include "stibee_sync/domain/time.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace stibee_sync::delivery {

using domain::MonotonicTime;  // passed in, so that the room has no clock
using domain::Rate;

/// Sliding-window log: never more than `rate.calls` attempts in ANY window, also seen from the server's end.
/// A call counts there some time after we sent it; so a slot is free again one window (and a margin for the
/// server's coarse clock) after the call was answered, or after `sent + slack`, whichever is earlier. A call
/// that takes longer than its fastest neighbours may have been late on its way there, so its slack grows by
/// that much: by all of it while most others are about equally fast, else within a bound, since a server
/// whose time varies must not cost throughput for good. `take` is therefore to be called when the connection
/// is ready, just before the first byte. Attempts that follow each other are at least `spread` apart. A
/// throttled answer halves the rate (never under 1 a window; the answers of calls that were in flight
/// together count once), and it creeps back by one tenth of the limit per window without one. Pure: time is
/// passed in and never goes back. Not thread-safe.
class RateLimiter {
 public:
  struct Attempt {
    std::size_t id = 0;
  };
  /// How often a probe goes out while the server wants none: for an opt-out that waits, and for the rest.
  static constexpr std::chrono::minutes urgent_probe{1};
  static constexpr std::chrono::minutes ordinary_probe{15};

  explicit RateLimiter(Rate limit);
  /// The earliest time at which the next call may go out (≤ now: at once). The last `kept_free` slots of a
  /// window are left to others, but never all of them. While it is held, one call each `probe_every` may go
  /// out even so.
  MonotonicTime next_slot(MonotonicTime now, std::size_t kept_free = 0,
                          std::chrono::nanoseconds probe_every = std::chrono::nanoseconds::max()) const;
  /// The call goes out now.
  Attempt take(MonotonicTime now);
  /// Its answer (or its failure) is there.
  void answered(Attempt attempt, MonotonicTime now);
  void throttled(MonotonicTime now);
  /// Nothing before `until` (Retry-After), but for probes.
  void hold_until(MonotonicTime now, MonotonicTime until);
  /// A call that went out at `sent` was not turned away: whoever held it does no longer. Whether it was held.
  bool release(MonotonicTime sent);
  /// Until when it is held; nullopt: it is not.
  std::optional<MonotonicTime> held_until(MonotonicTime now) const;
  /// Attempts of an earlier life, as times of this life's clock: when they were about to be sent.
  void restore(const std::vector<MonotonicTime>& attempts);
  void set_limit(Rate limit);
  Rate limit() const { return limit_; }
  /// Calls per window allowed right now (lower than the limit while throttled).
  std::size_t current(MonotonicTime now) const;
  /// Slots of the window that ends now which calls have taken.
  std::size_t used(MonotonicTime now) const;

 private:
  struct Entry {
    MonotonicTime sent;
    MonotonicTime counted;  // at the latest, as far as is known
    bool answered = false;
  };
  std::chrono::nanoseconds slack() const;
  std::chrono::nanoseconds most_delay() const;
  std::chrono::nanoseconds unsteady_delay() const;
  bool is_steady() const;
  MonotonicTime counted_at(const Entry& entry, MonotonicTime now) const;
  std::chrono::nanoseconds spread() const;
  std::chrono::nanoseconds margin() const;
  MonotonicTime free_again(const Entry& entry, MonotonicTime now) const;
  double allowed(MonotonicTime now) const;
  void forget_old(MonotonicTime now);

  Rate limit_;
  std::deque<Entry> entries_;  // of attempts first_id_, first_id_ + 1, …
  std::size_t first_id_ = 1;
  std::deque<std::chrono::nanoseconds> took_;  // of the last answers
  std::chrono::nanoseconds fastest_{};         // of `took_`
  bool steady_ = false;                        // most of them are about as fast
  MonotonicTime last_sent_{};
  bool sent_any_ = false;
  MonotonicTime held_since_{};
  MonotonicTime held_until_{};
  MonotonicTime probed_{};  // since it is held; at first when that began
  // While throttled: what was allowed at `throttled_at_`.
  bool throttled_ = false;
  double allowed_at_throttle_ = 0;
  MonotonicTime throttled_at_{};
  MonotonicTime halved_at_{};
};

}  // namespace stibee_sync::delivery
