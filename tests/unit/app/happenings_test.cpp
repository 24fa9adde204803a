#include "app/happenings.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

using telemetry::Event;
using telemetry::Field;

const domain::UtcTime now{std::chrono::hours(500'000)};

std::optional<Happening> seen(Event event, const std::vector<Field>& fields) {
  return happening_of(event, now, fields);
}

TEST(Happenings, TakeClosedWordsAndCountsButNoFreeText) {
  const auto held = seen(Event::GuardHeld, {{"mirror", "members"},
                                            {"class", "removals"},
                                            {"count", std::uint64_t{60}},
                                            {"digest", "abc"},
                                            {"cure", "anything"}});
  ASSERT_TRUE(held);
  EXPECT_EQ(held->mirror, "members");
  EXPECT_EQ(held->what, "removals");
  EXPECT_EQ(held->count, 60U);
  EXPECT_EQ(held->time, now);
  const auto paused = seen(Event::MirrorPaused, {{"mirror", "members"}, {"by", "root"}});
  ASSERT_TRUE(paused);
  EXPECT_EQ(paused->by, "root");
}

TEST(Happenings, AreNoEverydayWork) {
  EXPECT_FALSE(seen(Event::SyncFinished, {{"mirror", "members"}}));
  EXPECT_FALSE(seen(Event::PersonParked, {{"mirror", "members"}}));
  EXPECT_FALSE(seen(Event::DeliveryFinished, {{"mirror", "members"}, {"people", std::uint64_t{3}}}));
  const auto imported =
      seen(Event::DeliveryFinished,
           {{"mirror", "members"}, {"people", std::uint64_t{10'000}}, {"first_import", true}});
  ASSERT_TRUE(imported);
  EXPECT_EQ(imported->count, 10'000U);
}

TEST(Happenings, CountTheSameOneInARowAndForgetTheOldest) {
  Happenings happenings;
  Happening lost;
  lost.event = Event::SourceLost;
  happenings.add(lost);
  lost.time = now;
  happenings.add(lost);
  auto list = happenings.newest_first();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list.front().times, 2U);
  EXPECT_EQ(list.front().time, now);

  for (std::size_t i = 0; i < Happenings::most; ++i) {
    Happening paused;
    paused.event = Event::MirrorPaused;
    paused.mirror = std::to_string(i);
    happenings.add(paused);
  }
  list = happenings.newest_first();
  EXPECT_EQ(list.size(), Happenings::most);
  EXPECT_EQ(list.front().mirror, "49");
  EXPECT_EQ(list.back().mirror, "0");
}

}  // namespace
}  // namespace stibee_sync::app
