#include "stibee_sync/pipeline/database_clock.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::pipeline {
namespace {

using namespace std::chrono_literals;

constexpr domain::UtcTime noon{std::chrono::hours(24 * 365 * 56)};
constexpr domain::MonotonicTime began{1h};

TEST(DatabaseClock, OneThatWasNeverComparedAgreesWithNothing) {
  const DatabaseClock clock;
  EXPECT_FALSE(clock.agrees(noon, began));
  EXPECT_FALSE(clock.ahead(noon, began).has_value());
  EXPECT_EQ(clock.later(noon, began), noon);
}

TEST(DatabaseClock, FiveMinutesAreForgiven) {
  DatabaseClock clock;
  clock.compared(noon + 5min, began);
  EXPECT_TRUE(clock.agrees(noon, began));
  EXPECT_FALSE(clock.agrees(noon - 1ms, began));
  clock.compared(noon - 5min, began);
  EXPECT_TRUE(clock.agrees(noon, began));
  EXPECT_FALSE(clock.agrees(noon + 1ms, began));
}

TEST(DatabaseClock, AJumpOfOursSinceTheReadIsSeen) {
  DatabaseClock clock;
  clock.compared(noon, began);
  EXPECT_TRUE(clock.agrees(noon + 24h, began + 24h));
  EXPECT_FALSE(clock.agrees(noon + 40 * 24h, began + 1s));
  EXPECT_FALSE(clock.agrees(noon - 1h, began + 1s));
}

TEST(DatabaseClock, AnOptOutIsDatedByTheLaterOfTheTwo) {
  DatabaseClock clock;
  clock.compared(noon + 5min, began);
  EXPECT_EQ(clock.later(noon + 1s, began + 1s), noon + 5min + 1s);
  clock.compared(noon - 5min, began);
  EXPECT_EQ(clock.later(noon, began), noon);
  // Ours was set back since.
  EXPECT_EQ(clock.later(noon - 1h, began), noon - 5min);
}

}  // namespace
}  // namespace stibee_sync::pipeline
