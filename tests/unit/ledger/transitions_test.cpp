#include "stibee_sync/ledger/transitions.hpp"

#include "ledger_rows.hpp"

#include <gtest/gtest.h>

// The finer points of the rules; the contract tests show them at work on the store.
namespace stibee_sync::ledger {
namespace {

using namespace testing_support;
using domain::Lane;
using domain::Reason;

constexpr auto day = 24h;

Placement in_lane(Lane lane, UtcTime due) {
  Placement placement;
  placement.lane = lane;
  placement.shape = "shape";
  placement.due = due;
  return placement;
}

LedgerRow subscribed_row() {
  LedgerRow row;
  row.wanted.intent = Intent::Subscribed;
  row.values.emplace();
  return row;
}

Person decided(Person person, const Wanted& what, const Policy& policy = {}, UtcTime when = now) {
  AddressDecision decision;
  decision.wanted = what;
  if (what.intent == Intent::Subscribed) decision.values.emplace();
  return after_decision(std::move(person), decision, policy, when);
}

Person person_with(const Wanted& what, const Confirmed& known, const Policy& policy = {}) {
  Person person;
  person.row.emplace();
  person.row->wanted = what;
  person.row->confirmed = known;
  person.row->values.emplace();
  return placed_again(std::move(person), policy, now);
}

// Where another daemon may have subscribed them.
TEST(Transitions, WhoLeavesBeforeAnythingIsKnownOfThemIsToldSoWhereTheListIsShared) {
  Policy shared;
  shared.shares_list = true;
  const auto arrived = decided({}, wanted(Intent::Subscribed), shared);
  const auto left = decided(arrived, wanted(Intent::Absent), shared);
  ASSERT_TRUE(left.row);
  EXPECT_EQ(left.row->lane, Lane::Optout);
  EXPECT_FALSE(decided(decided({}, wanted(Intent::Subscribed)), wanted(Intent::Absent)).row);
  const auto known = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed), shared);
  EXPECT_FALSE(decided(known, wanted(Intent::Absent), shared).row->confirmed.maybe_subscribed)
      << "of them it is known";
}

TEST(Transitions, ANoOfTheTablesIsSaidAllTheSameUnlessNobodyHereEverSubscribedThem) {
  for (const bool called : {false, true}) {
    Confirmed known;
    known.maybe_subscribed = true;
    if (called) known.called.upsert = now - day;
    const auto person = person_with(wanted(Intent::Absent), known);
    ASSERT_EQ(person.row->lane, Lane::Optout);
    RemoteChange change;
    change.confirmed = known;
    change.confirmed->maybe_subscribed = false;
    change.confirmed->status = RemoteStatus::OptedOut;
    change.confirmed->since = now;
    const auto after = after_observation(person, change, {}, now);
    ASSERT_EQ(after.row.has_value(), called);
    EXPECT_EQ(after.row && after.row->confirmed.owes_no, called);
  }
}

Person new_subscriber() {
  return decided({}, wanted(Intent::Subscribed));
}

Settlement settlement_of(const Person& person, Settlement::Next next) {
  Settlement settlement;
  settlement.confirmed = person.row->confirmed;
  settlement.next = next;
  if (next != Settlement::Next::Continue) settlement.attempts = person.row->attempts + 1;
  return settlement;
}

Settlement retry_in_an_hour(const Person& person) {
  auto settlement = settlement_of(person, Settlement::Next::Retry);
  settlement.not_before = now + 1h;
  settlement.reason = Reason::http(503);
  settlement.message = "come back later";
  return settlement;
}

Person refused(Person person) {
  auto settlement = settlement_of(person, Settlement::Next::Park);
  settlement.reason = Reason::WrongEmail;
  return after_answer(std::move(person), settlement, {}, now);
}

RemoteChange seen_as(RemoteStatus status) {
  RemoteChange change;
  change.confirmed = confirmed(status);
  return change;
}

Policy asking_to_confirm() {
  Policy policy;
  policy.confirm_email = true;
  return policy;
}

Policy without_resubscribe() {
  Policy policy;
  policy.can_resubscribe = false;
  return policy;
}

// ---- where a row stands
// ------------------------------------------------------------------------------------

