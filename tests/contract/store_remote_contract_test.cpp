#include "contract/store_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What every store promises about what Stibee shows of people: observations, and what they do to calls that
// are out, to the queue, to people who come back.
namespace stibee_sync::store_tests {
namespace {

using domain::Intent;
using store::RemoteChange;
using store::RemoteView;
using store::Suppression;
using Next = store::Settlement::Next;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreRemote : public ::testing::TestWithParam<std::unique_ptr<Backend> (*)()> {
 protected:
  /// What the store presented.
  RemoteView observe(const std::string& address, const RemoteChange& change, UtcTime now = start) {
    RemoteView seen;
    const auto decide = [&](const domain::EmailAddress& who, const RemoteView& view) {
      EXPECT_EQ(who.text(), address);
      seen = view;
      return change;
    };
    world.store->observe(world.mirror, {email(address)}, decide, place, now);
    return seen;
  }
  RemoteView look(const std::string& address) { return observe(address, {}); }

  RemoteChange status(const std::string& address, RemoteStatus observed, UtcTime now) {
    RemoteChange change;
    change.confirmed = world.find(address).value_or(store::LedgerEntry{}).confirmed;
    change.confirmed->status = observed;
    change.confirmed->since = now;
    return change;
  }
  RemoteView opt_out(const std::string& address, UtcTime now = start) {
    auto change = status(address, RemoteStatus::OptedOut, now);
    change.suppress = Suppression{now, "subscriber", "too many mails"};
    return observe(address, change, now);
  }
  void subscribe(const std::string& address) {
    table[key(static_cast<std::int64_t>(table.size()) + 1)] = {address};
    world.read(table);
    world.deliver_all();
  }
  ReadResult read(UtcTime now = start) { return world.read(table, {.now = now}); }

  World world{GetParam()()};
  Table table;
};

INSTANTIATE_TEST_SUITE_P(Each, StoreRemote, ::testing::Values(&memory_backend, &sqlite_backend),
                         [](const auto& test) { return test.index == 0 ? "Memory" : "Sqlite"; });

// ---- what is presented -------------------------------------------------------------------------------

TEST_P(StoreRemote, SomebodyOfWhomNothingIsKnownIsPresentedEmpty) {
  const auto view = look("a@x.kr");
  EXPECT_FALSE(view.ledger);
  EXPECT_FALSE(view.is_trace);
  EXPECT_FALSE(view.in_flight);
  EXPECT_FALSE(view.pending);
  EXPECT_FALSE(view.suppression);
}

TEST_P(StoreRemote, ARowIsPresentedWithItsKeyItsCallAndWhyItIsParked) {
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
  EXPECT_FALSE(view.parked.empty());
}

TEST_P(StoreRemote, ACallWhoseAnswerWasLostCountsAsInFlight) {
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

TEST_P(StoreRemote, ATraceIsPresentedAsTheRowThatFollowsFromIt) {
  subscribe("a@x.kr");
  opt_out("a@x.kr");
  table.clear();
  read();
  ASSERT_TRUE(world.find("a@x.kr")->is_trace);
  const auto view = look("a@x.kr");
  EXPECT_TRUE(view.is_trace);
  EXPECT_EQ(view.ledger->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(view.ledger->wanted.intent, Intent::Absent);
  EXPECT_EQ(view.suppression->reason, "too many mails");
}

TEST_P(StoreRemote, SomebodyWhoComesTwiceIsPresentedWithTheFirstChange) {
  subscribe("a@x.kr");
  std::vector<RemoteView> seen;
  const auto decide = [&](const domain::EmailAddress&, const RemoteView& view) {
    seen.push_back(view);
    auto change = status("a@x.kr", RemoteStatus::OptedOut, start);
    change.suppress = Suppression{start, "manual", ""};
    return change;
  };
  world.store->observe(world.mirror, {email("a@x.kr"), email("a@x.kr")}, decide, place, start);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].ledger->confirmed.status, RemoteStatus::Subscribed);
  EXPECT_FALSE(seen[0].suppression);
  EXPECT_EQ(seen[1].ledger->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(seen[1].suppression->by, "manual");
}

TEST_P(StoreRemote, ADecisionThatThrowsChangesNothing) {
  subscribe("a@x.kr");
  int calls = 0;
  const auto decide = [&](const domain::EmailAddress&, const RemoteView&) {
    if (++calls == 2) throw std::runtime_error("rule");
    auto change = status("a@x.kr", RemoteStatus::OptedOut, start);
    change.suppress = Suppression{start, "manual", ""};
    return change;
  };
  EXPECT_THROW(world.store->observe(world.mirror, {email("a@x.kr"), email("a@x.kr")}, decide, place, start),
               std::runtime_error);
  EXPECT_EQ(world.find("a@x.kr")->confirmed.status, RemoteStatus::Subscribed);
  EXPECT_EQ(world.store->suppressed(world.mirror), 0U);
  EXPECT_EQ(world.store->summary(world.mirror, start).people.at(RemoteStatus::Subscribed), 1U);
}

// ---- opt-outs ----------------------------------------------------------------------------------------

TEST_P(StoreRemote, AnOptOutLeavesTheQueueAtOnce) {
  table[key(1)] = {"a@x.kr"};
  read();
  opt_out("a@x.kr");
  EXPECT_FALSE(world.claim());
  EXPECT_EQ(world.store->pending(world.mirror), 0U);
  EXPECT_FALSE(world.find("a@x.kr")->has_values);
  EXPECT_EQ(world.store->suppressed(world.mirror), 1U);
}

TEST_P(StoreRemote, AnOptOutEndsTheParking) {
  table[key(1)] = {"a@x.kr"};
  read();
  world.claim();
  world.settle("a@x.kr", Next::Park);
  opt_out("a@x.kr");
  EXPECT_EQ(world.find("a@x.kr")->parked, "");
  EXPECT_THAT(world.store->parked(world.mirror, 10), IsEmpty());
}

TEST_P(StoreRemote, AnotherCallThanTheOneThatFailedDoesNotWaitForItsBackoff) {
  table[key(1)] = {"a@x.kr", "somebody", true, "", {7}};
  read();
  world.claim();
  world.settle("a@x.kr", Next::Retry, start, 3, start + day);
  ASSERT_FALSE(world.claim());
  auto change = status("a@x.kr", RemoteStatus::Subscribed, start);
  change.confirmed->fields = world.find("a@x.kr")->wanted.fields;
  observe("a@x.kr", change);
  const auto claimed = world.claim();
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->shape, "group:");
  EXPECT_EQ(claimed->people[0].attempts, 0);
}

TEST_P(StoreRemote, TheSameCallGoesOnWaiting) {
  table[key(1)] = {"a@x.kr"};
  read();
  world.claim();
  world.settle("a@x.kr", Next::Retry, start, 3, start + day);
  observe("a@x.kr", status("a@x.kr", RemoteStatus::Subscribed, start));
  EXPECT_FALSE(world.claim());
  EXPECT_EQ(world.claim(start + day)->people[0].attempts, 3);
}

TEST_P(StoreRemote, TheNewestOptOutOnRecordIsKept) {
  observe("a@x.kr", {.suppress = Suppression{start + second, "subscriber", "new"}});
  observe("a@x.kr", {.suppress = Suppression{start, "manual", "old"}});
  EXPECT_EQ(look("a@x.kr").suppression->reason, "new");
  observe("a@x.kr", {.suppress = Suppression{start + 2 * second, "manual", "newest"}});
  EXPECT_EQ(look("a@x.kr").suppression->reason, "newest");
  EXPECT_EQ(world.store->suppressed(world.mirror), 1U);
  observe("a@x.kr", {.lift = true});
  EXPECT_FALSE(look("a@x.kr").suppression);
  EXPECT_EQ(world.store->suppressed(world.mirror), 0U);
}

TEST_P(StoreRemote, AnOptOutOnRecordOutlivesACrash) {
  observe("a@x.kr", {.suppress = Suppression{start, "subscriber", "words"}});
  world.reopen();
  EXPECT_EQ(look("a@x.kr").suppression, (Suppression{start, "subscriber", "words"}));
}

TEST_P(StoreRemote, OptOutsAreOfAListAndNotOfAnother) {
  observe("a@x.kr", {.suppress = Suppression{start, "subscriber", ""}});
  world.mirror = world.store->open_mirror("other", 77);
  EXPECT_FALSE(look("a@x.kr").suppression);
  EXPECT_EQ(world.store->suppressed(world.mirror), 0U);
  world.mirror = world.store->open_mirror("renamed", 1234);
  EXPECT_TRUE(look("a@x.kr").suppression);
}

TEST_P(StoreRemote, WhoOptedOutBeforeTheyWereInTheTableIsNotSent) {
  observe("a@x.kr", {.suppress = Suppression{start, "subscriber", ""}});
  EXPECT_FALSE(world.find("a@x.kr"));
  table[key(1)] = {"a@x.kr"};
  const auto result = read(start + second);
  EXPECT_EQ(result.addresses.at("a@x.kr").before->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_EQ(world.find("a@x.kr")->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(world.find("a@x.kr")->confirmed.since, start);
}

TEST_P(StoreRemote, AnOptOutWhileTheTableIsReadIsNotMissed) {
  table[key(1)] = {"a@x.kr"};
  ReadResult result;
  auto scan = world.scan(table, start, result);
  observe("a@x.kr", {.suppress = Suppression{start + second, "subscriber", ""}}, start + second);
  world.commit(std::move(scan), {.now = start + 2 * second});
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_EQ(world.find("a@x.kr")->confirmed.since, start + second);
}

TEST_P(StoreRemote, WhoLeavesAndComesBackIsStillOptedOut) {
  subscribe("a@x.kr");
  opt_out("a@x.kr", start + second);
  table.clear();
  read(start + 2 * second);
  EXPECT_TRUE(world.find("a@x.kr")->is_trace);
  table[key(1)] = {"a@x.kr"};
  read(start + 3 * second);
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_EQ(world.find("a@x.kr")->confirmed.since, start + second);
}

TEST_P(StoreRemote, AnAnswerThatShowsAnOptOutPutsItOnRecord) {
  table[key(1)] = {"a@x.kr"};
  read();
  world.claim();
  store::Settlement settlement;
  settlement.email = email("a@x.kr");
  settlement.confirmed.status = RemoteStatus::OptedOut;
  settlement.confirmed.since = start + second;
  world.settle(settlement, start + second);
  EXPECT_EQ(look("a@x.kr").suppression, (Suppression{start + second, "unknown", ""}));
}

TEST_P(StoreRemote, AResubscribeThatIsDeliveredLiftsTheOptOut) {
  subscribe("a@x.kr");
  opt_out("a@x.kr", start + second);
  store::Settlement settlement;
  settlement.email = email("a@x.kr");
  settlement.confirmed = world.find("a@x.kr")->confirmed;
  settlement.confirmed.status = RemoteStatus::Subscribed;
  world.settle(settlement, start + 2 * second);
  EXPECT_FALSE(look("a@x.kr").suppression);
}

// ---- rows and traces ---------------------------------------------------------------------------------

TEST_P(StoreRemote, ARowIsMadeForNobody) {
  RemoteChange change;
  change.confirmed.emplace().status = RemoteStatus::Subscribed;
  change.wanted.emplace().intent = Intent::Subscribed;
  observe("a@x.kr", change);
  EXPECT_FALSE(world.find("a@x.kr"));
}

TEST_P(StoreRemote, ATraceLearnsWhatIsConfirmed) {
  subscribe("a@x.kr");
  observe("a@x.kr", status("a@x.kr", RemoteStatus::AutoDeleted, start));
  table.clear();
  read();
  ASSERT_TRUE(world.find("a@x.kr")->is_trace);
  observe("a@x.kr", status("a@x.kr", RemoteStatus::OptedOut, start + second));
  EXPECT_EQ(world.find("a@x.kr")->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(world.find("a@x.kr")->confirmed.since, start + second);
  RemoteChange nothing;
  nothing.confirmed.emplace();
  observe("a@x.kr", nothing);
  EXPECT_FALSE(world.find("a@x.kr"));
}

TEST_P(StoreRemote, WhatIsTakenOverAsConfirmedIsNotSent) {
  table[key(1)] = {"a@x.kr"};
  read();
  auto change = status("a@x.kr", RemoteStatus::Subscribed, start);
  change.confirmed->fields = world.find("a@x.kr")->wanted.fields;
  observe("a@x.kr", change);
  EXPECT_FALSE(world.claim(start + day));
}

TEST_P(StoreRemote, FieldsThatWereEditedAtStibeeAreSentOnceAReadHasSuppliedThem) {
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

TEST_P(StoreRemote, FieldsThatBecomeUnknownWhileAReadRunsAreSuppliedByTheNext) {
  subscribe("a@x.kr");
  observe("a@x.kr", {.look_again = true});
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

TEST_P(StoreRemote, ThePersonsLaterWordStandsInForTheTable) {
  subscribe("a@x.kr");
  table[key(1)].subscribed = false;
  read();
  world.deliver_all();
  ASSERT_EQ(world.find("a@x.kr")->confirmed.status, RemoteStatus::Unsubscribed);
  auto change = status("a@x.kr", RemoteStatus::Subscribed, start + second);
  change.wanted = world.find("a@x.kr")->wanted;
  change.wanted->intent = Intent::Subscribed;
  change.wanted->opted_in_at = start + second;
  observe("a@x.kr", change, start + second);
  EXPECT_FALSE(world.claim(start + second));
  // Reads of the unchanged row let it stand, until the address is looked at again.
  read(start + 2 * second);
  EXPECT_EQ(world.find("a@x.kr")->wanted.intent, Intent::Subscribed);
  observe("a@x.kr", {.look_again = true});
  read(start + 3 * second);
  EXPECT_EQ(world.find("a@x.kr")->wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(world.claim(start + 3 * second)->lane, Lane::Optout);
}

TEST_P(StoreRemote, WhoLeftAndIsSettledIsErased) {
  subscribe("a@x.kr");
  table.clear();
  read();
  ASSERT_TRUE(world.find("a@x.kr")->lane);
  observe("a@x.kr", status("a@x.kr", RemoteStatus::AutoDeleted, start));
  EXPECT_TRUE(world.find("a@x.kr")->is_trace);
  EXPECT_EQ(world.store->pending(world.mirror), 0U);
}

// ---- looking again -----------------------------------------------------------------------------------

TEST_P(StoreRemote, TheNextReadDecidesAboutTheAddressThoughItsRowIsUnchanged) {
  subscribe("a@x.kr");
  EXPECT_THAT(read().addresses, IsEmpty());
  observe("a@x.kr", {.look_again = true});
  const auto result = read();
  ASSERT_EQ(result.addresses.size(), 1U);
  const auto& presented = result.addresses.at("a@x.kr");
  ASSERT_EQ(presented.bearers.size(), 1U);
  EXPECT_TRUE(presented.bearers[0].subscribed);
  EXPECT_TRUE(presented.before);
  EXPECT_THAT(read().addresses, IsEmpty());
}

TEST_P(StoreRemote, AnAddressThatIsTouchedWhileAReadRunsIsDecidedByTheNext) {
  subscribe("a@x.kr");
  observe("a@x.kr", {.look_again = true});
  ReadResult result;
  auto scan = world.scan(table, start, result);
  EXPECT_EQ(result.addresses.size(), 1U);
  observe("a@x.kr", {.look_again = true});
  world.commit(std::move(scan));
  EXPECT_EQ(read().addresses.size(), 1U);
  EXPECT_THAT(read().addresses, IsEmpty());
}

// ---- calls that are out ------------------------------------------------------------------------------

TEST_P(StoreRemote, AnObservationWhileACallIsOutIsCrossedWithItsAnswer) {
  table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}};
  read();
  const auto claimed = world.claim();
  opt_out("b@x.kr", start + second);
  std::vector<store::Settlement> people;
  for (const auto& person : claimed->people) {
    store::Settlement settlement;
    settlement.email = person.email;
    settlement.confirmed = delivered(*claimed, person, start);
    people.push_back(settlement);
  }
  std::vector<std::size_t> asked;
  const store::CrossRule cross = [&](std::size_t person, const domain::Confirmed& observed) {
    asked.push_back(person);
    EXPECT_EQ(observed.status, RemoteStatus::OptedOut);
    auto after = observed;
    after.maybe_subscribed = true;
    return after;
  };
  world.store->settle(world.mirror, people, place, start + 2 * second, cross);
  EXPECT_THAT(asked, ElementsAre(1U));
  EXPECT_EQ(world.find("a@x.kr")->confirmed.status, RemoteStatus::Subscribed);
  EXPECT_EQ(world.find("b@x.kr")->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_TRUE(world.find("b@x.kr")->confirmed.maybe_subscribed);
  EXPECT_TRUE(look("b@x.kr").suppression);
}

TEST_P(StoreRemote, WithoutARuleWhatWasObservedStands) {
  table[key(1)] = {"a@x.kr"};
  read();
  const auto claimed = world.claim();
  opt_out("a@x.kr", start + second);
  world.deliver(*claimed, start + 2 * second);
  EXPECT_EQ(world.find("a@x.kr")->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_FALSE(world.claim(start + day));
  EXPECT_EQ(look("a@x.kr").suppression->by, "subscriber");
}

TEST_P(StoreRemote, ALookThatChangesNothingOvertakesNoCall) {
  table[key(1)] = {"a@x.kr"};
  read();
  const auto claimed = world.claim();
  look("a@x.kr");
  world.deliver(*claimed);
  EXPECT_EQ(world.find("a@x.kr")->confirmed.status, RemoteStatus::Subscribed);
}

TEST_P(StoreRemote, AnOvertakenCallThatFailedLeavesNeitherBackoffNorParking) {
  table = {{key(1), {"parked@x.kr"}}, {key(2), {"retried@x.kr"}}};
  read();
  ASSERT_EQ(world.claim()->people.size(), 2U);
  for (const auto* address : {"parked@x.kr", "retried@x.kr"}) {
    opt_out(address, start + second);
    const auto next = std::string(address) == "parked@x.kr" ? Next::Park : Next::Retry;
    world.settle(address, next, start + second, 3, start + day);
    EXPECT_EQ(world.find(address)->parked, "");
    EXPECT_EQ(world.find(address)->attempts, 0);
    EXPECT_FALSE(world.find(address)->lane);
  }
}

TEST_P(StoreRemote, ACrashAfterAnOptOutOvertookACallLeavesADoubtThatIsSettledByAnUnsubscribe) {
  table[key(1)] = {"a@x.kr"};
  read();
  world.claim();
  opt_out("a@x.kr", start + second);
  world.reopen();
  const auto confirmed = world.find("a@x.kr")->confirmed;
  EXPECT_EQ(confirmed.status, RemoteStatus::OptedOut);
  EXPECT_TRUE(confirmed.maybe_subscribed);
}

TEST_P(StoreRemote, SomebodyWhoLeftStaysUntilTheCallThatIsOutIsSettled) {
  subscribe("a@x.kr");
  table.clear();
  read();
  const auto claimed = world.claim();
  ASSERT_TRUE(claimed);
  opt_out("a@x.kr", start + second);
  EXPECT_FALSE(world.find("a@x.kr")->is_trace);
  world.deliver(*claimed, start + 2 * second);
  EXPECT_TRUE(world.find("a@x.kr")->is_trace);
  EXPECT_EQ(world.find("a@x.kr")->confirmed.status, RemoteStatus::OptedOut);
}

TEST_P(StoreRemote, AnotherWishWhileACallIsOutIsServedAfterIt) {
  subscribe("a@x.kr");
  table[key(1)].subscribed = false;
  read();
  const auto claimed = world.claim();
  ASSERT_EQ(claimed->lane, Lane::Optout);
  RemoteChange change;
  change.wanted = world.find("a@x.kr")->wanted;
  change.wanted->intent = Intent::Subscribed;
  observe("a@x.kr", change, start + second);
  world.deliver(*claimed, start + 2 * second);
  EXPECT_EQ(world.find("a@x.kr")->shape, "resubscribe:");
}

// ---- adoption and comparison -------------------------------------------------------------------------

TEST_P(StoreRemote, AFreshMirrorIsNeitherAdoptedNorReconciled) {
  EXPECT_FALSE(world.store->adopted(world.mirror));
  EXPECT_FALSE(world.store->reconciled(world.mirror));
  world.store->set_adopted(world.mirror, start);
  world.store->set_reconciled(world.mirror, start + second);
  world.reopen();
  EXPECT_EQ(world.store->adopted(world.mirror), start);
  EXPECT_EQ(world.store->reconciled(world.mirror), start + second);
  EXPECT_FALSE(world.store->adopted(world.store->open_mirror("other", 2)));
}

// ---- reports -----------------------------------------------------------------------------------------

TEST_P(StoreRemote, ConsentsOlderThan23MonthsAreCounted) {
  subscribe("a@x.kr");
  subscribe("b@x.kr");
  subscribe("c@x.kr");
  subscribe("d@x.kr");
  const auto consent = [&](const std::string& address, std::optional<UtcTime> at) {
    RemoteChange change;
    change.wanted = world.find(address)->wanted;
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
