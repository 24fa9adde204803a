#include "ledger_rows.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/transitions.hpp"

#include <gtest/gtest.h>

// What the table, Stibee and a crash do to a row meanwhile: while it waits, while it is parked, and while a
// call is out.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;
using domain::Lane;
using domain::MemberKey;
using domain::Reason;
using Next = Settlement::Next;

constexpr auto day = 24h;

Person person_with(const Wanted& what, const Confirmed& known, const Policy& policy = {}) {
  Person person;
  person.row.emplace();
  person.row->wanted = what;
  person.row->confirmed = known;
  person.row->values.emplace();
  return placed_again(std::move(person), policy, now);
}

Person decided(Person person, const Wanted& what, const Policy& policy = {}) {
  AddressDecision decision;
  decision.wanted = what;
  if (what.intent == Intent::Subscribed) decision.values.emplace();
  return after_decision(std::move(person), decision, policy, now);
}

Person seen_as(Person person, const Confirmed& shown, const Policy& policy = {}) {
  RemoteChange change;
  change.confirmed = shown;
  return after_observation(std::move(person), change, policy, now);
}

Person settled(Person person, Next next, const Policy& policy = {}) {
  Settlement settlement;
  settlement.confirmed = person.row->confirmed;
  settlement.next = next;
  settlement.attempts = next == Next::Continue ? 0 : 1;
  settlement.not_before = now + 1h;
  settlement.batch_limit = 7;
  return after_answer(std::move(person), settlement, policy, now);
}

Person with_call(Person person, Lane lane) {
  person.call = CallOut{lane, {}, false};
  return person;
}

Person new_subscriber() {
  return decided({}, wanted(Intent::Subscribed));
}

Person leaving() {
  return person_with(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Subscribed));
}

Wanted renamed() {
  auto what = wanted(Intent::Subscribed);
  what.fields = print(9);
  return what;
}

Policy deleting() {
  Policy policy;
  policy.on_leave = OnLeave::Delete;
  return policy;
}

Policy deleting_later() {
  Policy policy;
  policy.delete_after = 30 * day;
  return policy;
}

// ---- values of a call whose end is unknown
// ------------------------------------------------------------------

TEST(UpdateInDoubt, IsTakenBackByAnotherThoughTheRowIsAsItWas) {
  auto person = settled(person_with(renamed(), confirmed(RemoteStatus::Subscribed)), Next::Retry);
  ASSERT_TRUE(person.row->in_doubt);
  EXPECT_EQ(person.row->batch_limit, 7U);
  person = decided(person, wanted(Intent::Subscribed));
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::Subscribed);
  EXPECT_FALSE(person.row->confirmed.fields) << "either may be there";
  EXPECT_EQ(person.row->lane, Lane::Upsert);
  EXPECT_EQ(person.row->batch_limit, 0U) << "of another call";
}

TEST(UpdateInDoubt, LeavesOpenOnlyWhatItCarried) {
  auto what = wanted(Intent::Subscribed);
  what.ad_agreed = true;
  auto known = confirmed(RemoteStatus::Subscribed);
  known.ad_agreed = false;
  auto person = settled(person_with(what, known), Next::Retry);
  what.ad_agreed = false;
  person = decided(person, what);
  EXPECT_EQ(person.row->confirmed.fields, known.fields);
  EXPECT_FALSE(person.row->confirmed.ad_agreed);
  EXPECT_EQ(person.row->lane, Lane::Upsert);

  known.ad_agreed = true;
  what.ad_agreed = true;
  what.fields = print(9);
  person = settled(person_with(what, known), Next::Retry);
  person = decided(person, wanted(Intent::Subscribed));
  EXPECT_FALSE(person.row->confirmed.fields);
  EXPECT_EQ(person.row->confirmed.ad_agreed, true);
}

TEST(UpdateInDoubt, OfSomebodyPurgedSaysNothingOfGroups) {
  auto person = person_with(renamed(), confirmed(RemoteStatus::Purged, {5}));
  ASSERT_EQ(person.row->lane, Lane::Upsert);
  person = decided(with_call(person, Lane::Upsert), wanted(Intent::Subscribed, {6}));
  EXPECT_EQ(person.row->confirmed.groups, domain::GroupSet{5}) << "what was wanted then";
  EXPECT_TRUE(person.row->confirmed.maybe_groups.empty());
}

