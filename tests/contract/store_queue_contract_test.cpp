#include "contract/store_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What every store promises about the outbound queue: order, claims, settlements, and what a crash leaves.
namespace stibee_sync::store_tests {
namespace {

using domain::Intent;
using Next = store::Settlement::Next;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class StoreQueue : public ::testing::TestWithParam<std::unique_ptr<Backend> (*)()> {
 protected:
  World world{GetParam()()};
  Table table;

  void read(UtcTime now, std::vector<int> held = {}) {
    world.read(table, {.now = now, .held = std::move(held)});
  }
  std::vector<std::string> claim_addresses(UtcTime now, std::size_t most = 100, bool retries = true) {
    const auto claimed = world.claim(now, most, retries);
    return claimed ? addresses_of(*claimed) : std::vector<std::string>{};
  }
};

INSTANTIATE_TEST_SUITE_P(Each, StoreQueue, ::testing::Values(&memory_backend, &sqlite_backend),
                         [](const auto& test) { return test.index == 0 ? "Memory" : "Sqlite"; });

// ---- order -------------------------------------------------------------------------------------------

TEST_P(StoreQueue, OptOutsComeBeforeDeletionsBeforeTheRest) {
  table = {{key(1), {"gone@x.kr"}}, {key(2), {"no@x.kr"}}};
  read(start);
  world.deliver_all();
  table.erase(key(1));
  read(start + second);
  world.deliver_all(start + second);
  table[key(2)].subscribed = false;
  table[key(3)] = {"new@x.kr"};
  read(start + 2 * day);
  EXPECT_THAT(claim_addresses(start + 2 * day), ElementsAre("no@x.kr"));
  EXPECT_THAT(claim_addresses(start + 2 * day), ElementsAre("gone@x.kr"));
  EXPECT_THAT(claim_addresses(start + 2 * day), ElementsAre("new@x.kr"));
  EXPECT_FALSE(world.claim(start + 2 * day));
}

TEST_P(StoreQueue, OneLaneAloneCanBeAskedFor) {
  table = {{key(1), {"no@x.kr"}}};
  read(start);
  world.deliver_all();
  table[key(1)].subscribed = false;
  table[key(2)] = {"new@x.kr"};
  read(start + second);
  store::ClaimRequest request;
  request.mirrors = {world.mirror};
  request.now = start + second;
  request.max_people = [](Lane lane, const std::string&) {
    return std::size_t{lane == Lane::Upsert ? 10U : 0U};
  };
  EXPECT_EQ(world.store->claim(request, {})->lane, Lane::Upsert);
  EXPECT_FALSE(world.store->claim(request, {}));
}

TEST_P(StoreQueue, TheShapeWhoseOldestRowIsOldestGoesFirst) {
  table = {{key(1), {"b@x.kr", "n", true, "", {9}}}};
  read(start);
  table[key(2)] = {"a@x.kr", "n", true, "", {1}};
  table[key(3)] = {"c@x.kr", "n", true, "", {9}};
  read(start + second);
  const auto first = world.claim(start + 2 * second);
  EXPECT_EQ(first->shape, "subscribe:9,");
  EXPECT_THAT(addresses_of(*first), ElementsAre("b@x.kr", "c@x.kr"));
  EXPECT_EQ(world.claim(start + 2 * second)->shape, "subscribe:1,");
}

TEST_P(StoreQueue, RowsOfAShapeGoInTheOrderInWhichTheyBecamePending) {
  table = {{key(1), {"z@x.kr"}}};
  read(start);
  table[key(2)] = {"b@x.kr"};
  table[key(3)] = {"a@x.kr"};
  read(start + second);
  EXPECT_THAT(claim_addresses(start + second, 2), ElementsAre("z@x.kr", "a@x.kr"));
  EXPECT_THAT(claim_addresses(start + second, 2), ElementsAre("b@x.kr"));
}

TEST_P(StoreQueue, AChangeThatIsOvertakenKeepsItsPlaceAndSendsTheNewestValues) {
  table = {{key(1), {"b@x.kr", "old"}}};
  read(start);
  table[key(2)] = {"a@x.kr"};
  table[key(1)].name = "new";
  read(start + second);
  const auto claimed = world.claim(start + second);
  ASSERT_THAT(addresses_of(*claimed), ElementsAre("b@x.kr", "a@x.kr"));
  EXPECT_EQ(claimed->people[0].values[0].value, "new");
}

TEST_P(StoreQueue, NobodyIsClaimedBeforeTheyAreDue) {
  table = {{key(1), {"a@x.kr"}}};
  read(start);
  world.deliver_all();
  table.clear();
  read(start + second);
  world.deliver_all(start + second);
  EXPECT_EQ(world.store->next_due({world.mirror}), start + second + day);
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_EQ(world.claim(start + second + day)->lane, Lane::Delete);
}

TEST_P(StoreQueue, ServesTheMirrorsThatItIsAskedFor) {
  table = {{key(1), {"a@x.kr"}}};
  read(start);
  const auto first = world.mirror;
  const auto second_mirror = world.store->open_mirror("second", 2);
  world.mirror = second_mirror;
  table = {{key(1), {"b@x.kr"}}};
  read(start - second);
  store::ClaimRequest request;
  request.now = start;
  request.max_people = [](Lane, const std::string&) { return std::size_t{10}; };
  EXPECT_FALSE(world.store->claim(request, {}));
  EXPECT_FALSE(world.store->next_due({}));
  request.mirrors = {first, second_mirror};
  EXPECT_EQ(world.store->next_due(request.mirrors), start - second);
  EXPECT_EQ(world.store->claim(request, {})->mirror, second_mirror);
  EXPECT_EQ(world.store->claim(request, {})->mirror, first);
}

// ---- claims ------------------------------------------------------------------------------------------

TEST_P(StoreQueue, WhoIsInFlightIsNotClaimedAgainUntilSettledOrReleased) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}, {key(3), {"c@x.kr"}}};
  read(start);
  EXPECT_THAT(claim_addresses(start, 2), ElementsAre("a@x.kr", "b@x.kr"));
  EXPECT_THAT(claim_addresses(start, 2), ElementsAre("c@x.kr"));
  EXPECT_FALSE(world.claim());
  EXPECT_FALSE(world.store->next_due({world.mirror}));
  EXPECT_EQ(world.store->pending(world.mirror), 3U);
  world.store->release(world.mirror, {email("b@x.kr")});
  EXPECT_EQ(world.store->next_due({world.mirror}), start);
  EXPECT_THAT(claim_addresses(start, 2), ElementsAre("b@x.kr"));
  world.settle("a@x.kr", Next::Retry, start, 1, start);
  EXPECT_THAT(claim_addresses(start, 2), ElementsAre("a@x.kr"));
}

