#include "stibee_sync/domain/backoff.hpp"

#include <algorithm>
#include <cstdlib>

namespace stibee_sync::domain {
namespace {

double share(Jitter jitter, double random) {
  switch (jitter) {
    case Jitter::None:
      return 1;
    case Jitter::Half:
      return 0.5 + random / 2;
    case Jitter::Full:
      return random;
  }
  std::abort();
}

}  // namespace

Duration backoff(Duration base, Duration cap, int failures, Jitter jitter, double random) {
  // Step by step, without overflow for any number of failures.
  Duration ceiling = std::min(base, cap);
  for (int i = 1; i < failures && ceiling < cap; ++i)
    ceiling = std::min(ceiling * 2, cap);
  return std::chrono::duration_cast<Duration>(ceiling * share(jitter, std::clamp(random, 0.0, 1.0)));
}

Duration longest_backoff(int attempt, const RetryPolicy& policy) {
  const Duration throttled = policy.throttled_base + backoff(policy.throttled_base, policy.cap, attempt);
  return std::max(std::min(throttled, std::max(policy.cap, policy.throttled_base)),
                  backoff(policy.base, policy.cap, attempt));
}

}  // namespace stibee_sync::domain