TEST(Stand, APostponementThatEndsByANewRuleIsPendingFromNowOn) {
  auto row = subscribed_row();
  stand(row, in_lane(Lane::Delete, now + day), now);
  EXPECT_EQ(row.due, now + day);
  stand(row, in_lane(Lane::Delete, now + 1s), now + 1s);
  EXPECT_EQ(row.due, now + 1s);
}

TEST(Stand, ANewPostponementPutsTheRowBack) {
  auto row = subscribed_row();
  stand(row, in_lane(Lane::Delete, now), now);
  stand(row, in_lane(Lane::Delete, now + day), now + 1s);
  EXPECT_EQ(row.due, now + day);
}

TEST(Stand, AnotherLaneIsAnotherWait) {
  auto row = subscribed_row();
  stand(row, in_lane(Lane::Upsert, now), now);
  stand(row, in_lane(Lane::Upsert, now + 1s), now + 1s);
  EXPECT_EQ(row.pending_since, now);
  stand(row, in_lane(Lane::Optout, now + 2s), now + 2s);
  EXPECT_EQ(row.pending_since, now + 2s);
}

TEST(Stand, WhoIsNotToBeSubscribedKeepsNoValues) {
  auto row = subscribed_row();
  row.wanted.intent = Intent::Unsubscribed;
  stand(row, in_lane(Lane::Optout, now), now);
  EXPECT_FALSE(row.values);
}

TEST(Stand, WhoseValuesAreMissingIsNotQueuedBeforeTheSourceGaveThem) {
  auto row = subscribed_row();
  row.wanted.fields = print(1);
  row.values.reset();
  EXPECT_EQ(stand(row, in_lane(Lane::Upsert, now), now), Fate::Keep);
  EXPECT_TRUE(row.lacks_values);
  EXPECT_FALSE(row.lane);
}

TEST(Stand, WhoIsAbsentAndSettledNeedNotBeKept) {
  auto row = subscribed_row();
  Placement finished;
  finished.finished = true;
  EXPECT_EQ(stand(row, finished, now), Fate::Erase);
}

TEST(Stand, WhatStaysImpossibleIsParkedSinceItFirstWas) {
  auto row = subscribed_row();
  Placement impossible;
  impossible.impossible = Reason::ResubscribeUnsupported;
  stand(row, impossible, now);
  stand(row, impossible, now + day);
  EXPECT_EQ(row.parked, Reason::ResubscribeUnsupported);
  EXPECT_EQ(row.parked_since, now);
  stand(row, in_lane(Lane::Upsert, now + day), now + day);
  EXPECT_FALSE(row.parked);
  EXPECT_EQ(row.lane, Lane::Upsert);
}

// ---- traces
// ------------------------------------------------------------------------------------------------

TEST(Trace, OnlyWhoStibeeMayKnowLeavesOne) {
  Confirmed known;
  EXPECT_FALSE(trace_of(known));
  known.maybe_subscribed = true;
  EXPECT_EQ(trace_of(known)->status, RemoteStatus::Subscribed);
  known.status = RemoteStatus::OptedOut;
  EXPECT_EQ(trace_of(known)->status, RemoteStatus::OptedOut);
}

TEST(Trace, WhoLeavesAndIsSettledIsErasedButForIt) {
  const auto gone =
      decided(person_with(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Unsubscribed, {4})),
              wanted(Intent::Absent));
  EXPECT_FALSE(gone.row);
  ASSERT_TRUE(gone.trace);
  EXPECT_EQ(gone.trace->status, RemoteStatus::Unsubscribed);
  EXPECT_EQ(gone.trace->maybe_groups, domain::GroupSet{4}) << "to be released should they come back";
}

TEST(Trace, WhoComesBackGoesOnFromIt) {
  Person gone;
  gone.trace = confirmed(RemoteStatus::Unsubscribed);
  const auto back = decided(gone, wanted(Intent::Subscribed));
  EXPECT_FALSE(back.trace);
  ASSERT_TRUE(back.row);
  EXPECT_EQ(back.row->confirmed, *gone.trace);
  EXPECT_EQ(back.row->shape, "resubscribe:");
}

// ---- decisions of a read
// -----------------------------------------------------------------------------------

