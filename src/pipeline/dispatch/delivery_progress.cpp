#include "pipeline/dispatch/call.hpp"
#include "stibee_sync/pipeline/dispatch.hpp"

#include <map>
#include <utility>

// How delivery fares, and that a burst is through.

namespace stibee_sync::pipeline {

using telemetry::Event;
using telemetry::Level;

DispatchCondition Dispatch::condition() const {
  DispatchCondition condition;
  condition.circuit = caller_.circuit().state();
  condition.key_refused = caller_.circuit().key_refused();
  condition.in_flight = caller_.in_flight();
  condition.calls = caller_.calls();
  condition.settled = settled_;
  condition.problem = caller_.problem();
  condition.limiters = caller_.limiters();
  const auto now = services_.clock.monotonic();
  for (const auto limiter_class : delivery::limiter_classes_of(dialect_)) {
    condition.limited = condition.limited || caller_.limited(limiter_class, Urgency::Ordinary, now);
    condition.urgent_limited =
        condition.urgent_limited || caller_.limited(limiter_class, Urgency::Urgent, now);
  }
  return condition;
}

DeliveryProgress Dispatch::progress(std::size_t mirror) const {
  const auto now = services_.clock.monotonic();
  auto progress = bursts_[mirror].progress(now);
  if (const auto& since = served_since_[mirror])
    progress.served = std::chrono::duration_cast<domain::Duration>(now - *since);
  return progress;
}

void Dispatch::note_arrivals(const Call& call, const Answer& answer, const Settled& settled) {
  const auto now = services_.clock.monotonic();
  auto& burst = bursts_[place_of(call.claimed.line.mirror)];
  for (const auto& [kind, count] : answer.arrived)
    burst.arrived(kind, count, now);
  burst.more_to_come(settled.more_to_come);
  if (settled.oldest) burst.waited(services_.clock.utc() - *settled.oldest);
  if (settled.through) burst.through(settled.imported, now);
  tell_bursts();
}

void Dispatch::close_bursts() {
  if (next_due_ && *next_due_ <= services_.clock.utc() + longest_backoff) return;
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    if (!paused_[i] && !blocked_[i] && refused(i).empty()) bursts_[i].idle(services_.clock.monotonic());
  }
}

void Dispatch::tell_bursts() {
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    if (const auto delivered = bursts_[i].tell(services_.clock.monotonic()))
      tell(*delivered, mirrors_[i].name);
  }
}

void Dispatch::tell(const Delivered& delivered, const std::string& mirror) {
  std::vector<telemetry::Field> fields{{"mirror", mirror}, {"people", delivered.all()}};
  for (const auto& [kind, count] : delivered.people)
    fields.emplace_back(domain::name(kind), count);
  fields.emplace_back("calls", delivered.calls);
  fields.emplace_back("seconds", delivered.took);
  fields.emplace_back("oldest_seconds", delivered.oldest);
  if (delivered.bursts > 1) fields.emplace_back("bursts", delivered.bursts);
  if (delivered.first_import) fields.emplace_back("first_import", true);
  services_.log.event(
      Level::Info, Event::DeliveryFinished,
      delivered.first_import ? "the first import is through" : "what had changed is delivered", fields);
}

}  // namespace stibee_sync::pipeline
