#include "app/history.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

using namespace std::chrono_literals;

const domain::UtcTime noon{std::chrono::hours(500'004)};

TEST(MirrorHistory, AddsWhatWasDeliveredSinceTheLastLookToTheQuarterOfNow) {
  MirrorHistory history;
  history.note({100, 2, 900}, noon + 1min);
  history.note({1'000, 5, 0}, noon + 2min);
  ASSERT_EQ(history.quarters().size(), 1U);
  EXPECT_EQ(history.quarters().front(), (Quarter{1'000, 5, 900})) << "the longest queue, not the last";
  EXPECT_EQ(history.begin(), noon);
  history.note({1'001, 6, 0}, noon + 15min);
  EXPECT_EQ(history.quarters().back(), (Quarter{1, 1, 0}));
}

TEST(MirrorHistory, HasNoGapForATimeInWhichNobodyLooked) {
  MirrorHistory history;
  history.note({5, 1, 0}, noon);
  history.note({7, 2, 0}, noon + 50min);
  const std::deque<Quarter> expected{{5, 1, 0}, {}, {}, {2, 1, 0}};
  EXPECT_EQ(history.quarters(), expected);
  EXPECT_EQ(history.begin(), noon);
}

TEST(MirrorHistory, KeepsTwentyFourHours) {
  MirrorHistory history;
  for (std::uint64_t i = 0; i < 100; ++i)
    history.note({i + 1, i + 1, 0}, noon + i * MirrorHistory::step);
  EXPECT_EQ(history.quarters().size(), MirrorHistory::most);
  EXPECT_EQ(history.begin(), noon + 4 * MirrorHistory::step);
}

TEST(MirrorHistory, AClockThatJumpsForYearsLeavesADayWithoutAnything) {
  MirrorHistory history;
  history.note({5, 1, 0}, noon);
  const auto later = noon + std::chrono::hours(24 * 365 * 20);
  history.note({6, 2, 3}, later);
  EXPECT_EQ(history.quarters().size(), MirrorHistory::most);
  EXPECT_EQ(history.quarters().front(), Quarter{});
  EXPECT_EQ(history.quarters().back(), (Quarter{1, 1, 3}));
  EXPECT_EQ(history.begin() + 95 * MirrorHistory::step, later);
}

TEST(MirrorHistory, AClockThatIsSetBackOpensNoQuarter) {
  MirrorHistory history;
  history.note({5, 1, 0}, noon);
  history.note({6, 2, 0}, noon - 2h);
  ASSERT_EQ(history.quarters().size(), 1U);
  EXPECT_EQ(history.quarters().back(), (Quarter{6, 2, 0}));
}

TEST(History, GoesOnOverAReloadWhoseCountersBeginAnew) {
  History history;
  history.note("members", {100, 4, 0}, noon);
  history.begin_anew();
  history.note("members", {150, 5, 0}, noon + 1min);
  ASSERT_NE(history.of("members"), nullptr);
  EXPECT_EQ(history.of("members")->quarters().back(), (Quarter{250, 9, 0}));
  EXPECT_EQ(history.of("others"), nullptr);
}

}  // namespace
}  // namespace stibee_sync::app