TEST(UpdateInDoubt, OfGroupsMakesThemAllDoubtful) {
  auto person = person_with(wanted(Intent::Subscribed, {1, 2}), confirmed(RemoteStatus::Subscribed, {2, 3}));
  person = decided(with_call(person, Lane::Upsert), wanted(Intent::Subscribed, {4}));
  EXPECT_EQ(person.row->confirmed.groups, domain::GroupSet{2});
  EXPECT_EQ(person.row->confirmed.maybe_groups, (domain::GroupSet{1, 3}));
}

TEST(UpdateInDoubt, ThatIsTriedAgainIsSettledByWhatIsAssumedOfIt) {
  auto person = settled(new_subscriber(), Next::Retry);
  ASSERT_TRUE(person.row->in_doubt);
  person = decided(with_call(person, Lane::Upsert), renamed());
  EXPECT_FALSE(person.row->in_doubt) << "taken for done, and what is wanted now puts it right";
  EXPECT_TRUE(person.row->confirmed.maybe_subscribed);
}

TEST(NoInDoubt, OfWhomStibeeMayNotKnowIsNotTakenForAnUnsubscribe) {
  Confirmed perhaps;
  perhaps.maybe_subscribed = true;
  auto gone = with_call(person_with(wanted(Intent::Absent), perhaps, deleting()), Lane::Delete);
  ASSERT_EQ(gone.row->lane, Lane::Delete);
  gone = decided(gone, wanted(Intent::Subscribed));
  EXPECT_EQ(gone.row->confirmed.status, RemoteStatus::Unknown);
  EXPECT_EQ(gone.row->shape, "subscribe:");

  auto unknown = with_call(person_with(wanted(Intent::Unsubscribed), {}), Lane::Optout);
  unknown = decided(unknown, wanted(Intent::Subscribed));
  EXPECT_EQ(unknown.row->confirmed.status, RemoteStatus::Unknown);
  EXPECT_EQ(unknown.row->confirmed.called.optout, now);

  auto out = confirmed(RemoteStatus::OptedOut);
  out.owes_no = true;
  auto opted_out = with_call(person_with(wanted(Intent::Unsubscribed), out), Lane::Optout);
  opted_out = decided(opted_out, wanted(Intent::Subscribed));
  EXPECT_EQ(opted_out.row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(opted_out.row->confirmed.since, out.since);
}

// ---- what the table says meanwhile
// --------------------------------------------------------------------------

TEST(SameRow, ChangesNothingWithoutNeed) {
  const auto person = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed));
  EXPECT_EQ(decided(person, wanted(Intent::Subscribed)), person);
  AddressDecision without_values;
  without_values.wanted = wanted(Intent::Subscribed);
  auto lacking = new_subscriber();
  lacking.row->values.reset();
  lacking = placed_again(lacking, {}, now);
  ASSERT_TRUE(lacking.row->lacks_values);
  EXPECT_EQ(after_decision(lacking, without_values, {}, now), lacking);
}

TEST(SameRow, BringsNoValuesThatNoCallWaitsFor) {
  auto person = person_with(wanted(Intent::Subscribed, {4}), confirmed(RemoteStatus::Subscribed));
  person.row->values.reset();
  person = placed_again(person, {}, now);
  ASSERT_EQ(person.row->shape, "group_assign:4");
  EXPECT_EQ(decided(person, wanted(Intent::Subscribed, {4})), person);
}

TEST(SameRow, BringsTheValuesThatWereMissing) {
  auto person = new_subscriber();
  person.row->values.reset();
  person = placed_again(person, {}, now);
  ASSERT_FALSE(person.row->lane);
  person = decided(person, wanted(Intent::Subscribed));
  EXPECT_TRUE(person.row->values);
  EXPECT_FALSE(person.row->lacks_values);
  EXPECT_EQ(person.row->lane, Lane::Upsert);
}

TEST(SameRow, RenewsTheValuesOfWhomARuleParked) {
  Policy policy;
  policy.can_resubscribe = false;
  auto person = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed), policy);
  ASSERT_TRUE(person.row->parked_by_rule);
  AddressDecision decision;
  decision.wanted = wanted(Intent::Subscribed);
  decision.values = domain::FieldValues{{"name", "Kim"}};
  person = after_decision(person, decision, policy, now);
  EXPECT_EQ(person.row->values, decision.values);
  EXPECT_TRUE(person.row->parked_by_rule);
}

