#include "contract/store_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What the store promises about reads: the snapshot and the ledger change together, and as section 6 of the
// design says.
namespace stibee_sync::store_tests {
namespace {

using domain::Intent;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class StoreIngest : public ::testing::Test {
 protected:
  World world;
};

TEST_F(StoreIngest, AFirstReadQueuesEverybodyAndKeepsTheSnapshotInKeyOrder) {
  const auto result = world.read({{key(10), {"b@x.kr"}}, {key(-2), {"a@x.kr"}}, {key(3), {"c@x.kr"}}});
  EXPECT_EQ(result.applied.rows, 3U);
  EXPECT_EQ(result.applied.addresses, 3U);
  EXPECT_THAT(world.snapshot_keys(), ElementsAre(key(-2), key(3), key(10)));
  const auto claimed = world.claim();
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->line.lane, Lane::Upsert);
  EXPECT_EQ(claimed->line.shape, "subscribe:");
  EXPECT_FALSE(claimed->is_retry);
  EXPECT_THAT(addresses_of(*claimed), ElementsAre("a@x.kr", "b@x.kr", "c@x.kr"));
  EXPECT_EQ(claimed->people[0].values, (domain::FieldValues{{"name", "somebody"}}));
}

TEST_F(StoreIngest, TextKeysKeepTheOrderOfTheirBytes) {
  world.read({{MemberKey("b"), {"1@x.kr"}},
              {MemberKey("B"), {"2@x.kr"}},
              {MemberKey("가"), {"3@x.kr"}},
              {MemberKey("10"), {"4@x.kr"}},
              {MemberKey("9"), {"5@x.kr"}}});
  EXPECT_THAT(world.snapshot_keys(),
              ElementsAre(MemberKey("10"), MemberKey("9"), MemberKey("B"), MemberKey("b"), MemberKey("가")));
}

TEST_F(StoreIngest, AnUnchangedTableStagesNothingAndChangesNothing) {
  const Table table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  world.read(table);
  world.deliver_all();
  const auto again = world.read(table, {.now = start + second});
  EXPECT_THAT(again.staged, IsEmpty());
  EXPECT_EQ(again.applied.rows, 0U);
  EXPECT_EQ(again.applied.addresses, 0U);
  EXPECT_FALSE(world.claim(start + second));
  EXPECT_EQ(world.store->source_facts(world.mirror).last_success, start + second);
}

TEST_F(StoreIngest, AScanThatIsDroppedChangesNothing) {
  world.read({{key(1), {"a@x.kr"}}});
  ReadResult ignored;
  {
    const auto dropped = world.scan({{key(2), {"b@x.kr"}}}, start, ignored);
  }
  EXPECT_THAT(world.snapshot_keys(), ElementsAre(key(1)));
  EXPECT_FALSE(world.knows("b@x.kr"));
}

TEST_F(StoreIngest, AScanThatWasOvertakenByAnotherReadIsRefused) {
  ReadResult ignored;
  auto old = world.scan({{key(1), {"a@x.kr"}}}, start, ignored);
  world.read({{key(2), {"b@x.kr"}}});
  EXPECT_THROW(world.commit(std::move(old)), store::StoreError);
  EXPECT_THAT(world.snapshot_keys(), ElementsAre(key(2)));
  world.read({{key(3), {"c@x.kr"}}});
  EXPECT_THAT(world.snapshot_keys(), ElementsAre(key(3)));
}

TEST_F(StoreIngest, ScansSeeTheStateOfTheirBeginningWhileTheStoreGoesOn) {
  world.read({{key(1), {"a@x.kr"}}});
  auto scan = world.store->begin_scan(world.mirror);
  world.deliver_all();
  store::SnapshotRow row;
  ASSERT_TRUE(scan.next(row));
  store::StagedRow staged;
  staged.key = key(1);
  staged.fingerprint.bytes[0] = 9;
  staged.email = email("a@x.kr");
  staged.rejection = "bad";
  scan.stage(staged);
  store::TouchedAddress address;
  ASSERT_TRUE(scan.next_address(address));
  ASSERT_TRUE(address.ledger);
  EXPECT_EQ(address.ledger->confirmed.status, RemoteStatus::Unknown);
  ledger::AddressDecision decision;
  decision.wanted = address.ledger->wanted;
  decision.wanted.intent = Intent::Unsubscribed;
  scan.decide(decision, OptOut);
  EXPECT_FALSE(scan.next_address(address));
  world.commit(std::move(scan));
  // Placed by what is confirmed now, not by what was when the read began.
  EXPECT_EQ(world.row("a@x.kr").lane, Lane::Optout);
}

TEST_F(StoreIngest, TwoMembersWhoSwapAddressesAreTwoUpdates) {
  world.read({{key(1), {"a@x.kr", "ann"}}, {key(2), {"b@x.kr", "bob"}}});
  world.deliver_all();
  const auto result =
      world.read({{key(1), {"b@x.kr", "ann"}}, {key(2), {"a@x.kr", "bob"}}}, {.now = start + second});
  EXPECT_EQ(result.addresses.at("a@x.kr").as.bearers.size(), 1U);
  EXPECT_EQ(result.addresses.at("a@x.kr").as.bearers[0].key, key(2));
  EXPECT_EQ(world.row("a@x.kr").key, key(2));
  const auto claimed = world.claim(start + second);
  ASSERT_TRUE(claimed);
  ASSERT_THAT(addresses_of(*claimed), ElementsAre("a@x.kr", "b@x.kr"));
  EXPECT_EQ(claimed->people[0].values[0].value, "bob");
  EXPECT_EQ(claimed->people[1].values[0].value, "ann");
}

TEST_F(StoreIngest, AnAddressThatChangesHandsIsNeverUnsubscribedInBetween) {
  world.read({{key(1), {"a@x.kr", "ann"}}});
  world.deliver_all();
  world.read({{key(2), {"a@x.kr", "bob"}}}, {.now = start + second});
  const auto row = world.row("a@x.kr");
  EXPECT_EQ(row.wanted.intent, Intent::Subscribed);
  EXPECT_EQ(row.lane, Lane::Upsert);
  EXPECT_EQ(row.key, key(2));
}

TEST_F(StoreIngest, AMemberWhoChangesAddressLeavesWithTheOldOne) {
  world.read({{key(1), {"old@x.kr"}}});
  world.deliver_all();
  world.read({{key(1), {"new@x.kr"}}}, {.now = start + second});
  EXPECT_EQ(world.row("old@x.kr").wanted.intent, Intent::Absent);
  EXPECT_EQ(world.row("old@x.kr").lane, Lane::Optout);
  EXPECT_EQ(world.row("new@x.kr").lane, Lane::Upsert);
}

TEST_F(StoreIngest, AKeyThatIsUsedAgainIsAnotherPerson) {
  world.read({{key(1), {"a@x.kr", "ann"}}});
  world.deliver_all();
  world.read({}, {.now = start + second});
  EXPECT_THAT(world.snapshot_keys(), IsEmpty());
  world.read({{key(1), {"b@x.kr", "bob"}}}, {.now = start + 2 * second});
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Absent);
  EXPECT_EQ(world.row("b@x.kr").wanted.intent, Intent::Subscribed);
}

