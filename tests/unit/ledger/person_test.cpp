#include "stibee_sync/ledger/person.hpp"

#include "ledger_rows.hpp"
#include "stibee_sync/ledger/transitions.hpp"

#include <gtest/gtest.h>

// What others see of a person, and what is on record of them.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;
using domain::Lane;

const Suppression opt_out{now - 1h, "subscriber", "too much", now - 48h};

Person with_row(const Wanted& what, const Confirmed& known) {
  Person person;
  person.row.emplace();
  person.row->wanted = what;
  person.row->confirmed = known;
  return person;
}

// ---- the view of a decision
// ---------------------------------------------------------------------------------

TEST(LedgerViews, ShowTheRowAsItIs) {
  auto person = with_row(wanted(Intent::Subscribed), confirmed(RemoteStatus::Ready));
  person.suppression = opt_out;
  const auto view = ledger_view(person);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->wanted, person.row->wanted);
  EXPECT_EQ(view->confirmed, person.row->confirmed);
}

TEST(LedgerViews, ShowWhoIsGoneByWhatTheyLeft) {
  EXPECT_FALSE(ledger_view({}));
  Person gone;
  gone.trace = confirmed(RemoteStatus::Unsubscribed);
  ASSERT_TRUE(ledger_view(gone));
  EXPECT_EQ(ledger_view(gone)->wanted, Wanted{});
  EXPECT_EQ(ledger_view(gone)->confirmed, *gone.trace);
  gone.trace.reset();
  gone.suppression = opt_out;
  EXPECT_EQ(ledger_view(gone)->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(ledger_view(gone)->confirmed.since, opt_out.at);
}

// ---- the view of what Stibee shows
// --------------------------------------------------------------------------

TEST(RemoteViews, ShowNothingOfNobody) {
  const auto view = view_of({});
  EXPECT_FALSE(view.ledger);
  EXPECT_FALSE(view.is_trace);
  EXPECT_FALSE(view.pending);
  EXPECT_FALSE(view.suppression);
}

TEST(RemoteViews, ShowWhetherTheRowIsQueuedParkedOrNeither) {
  auto person = with_row(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed));
  person.row->key = domain::MemberKey(7);
  person.suppression = opt_out;
  auto view = view_of(person);
  ASSERT_TRUE(view.ledger);
  EXPECT_EQ(view.ledger->wanted, person.row->wanted);
  EXPECT_EQ(view.ledger->confirmed, person.row->confirmed);
  EXPECT_EQ(view.key, domain::MemberKey(7));
  EXPECT_EQ(view.suppression, opt_out);
  EXPECT_FALSE(view.is_trace);
  EXPECT_FALSE(view.pending);
  EXPECT_FALSE(view.parked);
  EXPECT_FALSE(view.in_flight);

  person.row->lane = Lane::Optout;
  view = view_of(person);
  EXPECT_TRUE(view.pending);
  EXPECT_FALSE(view.in_flight);

  person.row->lane.reset();
  person.row->parked = domain::Reason::WrongEmail;
  EXPECT_EQ(view_of(person).parked, domain::Reason::WrongEmail);
}

TEST(RemoteViews, ShowACallThatIsOutOrThatMayHaveBeen) {
  auto person = with_row(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed));
  person.row->lane = Lane::Upsert;
  person.row->in_doubt = true;
  EXPECT_EQ(view_of(person).in_flight, Lane::Upsert);
  person.call = CallOut{Lane::Delete, {}, false};
  EXPECT_EQ(view_of(person).in_flight, Lane::Delete) << "the call itself knows better";
}

TEST(RemoteViews, ShowATraceWithTheOptOutOnRecord) {
  Person gone;
  gone.trace = confirmed(RemoteStatus::Unsubscribed);
  EXPECT_TRUE(view_of(gone).is_trace);
  EXPECT_EQ(view_of(gone).ledger->confirmed, *gone.trace);
  EXPECT_EQ(view_of(gone).ledger->wanted, Wanted{});
  gone.suppression = opt_out;
  EXPECT_EQ(view_of(gone).ledger->confirmed.status, RemoteStatus::OptedOut);
}

// ---- opt-outs on record
// -------------------------------------------------------------------------------------