TEST_P(StoreQueue, ClaimsDoNotSurviveACrash) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  read(start);
  world.claim();
  world.reopen();
  EXPECT_THAT(claim_addresses(start), ElementsAre("a@x.kr", "b@x.kr"));
}

TEST_P(StoreQueue, WhoWasInFlightAtACrashAndLeavesIsUnsubscribedInCaseTheCallWasApplied) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  read(start);
  EXPECT_THAT(claim_addresses(start, 1), ElementsAre("a@x.kr"));
  world.reopen();
  table.clear();
  read(start + second);
  EXPECT_FALSE(world.find("b@x.kr"));  // was never sent
  const auto claimed = world.claim(start + second);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->lane, Lane::Optout);
  EXPECT_THAT(addresses_of(*claimed), ElementsAre("a@x.kr"));
}

TEST_P(StoreQueue, WhoLeavesWhileTheirCallIsOutIsUnsubscribedAfterIt) {
  table = {{key(1), {"a@x.kr"}}};
  read(start);
  const auto claimed = world.claim();
  table.clear();
  read(start + second);
  EXPECT_FALSE(world.claim(start + second));  // the call is still out
  world.deliver(*claimed, start + 2 * second);
  const auto next = world.claim(start + 2 * second);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->lane, Lane::Optout);
  EXPECT_EQ(next->people[0].confirmed.status, RemoteStatus::Subscribed);
}

TEST_P(StoreQueue, WhoLeavesWhileTheirCallIsOutIsUnsubscribedThoughItsAnswerIsLost) {
  table = {{key(1), {"a@x.kr"}}};
  read(start);
  const auto claimed = world.claim();
  table.clear();
  read(start + second);
  store::Settlement lost;
  lost.email = email("a@x.kr");
  lost.confirmed = claimed->people[0].confirmed;
  lost.next = Next::Retry;
  lost.attempts = 1;
  lost.not_before = start + day;
  world.settle(lost, start + 2 * second);
  // At once: the backoff was that of another call.
  const auto next = world.claim(start + 2 * second);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->lane, Lane::Optout);
  EXPECT_FALSE(next->is_retry);
}

