#include "app/metrics_report.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace stibee_sync::app {

void show_in_metrics(telemetry::Metrics& metrics, const DaemonView& seen) {
  std::uint64_t suppressed = 0;
  for (const auto& mirror : seen.mirrors) {
    const auto& summary = mirror.summary;
    suppressed += mirror.suppressed;
    metrics.state(mirror.name, health_of(mirror, seen).state);
    metrics.paused(mirror.name, mirror.paused);
    metrics.source_members(mirror.name, summary.facts.last_rows);
    if (const auto& last = summary.milestones.last_delivery) metrics.last_delivery(mirror.name, *last);
    if (const auto last = last_success_of(mirror)) metrics.last_success(mirror.name, *last);
    if (const auto& last = summary.milestones.last_compared)
      metrics.last_compared(mirror.name, *last, summary.milestones.drift);
    if (mirror.condition && mirror.condition->feed.in_step)
      metrics.feed_lag(mirror.name,
                       std::max(domain::Duration::zero(), seen.now - *mirror.condition->feed.in_step));
    for (const auto status :
         {domain::RemoteStatus::Subscribed, domain::RemoteStatus::Unsubscribed,
          domain::RemoteStatus::OptedOut, domain::RemoteStatus::AutoDeleted, domain::RemoteStatus::Ready}) {
      const auto found = summary.people.find(status);
      const auto label = telemetry::label_from<telemetry::PersonStatus>(domain::name(status));
      if (label)
        metrics.mirrored_members(mirror.name, *label, found == summary.people.end() ? 0 : found->second);
    }
    for (const auto lane : domain::all_lanes) {
      // Who waits in the state of a daemon that stands by waits for another one, which tells of them.
      const auto found = mirror.stands_by ? summary.pending.end() : summary.pending.find(lane);
      const auto label = telemetry::label_from<telemetry::LaneLabel>(domain::name(lane));
      if (!label) continue;
      if (found == summary.pending.end()) {
        metrics.pending(mirror.name, *label, 0, std::nullopt);
      } else {
        metrics.pending(mirror.name, *label, found->second.people, found->second.oldest);
      }
    }
    std::vector<std::pair<std::string, std::uint64_t>> parked(summary.parked.begin(), summary.parked.end());
    metrics.parked(mirror.name, parked);
    for (const auto held :
         {telemetry::GuardClass::Removals, telemetry::GuardClass::Optouts,
          telemetry::GuardClass::Resubscribes, telemetry::GuardClass::Updates, telemetry::GuardClass::Adds}) {
      std::uint64_t count = 0;
      for (const auto& hold : summary.holds) {
        if (!mirror.stands_by && hold.change_class == telemetry::name(held)) count = hold.count;
      }
      metrics.guard_held(mirror.name, held, count);
    }
  }
  for (const auto& limiter : seen.dispatch->limiters) {
    const auto label = telemetry::label_from<telemetry::LimiterLabel>(delivery::name(limiter.limiter_class));
    if (label) metrics.limiter_calls(*label, limiter.current);
  }
  metrics.suppressed_people(suppressed);
}

}  // namespace stibee_sync::app