TEST(AfterDecision, NoRowIsMadeForWhoIsAbsent) {
  EXPECT_EQ(decided({}, wanted(Intent::Absent)), Person{});
}

TEST(AfterDecision, ANewRowKnowsTheOptOutOnRecord) {
  Person person;
  person.suppression = Suppression{now - day, "subscriber", ""};
  const auto after = decided(person, wanted(Intent::Subscribed));
  ASSERT_TRUE(after.row);
  EXPECT_EQ(after.row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(after.row->confirmed.since, now - day);
  EXPECT_FALSE(after.row->lane);
}

TEST(AfterDecision, WhatChangesWhileACallIsOutIsRememberedWithWhatWasSent) {
  auto person = new_subscriber();
  person.call.emplace();
  auto other = wanted(Intent::Subscribed);
  other.fields = print(2);
  const auto after = decided(person, other);
  EXPECT_EQ(after.call->sent, person.row->wanted);
  EXPECT_TRUE(after.row->confirmed.maybe_subscribed);
  auto third = other;
  third.fields = print(3);
  EXPECT_EQ(decided(after, third).call->sent, person.row->wanted) << "the call is still the same one";
}

TEST(AfterDecision, AnUnsubscribeInDoubtIsSaidAgainWhenTheRowChangesItsMindTwice) {
  auto person = person_with(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Subscribed));
  ASSERT_EQ(person.row->lane, Lane::Optout);
  person = after_answer(person, settlement_of(person, Settlement::Next::Retry), {}, now);
  person = decided(person, wanted(Intent::Subscribed), without_resubscribe());
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::Unsubscribed) << "so that they are subscribed again";
  EXPECT_TRUE(person.row->confirmed.maybe_subscribed)
      << "and if they say no before that, they are told so again";
}

TEST(AfterDecision, ASubscribeAndAnUnsubscribeWhoseAnswersWereLostAreTakenBackByAResubscribe) {
  Confirmed perhaps;
  perhaps.maybe_subscribed = true;
  auto person = person_with(wanted(Intent::Unsubscribed), perhaps);
  ASSERT_EQ(person.row->lane, Lane::Optout);
  person = decided(after_crash(person), wanted(Intent::Subscribed));
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::Unsubscribed)
      << "an ordinary subscribe would change nothing";
  EXPECT_EQ(person.row->shape, "resubscribe:");
}

// ---- a crash
// -----------------------------------------------------------------------------------------------

TEST(AfterCrash, TheDoubtEndsWithTheNextAnswer) {
  auto person = after_crash(new_subscriber());
  EXPECT_TRUE(person.row->in_doubt);
  EXPECT_TRUE(person.row->confirmed.maybe_subscribed);
  Settlement settlement;
  settlement.confirmed.status = RemoteStatus::Subscribed;
  person = after_answer(person, settlement, {}, now);
  EXPECT_FALSE(person.row->in_doubt);
  EXPECT_FALSE(person.row->confirmed.maybe_subscribed);
}

TEST(AfterCrash, WhoWasSettledIsNotInDoubt) {
  const auto settled = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed));
  ASSERT_FALSE(settled.row->lane);
  EXPECT_EQ(after_crash(settled), settled);
}

TEST(AfterCrash, WhoWasParkedIsNotInDoubt) {
  const auto parked = refused(new_subscriber());
  EXPECT_EQ(after_crash(parked), parked);
}

TEST(AfterCrash, OfWhomNothingIsKnownNothingIsMade) {
  EXPECT_EQ(after_crash({}), Person{});
}

// ---- answers
// -----------------------------------------------------------------------------------------------

TEST(AfterAnswer, WhoIsRefusedIsParkedWithTheReason) {
  const auto parked = refused(new_subscriber());
  EXPECT_EQ(parked.row->parked, Reason::WrongEmail);
  EXPECT_EQ(parked.row->parked_since, now);
  EXPECT_FALSE(parked.row->parked_by_rule);
  EXPECT_FALSE(parked.row->lane);
}

TEST(AfterAnswer, WhoIsRefusedWithoutAReasonIsParkedAsRefused) {
  auto person = new_subscriber();
  person = after_answer(person, settlement_of(person, Settlement::Next::Park), {}, now);
  EXPECT_EQ(person.row->parked, Reason::Refused);
  EXPECT_FALSE(person.row->lane);
}

