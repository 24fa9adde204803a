#include "stibee_sync/notice/pace.hpp"

#include <algorithm>

namespace stibee_sync::notice {

namespace {
constexpr std::chrono::hours longest_silence{1};
}

void Pace::arrived(domain::MonotonicTime now) {
  failures_ = 0;
  next_ = now + between_letters;
}

void Pace::failed(domain::MonotonicTime now, std::optional<std::chrono::seconds> retry_after, double random) {
  ++failures_;
  const domain::RetryPolicy policy;
  domain::Duration wait = domain::backoff(policy.base, policy.cap, failures_, domain::Jitter::Full, random);
  wait = std::max<domain::Duration>(wait, between_letters);
  if (retry_after)
    wait = std::max<domain::Duration>(wait, std::min<std::chrono::seconds>(*retry_after, longest_silence));
  next_ = now + wait;
}

}  // namespace stibee_sync::notice
