#include "stibee_sync/diff/guard.hpp"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What the guard holds for the sake of more than the size of one read.

namespace stibee_sync::diff {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

ReadFacts quiet(std::size_t people) {
  ReadFacts facts;
  facts.source_rows = people;
  facts.last_good_rows = people;
  facts.mirrored = people;
  return facts;
}

TEST(GuardOfADay, SumsTheRemovalsOfTwentyFourHours) {
  auto facts = quiet(900);
  facts.removals = 15;
  facts.history = {75, 0, 900, {}, {}};
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty()) << "90 are a tenth";
  facts.history.removals = 76;
  const auto holds = guarded(facts, {}).holds;
  ASSERT_EQ(holds.size(), 1u);
  EXPECT_EQ(holds[0].change_class, ChangeClass::Removal);
  EXPECT_THAT(holds[0].why, HasSubstr("max_daily_percent"));
}

TEST(GuardOfADay, SumsResubscribesByThemselves) {
  auto facts = quiet(900);
  facts.resubscribes = 5;
  facts.history = {500, 85, 900, {}, {}};
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
  facts.history.resubscribes = 86;
  ASSERT_EQ(guarded(facts, {}).holds.size(), 1u);
}

TEST(GuardOfADay, LetsASmallListLoseItsTwenty) {
  auto facts = quiet(30);
  facts.removals = 5;
  facts.history = {15, 0, 50, {}, {}};
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
  facts.history.removals = 16;
  EXPECT_EQ(guarded(facts, {}).holds.size(), 1u);
}

TEST(GuardOfADay, FollowsItsSetting) {
  auto facts = quiet(1000);
  facts.removals = 10;
  facts.history = {200, 0, 1000, {}, {}};
  GuardLimits limits;
  EXPECT_EQ(guarded(facts, limits).holds.size(), 1u);
  limits.max_daily_percent = 21;
  EXPECT_THAT(guarded(facts, limits).holds, IsEmpty());
}

TEST(GuardOfConsents, HoldsAllResubscribesWhereStampsMovedEverywhere) {
  auto facts = quiet(2000);
  facts.resubscribes = 1;
  facts.consents_moved = 600;
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
  facts.consents_moved = 601;
  const auto holds = guarded(facts, {}).holds;
  ASSERT_EQ(holds.size(), 1u);
  EXPECT_EQ(holds[0].change_class, ChangeClass::Resubscribe);
  EXPECT_TRUE(holds[0].lasting);
}

TEST(GuardOfConsents, GoesOnHoldingThemThoughTheNextReadSeesNoStampMove) {
  auto facts = quiet(2000);
  facts.resubscribes = 39;
  facts.history.lasting[ChangeClass::Resubscribe] = "consents moved";
  const auto holds = guarded(facts, {}).holds;
  ASSERT_EQ(holds.size(), 1u);
  EXPECT_THAT(holds[0].why, HasSubstr("consents moved"));
  EXPECT_TRUE(holds[0].lasting);
  facts.resubscribes = 0;
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
}

TEST(GuardOfAWord, HoldsEachClassUntilSomebodyApprovesWhatAnEarlierReadFound) {
  const std::pair<ChangeClass, std::size_t ReadFacts::*> classes[] = {
      {ChangeClass::Removal, &ReadFacts::removals},
      {ChangeClass::Resubscribe, &ReadFacts::resubscribes},
      {ChangeClass::OptOut, &ReadFacts::optouts},
      {ChangeClass::Update, &ReadFacts::updates},
      {ChangeClass::Add, &ReadFacts::adds}};
  for (const auto& [change_class, count] : classes) {
    auto facts = quiet(2000);
    facts.removals = facts.resubscribes = facts.optouts = facts.updates = facts.adds = 1;
    facts.history.lasting[change_class] = "found before";
    const auto holds = guarded(facts, {}).holds;
    ASSERT_EQ(holds.size(), 1u) << name(change_class);
    EXPECT_EQ(holds[0].change_class, change_class);
    EXPECT_EQ(holds[0].why, "found before");
    EXPECT_TRUE(holds[0].lasting);
    facts.*count = 0;
    EXPECT_THAT(guarded(facts, {}).holds, IsEmpty()) << name(change_class);
  }
}

TEST(GuardOfAWord, ToldEarlierReplacesWhatThisReadFinds) {
  auto facts = quiet(2000);
  facts.removals = 600;
  const auto why = guarded(facts, {}).holds.at(0).why;
  EXPECT_THAT(why, HasSubstr("guard.max_removal_percent is 2 % of 2,000 mirrored people"));
  EXPECT_THAT(why, HasSubstr("; 600 removals are more than guard.max_removals, which is 500"));
  facts.history.lasting[ChangeClass::Removal] = "found before";
  EXPECT_EQ(guarded(facts, {}).holds.at(0).why, "found before");
}