TEST(AfterAnswer, ARetryWaitsForTheEndOfItsBackoff) {
  auto person = new_subscriber();
  person = after_answer(person, retry_in_an_hour(person), {}, now);
  EXPECT_EQ(person.row->lane, Lane::Upsert);
  EXPECT_EQ(person.row->due, now + 1h);
  EXPECT_EQ(person.row->attempts, 1);
  EXPECT_EQ(person.row->error, Reason::http(503));
  EXPECT_EQ(person.row->message, "come back later");
  EXPECT_TRUE(person.row->in_doubt);
}

TEST(AfterAnswer, WhatIsWantedMeanwhileGetsAnAttemptWithoutTheBackoffOfTheOther) {
  auto person = person_with(wanted(Intent::Subscribed), {});
  person.call.emplace();
  person = decided(person, wanted(Intent::Unsubscribed));
  person = after_answer(person, retry_in_an_hour(person), {}, now);
  EXPECT_EQ(person.row->lane, Lane::Optout);
  EXPECT_EQ(person.row->due, now);
  EXPECT_EQ(person.row->attempts, 0);
}

TEST(AfterAnswer, TheCallIsOver) {
  auto person = new_subscriber();
  person.call.emplace();
  EXPECT_FALSE(after_answer(person, settlement_of(person, Settlement::Next::Continue), {}, now).call);
}

TEST(AfterAnswer, WhoWasErasedMeanwhileHasNothingLeftToSettle) {
  Person erased;
  erased.trace = confirmed(RemoteStatus::Unsubscribed);
  erased.call.emplace();
  const auto after = after_answer(erased, Settlement{}, {}, now);
  EXPECT_FALSE(after.row);
  EXPECT_FALSE(after.call);
  EXPECT_EQ(after.trace, erased.trace);
}

TEST(AfterAnswer, AnOptOutThatItShowsGoesOnRecordAndIsLiftedByOneThatOvercameIt) {
  auto person = new_subscriber();
  Settlement settlement;
  settlement.confirmed = confirmed(RemoteStatus::OptedOut);
  person = after_answer(person, settlement, {}, now);
  ASSERT_TRUE(person.suppression);
  EXPECT_EQ(person.suppression->at, settlement.confirmed.since);
  EXPECT_EQ(person.suppression->by, "unknown");
  settlement.confirmed = confirmed(RemoteStatus::Subscribed);
  EXPECT_FALSE(after_answer(person, settlement, {}, now).suppression);
}

TEST(AfterAnswer, OfACallThatWasOvertakenWhatWasSeenStandsIfNothingIsKnownOfTheCall) {
  auto person = new_subscriber();
  person.call.emplace();
  person = after_observation(person, seen_as(RemoteStatus::OptedOut), {}, now);
  Settlement settlement;
  settlement.confirmed = confirmed(RemoteStatus::Subscribed);
  person = after_answer(person, settlement, {}, now);
  EXPECT_EQ(person.row->confirmed, confirmed(RemoteStatus::OptedOut));
}

TEST(AfterAnswer, AResubscribeThatWasOvertakenByAnOptOutIsUndone) {
  auto person = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed));
  ASSERT_EQ(person.row->shape, "resubscribe:");
  person.call.emplace();
  person = after_observation(person, seen_as(RemoteStatus::OptedOut), {}, now);
  Settlement settlement;
  settlement.sent =
      SentCall{{OperationKind::Resubscribe, {}}, wanted(Intent::Subscribed), outcome(OutcomeKind::Delivered)};
  person = after_answer(person, settlement, {}, now);
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(person.row->lane, Lane::Optout);
}

// ---- what Stibee shows
// -------------------------------------------------------------------------------------

TEST(AfterObservation, ARowIsMadeForNobody) {
  EXPECT_EQ(after_observation({}, seen_as(RemoteStatus::Subscribed), {}, now), Person{});
}

TEST(AfterObservation, ATraceFollowsWhatWasSeen) {
  Person gone;
  gone.trace = confirmed(RemoteStatus::Unsubscribed);
  const auto after = after_observation(gone, seen_as(RemoteStatus::OptedOut), {}, now);
  ASSERT_TRUE(after.trace);
  EXPECT_EQ(after.trace->status, RemoteStatus::OptedOut);
}