TEST(NewRow, WithoutValuesHasNone) {
  AddressDecision decision;
  decision.wanted = wanted(Intent::Subscribed);
  const auto person = after_decision({}, decision, {}, now);
  EXPECT_EQ(person.row->values, domain::FieldValues{});
  EXPECT_EQ(person.row->lane, Lane::Upsert);
}

TEST(MovedRow, IsTheSamePersonUnlessTwoKeysSayOtherwise) {
  auto person = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Moved));
  AddressDecision decision;
  decision.wanted = renamed();
  EXPECT_EQ(after_decision(person, decision, {}, now).row->confirmed.status, RemoteStatus::Moved);
  decision.key = MemberKey(6);
  EXPECT_EQ(after_decision(person, decision, {}, now).row->confirmed.status, RemoteStatus::Moved);
  person.row->key = MemberKey(6);
  EXPECT_EQ(after_decision(person, decision, {}, now).row->confirmed.status, RemoteStatus::Moved);
  person.row->key = MemberKey(5);
  EXPECT_EQ(after_decision(person, decision, {}, now).row->confirmed.status, RemoteStatus::Unknown);
}

TEST(GoneRow, StaysOutsideTheQueueUntilTheCallThatIsOutIsSettled) {
  auto person = person_with(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Unsubscribed));
  person.row->lane = Lane::Optout;
  person = decided(with_call(person, Lane::Optout), wanted(Intent::Absent));
  ASSERT_TRUE(person.row);
  EXPECT_FALSE(person.row->lane);
  EXPECT_FALSE(after_answer(person, Settlement{}, {}, now).row);

  const auto crashed = after_crash(person);
  EXPECT_TRUE(crashed.row->in_doubt) << "settled, it would have been erased";
}

// ---- answers to calls that were overtaken
// -------------------------------------------------------------------

TEST(OwedNo, EndsWithAnAnswerThatShowsThemOnTheList) {
  auto person = new_subscriber();
  person.row->confirmed.owes_no = true;
  Settlement settlement;
  settlement.confirmed = confirmed(RemoteStatus::Subscribed);
  EXPECT_FALSE(after_answer(with_call(person, Lane::Upsert), settlement, {}, now).row->confirmed.owes_no);
  settlement.confirmed = confirmed(RemoteStatus::OptedOut);
  EXPECT_TRUE(after_answer(with_call(person, Lane::Upsert), settlement, {}, now).row->confirmed.owes_no);
  EXPECT_FALSE(after_answer(with_call(person, Lane::Optout), settlement, {}, now).row->confirmed.owes_no);
  person.row->confirmed.owes_no = false;
  EXPECT_FALSE(after_answer(with_call(person, Lane::Upsert), settlement, {}, now).row->confirmed.owes_no);
  settlement.confirmed.owes_no = true;
  EXPECT_TRUE(after_answer(with_call(person, Lane::Optout), settlement, {}, now).row->confirmed.owes_no);
}

TEST(OvertakenNo, ThatWasLostIsSaidAgainToWhoIsShownOut) {
  const auto out = confirmed(RemoteStatus::OptedOut);
  auto person = seen_as(with_call(leaving(), Lane::Optout), out);
  ASSERT_FALSE(person.row->lane);
  EXPECT_FALSE(settled(person, Next::Continue).row->confirmed.owes_no);
  const auto lost = settled(person, Next::Retry);
  EXPECT_TRUE(lost.row->confirmed.owes_no);
  EXPECT_EQ(lost.row->lane, Lane::Optout);

  const auto wanted_again = settled(decided(person, wanted(Intent::Subscribed)), Next::Retry);
  EXPECT_FALSE(wanted_again.row->confirmed.owes_no);
  const auto by_us = seen_as(with_call(leaving(), Lane::Optout), confirmed(RemoteStatus::Unsubscribed));
  EXPECT_FALSE(settled(by_us, Next::Retry).row->confirmed.owes_no);
  auto no_call_of_theirs = person;
  no_call_of_theirs.call->lane = Lane::Upsert;
  EXPECT_FALSE(settled(no_call_of_theirs, Next::Retry).row->confirmed.owes_no);
}