TEST_P(StoreQueue, ValuesThatMayHaveBeenOverwrittenAreSentAgain) {
  table = {{key(1), {"a@x.kr", "old"}}};
  read(start);
  world.deliver_all();
  table[key(1)].name = "new";
  read(start + second);
  world.claim(start + second);
  world.settle("a@x.kr", Next::Retry, start + second, 1, start + day);
  // Back to what Stibee had before the call whose answer was lost.
  table[key(1)].name = "old";
  read(start + 2 * second);
  const auto claimed = world.claim(start + 2 * second);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->people[0].values[0].value, "old");
}

TEST_P(StoreQueue, GroupsThatMayHaveBeenAssignedAreReleased) {
  table = {{key(1), {"a@x.kr"}}};
  read(start);
  world.deliver_all();
  table[key(1)].groups = {7};
  read(start + second);
  EXPECT_EQ(world.claim(start + second)->shape, "group:");
  world.settle("a@x.kr", Next::Retry, start + second, 1, start + day);
  table[key(1)].groups = {};
  read(start + 2 * second);
  const auto claimed = world.claim(start + 2 * second);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->people[0].confirmed.maybe_groups, domain::GroupSet{7});
}

TEST_P(StoreQueue, AnUnsubscribeThatMayHaveBeenAppliedIsUndoneByAResubscribe) {
  table = {{key(1), {"a@x.kr"}}};
  read(start);
  world.deliver_all();
  table[key(1)].subscribed = false;
  read(start + second);
  world.claim(start + second);
  world.settle("a@x.kr", Next::Retry, start + second, 1, start + day);
  table[key(1)].subscribed = true;
  read(start + 2 * second);
  EXPECT_EQ(world.claim(start + 2 * second)->shape, "resubscribe:");
}

TEST_P(StoreQueue, ABatchThatIsHalvedStaysAmongItself) {
  table = {{key(1), {"a@x.kr"}},
           {key(2), {"b@x.kr"}},
           {key(3), {"c@x.kr"}},
           {key(4), {"d@x.kr"}},
           {key(5), {"e@x.kr"}}};
  read(start);
  EXPECT_EQ(claim_addresses(start, 4).size(), 4U);
  for (const auto* address : {"a@x.kr", "b@x.kr", "c@x.kr", "d@x.kr"}) {
    world.settle(address, Next::Retry, start, 1, start, 2);
  }
  // e@ has no limit and does not ride along, though there is room.
  auto first = world.claim(start, 100);
  EXPECT_THAT(addresses_of(*first), ElementsAre("a@x.kr", "b@x.kr"));
  EXPECT_EQ(first->batch_limit, 2U);
  EXPECT_TRUE(first->is_retry);
  EXPECT_EQ(first->people[0].attempts, 1);
  auto second_half = world.claim(start, 100);
  EXPECT_THAT(addresses_of(*second_half), ElementsAre("c@x.kr", "d@x.kr"));
  auto rest = world.claim(start, 100);
  EXPECT_THAT(addresses_of(*rest), ElementsAre("e@x.kr"));
  EXPECT_EQ(rest->batch_limit, 0U);
}

TEST_P(StoreQueue, WithoutARetryBudgetOnlyTheFreshAreServed) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  read(start);
  claim_addresses(start, 1);
  world.settle("a@x.kr", Next::Retry, start, 1, start);
  EXPECT_THAT(claim_addresses(start, 10, false), ElementsAre("b@x.kr"));
  EXPECT_FALSE(world.claim(start, 10, false));
  EXPECT_EQ(world.store->next_due({world.mirror}), start);
  EXPECT_THAT(claim_addresses(start, 10, true), ElementsAre("a@x.kr"));
}

TEST_P(StoreQueue, FreshAndRetriedRideTogetherInTheOrderOfTheirDueTimes) {
  table = {{key(1), {"m@x.kr"}}};
  read(start);
  world.claim();
  world.settle("m@x.kr", Next::Retry, start, 1, start + 2 * second);
  table[key(2)] = {"z@x.kr"};
  read(start + second);
  table[key(3)] = {"a@x.kr"};
  read(start + 3 * second);
  const auto claimed = world.claim(start + 3 * second);
  EXPECT_THAT(addresses_of(*claimed), ElementsAre("z@x.kr", "m@x.kr", "a@x.kr"));
  EXPECT_FALSE(claimed->is_retry);
}

// ---- settlements -------------------------------------------------------------------------------------

