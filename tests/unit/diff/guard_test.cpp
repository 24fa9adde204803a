#include "stibee_sync/diff/guard.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::diff {
namespace {

using testing::AllOf;
using testing::HasSubstr;

ReadFacts quiet(std::size_t people) {
  ReadFacts facts;
  facts.source_rows = people;
  facts.last_good_rows = people;
  facts.mirrored = people;
  return facts;
}

bool held(const GuardVerdict& verdict, ChangeClass change_class) {
  return std::any_of(verdict.holds.begin(), verdict.holds.end(),
                     [&](const Hold& hold) { return hold.change_class == change_class; });
}

struct Threshold {
  std::size_t mirrored;
  std::size_t most;  // as many flow, one more is held
};

void expect_thresholds(std::size_t ReadFacts::* count, ChangeClass change_class,
                       std::initializer_list<Threshold> thresholds, const GuardLimits& limits = {}) {
  for (const Threshold& t : thresholds) {
    ReadFacts facts = quiet(t.mirrored);
    facts.source_rows = t.mirrored + 1;  // not empty, even where nobody is mirrored
    facts.*count = t.most;
    EXPECT_TRUE(guarded(facts, limits).holds.empty()) << t.most << " of " << t.mirrored;
    facts.*count = t.most + 1;
    const GuardVerdict verdict = guarded(facts, limits);
    ASSERT_EQ(verdict.holds.size(), 1u) << t.most + 1 << " of " << t.mirrored;
    EXPECT_EQ(verdict.holds[0].change_class, change_class);
    EXPECT_EQ(verdict.holds[0].count, t.most + 1);
    EXPECT_EQ(verdict.holds[0].of, t.mirrored);
    EXPECT_TRUE(verdict.source_count_good);
  }
}

TEST(Guard, NothingHappenedNothingHeld) {
  const GuardVerdict verdict = guarded(quiet(1000), {});
  EXPECT_TRUE(verdict.holds.empty());
  EXPECT_TRUE(verdict.source_count_good);
  EXPECT_FALSE(verdict.zero_rows);
}

TEST(Guard, RemovalsAreHeldBeyondTwentyTwoPercentOrFiveHundred) {
  expect_thresholds(&ReadFacts::removals, ChangeClass::Removal,
                    {{0, 20},
                     {10, 20},
                     {1000, 20},
                     {1049, 20},
                     {1050, 21},
                     {10'000, 200},
                     {25'000, 500},
                     {25'050, 500},
                     {1'000'000, 500}});
}

TEST(Guard, ResubscribesAreHeldLikeRemovals) {
  expect_thresholds(&ReadFacts::resubscribes, ChangeClass::Resubscribe,
                    {{0, 20}, {1050, 21}, {10'000, 200}, {1'000'000, 500}});
}

TEST(Guard, OptOutsHaveAHigherBarAndNoCeiling) {
  expect_thresholds(&ReadFacts::optouts, ChangeClass::OptOut,
                    {{0, 20}, {100, 20}, {105, 21}, {10'000, 2000}, {1'000'000, 200'000}});
}

TEST(Guard, UpdatesAreHeldBeyondThirtyPercent) {
  expect_thresholds(&ReadFacts::updates, ChangeClass::Update,
                    {{0, 20}, {70, 21}, {10'000, 3000}, {1'000'000, 300'000}});
}

TEST(Guard, AddsAreNeverHeld) {
  ReadFacts facts = quiet(10);
  facts.source_rows = 1'000'000;
  facts.adds = 999'990;
  EXPECT_TRUE(guarded(facts, {}).holds.empty());
}

TEST(Guard, EveryLimitIsConfigurable) {
  GuardLimits limits;
  limits.max_removals = 7;
  limits.min_removals = 5;
  limits.max_removal_percent = 0.5;
  limits.max_optout_percent = 100;
  limits.max_update_percent = 0;
  expect_thresholds(&ReadFacts::removals, ChangeClass::Removal,
                    {{100, 5}, {1200, 6}, {1400, 7}, {100'000, 7}}, limits);
  expect_thresholds(&ReadFacts::optouts, ChangeClass::OptOut, {{100, 100}}, limits);
  expect_thresholds(&ReadFacts::updates, ChangeClass::Update, {{100'000, 5}}, limits);
}

TEST(Guard, EmptySourceHoldsEveryRemoval) {
  ReadFacts facts = quiet(3);
  facts.source_rows = 0;
  facts.removals = 3;
  const GuardVerdict verdict = guarded(facts, {});
  EXPECT_TRUE(verdict.zero_rows);
  EXPECT_FALSE(verdict.source_count_good);
  ASSERT_EQ(verdict.holds.size(), 1u);
  EXPECT_EQ(verdict.holds[0].change_class, ChangeClass::Removal);
  EXPECT_THAT(verdict.holds[0].why, HasSubstr("0 rows"));
}

TEST(Guard, SourceThatAGoodReadFoundEmptyIsNoAlarm) {
  ReadFacts facts;
  facts.last_good_rows = 0;
  const GuardVerdict verdict = guarded(facts, {});
  EXPECT_FALSE(verdict.zero_rows);
  EXPECT_TRUE(verdict.source_count_good);
  EXPECT_TRUE(verdict.holds.empty());
}

TEST(Guard, SourceThatIsEmptyAtTheVeryFirstReadIsAnAlarm) {
  const GuardVerdict verdict = guarded({}, {});
  EXPECT_TRUE(verdict.zero_rows);
  EXPECT_FALSE(verdict.source_count_good);
  EXPECT_TRUE(verdict.holds.empty());
}

TEST(Guard, EmptySourceIsAnAlarmThoughNobodyWasSubscribed) {
  ReadFacts facts = quiet(0);
  facts.last_good_rows = 5;
  facts.removals = 5;
  const GuardVerdict verdict = guarded(facts, {});
  EXPECT_TRUE(verdict.zero_rows);
  EXPECT_TRUE(held(verdict, ChangeClass::Removal));
}

TEST(Guard, HalfOfTheRowsIsEnoughAndLessHoldsEveryRemoval) {
  ReadFacts facts = quiet(9);
  facts.removals = 1;
  facts.source_rows = 5;
  EXPECT_TRUE(guarded(facts, {}).holds.empty());
  facts.source_rows = 4;
  const GuardVerdict verdict = guarded(facts, {});
  EXPECT_FALSE(verdict.source_count_good);
  EXPECT_FALSE(verdict.zero_rows);
  ASSERT_EQ(verdict.holds.size(), 1u);
  EXPECT_THAT(verdict.holds[0].why,
              AllOf(HasSubstr("4 rows"), HasSubstr("guard.min_source_percent"), HasSubstr("good count 9")));
  facts.last_good_rows.reset();
  EXPECT_TRUE(guarded(facts, {}).holds.empty());
  facts.last_good_rows = 8;
  EXPECT_TRUE(guarded(facts, {}).source_count_good);
}

TEST(Guard, ShrunkSourceHoldsOnlyTheRemovals) {
  ReadFacts facts = quiet(1000);
  facts.source_rows = 100;
  facts.removals = 900;
  facts.updates = facts.optouts = facts.adds = facts.resubscribes = 10;
  const GuardVerdict verdict = guarded(facts, {});
  ASSERT_EQ(verdict.holds.size(), 1u);
  EXPECT_EQ(verdict.holds[0].change_class, ChangeClass::Removal);
  EXPECT_THAT(verdict.holds[0].why,
              AllOf(HasSubstr("guard.min_source_percent"), HasSubstr("guard.max_removals")));
}

TEST(Guard, ColumnThatBecameNullHoldsTheClassItTouches) {
  ReadFacts facts = quiet(1000);
  facts.optouts = facts.removals = facts.updates = facts.resubscribes = 1;
  facts.newly_null_optout = {"opt_in"};
  GuardVerdict verdict = guarded(facts, {});
  ASSERT_EQ(verdict.holds.size(), 1u);
  EXPECT_EQ(verdict.holds[0].change_class, ChangeClass::OptOut);
  EXPECT_THAT(verdict.holds[0].why, HasSubstr("\"opt_in\""));

  facts.newly_null_removal = {"email"};
  facts.newly_null_update = {"name", "phone"};
  verdict = guarded(facts, {});
  EXPECT_EQ(verdict.holds.size(), 3u);
  EXPECT_TRUE(held(verdict, ChangeClass::Removal));
  EXPECT_TRUE(held(verdict, ChangeClass::Update));
  EXPECT_THAT(verdict.holds[2].why, AllOf(HasSubstr("\"name\""), HasSubstr("\"phone\"")));
  EXPECT_TRUE(verdict.source_count_good);
}

TEST(Guard, ClassWithNothingInItIsNeverHeld) {
  ReadFacts facts = quiet(1000);
  facts.source_rows = 0;
  facts.newly_null_optout = facts.newly_null_removal = facts.newly_null_update = {"column"};
  EXPECT_TRUE(guarded(facts, {}).holds.empty());
  EXPECT_TRUE(guarded(facts, {}).zero_rows);
}

TEST(Guard, SaysWhyInNumbersAndSettings) {
  ReadFacts facts = quiet(10'000);
  facts.removals = 501;
  const GuardVerdict verdict = guarded(facts, {});
  ASSERT_EQ(verdict.holds.size(), 1u);
  EXPECT_EQ(verdict.holds[0].why,
            "501 removals are more than 200: guard.max_removal_percent is 2 % of 10,000 mirrored people, "
            "guard.min_removals is 20; 501 removals are more than guard.max_removals, which is 500");
}

TEST(Guard, SaysHowManyRemovalsAReadMayBringWithoutBeingHeld) {
  EXPECT_EQ(most_removals({}, 0), 20u);
  EXPECT_EQ(most_removals({}, 1'049), 20u);
  EXPECT_EQ(most_removals({}, 1'050), 21u);
  EXPECT_EQ(most_removals({}, 25'000), 500u);
  EXPECT_EQ(most_removals({}, 1'000'000), 500u);
  GuardLimits strict;
  strict.max_removals = 5;
  EXPECT_EQ(most_removals(strict, 1'000'000), 5u);
}

}  // namespace
}  // namespace stibee_sync::diff
