#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/delivery/rate_limiter.hpp"

#include <cstddef>
#include <map>

namespace stibee_sync::delivery {

using Limits = std::map<LimiterClass, Rate>;

/// What is to be sent.
struct Load {
  std::map<LimiterClass, std::size_t> calls;  // that can be made in one way only
  std::size_t either_way = 0;                 // people who may share a bulk call, or go alone
  /// So many people of an operation, in full calls.
  void add(const Dialect& dialect, const domain::Operation& operation, std::size_t people);
  Load& operator+=(const Load& other);
};

/// People by lane, taken for subscribes, unsubscribes and deletes.
Load load_of(const Dialect& dialect, const std::map<domain::Lane, std::size_t>& people);

struct Schedule {
  std::size_t calls = 0;
  double seconds = 0;
};

/// The fewest seconds in which the limits, used to the full, let the load through, and the calls that it
/// takes. `few`: so many people go alone although they could share a call.
Schedule best_schedule(const Load& load, const Dialect& dialect, const Limits& limits, std::size_t few);

}  // namespace stibee_sync::delivery
