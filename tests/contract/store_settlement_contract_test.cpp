#include "contract/store_calls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What the store promises about the outbound queue: settlements, and reports of it.
namespace stibee_sync::store_tests {
namespace {

using domain::Intent;
using Next = ledger::Settlement::Next;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using StoreSettlement = StoreCalls;

// ---- settlements -------------------------------------------------------------------------------------

TEST_F(StoreSettlement, ValuesAreErasedAsSoonAsNothingIsToBeSent) {
  table = {{key(1), {"a@x.kr", "ann"}}};
  read(start);
  EXPECT_TRUE(world.row("a@x.kr").values);
  world.deliver_all();
  const auto row = world.row("a@x.kr");
  EXPECT_FALSE(row.values);
  EXPECT_FALSE(row.lane);
  EXPECT_EQ(row.confirmed.status, RemoteStatus::Subscribed);
}

TEST_F(StoreSettlement, AStepThatLeavesAnotherGoesOnWithTheSameValues) {
  table = {{key(1), {"a@x.kr", "ann", true, "", {5}}}};
  read(start);
  const auto claimed = world.claim();
  auto settlement = ledger::Settlement{};
  settlement.email = email("a@x.kr");
  settlement.confirmed = delivered(*claimed, claimed->people[0], world.policy, start);
  settlement.confirmed.groups = {};
  world.settle(settlement, start + second);
  const auto next = world.claim(start + second);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->line.shape, "group_assign:5");
  EXPECT_EQ(next->people[0].values[0].value, "ann");
  EXPECT_EQ(world.row("a@x.kr").pending_since, start);
}

TEST_F(StoreSettlement, WhatWasWantedMeanwhileIsPlacedWithWhatIsConfirmedNow) {
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

TEST_F(StoreSettlement, WhoWasLookedUpAheadIsFoundAsTheyAreByThen) {
  for (const char c : {'a', 'b', 'c', 'd'})
    table[key(c)] = {std::string(1, c) + "@x.kr", "old"};
  read(start);
  const auto parked = [&](store::Transaction& change, const std::string& address) {
    const auto before = change.find(world.mirror, email(address));
    auto after = before;
    after.row->message = "changed";
    change.write(world.mirror, email(address), before, after);
  };
  world.change([&](store::Transaction& change) {
    change.read_ahead(world.mirror, {"a@x.kr", "b@x.kr", "nobody@x.kr", "c@x.kr", "c@x.kr", "d@x.kr"});
    parked(change, "a@x.kr");  // in turn
    parked(change, "c@x.kr");  // not in turn
    EXPECT_EQ(change.find(world.mirror, email("b@x.kr")).row->message, "");
    EXPECT_FALSE(change.find(world.mirror, email("nobody@x.kr")).row);
    EXPECT_EQ(change.find(world.mirror, email("c@x.kr")).row->message, "changed");
    parked(change, "d@x.kr");
    EXPECT_EQ(change.find(world.mirror, email("d@x.kr")).row->message, "changed");
    change.read_ahead(world.mirror, {"d@x.kr", "d@x.kr", "b@x.kr"});
    parked(change, "d@x.kr");
    EXPECT_EQ(change.find(world.mirror, email("d@x.kr")).row->message, "changed");
    change.read_ahead(world.mirror, {"b@x.kr"});
  });
  world.change([&](store::Transaction& change) { parked(change, "b@x.kr"); });
  for (const char c : {'a', 'b', 'c', 'd'})
    EXPECT_EQ(world.row(std::string(1, c) + "@x.kr").message, "changed") << c;
}

TEST_F(StoreSettlement, ManyAreSettledAtOnceEachWithTheirOwnRow) {
  for (int i = 0; i < 600; ++i)
    table[key(i)] = {"p" + std::to_string(i) + "@x.kr", "name " + std::to_string(i)};
  read(start);
  const auto claimed = world.claim(start, 600);
  ASSERT_EQ(claimed->people.size(), 600U);
  table[key(300)].name = "another";
  read(start + second);
  world.deliver(*claimed, start + 2 * second);
  const auto next = world.claim(start + 2 * second, 600);
  ASSERT_EQ(next->people.size(), 1U);
  EXPECT_EQ(next->people[0].values[0].value, "another");
  for (int i = 0; i < 600; ++i) {
    const auto row = world.row("p" + std::to_string(i) + "@x.kr");
    EXPECT_EQ(row.key, key(i));
    EXPECT_EQ(row.confirmed.status, RemoteStatus::Subscribed);
  }
}

TEST_F(StoreSettlement, ARetryWaitsForItsTimeAndSurvivesARestart) {
  table = {{key(1), {"a@x.kr"}}};
  read(start);
  world.claim();
  world.settle("a@x.kr", Next::Retry, start, 3, start + 30 * second);
  world.reopen();
  EXPECT_FALSE(world.claim(start + 29 * second));
  EXPECT_EQ(world.store->next_due({world.mirror}), start + 30 * second);
  const auto row = world.row("a@x.kr");
  EXPECT_EQ(row.attempts, 3);
  EXPECT_EQ(row.error, domain::Reason::WrongEmail);
  EXPECT_EQ(row.pending_since, start);
  const auto claimed = world.claim(start + 30 * second);
  EXPECT_TRUE(claimed->is_retry);
  EXPECT_EQ(claimed->people[0].attempts, 3);
  world.deliver(*claimed, start + 30 * second);
  EXPECT_EQ(world.row("a@x.kr").attempts, 0);
  EXPECT_FALSE(world.row("a@x.kr").error);
}

TEST_F(StoreSettlement, AReadThatChangesNothingKeepsTheBackoffAndOneThatDoesEndsIt) {
  table = {{key(1), {"a@x.kr", "ann"}}};
  read(start);
  world.claim();
  world.settle("a@x.kr", Next::Retry, start, 3, start + 30 * second, 1);
  read(start + second);
  EXPECT_EQ(world.row("a@x.kr").attempts, 3);
  table[key(1)].name = "anna";
  read(start + 2 * second);
  const auto claimed = world.claim(start + 2 * second);
  ASSERT_TRUE(claimed);
  EXPECT_FALSE(claimed->is_retry);
  EXPECT_EQ(claimed->batch_limit, 0U);
}

TEST_F(StoreSettlement, HasteningEndsTheBackoffButNotThePostponement) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  read(start);
  world.deliver_all();
  table = {{key(2), {"b@x.kr", "bert"}}};
  read(start + second);
  world.deliver(*world.claim(start + second),
                start + second);  // a@ is unsubscribed and to be deleted in a day
  world.claim(start + second);
  world.settle("b@x.kr", Next::Retry, start + second, 3, start + day);
  world.hasten(start + 2 * second);
  EXPECT_THAT(claim_addresses(start + 2 * second), ElementsAre("b@x.kr"));
  EXPECT_EQ(world.row("b@x.kr").attempts, 3);
  EXPECT_FALSE(world.claim(start + 2 * second));
}

TEST_F(StoreSettlement, ParkedPeopleWaitForTheirRowToChangeOrForARetry) {
  table = {{key(1), {"a@x.kr", "ann"}}, {key(2), {"b@x.kr", "bob"}}};
  read(start);
  world.claim();
  world.settle("a@x.kr", Next::Park, start + second, 2);
  world.settle("b@x.kr", Next::Park, start + second, 1);
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_FALSE(world.store->next_due({world.mirror}));
  EXPECT_EQ(world.store->pending(world.mirror, start), 0U);
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
  EXPECT_EQ(world.unpark("other_reason", "", start), 0U);
  EXPECT_EQ(world.unpark("", "nobody@x.kr", start), 0U);
  EXPECT_EQ(world.unpark("", "b@x.kr", start + 4 * second), 1U);
  const auto claimed = world.claim(start + 4 * second);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->people[0].values[0].value, "bob");
  EXPECT_EQ(claimed->people[0].attempts, 0);
  EXPECT_THAT(world.store->parked(world.mirror, 10), IsEmpty());
}