TEST_P(StoreQueue, ValuesAreErasedAsSoonAsNothingIsToBeSent) {
  table = {{key(1), {"a@x.kr", "ann"}}};
  read(start);
  EXPECT_TRUE(world.find("a@x.kr")->has_values);
  world.deliver_all();
  const auto entry = world.find("a@x.kr");
  EXPECT_FALSE(entry->has_values);
  EXPECT_FALSE(entry->lane);
  EXPECT_EQ(entry->confirmed.status, RemoteStatus::Subscribed);
}

TEST_P(StoreQueue, AStepThatLeavesAnotherGoesOnWithTheSameValues) {
  table = {{key(1), {"a@x.kr", "ann", true, "", {5}}}};
  read(start);
  const auto claimed = world.claim();
  auto settlement = store::Settlement{};
  settlement.email = email("a@x.kr");
  settlement.confirmed = delivered(*claimed, claimed->people[0], start);
  settlement.confirmed.groups = {};
  world.settle(settlement, start + second);
  const auto next = world.claim(start + second);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->shape, "group:");
  EXPECT_EQ(next->people[0].values[0].value, "ann");
  EXPECT_EQ(world.find("a@x.kr")->pending_since, start);
}

TEST_P(StoreQueue, WhatWasWantedMeanwhileIsPlacedWithWhatIsConfirmedNow) {
  table = {{key(1), {"a@x.kr", "old"}}};
  read(start);
  const auto claimed = world.claim();
  table[key(1)].name = "new";
  read(start + second);
  EXPECT_FALSE(world.claim(start + second));
  world.deliver(*claimed, start + 2 * second);
  const auto next = world.claim(start + 2 * second);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->people[0].values[0].value, "new");
  world.deliver(*next, start + 2 * second);
  EXPECT_FALSE(world.claim(start + day));
}

TEST_P(StoreQueue, ARetryWaitsForItsTimeAndSurvivesARestart) {
  table = {{key(1), {"a@x.kr"}}};
  read(start);
  world.claim();
  world.settle("a@x.kr", Next::Retry, start, 3, start + 30 * second);
  world.reopen();
  EXPECT_FALSE(world.claim(start + 29 * second));
  EXPECT_EQ(world.store->next_due({world.mirror}), start + 30 * second);
  const auto entry = world.find("a@x.kr");
  EXPECT_EQ(entry->attempts, 3);
  EXPECT_EQ(entry->error, "wrong_email");
  EXPECT_EQ(entry->pending_since, start);
  const auto claimed = world.claim(start + 30 * second);
  EXPECT_TRUE(claimed->is_retry);
  EXPECT_EQ(claimed->people[0].attempts, 3);
  world.deliver(*claimed, start + 30 * second);
  EXPECT_EQ(world.find("a@x.kr")->attempts, 0);
  EXPECT_EQ(world.find("a@x.kr")->error, "");
}

TEST_P(StoreQueue, AReadThatChangesNothingKeepsTheBackoffAndOneThatDoesEndsIt) {
  table = {{key(1), {"a@x.kr", "ann"}}};
  read(start);
  world.claim();
  world.settle("a@x.kr", Next::Retry, start, 3, start + 30 * second, 1);
  read(start + second);
  EXPECT_EQ(world.find("a@x.kr")->attempts, 3);
  table[key(1)].name = "anna";
  read(start + 2 * second);
  const auto claimed = world.claim(start + 2 * second);
  ASSERT_TRUE(claimed);
  EXPECT_FALSE(claimed->is_retry);
  EXPECT_EQ(claimed->batch_limit, 0U);
}

TEST_P(StoreQueue, HasteningEndsTheBackoffButNotThePostponement) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  read(start);
  world.deliver_all();
  table = {{key(2), {"b@x.kr", "bert"}}};
  read(start + second);
  world.deliver(*world.claim(start + second),
                start + second);  // a@ is unsubscribed and to be deleted in a day
  world.claim(start + second);
  world.settle("b@x.kr", Next::Retry, start + second, 3, start + day);
  world.store->hasten(world.mirror, start + 2 * second);
  EXPECT_THAT(claim_addresses(start + 2 * second), ElementsAre("b@x.kr"));
  EXPECT_EQ(world.find("b@x.kr")->attempts, 3);
  EXPECT_FALSE(world.claim(start + 2 * second));
}

