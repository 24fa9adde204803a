#include "stibee_sync/delivery/schedule.hpp"

#include <algorithm>
#include <cmath>

namespace stibee_sync::delivery {

namespace {

double per_second(const Limits& limits, LimiterClass limiter_class) {
  const auto rate = limits.find(limiter_class);
  if (rate == limits.end()) return 0;
  return static_cast<double>(rate->second.calls) / std::chrono::duration<double>(rate->second.window).count();
}

std::size_t divided_up(std::size_t dividend, std::size_t divisor) {
  return (dividend + divisor - 1) / divisor;
}

// People who may share a bulk call or take what the others leave of the single slots.
Schedule both_ways(std::size_t people, std::size_t other_singles, std::size_t per_bulk, const Rate& bulk,
                   double singles_per_second) {
  const double window = std::chrono::duration<double>(bulk.window).count();
  const double bulk_people_per_second = static_cast<double>(bulk.calls * per_bulk) / window;
  const auto alone = static_cast<double>(other_singles);
  Schedule schedule;
  schedule.seconds = std::max(alone / singles_per_second, (static_cast<double>(people) + alone) /
                                                              (bulk_people_per_second + singles_per_second));
  // Bulk slots come free once a window; while they are spent, people go alone.
  const double spare = singles_per_second - alone / schedule.seconds;
  const auto spare_per_window = static_cast<std::size_t>(std::max(0.0, std::floor(spare * window + 1e-6)));
  const std::size_t per_window = bulk.calls * per_bulk + spare_per_window;
  const std::size_t rest = people % per_window;
  const std::size_t bulk_of_rest = std::min(bulk.calls, divided_up(rest, per_bulk));
  schedule.calls = people / per_window * (bulk.calls + spare_per_window) + bulk_of_rest +
                   (rest - std::min(rest, bulk_of_rest * per_bulk));
  return schedule;
}

}  // namespace

void Load::add(const Dialect& dialect, const domain::Operation& operation, std::size_t people) {
  const auto alone = dialect.limiter_class(operation, 1);
  if (alone == dialect.limiter_class(operation, 2)) {
    calls[alone] += divided_up(people, dialect.max_people(operation));
  } else {
    either_way += people;
  }
}

Load& Load::operator+=(const Load& other) {
  for (const auto& [limiter_class, count] : other.calls)
    calls[limiter_class] += count;
  either_way += other.either_way;
  return *this;
}

Load load_of(const Dialect& dialect, const std::map<domain::Lane, std::size_t>& people) {
  Load load;
  for (const auto& [lane, count] : people) {
    domain::Operation operation;
    for (const auto kind : {domain::OperationKind::Unsubscribe, domain::OperationKind::Delete}) {
      if (domain::lane_of(kind) == lane) operation.kind = kind;
    }
    load.add(dialect, operation, count);
  }
  return load;
}

Schedule best_schedule(const Load& load, const Dialect& dialect, const Limits& limits, std::size_t few) {
  Schedule schedule;
  const domain::Operation subscribe;
  const auto alone = dialect.limiter_class(subscribe, 1);
  auto one_way = load.calls;
  const bool backlog = load.either_way > few;
  if (!backlog) one_way[alone] += load.either_way;
  for (const auto& [limiter_class, calls] : one_way) {
    schedule.calls += calls;
    const double rate = per_second(limits, limiter_class);
    if (rate > 0) schedule.seconds = std::max(schedule.seconds, static_cast<double>(calls) / rate);
  }
  const auto bulk = limits.find(dialect.limiter_class(subscribe, 2));
  if (!backlog || bulk == limits.end()) return schedule;
  const auto shared = both_ways(load.either_way, one_way[alone], dialect.max_people(subscribe), bulk->second,
                                per_second(limits, alone));
  schedule.calls += shared.calls;
  schedule.seconds = std::max(schedule.seconds, shared.seconds);
  return schedule;
}

}  // namespace stibee_sync::delivery