TEST(OptOutsOnRecord, AreTheSuppressionOrWhatTheRowKnows) {
  RemoteView view;
  EXPECT_FALSE(opt_out_on_record(view));
  view.ledger = LedgerView{wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed)};
  EXPECT_FALSE(opt_out_on_record(view));
  view.ledger->confirmed = confirmed(RemoteStatus::OptedOut);
  ASSERT_TRUE(opt_out_on_record(view));
  EXPECT_EQ(*opt_out_on_record(view), (Suppression{now - 24h, "unknown", ""}));
  view.ledger->confirmed.since.reset();
  EXPECT_EQ(opt_out_on_record(view)->at, UtcTime{}) << "at a time that is not known";
  view.suppression = opt_out;
  EXPECT_EQ(opt_out_on_record(view), opt_out);
}

TEST(OptOutsOnRecord, OfTwoTheNewerOneIsWhatIsKnown) {
  auto trace = confirmed(RemoteStatus::OptedOut);
  trace.since = opt_out.at + 1s;
  trace.consent_then = now;
  EXPECT_EQ(known_before(trace, opt_out), trace);
  trace.since = opt_out.at;
  EXPECT_EQ(known_before(trace, opt_out)->consent_then, opt_out.consent);
  trace.since.reset();
  EXPECT_EQ(known_before(trace, opt_out)->since, opt_out.at);
  auto back = confirmed(RemoteStatus::Subscribed);
  back.since = now;
  EXPECT_EQ(known_before(back, opt_out)->since, opt_out.at) << "of being back, not of the opt-out";
  EXPECT_EQ(known_before(back, {}), back);
}

TEST(OptOutsOnRecord, ADebtOfANoIsInherited) {
  auto known = confirmed(RemoteStatus::Unsubscribed);
  EXPECT_FALSE(inheriting(known, opt_out).owes_no);
  known.owes_no = true;
  EXPECT_TRUE(inheriting(known, opt_out).owes_no);
}

TEST(OptOutsOnRecord, AnOptOutOfUnknownTimeIsNoOlderThanTheMembers) {
  auto known = confirmed(RemoteStatus::OptedOut);
  known.since.reset();
  EXPECT_FALSE(is_news(opt_out, known));
  known.since = opt_out.at;
  EXPECT_FALSE(is_news(opt_out, known));
}

TEST(OptOutsOnRecord, FollowTheAnswersToOurCalls) {
  const auto out = confirmed(RemoteStatus::OptedOut);
  const auto after = [&](const std::optional<Suppression>& known, const Confirmed& before,
                         RemoteStatus then) {
    return suppression_after_answer(known, before, confirmed(then), now);
  };
  EXPECT_EQ(after(opt_out, out, RemoteStatus::OptedOut), opt_out) << "the same one";
  EXPECT_FALSE(after({}, out, RemoteStatus::OptedOut)) << "the same one, which was not on record";
  EXPECT_FALSE(after(opt_out, out, RemoteStatus::Subscribed));
  EXPECT_FALSE(after(opt_out, out, RemoteStatus::Ready));
  EXPECT_EQ(after(opt_out, out, RemoteStatus::Unsubscribed), opt_out);
  EXPECT_EQ(after(opt_out, confirmed(RemoteStatus::Unsubscribed), RemoteStatus::Subscribed), opt_out);

  auto again = out;
  again.since = now;
  again.consent_then = now - 2h;
  const auto newer = suppression_after_answer(opt_out, out, again, now);
  EXPECT_EQ(newer->at, now);
  EXPECT_EQ(newer->by, opt_out.by);
  EXPECT_EQ(newer->consent, now - 2h);
  again.since = opt_out.at - 1s;
  EXPECT_EQ(suppression_after_answer(opt_out, out, again, now)->at, opt_out.at) << "never older";
  again.since.reset();
  EXPECT_EQ(suppression_after_answer({}, out, again, now)->at, now);
}

TEST(OptOutsOnRecord, OfANewAddressCountWithoutARow) {
  Person person;
  EXPECT_EQ(with_suppression(person, opt_out), person);
  EXPECT_EQ(forgotten({}), Person{});
}

// ---- the opt-out of a member whose row bears the address
// ------------------------------------------------------