TEST_F(StoreIngest, OfTwoRowsWithOneAddressTheLowerKeyCountsAndBothAreAlwaysAtHand) {
  const Table table = {{key(1), {"a@x.kr", "ann"}}, {key(2), {"a@x.kr", "bob"}}, {key(3), {"c@x.kr"}}};
  world.read(table);
  EXPECT_TRUE(world.snapshot_row(key(1)).shadowed);
  EXPECT_TRUE(world.snapshot_row(key(2)).shadowed);
  EXPECT_FALSE(world.snapshot_row(key(3)).shadowed);
  EXPECT_EQ(world.claim()->people[0].values[0].value, "ann");
  const auto again = world.read(table, {.now = start + second});
  EXPECT_THAT(again.staged, ElementsAre(key(1), key(2)));
  EXPECT_EQ(again.addresses.at("a@x.kr").as.bearers.size(), 2U);
  const auto parked = world.store->parked(world.mirror, 10);
  ASSERT_EQ(parked.size(), 1U);
  EXPECT_EQ(parked[0].key, "2");
  EXPECT_EQ(parked[0].email, "a@x.kr");
  EXPECT_EQ(parked[0].reason, "duplicate_address");
  EXPECT_EQ(again.applied.rows, 0U);
  EXPECT_EQ(again.applied.addresses, 0U);
}

