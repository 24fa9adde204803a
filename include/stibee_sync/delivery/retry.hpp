#pragma once

#include "stibee_sync/delivery/rate_limiter.hpp"
#include "stibee_sync/domain/backoff.hpp"
#include "stibee_sync/domain/ledger.hpp"

#include <cstdint>
#include <deque>
#include <functional>

namespace stibee_sync::delivery {

/// Uniform in [0, 1); passed in, so that tests and the simulation can seed it.
using Random = std::function<double()>;

using domain::RetryPolicy;

/// Full jitter: uniform in [0, min(cap, base·2^(attempt-1))]; throttled: `throttled_base` plus as much again,
/// at most the cap. A `retry_after` of the outcome is kept by the limiter of its class, for everybody: who
/// was in the call waits no longer than for that one's next probe. `attempt` counts from 1 (the attempt that
/// just failed).
domain::UtcTime retry_at(const domain::Outcome& outcome, int attempt, domain::UtcTime now,
                         const Random& random, const RetryPolicy& policy = {});

/// Retried calls may be at most 10 % of the last minute's calls, but never under 10 a minute are allowed, so
/// that a broken server is not stormed. First attempts are always allowed. Pure; not thread-safe.
class RetryBudget {
 public:
  bool may_retry(MonotonicTime now);
  void called(MonotonicTime now, bool is_retry);
  /// When the next retry will be allowed, if not now.
  MonotonicTime next_allowed(MonotonicTime now);

 private:
  void forget_old(MonotonicTime now);
  std::deque<MonotonicTime> calls_;
  std::deque<MonotonicTime> retries_;
};

/// Opens after 10 calls in a row that failed (ServerTrouble), or at once when the key is refused; then lets
/// one probe through per 30 s. Throttling neither opens nor closes it. Pure; not thread-safe.
class CircuitBreaker {
 public:
  enum class State { Closed, Open, Probing };
  enum class Change { None, Opened, Closed };
  static constexpr int failures_to_open = 10;
  static constexpr std::chrono::seconds probe_interval{30};

  /// Whether a call may go out; in Open, true once the probe is due (the caller must then call `sent`).
  bool may_call(MonotonicTime now) const;
  /// The time from which `may_call` is true, if nothing else happens.
  MonotonicTime next_call(MonotonicTime now) const;
  void sent(MonotonicTime now);
  Change succeeded();
  Change failed(MonotonicTime now);
  Change unauthorised(MonotonicTime now);
  State state() const { return state_; }
  bool key_refused() const { return key_refused_; }
  /// The key or the address changed (reload): try again now.
  void reset();

 private:
  State state_ = State::Closed;
  bool key_refused_ = false;
  int failures_ = 0;
  MonotonicTime probe_at_{};
};

std::string_view name(CircuitBreaker::State state);  // "closed", "open", "probing"

}  // namespace stibee_sync::delivery