TEST(OvertakenCall, NeitherParksNorDelaysWhatIsDueInstead) {
  const auto person = seen_as(with_call(new_subscriber(), Lane::Upsert), confirmed(RemoteStatus::OptedOut));
  const auto refused = settled(person, Next::Park);
  EXPECT_FALSE(refused.row->parked);
  EXPECT_TRUE(refused.row->in_doubt) << "a refusal speaks of its own attempt only";
  auto certain = person;
  certain.row->in_doubt = false;
  EXPECT_FALSE(settled(certain, Next::Park).row->in_doubt);
  const auto lost = settled(person, Next::Retry);
  EXPECT_TRUE(lost.row->in_doubt);
  EXPECT_EQ(lost.row->attempts, 0);
  EXPECT_EQ(settled(person, Next::Continue).row->attempts, 0);
}

TEST(OvertakenCall, WaitsForItsBackoffIfTheSameLaneIsDue) {
  auto person = seen_as(with_call(new_subscriber(), Lane::Upsert), confirmed(RemoteStatus::Unsubscribed));
  EXPECT_EQ(person.row->shape, "resubscribe:");
  EXPECT_EQ(settled(person, Next::Retry).row->attempts, 1);
  EXPECT_EQ(settled(person, Next::Retry).row->due, now + 1h);
  EXPECT_TRUE(settled(person, Next::Park).row->parked);
}

// ---- what Stibee shows meanwhile
// ----------------------------------------------------------------------------

TEST(Shown, WhatIsKnownChangesNothing) {
  const auto person = settled(new_subscriber(), Next::Retry);
  EXPECT_EQ(seen_as(person, person.row->confirmed), person);
  const auto in_flight = with_call(person, Lane::Upsert);
  EXPECT_EQ(seen_as(in_flight, person.row->confirmed), in_flight);
  RemoteChange change;
  EXPECT_EQ(after_observation(person, change, {}, now), person);
  change.wanted = person.row->wanted;
  EXPECT_EQ(after_observation(person, change, {}, now), person);
  Person gone;
  gone.trace = confirmed(RemoteStatus::Unsubscribed);
  EXPECT_EQ(after_observation(gone, RemoteChange{}, {}, now), gone);
}

TEST(Shown, ADueDeletionIsOwedAndAPostponedOneIsNot) {
  const auto due = person_with(wanted(Intent::Absent), confirmed(RemoteStatus::Subscribed), deleting());
  ASSERT_EQ(due.row->lane, Lane::Delete);
  EXPECT_EQ(seen_as(due, confirmed(RemoteStatus::OptedOut), deleting()).row->lane, Lane::Delete);

  const auto later =
      person_with(wanted(Intent::Absent), confirmed(RemoteStatus::Unsubscribed), deleting_later());
  ASSERT_EQ(later.row->lane, Lane::Delete);
  EXPECT_FALSE(seen_as(later, confirmed(RemoteStatus::OptedOut), deleting_later()).row);
}

TEST(Shown, ASubscribeThatIsDueIsNoNo) {
  EXPECT_FALSE(seen_as(new_subscriber(), confirmed(RemoteStatus::OptedOut)).row->confirmed.owes_no);
}

TEST(Shown, WhoIsParkedStaysParkedWhileThereIsSomethingToSend) {
  auto person = settled(new_subscriber(), Next::Park);
  person = seen_as(person, confirmed(RemoteStatus::Unsubscribed));
  EXPECT_EQ(person.row->parked, Reason::Refused);
  EXPECT_EQ(person.row->attempts, 1);
  person = seen_as(person, confirmed(RemoteStatus::Subscribed));
  EXPECT_FALSE(person.row->parked) << "nothing is left to send";
  EXPECT_EQ(person.row->attempts, 0);
}

TEST(Shown, TheSameCallStillWaitsForItsBackoffAndAnotherLaneDoesNot) {
  const auto person = settled(new_subscriber(), Next::Retry);
  auto shown = person.row->confirmed;
  shown.since = now;
  EXPECT_EQ(seen_as(person, shown).row->due, now + 1h);
  shown = confirmed(RemoteStatus::OptedOut);
  shown.maybe_subscribed = true;
  EXPECT_EQ(seen_as(person, shown).row->lane, Lane::Optout);
  EXPECT_EQ(seen_as(person, shown).row->due, now);
}