TEST_F(StoreSettlement, RetryReleasesByReasonOrAll) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  read(start);
  world.claim();
  world.settle("a@x.kr", Next::Park);
  world.settle("b@x.kr", Next::Park);
  EXPECT_EQ(world.unpark("wrong_email", "", start), 2U);
  world.claim();
  world.settle("a@x.kr", Next::Park);
  world.settle("b@x.kr", Next::Park);
  EXPECT_EQ(world.unpark("", "", start), 2U);
  EXPECT_EQ(world.claim()->people.size(), 2U);
}

TEST_F(StoreSettlement, ARefusalOfWhatIsNoLongerWantedParksNobody) {
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

TEST_F(StoreSettlement, WhatCannotBeDoneIsParkedUntilTheRulesChange) {
  table = {{key(1), {"a@x.kr", "ann"}}};
  read(start);
  world.deliver_all();
  table[key(1)].subscribed = false;
  read(start + second);
  world.deliver_all(start + second);
  world.policy.can_resubscribe = false;
  table[key(1)].subscribed = true;
  read(start + 2 * second);
  EXPECT_FALSE(world.claim(start + 2 * second));
  EXPECT_EQ(world.store->parked(world.mirror, 10).at(0).reason, "resubscribe_unsupported");
  EXPECT_EQ(world.unpark("", "", start + 2 * second), 0U);
  world.policy.can_resubscribe = true;
  world.place_all(start + 3 * second);
  EXPECT_THAT(world.store->parked(world.mirror, 10), IsEmpty());
  EXPECT_EQ(world.claim(start + 3 * second)->people[0].values[0].value, "ann");
}

TEST_F(StoreSettlement, ANewRuleThatNeedsErasedValuesWaitsForTheNextRead) {
  table = {{key(1), {"a@x.kr", "ann"}}};
  read(start);
  world.claim();
  ledger::Settlement settlement;
  settlement.email = email("a@x.kr");
  settlement.confirmed.status = RemoteStatus::Purged;
  world.settle(settlement);
  EXPECT_FALSE(world.row("a@x.kr").values);
  world.policy.on_remote_purge = ledger::OnRemotePurge::Restore;
  world.place_all(start + second);
  EXPECT_FALSE(world.claim(start + second));
  const auto result = world.read(table, {.now = start + 2 * second});
  EXPECT_THAT(result.staged, ElementsAre(key(1)));
  const auto again = world.claim(start + 2 * second);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->people[0].values[0].value, "ann");
  world.deliver(*again, start + 2 * second);
  EXPECT_THAT(world.read(table, {.now = start + 3 * second}).staged, IsEmpty());
}