TEST_F(StoreIngest, WhenTheLowerKeyLeavesTheOtherRowSuppliesTheValues) {
  world.read({{key(1), {"a@x.kr", "ann"}}, {key(2), {"a@x.kr", "bob"}}});
  world.deliver_all();
  const auto result = world.read({{key(2), {"a@x.kr", "bob"}}}, {.now = start + second});
  ASSERT_EQ(result.addresses.at("a@x.kr").as.bearers.size(), 1U);
  EXPECT_TRUE(result.addresses.at("a@x.kr").as.bearers[0].member);
  EXPECT_FALSE(world.snapshot_row(key(2)).shadowed);
  EXPECT_EQ(world.row("a@x.kr").key, key(2));
  EXPECT_EQ(world.claim(start + second)->people[0].values[0].value, "bob");
}

TEST_F(StoreIngest, AnAddressIsSubscribedOnlyIfEveryRowSaysSo) {
  world.read({{key(1), {"a@x.kr"}}, {key(2), {"a@x.kr", "bob", false}}});
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Unsubscribed);
  EXPECT_FALSE(world.claim());
  // The other row agrees now: the values come from the first, which has not changed.
  const auto result =
      world.read({{key(1), {"a@x.kr"}}, {key(2), {"a@x.kr", "bob", true}}}, {.now = start + second});
  const auto& bearers = result.addresses.at("a@x.kr").as.bearers;
  EXPECT_EQ(bearers[0].was_subscribed, std::optional(true));
  EXPECT_EQ(bearers[1].was_subscribed, std::optional(false));
  const auto claimed = world.claim(start + second);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->people[0].values[0].value, "somebody");
}

TEST_F(StoreIngest, ARowThatIsNewWasNothingBefore) {
  const auto result = world.read({{key(1), {"a@x.kr"}}});
  EXPECT_EQ(result.addresses.at("a@x.kr").as.bearers[0].was_subscribed, std::nullopt);
}

TEST_F(StoreIngest, AnUnsubscribedIntentIsRememberedThoughNothingIsSent) {
  world.read({{key(1), {"a@x.kr", "ann", false}}});
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Unsubscribed);
  EXPECT_FALSE(world.row("a@x.kr").values);
  EXPECT_FALSE(world.claim());
  const auto result = world.read({{key(1), {"a@x.kr", "ann", true}}}, {.now = start + second});
  ASSERT_TRUE(result.addresses.at("a@x.kr").as.ledger);
  EXPECT_EQ(result.addresses.at("a@x.kr").as.ledger->wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(world.claim(start + second)->people[0].values[0].value, "ann");
}