TEST(Shown, AWordOfTheirOwnOverrulesTheTable) {
  const auto person = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed));
  RemoteChange change;
  change.wanted = wanted(Intent::Unsubscribed);
  EXPECT_EQ(after_observation(person, change, {}, now).row->lane, Lane::Optout);
  EXPECT_EQ(after_observation(person, change, {}, now).row->wanted, *change.wanted);

  const auto out = after_observation(with_call(person, Lane::Upsert), change, {}, now);
  EXPECT_EQ(out.call->sent, person.row->wanted);
  EXPECT_TRUE(out.call->observed) << "what is assumed of the call is news, too";
  change.wanted = wanted(Intent::Absent);
  EXPECT_EQ(after_observation(out, change, {}, now).call->sent, person.row->wanted) << "still the same call";
}

TEST(Shown, TwiceIsShownAllTheSame) {
  auto person = seen_as(with_call(new_subscriber(), Lane::Upsert), confirmed(RemoteStatus::OptedOut));
  RemoteChange change;
  change.no_is_ours = true;
  person = after_observation(person, change, {}, now);
  EXPECT_TRUE(person.call->observed);
  EXPECT_TRUE(person.row->no_is_ours);
  EXPECT_FALSE(after_observation(with_call(new_subscriber(), Lane::Upsert), change, {}, now).call->observed);
}

// ---- a crash meanwhile
// --------------------------------------------------------------------------------------

TEST(Crash, LeavesADoubtAboutWhomAnObservationTookOutOfTheQueue) {
  auto person = seen_as(with_call(new_subscriber(), Lane::Upsert), confirmed(RemoteStatus::OptedOut));
  ASSERT_FALSE(person.row->lane);
  ASSERT_TRUE(person.row->in_doubt);
  person = after_crash(person);
  EXPECT_TRUE(person.row->confirmed.maybe_subscribed) << "the call may have come after what was shown";
}

TEST(Crash, LeavesWhoWasParkedInDoubtAsTheyWere) {
  const auto parked = settled(settled(new_subscriber(), Next::Retry), Next::Park);
  ASSERT_TRUE(parked.row->in_doubt);
  EXPECT_EQ(after_crash(parked), parked);
}

TEST(Crash, OfAnUnsubscribeAddsNobody) {
  const auto person = after_crash(leaving());
  EXPECT_TRUE(person.row->in_doubt);
  EXPECT_FALSE(person.row->confirmed.maybe_subscribed);
}

TEST(NobodyThere, NothingIsPlacedOrTakenOut) {
  EXPECT_EQ(placed_again({}, {}, now), Person{});
  EXPECT_EQ(unparked({}, {}, now), Person{});
}

// ---- where a row stands
// -------------------------------------------------------------------------------------

TEST(Stands, WhomStibeeRefusedIsParkedByARuleSinceThatForbidsThem) {
  LedgerRow row;
  row.wanted.intent = Intent::Subscribed;
  row.parked = Reason::ResubscribeUnsupported;
  row.parked_since = now - day;
  Placement impossible;
  impossible.impossible = Reason::ResubscribeUnsupported;
  stand(row, impossible, now);
  EXPECT_EQ(row.parked_since, now);
  EXPECT_TRUE(row.parked_by_rule);
}

TEST(Stands, OnlyACallThatCarriesValuesWaitsForThem) {
  Placement upsert;
  upsert.lane = Lane::Upsert;
  upsert.due = now;
  const auto lacks = [&](const Wanted& what, const Confirmed& known) {
    LedgerRow row;
    row.wanted = what;
    row.confirmed = known;
    stand(row, upsert, now);
    return row.lacks_values;
  };
  EXPECT_TRUE(lacks(renamed(), confirmed(RemoteStatus::Subscribed)));
  EXPECT_FALSE(lacks(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed))) << "groups, say";
  EXPECT_TRUE(lacks(wanted(Intent::Subscribed), confirmed(RemoteStatus::Purged)));
  EXPECT_FALSE(lacks(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Purged)));
}

}  // namespace
}  // namespace stibee_sync::ledger
