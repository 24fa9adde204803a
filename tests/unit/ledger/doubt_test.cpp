#include "ledger_rows.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/transitions.hpp"

#include <gtest/gtest.h>

// Calls of unknown end, and noes that are said to make sure: what was sent may have been applied, or may be
// later.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;
using domain::Lane;

Person person_with(const Wanted& what, const Confirmed& known) {
  Person person;
  person.row.emplace();
  person.row->wanted = what;
  person.row->confirmed = known;
  person.row->values.emplace();
  return placed_again(std::move(person), {}, now);
}

Person decided(Person person, const Wanted& what, UtcTime when = now) {
  AddressDecision decision;
  decision.wanted = what;
  if (what.intent == Intent::Subscribed) decision.values.emplace();
  return after_decision(std::move(person), decision, {}, when);
}

/// What is due for the person is sent, and answered so.
Person answered(Person person, OutcomeKind kind, UtcTime when = now) {
  const auto step = next_operation(person.row->wanted, person.row->confirmed, {}, when);
  const auto* operation = std::get_if<Operation>(&step);
  if (operation == nullptr) {
    ADD_FAILURE() << "nothing is due";
    return person;
  }
  Settlement settlement;
  const auto sent = person.call && person.call->sent ? *person.call->sent : person.row->wanted;
  settlement.confirmed = confirmed_after(person.row->confirmed, *operation, sent, outcome(kind), when);
  const bool done = kind == OutcomeKind::Delivered || kind == OutcomeKind::AlreadyInState;
  settlement.next = done ? Settlement::Next::Continue : Settlement::Next::Retry;
  settlement.attempts = done ? 0 : 1;
  settlement.not_before = when;
  return after_answer(std::move(person), settlement, {}, when);
}

/// The answer to the unsubscribe that is out is lost.
Person lost(Person person) {
  Settlement settlement;
  settlement.confirmed = confirmed_after(person.row->confirmed, {OperationKind::Unsubscribe, {}},
                                         person.row->wanted, outcome(OutcomeKind::Transient), now);
  settlement.next = Settlement::Next::Retry;
  settlement.attempts = 1;
  settlement.not_before = now + 1h;
  return after_answer(std::move(person), settlement, {}, now);
}

Wanted renamed(Wanted what) {
  what.fields = print(9);
  return what;
}

Person leaving() {
  return person_with(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Subscribed));
}

void expect_resubscribed(const Person& person) {
  ASSERT_TRUE(person.row);
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::Unsubscribed);
  EXPECT_EQ(person.row->lane, Lane::Upsert);
  EXPECT_EQ(person.row->shape, "resubscribe:");
}

// ---- an unsubscribe whose end is unknown ------------------------------------------------------------------

TEST(UnsubscribeInDoubt, StaysInDoubtWhatTheRowDoesMeanwhile) {
  for (const auto& meanwhile :
       {renamed(wanted(Intent::Unsubscribed)), wanted(Intent::Absent), renamed(wanted(Intent::Absent))}) {
    auto person = decided(answered(leaving(), OutcomeKind::Transient), meanwhile);
    ASSERT_TRUE(person.row);
    EXPECT_TRUE(person.row->in_doubt);
    expect_resubscribed(decided(person, wanted(Intent::Subscribed)));
  }
}

TEST(UnsubscribeInDoubt, StaysSoIfTheRowChangesWhileItIsOut) {
  for (const auto& meanwhile : {renamed(wanted(Intent::Unsubscribed)), wanted(Intent::Absent)}) {
    auto person = leaving();
    person.call = CallOut{Lane::Optout, {}, false};
    person = lost(decided(person, meanwhile));
    ASSERT_TRUE(person.row);
    expect_resubscribed(decided(person, wanted(Intent::Subscribed)));
  }
}

TEST(UnsubscribeInDoubt, StaysSoIfTheRowChangesWhileItIsTriedAgainAndRefused) {
  auto person = answered(leaving(), OutcomeKind::Transient);
  person.call = CallOut{Lane::Optout, {}, false};
  person = decided(person, wanted(Intent::Absent));
  Settlement refused;
  refused.confirmed = person.row->confirmed;
  refused.next = Settlement::Next::Park;
  person = after_answer(person, refused, {}, now);
  ASSERT_TRUE(person.row);
  expect_resubscribed(decided(person, wanted(Intent::Subscribed)));
}