TEST_F(StoreSettlement, SettlingWhoIsUnknownIsIgnored) {
  world.settle("nobody@x.kr", Next::Continue);
  EXPECT_FALSE(world.knows("nobody@x.kr"));
}

// ---- reports -----------------------------------------------------------------------------------------

TEST_F(StoreSettlement, TheSummaryCountsWhoWaitsAndSinceWhen) {
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
  EXPECT_EQ(world.store->pending(world.mirror, start + second), 0U);
  EXPECT_EQ(world.store->pending(world.mirror, start + 2 * day), 1U);
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
  EXPECT_EQ(world.store->pending(world.mirror, start + 5 * second), 2U);

  // The same without a look at everybody.
  const auto backlog = world.store->backlog(world.mirror, start + 5 * second);
  for (const auto lane : domain::all_lanes) {
    EXPECT_EQ(backlog.pending.at(lane).people, summary.pending.at(lane).people);
    EXPECT_EQ(backlog.pending.at(lane).oldest, summary.pending.at(lane).oldest);
  }
  EXPECT_EQ(backlog.parked, summary.parked);
  EXPECT_EQ(world.store->wanted_subscribed(world.mirror), summary.wanted_subscribed);
}

TEST_F(StoreSettlement, TheLastAttemptsOfEachLimiterOutliveARestart) {
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

// ---- how far a mirror came ---------------------------------------------------------------------------

TEST_F(StoreSettlement, HowFarAMirrorCameOutlivesARestart) {
  const auto milestones = [this] { return world.store->summary(world.mirror, start).milestones; };
  EXPECT_EQ(milestones(), store::Milestones{});
  world.change([&](store::Transaction& change) {
    change.set_paused(world.mirror, true, start);
    change.set_last_delivery(world.mirror, start + second);
    EXPECT_TRUE(change.set_imported(world.mirror, start + 2 * second));
    EXPECT_FALSE(change.set_imported(world.mirror, start + day));
    change.set_reconciled(world.mirror, start + 3 * second, 7);
  });
  world.change([&](store::Transaction& change) { change.set_paused(world.mirror, true, start + day); });
  world.reopen();
  auto known = milestones();
  EXPECT_EQ(known.paused_since, start) << "since the first time";
  EXPECT_EQ(known.last_delivery, start + second);
  EXPECT_EQ(known.imported, start + 2 * second);
  EXPECT_EQ(known.last_compared, start + 3 * second);
  EXPECT_EQ(known.drift, 7U);
  world.change([&](store::Transaction& change) { change.set_paused(world.mirror, false, start + day); });
  EXPECT_EQ(milestones().paused_since, std::nullopt);
}

TEST_F(StoreSettlement, AFirstImportIsThroughOnceNobodyIsClaimedOrWaits) {
  const auto imported = [this](UtcTime now) {
    return world.change(
        [&](store::Transaction& change) { return pipeline::note_imported(change, world.mirror, now); });
  };
  EXPECT_FALSE(imported(start)) << "the table was never read";
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  read(start);
  store::SourceFacts facts;
  facts.last_success = start;
  world.change([&](store::Transaction& change) { change.set_facts(world.mirror, facts); });
  EXPECT_FALSE(imported(start)) << "both wait";
  const auto first = world.claim(start, 1);
  const auto second_one = world.claim(start, 1);
  EXPECT_FALSE(imported(start)) << "calls are out";
  world.deliver(*first, start);
  world.settle("b@x.kr", Next::Retry, start, 1, start + 30 * second);
  EXPECT_FALSE(imported(start)) << "one waits for the end of a backoff";
  const auto again = world.claim(start + 30 * second);
  world.deliver(*again, start + 30 * second);
  EXPECT_TRUE(imported(start + 30 * second));
  EXPECT_FALSE(imported(start + day)) << "once";
}

}  // namespace
}  // namespace stibee_sync::store_tests