TEST_P(StoreQueue, ParkedPeopleWaitForTheirRowToChangeOrForARetry) {
  table = {{key(1), {"a@x.kr", "ann"}}, {key(2), {"b@x.kr", "bob"}}};
  read(start);
  world.claim();
  world.settle("a@x.kr", Next::Park, start + second, 2);
  world.settle("b@x.kr", Next::Park, start + second, 1);
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_FALSE(world.store->next_due({world.mirror}));
  EXPECT_EQ(world.store->pending(world.mirror), 0U);
  const auto parked = world.store->parked(world.mirror, 10);
  ASSERT_EQ(parked.size(), 2U);
  EXPECT_EQ(parked[0].key, "1");
  EXPECT_EQ(parked[0].email, "a@x.kr");
  EXPECT_EQ(parked[0].reason, "wrong_email");
  EXPECT_EQ(parked[0].message, "no such domain");
  EXPECT_EQ(parked[0].attempts, 2);
  EXPECT_EQ(parked[0].since, start + second);
  EXPECT_EQ(world.store->summary(world.mirror, start).parked.at("wrong_email"), 2U);

  read(start + 2 * second);
  EXPECT_FALSE(world.claim(start + 2 * second));
  table[key(1)].name = "anna";
  read(start + 3 * second);
  EXPECT_THAT(claim_addresses(start + 3 * second), ElementsAre("a@x.kr"));
  EXPECT_EQ(world.store->retry(world.mirror, "other_reason", "", place, start), 0U);
  EXPECT_EQ(world.store->retry(world.mirror, "", "nobody@x.kr", place, start), 0U);
  EXPECT_EQ(world.store->retry(world.mirror, "", "b@x.kr", place, start + 4 * second), 1U);
  const auto claimed = world.claim(start + 4 * second);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->people[0].values[0].value, "bob");
  EXPECT_EQ(claimed->people[0].attempts, 0);
  EXPECT_THAT(world.store->parked(world.mirror, 10), IsEmpty());
}

TEST_P(StoreQueue, RetryReleasesByReasonOrAll) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  read(start);
  world.claim();
  world.settle("a@x.kr", Next::Park);
  world.settle("b@x.kr", Next::Park);
  EXPECT_EQ(world.store->retry(world.mirror, "wrong_email", "", place, start), 2U);
  world.claim();
  world.settle("a@x.kr", Next::Park);
  world.settle("b@x.kr", Next::Park);
  EXPECT_EQ(world.store->retry(world.mirror, "", "", place, start), 2U);
  EXPECT_EQ(world.claim()->people.size(), 2U);
}

TEST_P(StoreQueue, ARefusalOfWhatIsNoLongerWantedParksNobody) {
  table = {{key(1), {"a@x.kr", "bad"}}};
  read(start);
  world.claim();
  table[key(1)].name = "good";
  read(start + second);
  world.settle("a@x.kr", Next::Park, start + 2 * second);
  const auto claimed = world.claim(start + 2 * second);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->people[0].values[0].value, "good");
}

TEST_P(StoreQueue, WhatCannotBeDoneIsParkedUntilTheRulesChange) {
  table = {{key(1), {"a@x.kr", "ann"}}};
  world.read(table, {.rule = place_nobody});
  EXPECT_FALSE(world.claim());
  EXPECT_EQ(world.store->parked(world.mirror, 10).at(0).reason, "not_allowed");
  EXPECT_EQ(world.store->retry(world.mirror, "", "", place_nobody, start), 0U);
  world.store->replace_all(world.mirror, place, start + second);
  EXPECT_THAT(world.store->parked(world.mirror, 10), IsEmpty());
  EXPECT_EQ(world.claim(start + second)->people[0].values[0].value, "ann");
}

TEST_P(StoreQueue, ANewRuleThatNeedsErasedValuesWaitsForTheNextRead) {
  table = {{key(1), {"a@x.kr", "ann"}}};
  read(start);
  const auto claimed = world.claim();
  auto settlement = store::Settlement{};
  settlement.email = email("a@x.kr");
  settlement.confirmed.status = RemoteStatus::OptedOut;
  world.settle(settlement);
  EXPECT_FALSE(world.find("a@x.kr")->has_values);
  const auto everybody = [](const domain::Wanted&, const domain::Confirmed& confirmed, UtcTime now) {
    store::Placement placement;
    if (confirmed.status == RemoteStatus::Subscribed) return placement;
    placement.lane = Lane::Upsert;
    placement.shape = "resubscribe:";
    placement.due = now;
    return placement;
  };
  world.store->replace_all(world.mirror, everybody, start + second);
  EXPECT_FALSE(world.claim(start + second));
  const auto result = world.read(table, {.now = start + 2 * second, .rule = everybody});
  EXPECT_THAT(result.staged, ElementsAre(key(1)));
  const auto again = world.claim(start + 2 * second);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->people[0].values[0].value, "ann");
  world.deliver(*again, start + 2 * second);
  EXPECT_THAT(world.read(table, {.now = start + 3 * second, .rule = everybody}).staged, IsEmpty());
}

