#include "stibee_sync/telemetry/line_budget.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::telemetry {
namespace {

using namespace std::chrono_literals;

const LineBudget::Time start{std::chrono::hours(1000)};

TEST(LineBudget, GivesABurstAndThenOneEverySoOften) {
  LineBudget budget(3, 10s);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(budget.take(start), 0u);
  EXPECT_EQ(budget.take(start + 9s), std::nullopt);
  EXPECT_EQ(budget.take(start + 10s), 1u);
  EXPECT_EQ(budget.take(start + 19s), std::nullopt);
  EXPECT_EQ(budget.take(start + 20s), 1u);
}

TEST(LineBudget, SaysHowManyWereLeftOut) {
  LineBudget budget(1, 1s);
  EXPECT_EQ(budget.take(start), 0u);
  for (int i = 0; i < 10'000; ++i)
    EXPECT_EQ(budget.take(start + 1ms), std::nullopt);
  EXPECT_EQ(budget.take(start + 1s), 10'000u);
  EXPECT_EQ(budget.take(start + 2s), 0u);
}

TEST(LineBudget, NeverSavesUpMoreThanItsBurst) {
  LineBudget budget(2, 1s);
  EXPECT_EQ(budget.take(start), 0u);
  EXPECT_EQ(budget.take(start + 24h), 0u);
  EXPECT_EQ(budget.take(start + 24h), 0u);
  EXPECT_EQ(budget.take(start + 24h), std::nullopt);
}

TEST(LineBudget, AClockThatStandsStillEarnsNothing) {
  LineBudget budget(1, 1s);
  EXPECT_EQ(budget.take(start), 0u);
  EXPECT_EQ(budget.take(start), std::nullopt);
  EXPECT_EQ(budget.take(start - 1h), std::nullopt);
}

}  // namespace
}  // namespace stibee_sync::telemetry
