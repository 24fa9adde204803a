#include "stibee_sync/delivery/retry.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace stibee_sync::delivery {

namespace {

using domain::Duration;

constexpr std::size_t least_retries = 10;
constexpr std::size_t calls_per_retry = 10;
constexpr std::chrono::minutes budget_window{1};

bool within_budget(std::size_t retries, std::size_t calls) {
  return retries < std::max(least_retries, calls / calls_per_retry);
}

}  // namespace

domain::UtcTime retry_at(const domain::Outcome& outcome, int attempt, domain::UtcTime now,
                         const Random& random, const RetryPolicy& policy) {
  Duration wait;
  if (outcome.kind == domain::OutcomeKind::Throttled) {
    // Jitter comes on top of the least wait, so that all who were throttled together do not come back
    // together.
    wait = policy.throttled_base +
           domain::backoff(policy.throttled_base, policy.cap, attempt, domain::Jitter::Full, random());
    wait = std::min(wait, std::max(policy.cap, policy.throttled_base));
  } else {
    wait = domain::backoff(policy.base, policy.cap, attempt, domain::Jitter::Full, random());
  }
  if (outcome.retry_after) wait = std::min<Duration>(wait, RateLimiter::urgent_probe);
  return now + wait;
}

// ---- RetryBudget ---------------------------------------------------------------------------------------

void RetryBudget::forget_old(MonotonicTime now) {
  while (!calls_.empty() && calls_.front() + budget_window <= now)
    calls_.pop_front();
  while (!retries_.empty() && retries_.front() + budget_window <= now)
    retries_.pop_front();
}

bool RetryBudget::may_retry(MonotonicTime now) {
  forget_old(now);
  return within_budget(retries_.size(), calls_.size());
}

void RetryBudget::called(MonotonicTime now, bool is_retry) {
  forget_old(now);
  calls_.push_back(now);
  if (is_retry) retries_.push_back(now);
}

MonotonicTime RetryBudget::next_allowed(MonotonicTime now) {
  forget_old(now);
  MonotonicTime at = now;
  auto kept = calls_.cbegin();
  // One retry after the other drops out of the window, and with each the calls that are older than it. With
  // none left there is room in any case.
  for (auto retry = retries_.cbegin(); !within_budget(static_cast<std::size_t>(retries_.cend() - retry),
                                                      static_cast<std::size_t>(calls_.cend() - kept));
       ++retry) {
    at = *retry + budget_window;
    kept = std::upper_bound(calls_.cbegin(), calls_.cend(), *retry);
  }
  return at;
}

// ---- CircuitBreaker ------------------------------------------------------------------------------------

bool CircuitBreaker::may_call(MonotonicTime now) const {
  // Probing, too, ends: a probe whose end nobody reported must not close the road for good.
  return state_ == State::Closed || now >= probe_at_;
}

MonotonicTime CircuitBreaker::next_call(MonotonicTime now) const {
  return state_ == State::Closed ? now : std::max(now, probe_at_);
}

void CircuitBreaker::sent(MonotonicTime now) {
  if (state_ == State::Closed) return;
  state_ = State::Probing;
  probe_at_ = now + probe_interval;
}

CircuitBreaker::Change CircuitBreaker::succeeded() {
  const bool was_closed = state_ == State::Closed;
  reset();
  return was_closed ? Change::None : Change::Closed;
}

CircuitBreaker::Change CircuitBreaker::failed(MonotonicTime now) {
  if (failures_ < failures_to_open) ++failures_;
  switch (state_) {
    case State::Closed:
      if (failures_ < failures_to_open) return Change::None;
      state_ = State::Open;
      probe_at_ = now + probe_interval;
      return Change::Opened;
    case State::Open:
      // A call that was in flight when the circuit opened: the probe's time stands.
      return Change::None;
    case State::Probing:
      state_ = State::Open;
      probe_at_ = now + probe_interval;
      return Change::None;
  }
  std::abort();
}

CircuitBreaker::Change CircuitBreaker::unauthorised(MonotonicTime now) {
  const bool was_closed = state_ == State::Closed;
  if (state_ != State::Open) probe_at_ = now + probe_interval;
  state_ = State::Open;
  key_refused_ = true;
  return was_closed ? Change::Opened : Change::None;
}

void CircuitBreaker::reset() {
  state_ = State::Closed;
  key_refused_ = false;
  failures_ = 0;
}

std::string_view name(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::Closed:
      return "closed";
    case CircuitBreaker::State::Open:
      return "open";
    case CircuitBreaker::State::Probing:
      return "probing";
  }
  std::abort();
}

}  // namespace stibee_sync::delivery