TEST_F(StoreIngest, RejectedRowsAreReportedWithAndWithoutAddress) {
  world.read({{key(1), {""}}, {key(2), {"b@x.kr", "bob", true, "text_too_long"}}, {key(3), {"c@x.kr"}}});
  const auto parked = world.store->parked(world.mirror, 10);
  ASSERT_EQ(parked.size(), 2U);
  EXPECT_EQ(parked[0].key, "1");
  EXPECT_EQ(parked[0].email, "");
  EXPECT_EQ(parked[0].reason, "empty_address");
  EXPECT_EQ(parked[1].key, "2");
  EXPECT_EQ(parked[1].email, "b@x.kr");
  EXPECT_EQ(parked[1].reason, "text_too_long");
  EXPECT_EQ(parked[1].message, "column name");
  const auto summary = world.store->summary(world.mirror, start);
  EXPECT_EQ(summary.parked, (std::map<std::string, std::size_t>{{"empty_address", 1}, {"text_too_long", 1}}));
  EXPECT_EQ(world.store->parked(world.mirror, 1).size(), 1U);
  // A row that is put right is no longer parked.
  world.read({{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr", "bob"}}, {key(3), {"c@x.kr"}}},
             {.now = start + second});
  EXPECT_THAT(world.store->parked(world.mirror, 10), IsEmpty());
}

TEST_F(StoreIngest, ARejectedRowStillBearsItsAddress) {
  world.read({{key(1), {"a@x.kr", "ann"}}, {key(2), {"a@x.kr", "bob"}}});
  world.deliver_all();
  const auto result = world.read({{key(1), {"a@x.kr", "ann", true, "bad"}}, {key(2), {"a@x.kr", "bob"}}},
                                 {.now = start + second});
  EXPECT_TRUE(result.addresses.at("a@x.kr").as.bearers[0].rejected);
  EXPECT_EQ(world.row("a@x.kr").key, key(2));
  EXPECT_FALSE(world.snapshot_row(key(1)).shadowed);
}

// ---- holds -------------------------------------------------------------------------------------------

TEST_F(StoreIngest, HeldRemovalsWaitWhileTheRestFlows) {
  world.read({{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}});
  world.deliver_all();
  const Table table = {{key(2), {"b@x.kr", "bert"}}, {key(3), {"c@x.kr"}}};
  world.read(table, {.now = start + second, .held = {Removal}});
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Subscribed);
  EXPECT_THAT(world.snapshot_keys(), ElementsAre(key(1), key(2), key(3)));
  EXPECT_THAT(addresses_of(*world.claim(start + second)), UnorderedElementsAre("b@x.kr", "c@x.kr"));
  // The next read sees it again, and applies it once it may.
  const auto next = world.read(table, {.now = start + 2 * second});
  EXPECT_THAT(next.staged, ElementsAre(key(1)));
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Absent);
  EXPECT_THAT(world.snapshot_keys(), ElementsAre(key(2), key(3)));
}

TEST_F(StoreIngest, AHeldRemovalOfWhoComesBackLeavesNoMark) {
  const Table full = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  world.read(full);
  world.deliver_all();
  world.read({}, {.now = start + second, .held = {Removal}});
  const auto back = world.read(full, {.now = start + 2 * second});
  EXPECT_THAT(back.staged, IsEmpty());
  EXPECT_FALSE(world.claim(start + 2 * second));
}

TEST_F(StoreIngest, ARowWhoseMoveIsHeldIsFollowedWhereverItGoes) {
  world.read({{key(1), {"a@x.kr"}}});
  world.deliver_all();
  // a@ is held back, and b@ with it.
  world.read({{key(1), {"b@x.kr"}}}, {.now = start + second, .held = {Removal}});
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Subscribed);
  EXPECT_FALSE(world.knows("b@x.kr"));
  // It goes on to c@ before anybody approved.
  world.read({{key(1), {"c@x.kr"}}}, {.now = start + 2 * second});
  EXPECT_FALSE(world.knows("b@x.kr"));
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Absent);
  EXPECT_EQ(world.row("c@x.kr").wanted.intent, Intent::Subscribed);
  const auto quiet = world.read({{key(1), {"c@x.kr"}}}, {.now = start + 3 * second});
  EXPECT_THAT(quiet.addresses, IsEmpty());
}

