#include "stibee_sync/telemetry/health.hpp"

#include <algorithm>
#include <string>

namespace stibee_sync::telemetry {

Health::Loop* Health::find(std::string_view loop) {
  const auto at = std::ranges::find(loops_, loop, &Loop::name);
  return at == loops_.end() ? nullptr : &*at;
}

void Health::expect(std::string_view loop, Duration deadline, Time now) {
  if (Loop* known = find(loop)) {
    known->deadline = deadline;
    known->due = now + deadline;
    return;
  }
  loops_.push_back({.name = std::string(loop), .deadline = deadline, .due = now + deadline});
}

void Health::forget(std::string_view loop) {
  std::erase_if(loops_, [loop](const Loop& known) { return known.name == loop; });
}

void Health::beat(std::string_view loop, Time now, std::optional<Duration> next_within) {
  if (Loop* known = find(loop)) known->due = now + next_within.value_or(known->deadline);
}

Health::Status Health::live(Time now) const {
  Status status;
  for (const Loop& loop : loops_) {
    if (now <= loop.due) continue;
    const auto late = std::chrono::ceil<std::chrono::seconds>(now - loop.due);
    status.problems.push_back("the loop \"" + loop.name + "\" is " + std::to_string(late.count()) +
                              " s overdue");
  }
  status.ok = status.problems.empty();
  return status;
}

Health::Status Health::ready() const {
  Status status;
  if (!config_loaded_) status.problems.emplace_back("the configuration is not loaded");
  if (!state_open_) status.problems.emplace_back("the state is not open");
  if (!state_trouble_.empty()) status.problems.push_back("the state: " + state_trouble_);
  if (stopping_) status.problems.emplace_back("the daemon is stopping");
  status.ok = status.problems.empty();
  return status;
}

}  // namespace stibee_sync::telemetry
