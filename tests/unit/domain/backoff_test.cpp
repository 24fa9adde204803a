#include "stibee_sync/domain/backoff.hpp"

#include <climits>
#include <gtest/gtest.h>

namespace stibee_sync::domain {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToTheCap) {
  EXPECT_EQ(backoff(1s, 60s, 1), 1s);
  EXPECT_EQ(backoff(1s, 60s, 2), 2s);
  EXPECT_EQ(backoff(1s, 60s, 6), 32s);
  EXPECT_EQ(backoff(1s, 60s, 7), 60s);
  EXPECT_EQ(backoff(5s, 1s, 1), 1s);
  EXPECT_EQ(backoff(1s, 60s, 0), 1s);
  for (const int failures : {8, 63, 64, 1000, INT_MAX})
    EXPECT_EQ(backoff(1s, 60s, failures), 60s) << failures;
}

TEST(Backoff, LeavesAPartToChance) {
  EXPECT_EQ(backoff(4s, 60s, 1, Jitter::Half, 0), 2s);
  EXPECT_EQ(backoff(4s, 60s, 1, Jitter::Half, 0.5), 3s);
  EXPECT_EQ(backoff(4s, 60s, 1, Jitter::Half, 1), 4s);
  EXPECT_EQ(backoff(4s, 60s, 1, Jitter::Full, 0), 0s);
  EXPECT_EQ(backoff(4s, 60s, 2, Jitter::Full, 0.5), 4s);
  EXPECT_EQ(backoff(4s, 60s, 1, Jitter::Full, 7), 4s);
  EXPECT_EQ(backoff(4s, 60s, 1, Jitter::None, 0.5), 4s);
}

TEST(LongestBackoff, IsThatOfAThrottledAttemptAndNeverAboveTheCap) {
  EXPECT_EQ(longest_backoff(1), 10s);
  EXPECT_EQ(longest_backoff(2), 15s);
  EXPECT_EQ(longest_backoff(5), 85s);
  EXPECT_EQ(longest_backoff(7), 300s);
  EXPECT_EQ(longest_backoff(INT_MAX), 300s);
}

}  // namespace
}  // namespace stibee_sync::domain
