#include "stibee_sync/notice/pace.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::notice {
namespace {

using std::chrono::seconds;

constexpr domain::MonotonicTime now{seconds(1000)};

TEST(NoticePace, TheFirstGoesAtOnceAndTheNextTenSecondsLater) {
  Pace pace;
  EXPECT_TRUE(pace.may_send(now));
  pace.arrived(now);
  EXPECT_FALSE(pace.may_send(now + seconds(10) - std::chrono::nanoseconds(1)));
  EXPECT_TRUE(pace.may_send(now + seconds(10)));
}

TEST(NoticePace, WhatDoesNotArriveIsTriedAgainLaterAndLaterFiveMinutesAtMost) {
  Pace pace;
  for (int i = 0; i < 4; ++i)
    pace.failed(now, std::nullopt, 1);
  EXPECT_EQ(pace.next(), now + seconds(10)) << "never sooner than two letters may follow each other";
  pace.failed(now, std::nullopt, 1);
  EXPECT_EQ(pace.next(), now + seconds(16));
  for (int i = 0; i < 20; ++i)
    pace.failed(now, std::nullopt, 1);
  EXPECT_EQ(pace.next(), now + seconds(300));
  EXPECT_EQ(pace.failures(), 25);
  pace.arrived(now);
  EXPECT_EQ(pace.failures(), 0);
  EXPECT_EQ(pace.next(), now + seconds(10));
}

TEST(NoticePace, TheReceiverSaysHowLongItWantsNoneAnHourAtMost) {
  Pace pace;
  pace.failed(now, seconds(90), 0);
  EXPECT_EQ(pace.next(), now + seconds(90));
  pace.failed(now, std::chrono::hours(24), 0);
  EXPECT_EQ(pace.next(), now + std::chrono::hours(1));
}

}  // namespace
}  // namespace stibee_sync::notice