TEST(AfterObservation, WhatIsSeenWhileACallIsOutLeavesADoubt) {
  auto person = new_subscriber();
  person.call.emplace();
  person = after_observation(person, seen_as(RemoteStatus::OptedOut), {}, now);
  EXPECT_TRUE(person.call->observed);
  EXPECT_TRUE(person.row->in_doubt) << "after a crash the call may have come after what was seen";
  EXPECT_FALSE(person.row->lane);
}

TEST(AfterObservation, ARowStaysUntilTheCallThatIsOutIsSettled) {
  auto person = person_with(wanted(Intent::Absent), confirmed(RemoteStatus::Subscribed));
  ASSERT_EQ(person.row->lane, Lane::Optout);
  auto in_flight = person;
  in_flight.call = CallOut{Lane::Optout, {}, false};
  EXPECT_TRUE(after_observation(in_flight, seen_as(RemoteStatus::OptedOut), {}, now).row);
  EXPECT_FALSE(after_observation(person, seen_as(RemoteStatus::Unsubscribed), {}, now).row);
}

TEST(AfterObservation, ANoThatIsDueIsSaidThoughAnOptOutIsShownThatMayBeOlder) {
  const auto person = person_with(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Subscribed));
  const auto after = after_observation(person, seen_as(RemoteStatus::OptedOut), {}, now);
  EXPECT_EQ(after.row->lane, Lane::Optout);
  EXPECT_EQ(after.row->confirmed.status, RemoteStatus::OptedOut);
}

TEST(AfterObservation, AnotherCallThanTheOneThatFailedDoesNotWaitForItsBackoff) {
  auto person = new_subscriber();
  person = after_answer(person, retry_in_an_hour(person), {}, now);
  person = after_observation(person, seen_as(RemoteStatus::Unsubscribed), {}, now);
  EXPECT_EQ(person.row->shape, "resubscribe:");
  EXPECT_EQ(person.row->due, now);
  EXPECT_FALSE(person.row->error);
}

TEST(AfterObservation, OfTwoOptOutsTheNewerOneStaysOnRecord) {
  Person person;
  person.suppression = Suppression{now, "subscriber", "too many"};
  RemoteChange change;
  change.suppress = Suppression{now - day, "manual", ""};
  EXPECT_EQ(after_observation(person, change, {}, now).suppression, person.suppression);
  change.suppress->at = now + 1s;
  EXPECT_EQ(after_observation(person, change, {}, now).suppression, change.suppress);
  RemoteChange lift;
  lift.lift = true;
  EXPECT_FALSE(after_observation(person, lift, {}, now).suppression);
}

// ---- a new policy, a human, an opt-out on record
// -----------------------------------------------------------

TEST(PlacedAgain, WhatTheNewPolicyAllowsIsQueuedAndWhatItForbidsIsParked) {
  const auto allowed = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed));
  EXPECT_EQ(allowed.row->lane, Lane::Upsert);
  const auto forbidden = placed_again(allowed, without_resubscribe(), now);
  EXPECT_EQ(forbidden.row->parked, Reason::ResubscribeUnsupported);
  EXPECT_TRUE(forbidden.row->parked_by_rule);
  EXPECT_EQ(placed_again(forbidden, {}, now), allowed);
}

TEST(Unparked, OnlyAHumanEndsTheDoubtAboutAConfirmationMail) {
  Confirmed perhaps;
  perhaps.maybe_subscribed = true;
  auto person = person_with(wanted(Intent::Subscribed), perhaps, asking_to_confirm());
  EXPECT_EQ(person.row->parked, Reason::ConfirmationInDoubt);
  person = placed_again(person, asking_to_confirm(), now);
  EXPECT_EQ(person.row->parked, Reason::ConfirmationInDoubt);
  person = unparked(person, asking_to_confirm(), now);
  EXPECT_FALSE(person.row->parked);
  EXPECT_EQ(person.row->lane, Lane::Upsert);
}

TEST(Unparked, WhoWasRefusedIsAsNewInTheQueue) {
  const auto person = unparked(refused(new_subscriber()), {}, now + day);
  EXPECT_FALSE(person.row->parked);
  EXPECT_EQ(person.row->attempts, 0);
  EXPECT_EQ(person.row->due, now + day);
}

