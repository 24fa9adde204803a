#include "stibee_sync/pipeline/dispatch.hpp"

#include <algorithm>
#include <utility>

// When which call may go out.

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using runtime::MonotonicTime;

namespace {

/// Attempts of a class keep this distance at most; a slot that is free that soon is as good as free.
constexpr std::chrono::milliseconds short_wait{20};
/// A connection held that long may be closed by the other end.
constexpr std::chrono::seconds longest_unused{5};

}  // namespace

delivery::FreeSlots Dispatch::free_slots(MonotonicTime now) const {
  delivery::FreeSlots free;
  for (const auto limiter_class : delivery::limiter_classes_of(dialect_)) {
    free.set(limiter_class, {.spare = caller_.next_call(limiter_class, Urgency::Spare, now) <= now,
                             .ordinary = caller_.next_call(limiter_class, Urgency::Ordinary, now) <= now,
                             .urgent = caller_.next_call(limiter_class, Urgency::Urgent, now) <= now});
  }
  return free;
}

MonotonicTime Dispatch::all_distant(MonotonicTime now) const {
  auto latest = now;
  for (const auto limiter_class : delivery::limiter_classes_of(dialect_)) {
    const auto free = caller_.next_call(limiter_class, Urgency::Ordinary, now);
    if (free <= now + short_wait) latest = std::max(latest, free);
  }
  return latest;
}

std::set<Dispatch::Need> Dispatch::all_needs() const {
  std::set<Need> needs;
  for (const auto limiter_class : delivery::limiter_classes_of(dialect_)) {
    for (const auto urgency : {Urgency::Ordinary, Urgency::Urgent})
      needs.emplace(limiter_class, urgency);
  }
  return needs;
}

MonotonicTime Dispatch::first_slot(const std::set<Need>& needs, MonotonicTime now) const {
  auto first = runtime::forever;
  for (const auto& [limiter_class, urgency] : needs)
    first = std::min(first, caller_.next_call(limiter_class, urgency, now));
  return first;
}

asio::awaitable<void> Dispatch::wait_for_slot(std::set<Need> needs, MonotonicTime until) {
  const auto began = services_.clock.monotonic();
  const auto slot = first_slot(needs, began);
  if (slot > began + longest_unused) caller_.disconnect();
  std::optional<delivery::LimiterClass> waited_for;
  for (const auto& [limiter_class, urgency] : needs) {
    if (caller_.limited(limiter_class, urgency, began) &&
        caller_.next_call(limiter_class, urgency, began) == slot) {
      waited_for = limiter_class;
      break;
    }
  }
  co_await timer_->wait_until(std::min(slot, until));
  if (!waited_for) co_return;
  if (const auto label = telemetry::label_from<telemetry::LimiterLabel>(delivery::name(*waited_for)))
    services_.metrics.limiter_wait(*label, services_.clock.monotonic() - began);
}

}  // namespace stibee_sync::pipeline
