#include "contract/store_world.hpp"
#include "stibee_sync/ledger/confirmed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What the store promises about what Stibee shows of people: observations, and what they do to calls that
// are out, to the queue, to people who come back.
namespace stibee_sync::store_tests {
namespace {

using domain::Intent;
using ledger::RemoteView;
using ledger::Suppression;
using pipeline::Consequence;
using Next = ledger::Settlement::Next;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreRemote : public ::testing::Test {
 protected:
  RemoteView observe(const std::string& address, const Consequence& consequence, UtcTime now = start) {
    return world.observe(address, consequence, now);
  }
  RemoteView look(const std::string& address) { return ledger::view_of(world.find(address)); }

  static Consequence suppressing(UtcTime at, const std::string& by, const std::string& reason) {
    Consequence consequence;
    consequence.suppress = Suppression{at, by, reason};
    return consequence;
  }
  static Consequence looking_again() {
    Consequence consequence;
    consequence.look_again = true;
    return consequence;
  }
  Consequence status(const std::string& address, RemoteStatus observed, UtcTime now) {
    Consequence consequence;
    const auto view = look(address);
    consequence.confirmed = view.ledger ? view.ledger->confirmed : domain::Confirmed{};
    consequence.confirmed->status = observed;
    consequence.confirmed->since = now;
    return consequence;
  }
  RemoteView opt_out(const std::string& address, UtcTime now = start) {
    auto consequence = status(address, RemoteStatus::OptedOut, now);
    consequence.suppress = Suppression{now, "subscriber", "too many mails"};
    return observe(address, consequence, now);
  }
  void subscribe(const std::string& address) {
    table[key(static_cast<std::int64_t>(table.size()) + 1)] = {address};
    world.read(table);
    world.deliver_all();
  }
  ReadResult read(UtcTime now = start) { return world.read(table, {.now = now}); }

  World world;
  Table table;
};

// ---- what is presented -------------------------------------------------------------------------------

TEST_F(StoreRemote, SomebodyOfWhomNothingIsKnownIsPresentedEmpty) {
  const auto view = look("a@x.kr");
  EXPECT_FALSE(view.ledger);
  EXPECT_FALSE(view.is_trace);
  EXPECT_FALSE(view.in_flight);
  EXPECT_FALSE(view.pending);
  EXPECT_FALSE(view.suppression);
}

TEST_F(StoreRemote, ARowIsPresentedWithItsKeyItsCallAndWhyItIsParked) {
  table[key(7)] = {"a@x.kr"};
  read();
  auto view = look("a@x.kr");
  EXPECT_EQ(view.ledger->wanted.intent, Intent::Subscribed);
  EXPECT_EQ(view.key, key(7));
  EXPECT_TRUE(view.pending);
  EXPECT_FALSE(view.in_flight);
  world.claim();
  view = look("a@x.kr");
  EXPECT_TRUE(view.pending);
  EXPECT_EQ(view.in_flight, Lane::Upsert);
  world.settle("a@x.kr", Next::Park);
  view = look("a@x.kr");
  EXPECT_FALSE(view.pending);
  EXPECT_FALSE(view.in_flight);
  EXPECT_TRUE(view.parked);
}

TEST_F(StoreRemote, ACallWhoseAnswerWasLostCountsAsInFlight) {
  table[key(1)] = {"a@x.kr"};
  read();
  world.claim();
  world.settle("a@x.kr", Next::Retry, start, 1, start + second);
  EXPECT_EQ(look("a@x.kr").in_flight, Lane::Upsert);
  world.deliver_all(start + second);
  EXPECT_FALSE(look("a@x.kr").in_flight);
  table[key(1)].name = "other";
  read();
  world.claim();
  world.reopen();
  EXPECT_EQ(look("a@x.kr").in_flight, Lane::Upsert);
}

TEST_F(StoreRemote, ATraceIsPresentedAsTheRowThatFollowsFromIt) {
  subscribe("a@x.kr");
  opt_out("a@x.kr");
  table.clear();
  read();
  world.deliver_all();
  ASSERT_TRUE(world.find("a@x.kr").trace);
  const auto view = look("a@x.kr");
  EXPECT_TRUE(view.is_trace);
  EXPECT_EQ(view.ledger->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(view.ledger->wanted.intent, Intent::Absent);
  EXPECT_EQ(view.suppression->reason, "too many mails");
}

TEST_F(StoreRemote, SomebodyWhoComesTwiceIsPresentedWithTheFirstChange) {
  subscribe("a@x.kr");
  auto out = status("a@x.kr", RemoteStatus::OptedOut, start);
  out.suppress = Suppression{start, "manual", ""};
  std::vector<RemoteView> seen;
  world.change([&](store::Transaction& change) {
    for (int i = 0; i < 2; ++i) {
      const auto person = change.find(world.mirror, email("a@x.kr"));
      seen.push_back(ledger::view_of(person));
      pipeline::carry_out(change, world.mirror, email("a@x.kr"), person, out, world.policy, start);
    }
  });
  EXPECT_EQ(seen[0].ledger->confirmed.status, RemoteStatus::Subscribed);
  EXPECT_FALSE(seen[0].suppression);
  EXPECT_EQ(seen[1].ledger->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(seen[1].suppression->by, "manual");
}

TEST_F(StoreRemote, ADecisionThatThrowsChangesNothing) {
  subscribe("a@x.kr");
  auto out = status("a@x.kr", RemoteStatus::OptedOut, start);
  out.suppress = Suppression{start, "manual", ""};
  out.writeback.emplace().event = "unsubscribed";
  out.look_again = true;
  const auto decide = [&](store::Transaction& change) {
    const auto person = change.find(world.mirror, email("a@x.kr"));
    pipeline::carry_out(change, world.mirror, email("a@x.kr"), person, out, world.policy, start);
    throw std::runtime_error("rule");
  };
  EXPECT_THROW(world.change(decide), std::runtime_error);
  EXPECT_EQ(world.row("a@x.kr").confirmed.status, RemoteStatus::Subscribed);
  EXPECT_EQ(world.store->suppressed(world.mirror), 0U);
  EXPECT_EQ(world.store->summary(world.mirror, start).people.at(RemoteStatus::Subscribed), 1U);
  EXPECT_FALSE(world.store->next_writeback({world.mirror}));
  EXPECT_THAT(read().addresses, IsEmpty());
}

// ---- opt-outs ----------------------------------------------------------------------------------------

TEST_F(StoreRemote, AnOptOutLeavesTheQueueAtOnce) {
  table[key(1)] = {"a@x.kr"};
  read();
  opt_out("a@x.kr");
  EXPECT_FALSE(world.claim());
  EXPECT_EQ(world.store->pending(world.mirror, start), 0U);
  EXPECT_FALSE(world.row("a@x.kr").values);
  EXPECT_EQ(world.store->suppressed(world.mirror), 1U);
}

TEST_F(StoreRemote, AnOptOutEndsTheParking) {
  table[key(1)] = {"a@x.kr"};
  read();
  world.claim();
  world.settle("a@x.kr", Next::Park);
  opt_out("a@x.kr");
  EXPECT_FALSE(world.row("a@x.kr").parked);
  EXPECT_THAT(world.store->parked(world.mirror, 10), IsEmpty());
}

TEST_F(StoreRemote, AnotherCallThanTheOneThatFailedDoesNotWaitForItsBackoff) {
  table[key(1)] = {"a@x.kr", "somebody", true, "", {7}};
  read();
  world.claim();
  world.settle("a@x.kr", Next::Retry, start, 3, start + day);
  ASSERT_FALSE(world.claim());
  auto change = status("a@x.kr", RemoteStatus::Subscribed, start);
  change.confirmed->fields = world.row("a@x.kr").wanted.fields;
  observe("a@x.kr", change);
  const auto claimed = world.claim();
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->line.shape, "group_assign:7");
  EXPECT_EQ(claimed->people[0].attempts, 0);
}

TEST_F(StoreRemote, TheSameCallGoesOnWaiting) {
  table[key(1)] = {"a@x.kr"};
  read();
  world.claim();
  world.settle("a@x.kr", Next::Retry, start, 3, start + day);
  observe("a@x.kr", status("a@x.kr", RemoteStatus::Subscribed, start));
  EXPECT_FALSE(world.claim());
  EXPECT_EQ(world.claim(start + day)->people[0].attempts, 3);
}

TEST_F(StoreRemote, TheNewestOptOutOnRecordIsKept) {
  observe("a@x.kr", suppressing(start + second, "subscriber", "new"));
  observe("a@x.kr", suppressing(start, "manual", "old"));
  EXPECT_EQ(look("a@x.kr").suppression->reason, "new");
  observe("a@x.kr", suppressing(start + 2 * second, "manual", "newest"));
  EXPECT_EQ(look("a@x.kr").suppression->reason, "newest");
  EXPECT_EQ(world.store->suppressed(world.mirror), 1U);
  Consequence lift;
  lift.lift = true;
  observe("a@x.kr", lift);
  EXPECT_FALSE(look("a@x.kr").suppression);
  EXPECT_EQ(world.store->suppressed(world.mirror), 0U);
}

TEST_F(StoreRemote, AnOptOutOnRecordOutlivesACrash) {
  observe("a@x.kr", suppressing(start, "subscriber", "words"));
  world.reopen();
  EXPECT_EQ(look("a@x.kr").suppression, (Suppression{start, "subscriber", "words"}));
}

TEST_F(StoreRemote, OptOutsAreOfAListAndNotOfAnother) {
  observe("a@x.kr", suppressing(start, "subscriber", ""));
  world.mirror = world.store->open_mirror("other", 77);
  EXPECT_FALSE(look("a@x.kr").suppression);
  EXPECT_EQ(world.store->suppressed(world.mirror), 0U);
  world.mirror = world.store->open_mirror("renamed", 1234);
  EXPECT_TRUE(look("a@x.kr").suppression);
}

TEST_F(StoreRemote, WhoOptedOutBeforeTheyWereInTheTableIsNotSent) {
  observe("a@x.kr", suppressing(start, "subscriber", ""));
  EXPECT_FALSE(world.find("a@x.kr").row);
  EXPECT_FALSE(world.find("a@x.kr").trace);
  table[key(1)] = {"a@x.kr"};
  const auto result = read(start + second);
  EXPECT_EQ(result.addresses.at("a@x.kr").as.ledger->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_EQ(world.row("a@x.kr").confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(world.row("a@x.kr").confirmed.since, start);
}

TEST_F(StoreRemote, AnOptOutWhileTheTableIsReadIsNotMissed) {
  table[key(1)] = {"a@x.kr"};
  ReadResult result;
  auto scan = world.scan(table, start, result);
  observe("a@x.kr", suppressing(start + second, "subscriber", ""), start + second);
  world.commit(std::move(scan), {.now = start + 2 * second});
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_EQ(world.row("a@x.kr").confirmed.since, start + second);
}

TEST_F(StoreRemote, WhoLeavesAndComesBackIsStillOptedOut) {
  subscribe("a@x.kr");
  opt_out("a@x.kr", start + second);
  table.clear();
  read(start + 2 * second);
  world.deliver_all(start + 2 * second);
  EXPECT_TRUE(world.find("a@x.kr").trace);
  table[key(1)] = {"a@x.kr"};
  read(start + 3 * second);
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_EQ(world.row("a@x.kr").confirmed.since, start + second);
}

TEST_F(StoreRemote, AnAnswerThatShowsAnOptOutPutsItOnRecord) {
  table[key(1)] = {"a@x.kr"};
  read();
  world.claim();
  ledger::Settlement settlement;
  settlement.email = email("a@x.kr");
  settlement.confirmed.status = RemoteStatus::OptedOut;
  settlement.confirmed.since = start + second;
  world.settle(settlement, start + second);
  EXPECT_EQ(look("a@x.kr").suppression, (Suppression{start + second, "unknown", ""}));
}

TEST_F(StoreRemote, AResubscribeThatIsDeliveredLiftsTheOptOut) {
  subscribe("a@x.kr");
  opt_out("a@x.kr", start + second);
  ledger::Settlement settlement;
  settlement.email = email("a@x.kr");
  settlement.confirmed = world.row("a@x.kr").confirmed;
  settlement.confirmed.status = RemoteStatus::Subscribed;
  world.settle(settlement, start + 2 * second);
  EXPECT_FALSE(look("a@x.kr").suppression);
}

// ---- rows and traces ---------------------------------------------------------------------------------

TEST_F(StoreRemote, ARowIsMadeForNobody) {
  Consequence change;
  change.confirmed.emplace().status = RemoteStatus::Subscribed;
  change.wanted.emplace().intent = Intent::Subscribed;
  observe("a@x.kr", change);
  EXPECT_FALSE(world.knows("a@x.kr"));
}

TEST_F(StoreRemote, ATraceLearnsWhatIsConfirmed) {
  subscribe("a@x.kr");
  observe("a@x.kr", status("a@x.kr", RemoteStatus::AutoDeleted, start));
  table.clear();
  read();
  world.deliver_all();
  ASSERT_TRUE(world.find("a@x.kr").trace);
  observe("a@x.kr", status("a@x.kr", RemoteStatus::OptedOut, start + second));
  EXPECT_EQ(world.find("a@x.kr").trace->status, RemoteStatus::OptedOut);
  EXPECT_EQ(world.find("a@x.kr").trace->since, start + second);
  Consequence nothing;
  nothing.confirmed.emplace();
  observe("a@x.kr", nothing);
  EXPECT_FALSE(world.knows("a@x.kr"));
}

TEST_F(StoreRemote, WhatIsTakenOverAsConfirmedIsNotSent) {
  table[key(1)] = {"a@x.kr"};
  read();
  auto change = status("a@x.kr", RemoteStatus::Subscribed, start);
  change.confirmed->fields = world.row("a@x.kr").wanted.fields;
  observe("a@x.kr", change);
  EXPECT_FALSE(world.claim(start + day));
}

TEST_F(StoreRemote, FieldsThatWereEditedAtStibeeAreSentOnceAReadHasSuppliedThem) {
  subscribe("a@x.kr");
  auto change = status("a@x.kr", RemoteStatus::Subscribed, start);
  change.confirmed->fields.reset();
  observe("a@x.kr", change);
  EXPECT_FALSE(world.claim());
  read();
  const auto claimed = world.claim();
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->people[0].values[0].value, "somebody");
}

TEST_F(StoreRemote, FieldsThatBecomeUnknownWhileAReadRunsAreSuppliedByTheNext) {
  subscribe("a@x.kr");
  observe("a@x.kr", looking_again());
  ReadResult result;
  auto scan = world.scan(table, start, result);
  auto change = status("a@x.kr", RemoteStatus::Subscribed, start);
  change.confirmed->fields.reset();
  observe("a@x.kr", change);
  world.commit(std::move(scan));
  EXPECT_FALSE(world.claim());
  read();
  EXPECT_TRUE(world.claim());
}

TEST_F(StoreRemote, ThePersonsLaterWordStandsInForTheTable) {
  subscribe("a@x.kr");
  table[key(1)].subscribed = false;
  read();
  world.deliver_all();
  ASSERT_EQ(world.row("a@x.kr").confirmed.status, RemoteStatus::Unsubscribed);
  auto change = status("a@x.kr", RemoteStatus::Subscribed, start + second);
  change.wanted = world.row("a@x.kr").wanted;
  change.wanted->intent = Intent::Subscribed;
  change.wanted->opted_in_at = start + second;
  observe("a@x.kr", change, start + second);
  EXPECT_FALSE(world.claim(start + second));
  // Reads of the unchanged row let it stand, until the address is looked at again.
  read(start + 2 * second);
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Subscribed);
  observe("a@x.kr", looking_again());
  read(start + 3 * second);
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(world.claim(start + 3 * second)->line.lane, Lane::Optout);
}

TEST_F(StoreRemote, WhoLeftAndIsSettledIsErased) {
  subscribe("a@x.kr");
  table.clear();
  read();
  ASSERT_TRUE(world.row("a@x.kr").lane);
  world.policy.delete_after.reset();
  observe("a@x.kr", status("a@x.kr", RemoteStatus::Unsubscribed, start));
  EXPECT_TRUE(world.find("a@x.kr").trace);
  EXPECT_EQ(world.store->pending(world.mirror, start), 0U);
}

// Fails: whom Stibee purged is taken to have the values that were wanted then, so that none are asked for.
TEST_F(StoreRemote, WhoIsRestoredAfterAPurgeIsSentWithTheirValues) {
  world.policy.on_remote_purge = ledger::OnRemotePurge::Restore;
  subscribe("a@x.kr");
  const auto row = world.row("a@x.kr");
  Consequence purged;
  purged.confirmed = ledger::with_observed(row.confirmed, row.wanted, RemoteStatus::Purged, start);
  observe("a@x.kr", purged);
  read();
  const auto claimed = world.claim();
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->people[0].values, (domain::FieldValues{{"name", "somebody"}}));
}

// ---- looking again -----------------------------------------------------------------------------------

TEST_F(StoreRemote, TheNextReadDecidesAboutTheAddressThoughItsRowIsUnchanged) {
  subscribe("a@x.kr");
  EXPECT_THAT(read().addresses, IsEmpty());
  observe("a@x.kr", looking_again());
  const auto result = read();
  ASSERT_EQ(result.addresses.size(), 1U);
  const auto& presented = result.addresses.at("a@x.kr");
  ASSERT_EQ(presented.as.bearers.size(), 1U);
  EXPECT_TRUE(presented.as.bearers[0].subscribed);
  EXPECT_TRUE(presented.as.ledger);
  EXPECT_THAT(read().addresses, IsEmpty());
}

TEST_F(StoreRemote, AnAddressThatIsTouchedWhileAReadRunsIsDecidedByTheNext) {
  subscribe("a@x.kr");
  observe("a@x.kr", looking_again());
  ReadResult result;
  auto scan = world.scan(table, start, result);
  EXPECT_EQ(result.addresses.size(), 1U);
  observe("a@x.kr", looking_again());
  world.commit(std::move(scan));
  EXPECT_EQ(read().addresses.size(), 1U);
  EXPECT_THAT(read().addresses, IsEmpty());
}

// ---- calls that are out ------------------------------------------------------------------------------

TEST_F(StoreRemote, AnObservationWhileACallIsOutIsCrossedWithItsAnswer) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  const auto all_say = [&](bool subscribed) {
    table[key(1)].subscribed = table[key(2)].subscribed = subscribed;
    read();
  };
  all_say(true);
  world.deliver_all();
  all_say(false);
  world.deliver_all();
  all_say(true);
  const auto claimed = world.claim();
  ASSERT_EQ(claimed->line.shape, "resubscribe:");
  opt_out("b@x.kr", start + second);
  std::vector<ledger::Settlement> people;
  for (const auto& person : claimed->people) {
    ledger::Settlement settlement;
    settlement.email = person.email;
    settlement.confirmed = delivered(*claimed, person, world.policy, start);
    const auto operation = operation_for(*claimed, person, world.policy, start);
    domain::Outcome outcome;
    outcome.kind = domain::OutcomeKind::Delivered;
    settlement.sent = ledger::SentCall{operation.value(), person.wanted, outcome};
    people.push_back(settlement);
  }
  world.settle(people, start + 2 * second);
  EXPECT_EQ(world.row("a@x.kr").confirmed.status, RemoteStatus::Subscribed);
  EXPECT_FALSE(world.row("a@x.kr").confirmed.maybe_subscribed);
  EXPECT_EQ(world.row("b@x.kr").confirmed.status, RemoteStatus::OptedOut);
  EXPECT_TRUE(world.row("b@x.kr").confirmed.maybe_subscribed);
  EXPECT_TRUE(look("b@x.kr").suppression);
}

TEST_F(StoreRemote, WhereTheCallIsNotToldWhatWasObservedStands) {
  table[key(1)] = {"a@x.kr"};
  read();
  const auto claimed = world.claim();
  opt_out("a@x.kr", start + second);
  world.deliver(*claimed, start + 2 * second);
  EXPECT_EQ(world.row("a@x.kr").confirmed.status, RemoteStatus::OptedOut);
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_EQ(look("a@x.kr").suppression->by, "subscriber");
}

TEST_F(StoreRemote, ALookThatChangesNothingOvertakesNoCall) {
  table[key(1)] = {"a@x.kr"};
  read();
  const auto claimed = world.claim();
  observe("a@x.kr", {});
  world.deliver(*claimed);
  EXPECT_EQ(world.row("a@x.kr").confirmed.status, RemoteStatus::Subscribed);
}

TEST_F(StoreRemote, AnOvertakenCallThatFailedLeavesNeitherBackoffNorParking) {
  table = {{key(1), {"parked@x.kr"}}, {key(2), {"retried@x.kr"}}};
  read();
  ASSERT_EQ(world.claim()->people.size(), 2U);
  for (const auto* address : {"parked@x.kr", "retried@x.kr"}) {
    opt_out(address, start + second);
    const auto next = std::string(address) == "parked@x.kr" ? Next::Park : Next::Retry;
    world.settle(address, next, start + second, 3, start + day);
    EXPECT_FALSE(world.row(address).parked);
    EXPECT_EQ(world.row(address).attempts, 0);
    EXPECT_FALSE(world.row(address).lane);
  }
}

TEST_F(StoreRemote, ACrashAfterAnOptOutOvertookACallLeavesADoubtThatIsSettledByAnUnsubscribe) {
  table[key(1)] = {"a@x.kr"};
  read();
  world.claim();
  opt_out("a@x.kr", start + second);
  world.reopen();
  const auto confirmed = world.row("a@x.kr").confirmed;
  EXPECT_EQ(confirmed.status, RemoteStatus::OptedOut);
  EXPECT_TRUE(confirmed.maybe_subscribed);
  world.place_all(start + 2 * second);
  const auto claimed = world.claim(start + 2 * second);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->line.lane, Lane::Optout);
}

