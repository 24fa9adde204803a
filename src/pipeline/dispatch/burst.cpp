#include "stibee_sync/pipeline/burst.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::pipeline {

using domain::MonotonicTime;

namespace {

domain::Duration between(MonotonicTime from, MonotonicTime to) {
  return std::chrono::duration_cast<domain::Duration>(to - from);
}

}  // namespace

std::size_t Delivered::all() const {
  std::size_t sum = 0;
  for (const auto& [kind, count] : people)
    sum += count;
  return sum;
}

void Delivered::add(const Delivered& other) {
  for (const auto& [kind, count] : other.people)
    people[kind] += count;
  calls += other.calls;
  bursts += other.bursts;
  took += other.took;
  oldest = std::max(oldest, other.oldest);
  first_import = first_import || other.first_import;
}

void Burst::called(MonotonicTime now) {
  if (!began_) began_ = now;
  ++running_.calls;
  ++calls_so_far_;
}

void Burst::arrived(domain::OperationKind kind, std::size_t people, MonotonicTime now) {
  if (people == 0) return;
  running_.people[kind] += people;
  people_so_far_ += people;
  last_arrival_[domain::lane_of(kind)] = now;
}

void Burst::waited(domain::Duration wait) {
  running_.oldest = std::max(running_.oldest, wait);
}

void Burst::through(bool first_import, MonotonicTime now) {
  if (!began_) return;
  auto ended = std::exchange(running_, {});
  ended.took = between(*std::exchange(began_, std::nullopt), now);
  ended.bursts = 1;
  ended.first_import = first_import;
  // Where nobody arrived there is nothing to tell: who is parked has a line of their own.
  if (ended.all() > 0) untold_.add(ended);
}

void Burst::idle(MonotonicTime now) {
  if (!more_to_come_) through(false, now);
}

DeliveryProgress Burst::progress(MonotonicTime now) const {
  DeliveryProgress progress;
  progress.calls = running_.calls;
  progress.people_so_far = people_so_far_;
  progress.calls_so_far = calls_so_far_;
  if (began_) progress.under_way = between(*began_, now);
  for (const auto& [kind, count] : running_.people)
    progress.done[domain::lane_of(kind)] += count;
  for (const auto& [lane, at] : last_arrival_)
    progress.since_arrival[lane] = between(at, now);
  return progress;
}

std::optional<Delivered> Burst::tell(MonotonicTime now) {
  if (untold_.bursts == 0) return std::nullopt;
  const bool may = budget_.take(now).has_value();
  return may || untold_.first_import ? tell_rest() : std::nullopt;
}

std::optional<Delivered> Burst::tell_rest() {
  if (untold_.bursts == 0) return std::nullopt;
  return std::exchange(untold_, {});
}

}  // namespace stibee_sync::pipeline
