#include "stibee_sync/telemetry/trouble.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::telemetry {
namespace {

using std::chrono::seconds;

constexpr LastingTrouble::Time start{seconds(1000)};

TEST(LastingTrouble, IsToldWhenItBeginsOnceAMinuteWithACountAndWhenItEnds) {
  LastingTrouble trouble;
  EXPECT_EQ(trouble.happened(start), 0U);
  for (int i = 1; i < 60; ++i)
    EXPECT_EQ(trouble.happened(start + seconds(i)), std::nullopt);
  EXPECT_EQ(trouble.happened(start + seconds(60)), 59U);
  EXPECT_TRUE(trouble.lasts());
  const auto past = trouble.over(start + seconds(90));
  ASSERT_TRUE(past);
  EXPECT_EQ(past->times, 61U);
  EXPECT_EQ(past->lasted, seconds(90));
  EXPECT_FALSE(trouble.lasts());
  EXPECT_FALSE(trouble.over(start + seconds(91))) << "it is over once";
}

TEST(LastingTrouble, ThatComesAndGoesHasTwoLinesAMinute) {
  LastingTrouble trouble;
  int lines = 0;
  for (int i = 0; i < 120; i += 2) {
    lines += trouble.happened(start + seconds(i)) ? 1 : 0;
    lines += trouble.over(start + seconds(i + 1)) ? 1 : 0;
  }
  EXPECT_EQ(lines, 4);
}

TEST(LastingTrouble, OfAnotherKindIsToldAtOnceAndThenAsSeldom) {
  LastingTrouble trouble;
  EXPECT_TRUE(trouble.happened(start, "refused"));
  EXPECT_TRUE(trouble.happened(start + seconds(1), "timed out"));
  for (int i = 2; i < 60; ++i)
    EXPECT_FALSE(trouble.happened(start + seconds(i), i % 2 == 0 ? "refused" : "timed out"));
  EXPECT_EQ(trouble.over(start + seconds(60))->times, 60U);
}

TEST(LastingTrouble, OfEverNewKindsDoesNotFillTheLog) {
  LastingTrouble trouble;
  int lines = 0;
  for (int i = 0; i < 10'000; ++i)
    lines += trouble.happened(start + std::chrono::milliseconds(i), "kind " + std::to_string(i % 20)) ? 1 : 0;
  EXPECT_EQ(lines, 9) << "one for each of the first kinds, and one for all others";
}

TEST(LastingTrouble, ThatNeverWasIsNotOver) {
  LastingTrouble trouble;
  EXPECT_FALSE(trouble.lasts());
  EXPECT_FALSE(trouble.over(start));
}

}  // namespace
}  // namespace stibee_sync::telemetry