TEST(Hastened, WhoWaitsForTheNextAttemptIsDueNow) {
  auto person = new_subscriber();
  person = after_answer(person, retry_in_an_hour(person), {}, now);
  const auto hasty = hastened(person, now + 1s);
  EXPECT_EQ(hasty.row->due, now + 1s);
  EXPECT_EQ(hasty.row->attempts, 1) << "the attempts go on counting";
}

TEST(Hastened, WhoDoesNotWaitStaysWhereTheyAre) {
  const auto fresh = new_subscriber();
  EXPECT_EQ(hastened(fresh, now + 1s), fresh);
  const auto parked = refused(fresh);
  EXPECT_EQ(hastened(parked, now + 1s), parked);
  const auto waited = after_answer(fresh, retry_in_an_hour(fresh), {}, now);
  EXPECT_EQ(hastened(waited, now + 2h), waited) << "the backoff is over";
  EXPECT_EQ(hastened({}, now), Person{});
}

TEST(PlacedAgain, WhoWaitsForATimeThatOnlyAWrongClockCouldTellIsDueNow) {
  const auto fresh = decided({}, wanted(Intent::Subscribed), {}, now + 1h);
  EXPECT_EQ(fresh.row->due, now + 1h);
  EXPECT_EQ(placed_again(fresh, {}, now).row->due, now);
  const auto retried = after_answer(fresh, retry_in_an_hour(fresh), {}, now + 1h);
  EXPECT_EQ(placed_again(retried, {}, now).row->due, now);
  EXPECT_EQ(placed_again(retried, {}, now).row->attempts, 1);
}

TEST(PlacedAgain, ABackoffThatIsPossibleIsKept) {
  auto waiting = after_answer(new_subscriber(), retry_in_an_hour(new_subscriber()), {}, now);
  waiting.row->not_before = now + 10s;
  EXPECT_EQ(placed_again(waiting, {}, now).row->due, now + 10s);
}

TEST(PlacedAgain, ADeletionThatIsPostponedIsNotBroughtForward) {
  Policy policy;
  policy.delete_after = 30 * day;
  auto gone = wanted(Intent::Absent);
  gone.left_at = now;
  auto known = confirmed(RemoteStatus::Unsubscribed);
  known.since = now;
  const auto leaving = person_with(gone, known, policy);
  ASSERT_EQ(leaving.row->lane, Lane::Delete);
  EXPECT_EQ(leaving.row->due, now + 30 * day);
  EXPECT_EQ(placed_again(leaving, policy, now - 1h).row->due, now + 30 * day);
}

TEST(WithSuppression, NothingButAnUnsubscribeIsSentToWhoOptedOut) {
  const Suppression optout{now, "subscriber", ""};
  auto subscribing = new_subscriber();
  subscribing.call.emplace();
  const auto stopped = with_suppression(subscribing, optout);
  EXPECT_EQ(stopped.row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_FALSE(stopped.row->lane);
  EXPECT_TRUE(stopped.call->observed);
  const auto leaving = person_with(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Subscribed));
  EXPECT_EQ(with_suppression(leaving, optout).row->lane, Lane::Optout);
}

TEST(Forgotten, NothingIsKeptButThatSomebodyOptedOut) {
  Person person;
  person.row.emplace();
  person.row->confirmed.status = domain::RemoteStatus::Unsubscribed;
  EXPECT_EQ(forgotten(person), Person{});

  person.row->confirmed.status = domain::RemoteStatus::OptedOut;
  person.suppression.emplace();
  const auto kept = forgotten(person);
  EXPECT_FALSE(kept.row);
  ASSERT_TRUE(kept.trace);
  EXPECT_EQ(kept.trace->status, domain::RemoteStatus::OptedOut);
  EXPECT_EQ(kept.suppression, person.suppression);
  EXPECT_EQ(forgotten(kept), kept);

  Person gone;
  gone.trace.emplace();
  gone.trace->status = domain::RemoteStatus::Unsubscribed;
  EXPECT_EQ(forgotten(gone), Person{});
}

}  // namespace
}  // namespace stibee_sync::ledger
