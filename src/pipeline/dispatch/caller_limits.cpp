#include "stibee_sync/pipeline/caller.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

// The limits: what still counts after a restart, and when the next call of a class may go out.

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using delivery::LimiterClass;
using runtime::MonotonicTime;

namespace {

/// No `Retry-After` is believed beyond this.
constexpr std::chrono::hours longest_hold{24 * 30};
/// Who becomes the one that works says so; this is for a moment in which nobody knows.
constexpr std::chrono::seconds look_again_whether_it_leads{1};

// Of so many calls a window, those that these leave to others.
std::size_t kept_from(Urgency urgency, LimiterClass limiter_class, std::size_t calls_per_window) {
  if (limiter_class != LimiterClass::Other) return 0;
  const auto kept_for_urgent = calls_per_window / 20;
  switch (urgency) {
    case Urgency::Spare:
      return kept_for_urgent + calls_per_window / 10;
    case Urgency::Ordinary:
      return kept_for_urgent;
    case Urgency::Urgent:
    case Urgency::Asking:
      return 0;
  }
  std::abort();
}

}  // namespace

std::string hold_of(LimiterClass limiter_class) {
  return "hold:" + std::string(delivery::name(limiter_class));
}

std::optional<domain::UtcTime> held_until(const std::vector<store::LoggedAttempt>& logged,
                                          LimiterClass limiter_class, domain::UtcTime now) {
  std::optional<domain::UtcTime> until;  // the last word counts
  for (const auto& entry : logged) {
    if (entry.limiter_class == hold_of(limiter_class)) until = entry.at;
  }
  return until && *until > now ? until : std::nullopt;
}

asio::awaitable<void> Caller::restore() {
  if (restored_) co_return;
  auto read = [](store::Store& store) { return store.logged_attempts(); };
  const auto logged = co_await services_.store.run(std::move(read));
  if (!logged) services_.store_failed(logged.error());
  if (restored_) co_return;  // somebody else did it meanwhile
  restored_ = true;
  const auto now = services_.clock.monotonic();
  if (!logged) {
    // Of what is not known the worst is assumed: that all calls of a window were made just now.
    for (auto& [limiter_class, limiter] : limiters_)
      limiter.restore(std::vector<MonotonicTime>(limiter.limit().calls, now));
    co_return;
  }
  for (auto& [limiter_class, limiter] : limiters_) {
    auto times = times_of(logged.value(), limiter_class, options_.boot_id, now);
    const auto limit = limiter.limit();
    // Nor is known what a window had room for beyond the log.
    const bool is_cut = times.size() >= store::most_logged_attempts && limit.calls > times.size() &&
                        *std::min_element(times.begin(), times.end()) > now - limit.window;
    if (is_cut) times.assign(limit.calls, now);
    limiter.restore(std::move(times));
  }
  restore_holds(logged.value());
}

void Caller::restore_holds(const std::vector<store::LoggedAttempt>& logged) {
  const auto now = services_.clock.monotonic();
  const auto utc = services_.clock.utc();
  for (auto& [limiter_class, limiter] : limiters_) {
    if (const auto until = held_until(logged, limiter_class, utc))
      limiter.hold_until(now, now + (*until - utc));
  }
}

void Caller::hold(LimiterClass limiter_class, domain::Duration wait) {
  const auto now = services_.clock.monotonic();
  wait = std::min<domain::Duration>(wait, longest_hold);
  limiters_.at(limiter_class).hold_until(now, now + wait);
  const auto until = services_.clock.utc() + wait;
  spawn(keep_hold(limiter_class, until, std::make_unique<Counted>(keeping_)));
}

void Caller::release(LimiterClass limiter_class, MonotonicTime sent) {
  if (!limiters_.at(limiter_class).release(sent)) return;
  const auto until = services_.clock.utc();
  spawn(keep_hold(limiter_class, until, std::make_unique<Counted>(keeping_)));
}

asio::awaitable<void> Caller::keep_hold(LimiterClass limiter_class, domain::UtcTime until,
                                        std::unique_ptr<Counted> keeping) {
  auto work = store::in_transaction(
      [entry = logged_now(limiter_class), limiter_class, until](store::Transaction& transaction) mutable {
        entry.limiter_class = hold_of(limiter_class);
        entry.at = until;
        transaction.log_attempt(entry);
      });
  const auto kept = co_await services_.store.run(std::move(work));
  if (!kept) services_.store_failed(kept.error());
  keeping.reset();
}

MonotonicTime Caller::next_slot(LimiterClass limiter_class, Urgency urgency, MonotonicTime now) const {
  const auto limiter = limiters_.find(limiter_class);
  if (limiter == limiters_.end()) return runtime::forever;
  const auto kept = kept_from(urgency, limiter_class, limiter->second.current(now));
  const auto probe_every = urgency == Urgency::Urgent ? delivery::RateLimiter::urgent_probe
                                                      : delivery::RateLimiter::ordinary_probe;
  return limiter->second.next_slot(now, kept, probe_every);
}

void Caller::inherit(const std::map<LimiterClass, std::size_t>& calls) {
  const auto now = services_.clock.monotonic();
  for (auto& [limiter_class, limiter] : limiters_) {
    const auto theirs = calls.find(limiter_class);
    if (theirs == calls.end()) continue;
    limiter.restore(std::vector<MonotonicTime>(std::min(theirs->second, limiter.limit().calls), now));
  }
}

MonotonicTime Caller::next_call(LimiterClass limiter_class, Urgency urgency, MonotonicTime now) const {
  if (!options_.leads()) return now + look_again_whether_it_leads;
  return std::max(next_slot(limiter_class, urgency, now),
                  circuits_.at(delivery::api_of(limiter_class)).next_call(now));
}

bool Caller::limited(LimiterClass limiter_class, Urgency urgency, MonotonicTime now) const {
  return next_slot(limiter_class, urgency, now) > now;
}

store::LoggedAttempt Caller::logged_now(LimiterClass limiter_class) const {
  store::LoggedAttempt attempt;
  attempt.limiter_class = delivery::name(limiter_class);
  attempt.at = services_.clock.utc();
  attempt.boot_id = options_.boot_id;
  attempt.since_boot_ns = services_.clock.monotonic().time_since_epoch().count();
  return attempt;
}

std::vector<LimiterCondition> Caller::limiters() const {
  const auto now = services_.clock.monotonic();
  std::vector<LimiterCondition> conditions;
  for (const auto& [limiter_class, limiter] : limiters_) {
    LimiterCondition condition;
    condition.limiter_class = limiter_class;
    condition.limit = limiter.limit().calls;
    condition.current = limiter.current(now);
    condition.used = limiter.used(now);
    condition.window = limiter.limit().window;
    if (const auto held = limiter.held_until(now))
      condition.held_until = services_.clock.utc() + std::chrono::ceil<domain::Duration>(*held - now);
    conditions.push_back(condition);
  }
  return conditions;
}

}  // namespace stibee_sync::pipeline