TEST(UnsubscribeInDoubt, IsSettledByTheNextAnswer) {
  auto person = decided(answered(leaving(), OutcomeKind::Transient), renamed(wanted(Intent::Unsubscribed)));
  person = answered(person, OutcomeKind::Delivered);
  EXPECT_FALSE(person.row->in_doubt);
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::Unsubscribed);
}

// ---- what follows a call of unknown end ------------------------------------------------------------------

TEST(NoAfterADoubtfulCall, IsSaidOnceMoreAMinuteLater) {
  for (const auto kind : {OutcomeKind::Transient, OutcomeKind::Unknown}) {
    auto person =
        answered(person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed)), kind);
    person = answered(decided(person, wanted(Intent::Unsubscribed)), OutcomeKind::Delivered);
    EXPECT_EQ(person.row->lane, Lane::Optout);
    EXPECT_EQ(person.row->due, now + 1min);
    person = answered(person, OutcomeKind::AlreadyInState, now + 1min);
    EXPECT_FALSE(person.row->lane) << "once";
    EXPECT_FALSE(person.row->confirmed.repeat_at);
  }
}

TEST(NoAfterADoubtfulCall, IsSaidOnceMoreAtOnceIfOnlyAWrongClockToldTheMinute) {
  auto person = answered(person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed)),
                         OutcomeKind::Unknown);
  person = answered(decided(person, wanted(Intent::Unsubscribed)), OutcomeKind::Delivered);
  EXPECT_EQ(placed_again(person, {}, now).row->due, now + 1min);
  const auto set_back = now - 70 * 24h;
  EXPECT_EQ(placed_again(person, {}, set_back).row->due, set_back);
  EXPECT_EQ(placed_again(person, {}, set_back).row->lane, Lane::Optout);
}

TEST(NoAfterADoubtfulCall, ADeleteIsSaidOnceMoreToo) {
  Policy policy;
  policy.on_leave = OnLeave::Delete;
  auto known = confirmed(RemoteStatus::Subscribed);
  // An update that comes late adds somebody who was deleted.
  known = confirmed_after(known, {OperationKind::Update, {}}, wanted(Intent::Subscribed),
                          outcome(OutcomeKind::Unknown), now);
  expect_operation(decide(wanted(Intent::Absent), known, policy), OperationKind::Delete);
  known = confirmed_after(known, {OperationKind::Delete, {}}, wanted(Intent::Absent),
                          outcome(OutcomeKind::Delivered), now);
  const auto step = decide(wanted(Intent::Absent), known, policy);
  ASSERT_TRUE(std::holds_alternative<Later>(step));
  EXPECT_EQ(std::get<Later>(step).operation.kind, OperationKind::Delete);
  EXPECT_EQ(std::get<Later>(step).due, now + 1min);
  const auto after = confirmed_after(known, {OperationKind::Delete, {}}, wanted(Intent::Absent),
                                     outcome(OutcomeKind::AlreadyInState), now + 1min);
  expect_rest(next_operation(wanted(Intent::Absent), after, policy, now + 1min), Rest::NeverCreated);
}

TEST(NoAfterADoubtfulCall, NothingIsRepeatedAfterACallThatWasAnswered) {
  auto person = answered(leaving(), OutcomeKind::Delivered);
  EXPECT_FALSE(person.row->lane);
  person = answered(decided(person, wanted(Intent::Subscribed)), OutcomeKind::Delivered);
  person = answered(decided(person, wanted(Intent::Unsubscribed)), OutcomeKind::Delivered);
  EXPECT_FALSE(person.row->lane);
}

TEST(NoAfterADoubtfulCall, IsNotRepeatedToWhoIsWantedAgain) {
  auto person = answered(person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed)),
                         OutcomeKind::Unknown);
  person = answered(decided(person, wanted(Intent::Unsubscribed)), OutcomeKind::Delivered);
  person = answered(decided(person, wanted(Intent::Subscribed)), OutcomeKind::Delivered);
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::Subscribed);
  EXPECT_FALSE(person.row->confirmed.repeat_at);
  EXPECT_FALSE(person.row->lane);
}

// ---- a no of the table's that is newer than what Stibee showed
// ---------------------------------------------

