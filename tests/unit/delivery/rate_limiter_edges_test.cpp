#include "stibee_sync/delivery/rate_limiter.hpp"

#include <gtest/gtest.h>

// The very moments at which a slot or a hold ends.

namespace stibee_sync::delivery {
namespace {

using namespace std::chrono_literals;

const MonotonicTime start{std::chrono::hours(1)};

TEST(RateLimiterEdges, the_margin_for_the_servers_clock_is_a_thousandth_of_a_short_window) {
  RateLimiter limiter(Rate{1, 100ms});
  limiter.take(start);
  EXPECT_EQ(limiter.next_slot(start), start + 3ms + 100ms + 100us);
}

TEST(RateLimiterEdges, the_margin_for_the_servers_clock_is_a_millisecond_at_most) {
  RateLimiter limiter(Rate{1, 60s});
  limiter.take(start);
  EXPECT_EQ(limiter.next_slot(start), start + 1s + 60s + 1ms);
}

TEST(RateLimiterEdges, a_hold_is_over_at_its_very_end) {
  RateLimiter limiter(Rate{10, 1s});
  limiter.hold_until(start, start + 7s);
  EXPECT_EQ(limiter.held_until(start + 7s - 1ns), start + 7s);
  EXPECT_EQ(limiter.held_until(start + 7s), std::nullopt);
  EXPECT_EQ(limiter.next_slot(start + 7s), start + 7s);
}

TEST(RateLimiterEdges, a_slot_that_was_free_when_the_next_call_went_out_is_not_taken_back) {
  RateLimiter limiter(Rate{2, 1s});
  limiter.take(start);  // is never answered
  const auto free_again = start + 30ms + 1s + 1ms;
  EXPECT_EQ(limiter.used(free_again), 0U);
  const auto next = limiter.take(free_again);
  // So fast an answer makes one look late that is not there yet.
  limiter.answered(next, free_again + 5ms);
  EXPECT_EQ(limiter.used(free_again + 5ms), 1U);
}

}  // namespace
}  // namespace stibee_sync::delivery