TEST_P(StoreQueue, SettlingWhoIsUnknownIsIgnored) {
  world.settle("nobody@x.kr", Next::Continue);
  EXPECT_FALSE(world.find("nobody@x.kr"));
}

// ---- reports -----------------------------------------------------------------------------------------

TEST_P(StoreQueue, TheSummaryCountsWhoWaitsAndSinceWhen) {
  table = {
      {key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}, {key(3), {"c@x.kr"}}, {key(4), {"d@x.kr", "n", false}}};
  read(start);
  auto summary = world.store->summary(world.mirror, start);
  EXPECT_EQ(summary.wanted_subscribed, 3U);
  EXPECT_EQ(summary.people.at(RemoteStatus::Unknown), 4U);
  EXPECT_EQ(summary.pending.at(Lane::Upsert).people, 3U);
  EXPECT_EQ(summary.pending.at(Lane::Upsert).oldest, start);
  EXPECT_EQ(summary.pending.at(Lane::Optout).people, 0U);
  EXPECT_EQ(summary.pending.at(Lane::Optout).oldest, std::nullopt);

  world.deliver_all();
  table.erase(key(1));
  read(start + second);
  summary = world.store->summary(world.mirror, start + second);
  EXPECT_EQ(summary.pending.at(Lane::Optout).people, 1U);
  world.deliver_all(start + second);
  summary = world.store->summary(world.mirror, start + second);
  EXPECT_EQ(summary.pending.at(Lane::Delete).people, 0U);  // postponed
  EXPECT_EQ(summary.pending.at(Lane::Delete).oldest, std::nullopt);
  EXPECT_EQ(world.store->pending(world.mirror), 0U);
  summary = world.store->summary(world.mirror, start + 2 * day);
  EXPECT_EQ(summary.pending.at(Lane::Delete).people, 1U);
  EXPECT_EQ(summary.pending.at(Lane::Delete).oldest, start + second + day);
  EXPECT_EQ(summary.people.at(RemoteStatus::Subscribed), 2U);
  EXPECT_EQ(summary.people.at(RemoteStatus::Unsubscribed), 1U);

  // Who waits for another attempt is pending all the same, since the beginning.
  table[key(2)].name = "bert";
  read(start + 3 * second);
  world.claim(start + 3 * second);
  world.settle("b@x.kr", Next::Retry, start + 4 * second, 1, start + day);
  table[key(3)].name = "carl";
  read(start + 5 * second);
  summary = world.store->summary(world.mirror, start + 5 * second);
  EXPECT_EQ(summary.pending.at(Lane::Upsert).people, 2U);
  EXPECT_EQ(summary.pending.at(Lane::Upsert).oldest, start + 3 * second);
  EXPECT_EQ(world.store->pending(world.mirror), 2U);

  // The same without a look at everybody.
  const auto backlog = world.store->backlog(world.mirror, start + 5 * second);
  for (const auto lane : domain::all_lanes) {
    EXPECT_EQ(backlog.pending.at(lane).people, summary.pending.at(lane).people);
    EXPECT_EQ(backlog.pending.at(lane).oldest, summary.pending.at(lane).oldest);
  }
  EXPECT_EQ(backlog.parked, summary.parked);
  EXPECT_EQ(world.store->wanted_subscribed(world.mirror), summary.wanted_subscribed);
}

TEST_P(StoreQueue, TheLastAttemptsOfEachLimiterOutliveARestart) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  read(start);
  world.claim(start + second, 1);
  world.claim(start + 2 * second, 1);
  world.claim(start + 3 * second, 1);  // nobody was left: no attempt
  world.reopen();
  auto attempts = world.store->logged_attempts();
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].limiter_class, "all");
  EXPECT_EQ(attempts[0].at, start + second);
  EXPECT_EQ(attempts[0].boot_id, "boot");
  EXPECT_EQ(attempts[0].since_boot_ns, 42);
  EXPECT_EQ(attempts[1].at, start + 2 * second);
  world.claim(start + 4 * second, 1);
  EXPECT_EQ(world.store->logged_attempts().back().at, start + 4 * second);
}

}  // namespace
}  // namespace stibee_sync::store_tests