TEST(GuardOfTheChangeFeed, CountsWhatItBroughtWithinAnHourWithWhatIsFoundNow) {
  auto facts = quiet(2000);
  facts.removals = 20;
  facts.history.drained.removals = 20;
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
  facts.history.drained.removals = 21;
  const auto holds = guarded(facts, {}).holds;
  ASSERT_EQ(holds.size(), 1u);
  EXPECT_EQ(holds[0].change_class, ChangeClass::Removal);
  EXPECT_EQ(holds[0].count, 20u) << "those who wait";
  EXPECT_THAT(holds[0].why, HasSubstr("20 removals after 21 that the change feed brought within an hour"));
  EXPECT_TRUE(holds[0].lasting) << "the end of the hour forgives nothing";
  facts.removals = 0;
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
}

TEST(GuardOfTheChangeFeed, SeesEachClassByItsOwnShare) {
  auto facts = quiet(1000);
  facts.optouts = facts.updates = facts.resubscribes = 1;
  facts.history.drained.optouts = 199;
  facts.history.drained.updates = 299;
  facts.history.drained.resubscribes = 19;
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
  facts.history.drained.optouts = 200;
  facts.history.drained.updates = 300;
  facts.history.drained.resubscribes = 20;
  EXPECT_EQ(guarded(facts, {}).holds.size(), 3u);
}

TEST(GuardOfTheChangeFeed, AMassChangeAtOnceIsHeldByItselfAsEver) {
  auto facts = quiet(2000);
  facts.removals = 41;
  facts.history.drained.removals = 5;
  const auto holds = guarded(facts, {}).holds;
  ASSERT_EQ(holds.size(), 1u);
  EXPECT_THAT(holds[0].why, Not(HasSubstr("change feed")));
  EXPECT_FALSE(holds[0].lasting);
}

TEST(GuardOfTheChangeFeed, IsNamedWhereAsManyAsMayFlowAreTooManyOnlyAfterIt) {
  auto facts = quiet(2000);
  facts.removals = 40;
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
  facts.history.drained.removals = 1;
  const auto holds = guarded(facts, {}).holds;
  ASSERT_EQ(holds.size(), 1u);
  EXPECT_THAT(holds[0].why, HasSubstr("40 removals after 1 that the change feed brought within an hour"));
  EXPECT_TRUE(holds[0].lasting) << "the end of the hour forgives nothing";
}

TEST(GuardOfTheChangeFeed, AddsUpConsentsAndAnotherPopulation) {
  auto facts = quiet(2000);
  facts.resubscribes = 1;
  facts.consents_moved = 1;
  facts.history.drained.consents_moved = 600;
  const auto holds = guarded(facts, {}).holds;
  ASSERT_EQ(holds.size(), 1u);
  EXPECT_THAT(holds[0].why, HasSubstr("in 601 of 2,000 rows within an hour, more than 600"));
  facts.consents_moved = 601;
  facts.history.drained.consents_moved = 0;
  EXPECT_THAT(guarded(facts, {}).holds.at(0).why, HasSubstr("in 601 of 2,000 rows at once, more than 600"));
  facts = quiet(3000);
  facts.adds = 1;
  facts.lost = 1;
  facts.history.drained.adds = 1500;
  facts.history.drained.lost = 1500;
  ASSERT_EQ(guarded(facts, {}).holds.size(), 1u);
}

TEST(GuardOfAnotherPopulation, HoldsAddsOnlyWhereMoreThanHalfWasLost) {
  auto facts = quiet(3000);
  facts.adds = 2999;
  facts.lost = 1500;
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
  facts.lost = 1501;
  ASSERT_EQ(guarded(facts, {}).holds.size(), 1u);
  EXPECT_EQ(guarded(facts, {}).holds[0].change_class, ChangeClass::Add);
  facts.adds = 1500;
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty()) << "no more than half of the mirrored people";
}

TEST(GuardOfAnotherPopulation, LetsAThousandNewPeopleIn) {
  auto facts = quiet(100);
  facts.lost = 51;
  facts.adds = 1000;
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
  facts.adds = 1001;
  EXPECT_EQ(guarded(facts, {}).holds.size(), 1u);
}

TEST(GuardOfAnotherPopulation, LetsAFirstReadIn) {
  ReadFacts facts;
  facts.source_rows = 100'000;
  facts.adds = 100'000;
  EXPECT_THAT(guarded(facts, {}).holds, IsEmpty());
}

}  // namespace
}  // namespace stibee_sync::diff