TEST_F(StoreIngest, ARowThatComesBackToItsAddressWhileHalfOfItsMoveWasHeldBringsItsValues) {
  const Table table = {{key(1), {"a@x.kr", "ann"}}, {key(2), {"c@x.kr", "bob"}}};
  world.read(table);
  world.deliver_all();
  // Row 1 says no and moves onto b@, which is held; a@ is left, and such an opt-out waits for nothing.
  world.read({{key(1), {"b@x.kr", "ann", false}}, {key(2), {"c@x.kr", "bob"}}},
             {.now = start + second, .held = {None}});
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Absent);
  EXPECT_FALSE(world.knows("b@x.kr"));
  world.deliver_all(start + second);
  const auto back = world.read(table, {.now = start + 2 * second});
  EXPECT_THAT(back.staged, ElementsAre(key(1)));
  const auto claimed = world.claim(start + 2 * second);
  ASSERT_TRUE(claimed);
  EXPECT_THAT(addresses_of(*claimed), ElementsAre("a@x.kr"));
  EXPECT_EQ(claimed->people[0].values[0].value, "ann");
  world.deliver(*claimed, start + 2 * second);
  EXPECT_THAT(world.read(table, {.now = start + 3 * second}).staged, IsEmpty());
}

TEST_F(StoreIngest, AFollowedUpAddressWhoseOwnDecisionIsHeldStaysFollowedUp) {
  const Table table = {{key(1), {"a@x.kr"}}};
  world.read(table);
  world.deliver_all();
  world.read({{key(1), {"b@x.kr", "somebody", false}}}, {.now = start + second, .held = {None}});
  world.deliver_all(start + second);
  world.read(table, {.now = start + 2 * second, .held = {Resubscribe}});
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Absent);
  world.read(table, {.now = start + 3 * second});
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Subscribed);
}

TEST_F(StoreIngest, HoldsKeepTheTimeAtWhichTheirClassWasFirstHeld) {
  store::HeldChanges hold;
  hold.change_class = "removals";
  hold.count = 3;
  hold.of = 10;
  hold.digest = "abc";
  hold.why = "too many";
  hold.refs = {"0123456789ab", "ba9876543210"};
  hold.since = start;
  world.read({}, {.now = start, .holds = {hold}});
  hold.digest = "def";
  hold.since = start + second;
  auto other = hold;
  other.change_class = "updates";
  world.read({}, {.now = start + second, .holds = {hold, other}});
  const auto holds = world.store->holds(world.mirror);
  ASSERT_EQ(holds.size(), 2U);
  EXPECT_EQ(holds[0].digest, "def");
  EXPECT_EQ(holds[0].since, start);
  EXPECT_EQ(holds[0].refs, hold.refs);
  EXPECT_EQ(holds[1].since, start + second);
  world.read({});
  EXPECT_THAT(world.store->holds(world.mirror), IsEmpty());
}

TEST_F(StoreIngest, AnApprovalIsUsedUpByTheTransactionThatAppliesWhatItReleases) {
  Table table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  world.read(table);
  pipeline::ReadCommit commit;
  commit.judgement.holds.push_back({diff::ChangeClass::Removal, {}});
  commit.judgement.holds.back().changes.change_class = "removals";
  commit.judgement.holds.back().changes.digest = "abc";
  commit.judgement.holds.back().changes.count = 1;
  const auto take = [&](const Table& rows) {
    ReadResult ignored;
    auto scan = world.scan(rows, start, ignored);
    auto before = world.change([&](store::Transaction& change) {
      return pipeline::holds_before(change, world.mirror, commit.judgement, start);
    });
    pipeline::ReadTakeover read(world.mirror, std::move(scan), commit, std::move(before), world.policy,
                                start);
    world.change([&](store::Transaction& change) { read.take(change, 100); });
    EXPECT_TRUE(read.done());
    return read.committed();
  };
  table.erase(key(1));
  const auto held = take(table);
  ASSERT_EQ(held.held.size(), 1U);
  EXPECT_EQ(held.news, std::vector<std::string>{"abc"});

  world.change([&](store::Transaction& change) { change.approve(world.mirror, "abc", start + second); });
  {
    store::Transaction undone(*world.store);
    EXPECT_TRUE(undone.use_approval(world.mirror, "abc", start));
  }
  EXPECT_TRUE(world.store->approved(world.mirror, "abc", start)) << "nothing was applied";
  table.erase(key(2));  // joined since
  const auto applied = take(table);
  ASSERT_EQ(applied.released.size(), 1U);
  EXPECT_EQ(applied.released[0].changes.count, 1U);
  EXPECT_FALSE(world.find("a@x.kr").row);
  EXPECT_EQ(world.row("b@x.kr").wanted.intent, domain::Intent::Subscribed) << "nobody who was not shown";
  EXPECT_TRUE(take(table).released.empty());
}