TEST(Inheriting, WithoutARowThereIsOnlyTheRecord) {
  Person expected;
  expected.suppression = opt_out;
  EXPECT_EQ(after_inheriting({}, opt_out, {}, now), expected);
}

TEST(Inheriting, WhoIsSubscribedIsUnsubscribedWithoutWaitingForAnything) {
  auto person = with_row(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed));
  person.row->attempts = 3;
  person.row->parked = domain::Reason::WrongEmail;
  const auto after = after_inheriting(person, opt_out, {}, now);
  ASSERT_TRUE(after.row);
  EXPECT_EQ(after.row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(after.row->lane, Lane::Optout);
  EXPECT_EQ(after.row->due, now);
  EXPECT_EQ(after.row->attempts, 0);
  EXPECT_FALSE(after.row->parked);
  EXPECT_FALSE(after.row->in_doubt);
  EXPECT_EQ(after.suppression, opt_out);
}

TEST(Inheriting, ASubscribeThatIsOutMayComeAfterIt) {
  auto person = with_row(wanted(Intent::Subscribed), {});
  person.call = CallOut{Lane::Upsert, {}, false};
  auto after = after_inheriting(person, opt_out, {}, now);
  EXPECT_TRUE(after.call->observed);
  EXPECT_TRUE(after.row->in_doubt);
  EXPECT_TRUE(after.row->confirmed.maybe_subscribed);
  person.call->lane = Lane::Optout;
  after = after_inheriting(person, opt_out, {}, now);
  EXPECT_TRUE(after.row->in_doubt);
  EXPECT_FALSE(after.row->confirmed.maybe_subscribed) << "an unsubscribe adds nobody";
}

TEST(Inheriting, WhatIsKnownAlreadyChangesNothing) {
  auto known = confirmed(RemoteStatus::OptedOut);
  known.since = opt_out.at;
  const auto person = with_row(wanted(Intent::Subscribed), known);
  EXPECT_EQ(after_inheriting(person, opt_out, {}, now).row, person.row);
}

// ---- consents that grow old
// ---------------------------------------------------------------------------------

TEST(ConsentDays, AreOfPeopleWantedSubscribedWhoHaveOne) {
  auto what = wanted(Intent::Subscribed);
  EXPECT_FALSE(consent_day(what));
  what.consented_at = domain::no_consent;
  EXPECT_FALSE(consent_day(what));
  what.consented_at = UtcTime(24h * 20'000 + 23h);
  EXPECT_EQ(consent_day(what), 20'000);
  what.intent = Intent::Unsubscribed;
  EXPECT_FALSE(consent_day(what));
}

TEST(ConsentDays, GrowOldAfterSevenHundred) {
  EXPECT_EQ(last_due_consent_day(UtcTime(24h * 20'000)), 19'300);
  EXPECT_EQ(last_due_consent_day(UtcTime(24h * 20'000 + 24h - 1ms)), 19'300);
}

// ---- traces
// -------------------------------------------------------------------------------------------------

TEST(Traces, KeepADoubtOnlyOfWhomWeUnsubscribed) {
  auto known = confirmed(RemoteStatus::Unsubscribed, {4});
  known.maybe_groups = {5};
  EXPECT_FALSE(trace_of(known)->maybe_subscribed);
  EXPECT_EQ(trace_of(known)->maybe_groups, (domain::GroupSet{4, 5}));
  EXPECT_EQ(trace_of(known)->since, known.since);
  known.maybe_subscribed = true;
  EXPECT_TRUE(trace_of(known)->maybe_subscribed);
  known.status = RemoteStatus::Subscribed;
  EXPECT_FALSE(trace_of(known)->maybe_subscribed);
  known.status = RemoteStatus::Purged;
  EXPECT_TRUE(trace_of(known)->maybe_groups.empty()) << "none of them is there";
}

TEST(Calls, OfARowOutsideTheQueueAreGuessedByWhatIsWanted) {
  LedgerRow row;
  row.wanted.intent = Intent::Subscribed;
  EXPECT_EQ(lane_of_call(row), Lane::Upsert);
  row.wanted.intent = Intent::Absent;
  EXPECT_EQ(lane_of_call(row), Lane::Optout);
  row.lane = Lane::Delete;
  EXPECT_EQ(lane_of_call(row), Lane::Delete);
}

}  // namespace
}  // namespace stibee_sync::ledger
