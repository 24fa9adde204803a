#include "stibee_sync/delivery/schedule.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::delivery {
namespace {

using domain::Lane;
using namespace std::chrono_literals;

const Limits v1_limits = {{LimiterClass::All, Rate{10, 1s}}};
const Limits v2_limits = {{LimiterClass::Bulk, Rate{10, 1min}}, {LimiterClass::Other, Rate{1000, 1min}}};
constexpr std::size_t few = 8;

Schedule on_v2(Load load) {
  const auto v2 = make_v2();
  return best_schedule(load, *v2, v2_limits, few);
}

TEST(Schedule, V1IsCallsByTheLimit) {
  const auto v1 = make_v1();
  const auto load = load_of(*v1, {{Lane::Upsert, 1'000'000}, {Lane::Optout, 1}});
  const auto schedule = best_schedule(load, *v1, v1_limits, few);
  EXPECT_EQ(schedule.calls, 501U);
  EXPECT_NEAR(schedule.seconds, 50.1, 1e-9);
}

TEST(Schedule, V2UsesBothBudgetsTogether) {
  Load load;
  load.either_way = 100'000;
  const auto schedule = on_v2(load);
  EXPECT_NEAR(schedule.seconds, 100'000.0 / 11'000 * 60, 1e-6);
  load.either_way = 20'000;
  EXPECT_EQ(on_v2(load).calls, 10U + 1000U + 9U) << "a whole window, and nine full calls of the next";
}

TEST(Schedule, ABacklogThatFitsIntoFreeBulkSlotsTakesNoOthers) {
  Load load;
  load.either_way = 4'500;
  EXPECT_EQ(on_v2(load).calls, 5U);
}

TEST(Schedule, AFewPeopleGoAlone) {
  Load load;
  load.either_way = few;
  EXPECT_EQ(on_v2(load).calls, few);
  EXPECT_NEAR(on_v2(load).seconds, few * 60.0 / 1000, 1e-9);
}

TEST(Schedule, GroupCallsTakeTheSingleSlotsFromThoseWhoCanShareACall) {
  Load load;
  load.either_way = 10'000;
  load.calls[LimiterClass::Other] = 10'000;
  const auto schedule = on_v2(load);
  EXPECT_NEAR(schedule.seconds, 600, 1e-6) << "the groups alone take ten minutes";
  EXPECT_EQ(schedule.calls, 10'000U + 10U);
}

TEST(Schedule, DeletesGoByTheHundred) {
  const auto v2 = make_v2();
  const auto load = load_of(*v2, {{Lane::Delete, 250}, {Lane::Optout, 20}});
  EXPECT_EQ(load.calls.at(LimiterClass::Other), 23U);
  EXPECT_EQ(load.either_way, 0U);
}

TEST(Schedule, NothingTakesNoTime) {
  const auto schedule = on_v2({});
  EXPECT_EQ(schedule.calls, 0U);
  EXPECT_EQ(schedule.seconds, 0);
}

TEST(Schedule, WhatHasNoLimitTakesNoTime) {
  const auto v2 = make_v2();
  Load load;
  load.either_way = 100;
  load.calls[LimiterClass::Other] = 50;
  const auto unlimited = best_schedule(load, *v2, {}, few);
  EXPECT_EQ(unlimited.calls, 50U);
  EXPECT_EQ(unlimited.seconds, 0);
  const auto without_bulk = best_schedule(load, *v2, {{LimiterClass::Other, Rate{10, 1s}}}, few);
  EXPECT_EQ(without_bulk.calls, 50U) << "nobody can share a call";
  EXPECT_NEAR(without_bulk.seconds, 5, 1e-9);
}

TEST(Schedule, OneMoreThanAFewIsABacklog) {
  Load load;
  load.either_way = few + 1;
  EXPECT_EQ(on_v2(load).calls, 1U);
}

TEST(Schedule, LoadsAddUp) {
  const auto v2 = make_v2();
  Load load = load_of(*v2, {{Lane::Upsert, 7}, {Lane::Optout, 2}});
  EXPECT_EQ(load.either_way, 7U);
  Load other = load_of(*v2, {{Lane::Upsert, 5}, {Lane::Optout, 1}});
  other.calls[LimiterClass::All] = 3;
  load += other;
  EXPECT_EQ(load.either_way, 12U);
  EXPECT_EQ(load.calls,
            (std::map<LimiterClass, std::size_t>{{LimiterClass::All, 3}, {LimiterClass::Other, 3}}));
}

TEST(Schedule, WhatIsLeftOfAWindowsSinglesTakesTheRestOfABacklog) {
  Load load;
  load.either_way = 10'500;
  const auto schedule = on_v2(load);
  EXPECT_EQ(schedule.calls, 10U + 500U) << "ten full calls, and 500 people by themselves";
  EXPECT_NEAR(schedule.seconds, 10'500.0 / 11'000 * 60, 1e-6);
}

TEST(Schedule, AllSinglesOfAWindowAreSpentBeforeTheNextOneBegins) {
  Load load;
  load.either_way = 20'500;
  EXPECT_EQ(on_v2(load).calls, 10U + 1000U + 10U) << "9,500 people are left for the bulk calls of the next";
}

TEST(Schedule, ASingleSlotThatIsFreeInAllButTheLastOfManyWindowsIsNotCounted) {
  Load load;
  load.either_way = 91'621;
  load.calls[LimiterClass::Other] = 8'392;
  // 100,013 by 11,000 a window leave 76.99999 singles of each window: 10,076 people by 10 + 76 calls, nine
  // times over, and of the other 937 one more.
  EXPECT_EQ(on_v2(load).calls, 8'392U + 9U * (10U + 76U) + 1U);
}

}  // namespace
}  // namespace stibee_sync::delivery