TEST_F(StoreRemote, SomebodyWhoLeftStaysUntilTheCallThatIsOutIsSettled) {
  subscribe("a@x.kr");
  table.clear();
  read();
  const auto claimed = world.claim();
  ASSERT_TRUE(claimed);
  opt_out("a@x.kr", start + second);
  EXPECT_FALSE(world.find("a@x.kr").trace);
  world.deliver(*claimed, start + 2 * second);
  ASSERT_TRUE(world.find("a@x.kr").trace);
  EXPECT_EQ(world.find("a@x.kr").trace->status, RemoteStatus::OptedOut);
}

// Fails: the row stays where the backoff had put it, though its failures are forgotten, and `due` and
// `pending_since` differ, by both of which the oldest of a lane is told.
TEST_F(StoreRemote, SomebodyWhoLeftAndStaysForACallWaitsForNoBackoff) {
  subscribe("a@x.kr");
  table.clear();
  read();
  world.claim();
  world.settle("a@x.kr", Next::Retry, start, 1, start + second);
  ASSERT_TRUE(world.claim(start + second));
  opt_out("a@x.kr", start + 2 * second);
  const auto row = world.row("a@x.kr");
  EXPECT_EQ(row.attempts, 0);
  EXPECT_EQ(row.due, row.pending_since);
}

