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

}  // namespace
}  // namespace stibee_sync::delivery