TEST_F(StoreIngest, ApprovalsExpireAndAreUsedOnce) {
  const auto approve = [&](const std::string& digest, UtcTime expires) {
    world.change([&](store::Transaction& change) { change.approve(world.mirror, digest, expires); });
  };
  const auto use = [&](const std::string& digest, UtcTime now) {
    return world.change(
        [&](store::Transaction& change) { return change.use_approval(world.mirror, digest, now); });
  };
  approve("abc", start + second);
  EXPECT_TRUE(world.store->approved(world.mirror, "abc", start));
  EXPECT_FALSE(world.store->approved(world.mirror, "abc", start + second));
  EXPECT_FALSE(world.store->approved(world.mirror, "abd", start));
  world.reopen();
  EXPECT_TRUE(world.store->approved(world.mirror, "abc", start));
  EXPECT_FALSE(use("abc", start + second));
  EXPECT_TRUE(use("abc", start));
  EXPECT_FALSE(use("abc", start));
  EXPECT_FALSE(world.store->approved(world.mirror, "abc", start));
  approve("abc", start + second);
  approve("abd", start + 2 * second);
  world.read({}, {.now = start + second});
  EXPECT_FALSE(world.store->approved(world.mirror, "abc", start)) << "expired ones are forgotten";
  EXPECT_TRUE(world.store->approved(world.mirror, "abd", start));
}

// ---- traces ------------------------------------------------------------------------------------------