TEST(NewerNo, IsSentOnceToWhoIsBelievedToBeOutAlready) {
  for (const auto status : {RemoteStatus::OptedOut, RemoteStatus::AutoDeleted, RemoteStatus::Purged}) {
    for (const auto intent : {Intent::Unsubscribed, Intent::Absent}) {
      auto person = decided(person_with(wanted(Intent::Subscribed), confirmed(status)), wanted(intent));
      ASSERT_TRUE(person.row) << domain::name(status);
      EXPECT_EQ(person.row->lane, Lane::Optout) << domain::name(status);
      person = answered(person, OutcomeKind::AlreadyInState);
      if (!person.row) continue;  // absent and settled
      EXPECT_FALSE(person.row->lane) << domain::name(status);
      EXPECT_EQ(person.row->confirmed.status, status) << "it is not our doing";
      person = decided(person, renamed(wanted(intent)));
      EXPECT_FALSE(person.row && person.row->lane) << "the same no";
    }
  }
}

TEST(NewerNo, DeletesWhoLeavesIfThePolicySaysSo) {
  Policy policy;
  policy.on_leave = OnLeave::Delete;
  auto known = confirmed(RemoteStatus::OptedOut);
  known.owes_no = true;
  expect_operation(decide(wanted(Intent::Absent), known, policy), OperationKind::Delete);
}

TEST(NewerNo, AWriteBackOfOursIsNone) {
  auto person = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed));
  RemoteChange optout;
  optout.confirmed = confirmed(RemoteStatus::OptedOut);
  optout.no_is_ours = true;
  person = after_observation(person, optout, {}, now);
  person = decided(person, wanted(Intent::Unsubscribed));
  EXPECT_FALSE(person.row->lane);
  EXPECT_FALSE(person.row->confirmed.owes_no);
  person = decided(decided(person, wanted(Intent::Subscribed)), wanted(Intent::Unsubscribed));
  EXPECT_EQ(person.row->lane, Lane::Optout) << "the next one is the table's own";
}

TEST(NewerNo, ThatIsSaidWhileACallIsOutOutlivesItsAnswer) {
  auto what = wanted(Intent::Subscribed);
  auto known = confirmed(RemoteStatus::OptedOut);
  what.renewed = known.since;
  auto person = person_with(what, known);
  ASSERT_EQ(person.row->shape, "resubscribe:");
  person.call = CallOut{Lane::Upsert, {}, false};
  person = decided(person, wanted(Intent::Unsubscribed));
  Settlement refused;
  refused.confirmed = known;
  refused.next = Settlement::Next::Park;
  person = after_answer(person, refused, {}, now);
  EXPECT_EQ(person.row->lane, Lane::Optout);
}

// ---- when calls were made --------------------------------------------------------------------------------

TEST(CallTimes, AreRememberedOfCallsThatMayHaveBeenApplied) {
  const auto at = [](OperationKind kind, OutcomeKind result) {
    return confirmed_after(confirmed(RemoteStatus::Subscribed), {kind, {}}, wanted(Intent::Subscribed),
                           outcome(result), now)
        .called;
  };
  for (const auto kind :
       {OutcomeKind::Delivered, OutcomeKind::AlreadyInState, OutcomeKind::Transient, OutcomeKind::Unknown}) {
    domain::CallTimes times;
    times.optout = now;
    EXPECT_EQ(at(OperationKind::Unsubscribe, kind), times);
    times = {};
    times.deletion = now;
    EXPECT_EQ(at(OperationKind::Delete, kind), times);
    times = {};
    times.upsert = now;
    EXPECT_EQ(at(OperationKind::Subscribe, kind), times);
    times.resubscribe = now;
    EXPECT_EQ(at(OperationKind::Resubscribe, kind), times);
  }
  for (const auto kind : {OutcomeKind::Rejected, OutcomeKind::Throttled, OutcomeKind::Unauthorised})
    EXPECT_EQ(at(OperationKind::Unsubscribe, kind), domain::CallTimes{});
}

TEST(CallTimes, OutliveADeletionForTheSakeOfItsEcho) {
  auto known = confirmed(RemoteStatus::Subscribed);
  known.called.deletion = now;
  known.status = RemoteStatus::Unknown;
  ASSERT_TRUE(trace_of(known));
  EXPECT_EQ(trace_of(known)->called, known.called);
  known.called.deletion.reset();
  known.groups.clear();
  EXPECT_FALSE(trace_of(known));
}

TEST(CallTimes, OfAnUnsubscribeThatACrashCutOffAreGuessedWhenTheDoubtIsResolved) {
  auto person = after_crash(leaving());
  person = decided(person, wanted(Intent::Subscribed), now + 1min);
  expect_resubscribed(person);
  EXPECT_EQ(person.row->confirmed.called.optout, now + 1min) << "its echo may still come";
}

}  // namespace
}  // namespace stibee_sync::ledger
