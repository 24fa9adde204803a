#include "stibee_sync/delivery/call_choice.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::delivery {
namespace {

using domain::Lane;
using Turn = CallChoice::Turn;
using Missing = std::vector<CallChoice::Missing>;
using Turns = std::vector<Turn>;

constexpr std::size_t few = 8;

FreeSlots slots(bool bulk, bool other) {
  FreeSlots free;
  free.set(LimiterClass::Bulk, {.spare = bulk, .ordinary = bulk, .urgent = bulk});
  free.set(LimiterClass::Other, {.spare = other, .ordinary = other, .urgent = other});
  return free;
}

class CallChoiceOnV2 : public ::testing::Test {
 protected:
  CallChoice with(FreeSlots free) const { return CallChoice(*v2_, free, few); }
  std::unique_ptr<Dialect> v2_ = make_v2();
};

TEST_F(CallChoiceOnV2, ABulkSlotIsFilledWithABacklog) {
  const auto choice = with(slots(true, true));
  EXPECT_EQ(choice.turns(), (Turns{Turn::Batches, Turn::Singles}));
  EXPECT_EQ(choice.max_people(Turn::Batches, Lane::Upsert, "subscribe:"), 1000U);
  EXPECT_EQ(choice.take(Turn::Batches, "subscribe:", 1000), 1000U);
  EXPECT_EQ(choice.take(Turn::Batches, "subscribe:", few + 1), few + 1);
}

TEST_F(CallChoiceOnV2, ALoneChangeGoesAtOnceByASingleCallAndWastesNoBulkSlot) {
  const auto choice = with(slots(true, true));
  EXPECT_EQ(choice.take(Turn::Batches, "subscribe:", 1), 1U);
  EXPECT_EQ(choice.take(Turn::Batches, "subscribe:", few), 1U);
  EXPECT_EQ(choice.limiter_class(Lane::Upsert, "subscribe:", 1), LimiterClass::Other);
  const auto without_bulk = with(slots(false, true));
  EXPECT_EQ(without_bulk.turns(), (Turns{Turn::Singles, Turn::Spare}));
  EXPECT_EQ(without_bulk.take(Turn::Spare, "subscribe:", 2), 1U) << "nor does it wait for one";
}

TEST_F(CallChoiceOnV2, WithoutSingleSlotsAFewPeopleShareABulkCall) {
  const auto choice = with(slots(true, false));
  EXPECT_EQ(choice.take(Turn::Batches, "subscribe:", 3), 3U);
  EXPECT_EQ(choice.limiter_class(Lane::Upsert, "subscribe:", 1), LimiterClass::Bulk)
      << "somebody alone does not wait for a single slot either";
}

TEST_F(CallChoiceOnV2, SingleSlotsGoFirstToWhatCanGoNoOtherWay) {
  const auto choice = with(slots(false, true));
  EXPECT_GT(choice.max_people(Turn::Singles, Lane::Upsert, "group_assign:12"), 0U);
  EXPECT_EQ(choice.max_people(Turn::Singles, Lane::Upsert, "subscribe:"), 0U);
  EXPECT_GT(choice.max_people(Turn::Spare, Lane::Upsert, "subscribe:"), 0U);
  EXPECT_EQ(choice.max_people(Turn::Spare, Lane::Upsert, "group_assign:12"), 0U);
  EXPECT_EQ(choice.take(Turn::Singles, "group_assign:12", 2), 1U);
}

TEST_F(CallChoiceOnV2, ABacklogOfGroupsDoesNotKeepBulkSlotsIdle) {
  const auto choice = with(slots(true, true));
  EXPECT_EQ(choice.max_people(Turn::Batches, Lane::Upsert, "group_assign:12"), 0U);
  EXPECT_GT(choice.max_people(Turn::Singles, Lane::Upsert, "group_assign:12"), 0U);
}

TEST_F(CallChoiceOnV2, OptOutsMayUseWhatIsKeptForThem) {
  FreeSlots free;
  free.set(LimiterClass::Bulk, {.spare = false, .ordinary = false, .urgent = false});
  free.set(LimiterClass::Other, {.spare = false, .ordinary = false, .urgent = true});
  const auto choice = with(free);
  EXPECT_TRUE(free.any());
  EXPECT_GT(choice.max_people(Turn::Singles, Lane::Optout, "unsubscribe"), 0U);
  EXPECT_EQ(choice.max_people(Turn::Singles, Lane::Delete, "delete"), 0U);
  EXPECT_EQ(choice.max_people(Turn::Spare, Lane::Upsert, "subscribe:"), 0U);
  EXPECT_TRUE(choice.missing(Lane::Optout, "unsubscribe").empty());
  EXPECT_EQ(choice.missing(Lane::Delete, "delete"), (Missing{{LimiterClass::Other}}));
  EXPECT_EQ(choice.missing(Lane::Upsert, "subscribe:"),
            (Missing{{LimiterClass::Other, true}, {LimiterClass::Bulk}}));
}

TEST_F(CallChoiceOnV2, ABacklogLeavesSingleSlotsToWhatCanGoNoOtherWay) {
  FreeSlots free;
  free.set(LimiterClass::Bulk, {});
  free.set(LimiterClass::Other, {.spare = false, .ordinary = true, .urgent = true});
  const auto choice = with(free);
  EXPECT_EQ(choice.max_people(Turn::Spare, Lane::Upsert, "subscribe:"), 0U);
  EXPECT_GT(choice.max_people(Turn::Singles, Lane::Upsert, "group_assign:12"), 0U);
  EXPECT_EQ(choice.missing(Lane::Upsert, "subscribe:"),
            (Missing{{LimiterClass::Other, true}, {LimiterClass::Bulk}}));
  EXPECT_TRUE(choice.missing(Lane::Upsert, "group_assign:12").empty());
}

TEST_F(CallChoiceOnV2, OptOutsAndDeletesAreLookedForInEveryFirstTurn) {
  for (const bool bulk : {false, true}) {
    const auto choice = with(slots(bulk, true));
    const auto first = choice.turns().front();
    EXPECT_GT(choice.max_people(first, Lane::Optout, "unsubscribe"), 0U);
    EXPECT_EQ(choice.max_people(first, Lane::Delete, "delete"), 100U);
  }
}

TEST_F(CallChoiceOnV2, AChangeOfConsentIsNeverPartOfABulkCall) {
  const auto choice = with(slots(true, true));
  EXPECT_EQ(choice.max_people(Turn::Batches, Lane::Upsert, "subscribe_alone:"), 0U);
  EXPECT_EQ(choice.take(Turn::Singles, "subscribe_alone:", 2), 1U);
}

TEST_F(CallChoiceOnV2, AnySlotIsOneForSomebody) {
  EXPECT_FALSE(FreeSlots().any());
  FreeSlots only_spare;
  only_spare.set(LimiterClass::Other, {.spare = true, .ordinary = false, .urgent = false});
  EXPECT_FALSE(only_spare.any()) << "there is no spare one without an ordinary one";
  for (const auto limiter_class : all_limiter_classes) {
    FreeSlots ordinary;
    ordinary.set(limiter_class, {.spare = false, .ordinary = true, .urgent = false});
    EXPECT_TRUE(ordinary.any());
    EXPECT_TRUE(ordinary.free(limiter_class, Lane::Upsert));
    EXPECT_FALSE(ordinary.free(limiter_class, Lane::Optout));
  }
}

TEST_F(CallChoiceOnV2, ABulkSlotThatIsKeptForOptOutsIsNoneForABacklog) {
  FreeSlots kept;
  kept.set(LimiterClass::Bulk, {.spare = false, .ordinary = false, .urgent = true});
  EXPECT_EQ(with(kept).turns(), (Turns{Turn::Singles, Turn::Spare}));
}

TEST_F(CallChoiceOnV2, WithoutABulkSlotNoBatchIsLookedFor) {
  EXPECT_EQ(with(slots(false, true)).max_people(Turn::Batches, Lane::Upsert, "subscribe:"), 0U);
  EXPECT_EQ(with(slots(true, false)).max_people(Turn::Batches, Lane::Upsert, "subscribe:"), 1000U);
}

TEST_F(CallChoiceOnV2, TwoAreLookedForWhereACallTakesOne) {
  const auto choice = with(slots(true, true));
  EXPECT_EQ(choice.max_people(Turn::Singles, Lane::Upsert, "group_assign:12"), 2U);
  EXPECT_EQ(choice.max_people(Turn::Spare, Lane::Upsert, "subscribe:"), 2U);
}

TEST_F(CallChoiceOnV2, SomebodyAloneTakesABulkSlotOnlyInPlaceOfASingleOne) {
  EXPECT_EQ(with(slots(true, true)).limiter_class(Lane::Upsert, "subscribe:", 1), LimiterClass::Other);
  EXPECT_EQ(with(slots(true, false)).limiter_class(Lane::Upsert, "subscribe:", 1), LimiterClass::Bulk);
  EXPECT_EQ(with(slots(false, false)).limiter_class(Lane::Upsert, "subscribe:", 1), LimiterClass::Other)
      << "none is free";
  EXPECT_EQ(with(slots(false, true)).limiter_class(Lane::Upsert, "subscribe:", 2), LimiterClass::Bulk);
}

TEST_F(CallChoiceOnV2, NothingIsMissingWhereEitherRoadIsFree) {
  for (const auto& [bulk, other] : {std::pair{true, true}, std::pair{true, false}, std::pair{false, true}})
    EXPECT_TRUE(with(slots(bulk, other)).missing(Lane::Upsert, "subscribe:").empty()) << bulk << other;
  EXPECT_EQ(with(slots(false, false)).missing(Lane::Upsert, "subscribe:"),
            (Missing{{LimiterClass::Other, true}, {LimiterClass::Bulk}}));
}

TEST(CallChoice, OnV1EverythingGoesInOneTurnInFullBatches) {
  const auto v1 = make_v1();
  FreeSlots free;
  free.set(LimiterClass::All, {.spare = true, .ordinary = true, .urgent = true});
  const CallChoice choice(*v1, free, few);
  EXPECT_EQ(choice.turns(), Turns{Turn::Singles});
  for (const auto* shape : {"subscribe:11", "resubscribe:", "group_assign:12"})
    EXPECT_EQ(choice.max_people(Turn::Singles, Lane::Upsert, shape), 2000U) << shape;
  EXPECT_EQ(choice.take(Turn::Singles, "subscribe:", 3), 3U);
  EXPECT_EQ(choice.max_people(Turn::Singles, Lane::Upsert, "subscribe_confirm:"), 10U);
  EXPECT_EQ(limiter_classes_of(*v1), std::vector{LimiterClass::All});
}

TEST(CallChoice, AResubscribeViaV1HasItsOwnSlots) {
  const auto both = make_v2_resubscribing_via_v1();
  EXPECT_EQ(limiter_classes_of(*both),
            (std::vector{LimiterClass::All, LimiterClass::Bulk, LimiterClass::Other}));
  FreeSlots free;
  free.set(LimiterClass::All, {.spare = true, .ordinary = true, .urgent = true});
  free.set(LimiterClass::Bulk, {.spare = true, .ordinary = true, .urgent = true});
  const CallChoice choice(*both, free, few);
  EXPECT_EQ(choice.max_people(Turn::Batches, Lane::Upsert, "resubscribe:"), 2000U);
  EXPECT_EQ(choice.take(Turn::Batches, "resubscribe:", 3), 3U);
  EXPECT_EQ(choice.limiter_class(Lane::Upsert, "resubscribe:", 3), LimiterClass::All);
  EXPECT_EQ(make_v2()->can_resubscribe(), false);
  EXPECT_EQ(both->can_resubscribe(), true);
}

}  // namespace
}  // namespace stibee_sync::delivery