TEST_F(StoreIngest, WhoIsGoneAndSettledLeavesATraceAndComesBackByIt) {
  world.read({{key(1), {"a@x.kr"}}});
  world.claim();
  ledger::Settlement settlement;
  settlement.email = email("a@x.kr");
  settlement.confirmed.status = RemoteStatus::OptedOut;
  settlement.confirmed.since = start + second;
  world.settle(settlement);
  world.read({}, {.now = start + 2 * second});
  world.deliver_all(start + 2 * second);  // a newer no is said once, whatever Stibee showed
  const auto gone = world.find("a@x.kr");
  EXPECT_FALSE(gone.row);
  ASSERT_TRUE(gone.trace);
  EXPECT_EQ(gone.trace->status, RemoteStatus::OptedOut);
  EXPECT_EQ(world.store->summary(world.mirror, start).people.at(RemoteStatus::OptedOut), 0U);

  const auto back = world.read({{key(7), {"a@x.kr"}}}, {.now = start + 3 * second});
  const auto& before = back.addresses.at("a@x.kr").as.ledger;
  ASSERT_TRUE(before);
  EXPECT_EQ(before->wanted.intent, Intent::Absent);
  EXPECT_EQ(before->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(before->confirmed.since, start + second);
  const auto person = world.find("a@x.kr");
  EXPECT_FALSE(person.trace);
  ASSERT_TRUE(person.row);
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_FALSE(world.claim(start + 3 * second));
}

TEST_F(StoreIngest, WhoWasDeletedLeavesATraceForTheTimeOfItsEcho) {
  world.read({{key(1), {"a@x.kr"}}});
  world.deliver_all();
  world.read({}, {.now = start + second});
  world.deliver_all(start + second);
  EXPECT_EQ(world.row("a@x.kr").lane, Lane::Delete);
  world.deliver_all(start + 2 * day);
  EXPECT_FALSE(world.find("a@x.kr").row);
  world.read({}, {.now = start + 3 * day});
  EXPECT_FALSE(world.knows("a@x.kr"));
}

TEST_F(StoreIngest, WhoWasNeverSentIsForgottenWhenTheyLeave) {
  world.read({{key(1), {"a@x.kr"}}});
  world.read({}, {.now = start + second});
  EXPECT_FALSE(world.knows("a@x.kr"));
  EXPECT_FALSE(world.claim(start + second));
}

// ---- mirrors -----------------------------------------------------------------------------------------

TEST_F(StoreIngest, AnotherListIdIsAFreshState) {
  world.read({{key(1), {"a@x.kr"}}});
  const auto other = world.store->open_mirror("members", 99);
  EXPECT_NE(other, world.mirror);
  EXPECT_EQ(world.store->open_mirror("members", 99), other);
  EXPECT_EQ(world.store->pending(other, start), 0U);
  EXPECT_EQ(world.store->pending(world.mirror, start), 1U);
  world.reopen();
  EXPECT_EQ(world.store->open_mirror("members", 99), other);
}

TEST_F(StoreIngest, MirrorsDoNotSeeEachOther) {
  const auto first = world.mirror;
  world.read({{key(1), {"a@x.kr", "ann"}}});
  world.mirror = world.store->open_mirror("others", 2);
  world.read({{key(1), {"a@x.kr", "bob"}}});
  EXPECT_EQ(world.claim()->people[0].values[0].value, "bob");
  world.mirror = first;
  EXPECT_EQ(world.claim()->people[0].values[0].value, "ann");
}

TEST_F(StoreIngest, PausedAndFactsOutliveARestart) {
  const auto set_paused = [&](bool paused) {
    world.change([&](store::Transaction& change) { change.set_paused(world.mirror, paused, start); });
  };
  set_paused(true);
  store::SourceFacts wanted;
  wanted.last_good_rows = 7;
  wanted.last_rows = 9;
  wanted.non_null = {1, 0, 20};
  wanted.mapping =
      "a\x1f"
      "b\nc";
  wanted.server_identity = "700/1";
  wanted.last_success = start;
  wanted.rejected = {{"bad_domain", 2}, {"empty_address", 1}};
  wanted.duplicates = 4;
  wanted.unheard_writes = true;
  world.change([&](store::Transaction& change) { change.set_facts(world.mirror, wanted); });
  world.reopen();
  EXPECT_TRUE(world.store->paused(world.mirror));
  const auto facts = world.store->source_facts(world.mirror);
  EXPECT_EQ(facts.last_good_rows, 7U);
  EXPECT_EQ(facts.last_rows, 9U);
  EXPECT_EQ(facts.non_null, wanted.non_null);
  EXPECT_EQ(facts.mapping, wanted.mapping);
  EXPECT_EQ(facts.server_identity, "700/1");
  EXPECT_TRUE(facts.unheard_writes);
  EXPECT_EQ(facts.last_success, start);
  EXPECT_EQ(facts.rejected, wanted.rejected);
  EXPECT_EQ(facts.duplicates, 4U);
  set_paused(false);
  EXPECT_FALSE(world.store->paused(world.mirror));
}

TEST_F(StoreIngest, AStateHasOneKeyForEver) {
  const auto ref = world.store->key().ref("a@x.kr");
  world.reopen();
  EXPECT_EQ(world.store->key().ref("a@x.kr"), ref);
}

}  // namespace
}  // namespace stibee_sync::store_tests