TEST_F(StoreRemote, AnotherWishWhileACallIsOutIsServedAfterIt) {
  subscribe("a@x.kr");
  table[key(1)].subscribed = false;
  read();
  const auto claimed = world.claim();
  ASSERT_EQ(claimed->line.lane, Lane::Optout);
  Consequence change;
  change.wanted = world.row("a@x.kr").wanted;
  change.wanted->intent = Intent::Subscribed;
  observe("a@x.kr", change, start + second);
  world.deliver(*claimed, start + 2 * second);
  EXPECT_EQ(world.row("a@x.kr").shape, "resubscribe:");
}

// ---- adoption and comparison -------------------------------------------------------------------------

TEST_F(StoreRemote, AFreshMirrorIsNeitherAdoptedNorReconciled) {
  EXPECT_FALSE(world.store->adopted(world.mirror));
  EXPECT_FALSE(world.store->reconciled(world.mirror));
  world.change([&](store::Transaction& change) {
    change.set_adopted(world.mirror, start);
    change.set_reconciled(world.mirror, start + second, 3);
  });
  world.reopen();
  EXPECT_EQ(world.store->adopted(world.mirror), start);
  EXPECT_EQ(world.store->reconciled(world.mirror), start + second);
  EXPECT_FALSE(world.store->adopted(world.store->open_mirror("other", 2)));
}

// ---- reports -----------------------------------------------------------------------------------------

TEST_F(StoreRemote, ConsentsOlderThan23MonthsAreCounted) {
  subscribe("a@x.kr");
  subscribe("b@x.kr");
  subscribe("c@x.kr");
  subscribe("d@x.kr");
  const auto consent = [&](const std::string& address, std::optional<UtcTime> at) {
    Consequence change;
    change.wanted = world.row(address).wanted;
    change.wanted->consented_at = at;
    observe(address, change);
  };
  const auto due = [&] { return world.store->summary(world.mirror, start).consents_due; };
  EXPECT_EQ(due(), 0U);
  consent("a@x.kr", start - 700 * day);
  consent("b@x.kr", start - 699 * day);
  consent("c@x.kr", start - 2000 * day);
  consent("d@x.kr", domain::no_consent);
  EXPECT_EQ(due(), 2U);
  world.reopen();
  EXPECT_EQ(due(), 2U);
  consent("a@x.kr", start);
  EXPECT_EQ(due(), 1U);
  table[key(3)].subscribed = false;
  read();
  EXPECT_EQ(due(), 0U);
}

}  // namespace
}  // namespace stibee_sync::store_tests
