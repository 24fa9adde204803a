#pragma once

#include "stibee_sync/domain/time.hpp"

namespace stibee_sync::domain {

/// The part of a wait that is left to chance, so that those who failed together do not come back together.
enum class Jitter {
  None,
  Half,  ///< uniform in [½, 1] of the ceiling
  Full,  ///< uniform in [0, 1] of the ceiling
};

/// How long to wait after `failures` (≥ 1) in a row: of the ceiling min(cap, base·2^(failures-1)) the part
/// that `random` (in [0, 1]) says. Pure.
Duration backoff(Duration base, Duration cap, int failures, Jitter jitter = Jitter::None, double random = 0);

/// How calls to Stibee that failed are spread over time.
struct RetryPolicy {
  Duration base = std::chrono::seconds(1);
  Duration throttled_base = std::chrono::seconds(5);
  Duration cap = std::chrono::seconds(300);
};
/// The longest backoff that an attempt of this number (≥ 1) may be followed by, whatever it failed for: what
/// is due later than that is so by a clock that was wrong. Pure.
Duration longest_backoff(int attempt, const RetryPolicy& policy = {});

}  // namespace stibee_sync::domain
