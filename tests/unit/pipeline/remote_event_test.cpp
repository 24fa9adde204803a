#include "remote_events.hpp"

#include <gtest/gtest.h>

// What each of Stibee's events does to a person, as the state has them. One test per rule.

namespace stibee_sync::pipeline {
namespace {

using namespace testing_support;

// ---- UNSUBSCRIBED --------------------------------------------------------------------------------------

TEST_F(RemoteEvents, AnUnsubscribeAtStibeeIsAnOptOutWhoeverTheActor) {
  statements({"unsubscribed"});
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  person.reason = "too much";
  for (const Actor actor : {Actor::Subscriber, Actor::Manual, Actor::Unknown}) {
    const auto verdict = judge(Action::Unsubscribed, actor);
    EXPECT_EQ(verdict.effect, WebhookEffect::Applied);
    EXPECT_EQ(status_after(verdict), RemoteStatus::OptedOut);
    EXPECT_EQ(verdict.change.confirmed->since, now);
    ASSERT_TRUE(verdict.change.suppress);
    EXPECT_EQ(verdict.change.suppress->at, now);
    EXPECT_EQ(verdict.change.suppress->by, webhook::name(actor));
    EXPECT_EQ(verdict.change.suppress->reason, "too much");
    EXPECT_TRUE(verdict.suppression_added);
    ASSERT_EQ(writeback(verdict), "unsubscribed");
    EXPECT_EQ(verdict.change.writeback->occurred_by, webhook::name(actor));
    EXPECT_EQ(verdict.change.writeback->reason, "too much");
    EXPECT_EQ(verdict.change.writeback->occurred_at, now);
    EXPECT_FALSE(verdict.change.wanted) << "the row is the source's";
  }
}

TEST_F(RemoteEvents, WithoutAStatementNothingIsWrittenBack) {
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  EXPECT_EQ(writeback(judge(Action::Unsubscribed)), "");
}

TEST_F(RemoteEvents, AnOptOutWhileASubscribeIsOutIsNoEcho) {
  known(Intent::Subscribed, RemoteStatus::Unknown);
  view.in_flight = Lane::Upsert;
  EXPECT_EQ(status_after(judge(Action::Unsubscribed, Actor::Manual)), RemoteStatus::OptedOut);
}

TEST_F(RemoteEvents, TheNewestReasonIsKeptAndNothingIsWrittenBackTwice) {
  statements({"unsubscribed"});
  known(Intent::Subscribed, RemoteStatus::OptedOut);
  person.reason = "again";
  auto verdict = judge(Action::Unsubscribed);
  EXPECT_EQ(verdict.change.suppress->reason, "again");
  EXPECT_EQ(verdict.change.confirmed->since, now) << "a consent given in between is overtaken";
  EXPECT_FALSE(verdict.suppression_added);
  EXPECT_EQ(writeback(verdict), "");
  person.reason.clear();
  EXPECT_EQ(judge(Action::Unsubscribed).change.suppress->reason, "earlier");
}

TEST_F(RemoteEvents, AnOptOutOfSomebodyUnknownIsRememberedAndWrittenBackOnce) {
  statements({"unsubscribed"});
  auto verdict = judge(Action::Unsubscribed);
  EXPECT_EQ(verdict.effect, WebhookEffect::Applied);
  EXPECT_TRUE(verdict.change.suppress);
  EXPECT_FALSE(verdict.change.confirmed) << "a row is made for nobody";
  EXPECT_EQ(writeback(verdict), "unsubscribed") << "the row may not have been read yet";
  view.suppression = suppression("");
  EXPECT_EQ(writeback(judge(Action::Unsubscribed)), "");
}

TEST_F(RemoteEvents, ARepeatedOptOutOfSomebodyUnknownIsWrittenBackAgain) {
  statements({"unsubscribed"});
  view.suppression = suppression("");
  view.suppression->at = now - 1min;
  const auto verdict = judge(Action::Unsubscribed);
  EXPECT_EQ(writeback(verdict), "unsubscribed") << "the taking of the first may have been cut short";
  EXPECT_FALSE(verdict.suppression_added);
}

TEST_F(RemoteEvents, TheNoOfAWriteBackIsToldFromTheTablesOwn) {
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  EXPECT_FALSE(judge(Action::Unsubscribed).change.no_is_ours);
  statements({"unsubscribed"});
  EXPECT_TRUE(judge(Action::Unsubscribed).change.no_is_ours);
}

TEST_F(RemoteEvents, SomebodyWhoLeftOptsOutToo) {
  known(Intent::Absent, RemoteStatus::Unsubscribed);
  view.is_trace = true;
  const auto verdict = judge(Action::Unsubscribed);
  EXPECT_EQ(status_after(verdict), RemoteStatus::OptedOut);
  EXPECT_TRUE(verdict.change.suppress);
}

// ---- RESUBSCRIBED --------------------------------------------------------------------------------------

TEST_F(RemoteEvents, AResubscribeAtStibeeLiftsTheOptOut) {
  statements({"resubscribed"});
  known(Intent::Subscribed, RemoteStatus::OptedOut);
  const auto verdict = judge(Action::Resubscribed);
  EXPECT_EQ(verdict.effect, WebhookEffect::Applied);
  EXPECT_EQ(status_after(verdict), RemoteStatus::Subscribed);
  EXPECT_TRUE(verdict.change.lift);
  EXPECT_TRUE(verdict.suppression_lifted);
  EXPECT_EQ(writeback(verdict), "resubscribed");
  EXPECT_FALSE(verdict.change.wanted) << "the row says yes already";
}

TEST_F(RemoteEvents, TheLaterWordOverrulesTheRowOnlyWhereItCanBeWrittenBack) {
  known(Intent::Unsubscribed, RemoteStatus::OptedOut);
  auto verdict = judge(Action::Resubscribed);
  EXPECT_EQ(status_after(verdict), RemoteStatus::Subscribed);
  EXPECT_FALSE(verdict.change.wanted) << "the table says no, and is going to be obeyed";
  statements({"resubscribed"});
  verdict = judge(Action::Resubscribed);
  ASSERT_TRUE(verdict.change.wanted);
  EXPECT_EQ(verdict.change.wanted->intent, Intent::Subscribed);
  EXPECT_EQ(verdict.change.wanted->opted_in_at, now);
  EXPECT_EQ(verdict.change.wanted->fields, view.ledger->wanted.fields);
}

TEST_F(RemoteEvents, WhoOptsOutAndReturnsWhileACallIsOutIsBack) {
  known(Intent::Subscribed, RemoteStatus::OptedOut, 1s);
  view.in_flight = Lane::Upsert;  // an update, from before the opt-out
  const auto verdict = judge(Action::Resubscribed);
  EXPECT_EQ(status_after(verdict), RemoteStatus::Subscribed);
  EXPECT_TRUE(verdict.change.lift);
}

TEST_F(RemoteEvents, AResubscribeOfSomebodySubscribedIsNoNews) {
  statements({"resubscribed"});
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  EXPECT_EQ(judge(Action::Resubscribed).effect, WebhookEffect::Ignored);
  EXPECT_TRUE(changes_nothing(judge(Action::Resubscribed)));
}

TEST_F(RemoteEvents, AResubscribeOfSomebodyUnknownLiftsWhatIsOnRecord) {
  statements({"resubscribed"});
  view.suppression = suppression("");
  const auto verdict = judge(Action::Resubscribed);
  EXPECT_TRUE(verdict.change.lift);
  EXPECT_TRUE(verdict.suppression_lifted);
  EXPECT_EQ(writeback(verdict), "resubscribed");
  EXPECT_FALSE(verdict.change.confirmed);
  EXPECT_FALSE(verdict.change.wanted);
}

// ---- SUBSCRIBED ----------------------------------------------------------------------------------------

TEST_F(RemoteEvents, WhoConfirmsTheirSubscriptionIsSubscribed) {
  statements({"subscribed"});
  known(Intent::Subscribed, RemoteStatus::Ready);
  const auto verdict = judge(Action::Subscribed);
  EXPECT_EQ(verdict.effect, WebhookEffect::Applied);
  EXPECT_EQ(status_after(verdict), RemoteStatus::Subscribed);
  EXPECT_EQ(writeback(verdict), "subscribed");
}

TEST_F(RemoteEvents, ASubscribeNeverLiftsAnOptOut) {
  statements({"subscribed"});
  known(Intent::Subscribed, RemoteStatus::OptedOut);
  EXPECT_EQ(judge(Action::Subscribed).effect, WebhookEffect::Ignored);
  EXPECT_TRUE(changes_nothing(judge(Action::Subscribed)));
  view.ledger.reset();
  EXPECT_TRUE(changes_nothing(judge(Action::Subscribed)));
}

TEST_F(RemoteEvents, WhomTheTableDoesNotWantAndSomebodyAddedByHandIsSeenToBeThere) {
  known(Intent::Unsubscribed, RemoteStatus::Unknown);
  EXPECT_EQ(status_after(judge(Action::Subscribed, Actor::Manual)), RemoteStatus::Subscribed);
}

TEST_F(RemoteEvents, WhoSignsUpAtStibeeIsWrittenBackIfAsked) {
  EXPECT_EQ(judge(Action::Subscribed).effect, WebhookEffect::Ignored);
  statements({"subscribed"});
  const auto verdict = judge(Action::Subscribed);
  EXPECT_EQ(writeback(verdict), "subscribed");
  EXPECT_FALSE(verdict.change.confirmed);
}

// ---- DELETED and PURGED --------------------------------------------------------------------------------

TEST_F(RemoteEvents, ABounceIsRememberedOnce) {
  statements({"deleted"});
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  const auto verdict = judge(Action::Deleted, Actor::Manual);
  EXPECT_EQ(status_after(verdict), RemoteStatus::AutoDeleted);
  EXPECT_EQ(writeback(verdict), "deleted");
  known(Intent::Subscribed, RemoteStatus::AutoDeleted);
  EXPECT_EQ(judge(Action::Deleted, Actor::Manual).effect, WebhookEffect::Ignored);
  EXPECT_TRUE(changes_nothing(judge(Action::Deleted, Actor::Manual)));
}

TEST_F(RemoteEvents, APurgeByHandRemembersWhatWasWantedThen) {
  statements({"purged"});
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  const auto verdict = judge(Action::Purged, Actor::Manual);
  EXPECT_EQ(status_after(verdict), RemoteStatus::Purged);
  EXPECT_EQ(verdict.change.confirmed->fields, view.ledger->wanted.fields);
  EXPECT_EQ(writeback(verdict), "purged");
  known(Intent::Subscribed, RemoteStatus::Purged);
  EXPECT_TRUE(changes_nothing(judge(Action::Purged, Actor::Manual)));
}

TEST_F(RemoteEvents, NeitherBounceNorPurgeErasesAnOptOut) {
  known(Intent::Subscribed, RemoteStatus::OptedOut);
  for (const Action action : {Action::Deleted, Action::Purged}) {
    const auto verdict = judge(action, Actor::Manual);
    EXPECT_EQ(status_after(verdict), RemoteStatus::OptedOut);
    EXPECT_FALSE(verdict.change.lift);
  }
}

// ---- UPDATED -------------------------------------------------------------------------------------------

TEST_F(RemoteEvents, ValuesThatWereSentComeBackAsAnEcho) {
  statements({"updated"});
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  shows("둘리", "010-1");
  EXPECT_EQ(judge(Action::Updated, Actor::Manual).effect, WebhookEffect::Echo);
  view.ledger->confirmed.fields = print("older", "");
  EXPECT_EQ(judge(Action::Updated, Actor::Manual).effect, WebhookEffect::Echo) << "on their way";
  view.in_flight = Lane::Upsert;
  shows("older still", "");
  EXPECT_EQ(judge(Action::Updated, Actor::Manual).effect, WebhookEffect::Echo);
  EXPECT_TRUE(changes_nothing(judge(Action::Updated, Actor::Manual)));
}

TEST_F(RemoteEvents, OtherValuesAreDriftThatIsOnlyCounted) {
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  shows("길동", "010-1");
  const auto verdict = judge(Action::Updated);
  EXPECT_TRUE(verdict.drift);
  EXPECT_EQ(verdict.effect, WebhookEffect::Applied);
  EXPECT_TRUE(changes_nothing(verdict));
}

TEST_F(RemoteEvents, DriftIsMendedWhereThatIsAskedFor) {
  plan.reconcile.mode = settings::ReconcileMode::Repair;
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  shows("길동", "010-1");
  const auto verdict = judge(Action::Updated, Actor::Manual);
  ASSERT_TRUE(verdict.change.confirmed);
  EXPECT_EQ(verdict.change.confirmed->fields, std::nullopt);
  EXPECT_TRUE(verdict.mends);
  event.may_mend = false;
  EXPECT_TRUE(changes_nothing(judge(Action::Updated, Actor::Manual)))
      << "Stibee spells the value in its own way: sending it again would never end";
}

TEST_F(RemoteEvents, StatementThatDoesNotWriteTheValuesLeavesTheLedgerAlone) {
  statements({"updated"});
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  shows("길동", "010-2");
  for (const std::string sql : {"UPDATE m SET seen = :occurred_at WHERE email = :email",
                                "UPDATE m SET name = :field_name WHERE email = :email"}) {
    plan.writeback["updated"] = sql;
    plan.reconcile.mode = settings::ReconcileMode::Report;
    const auto verdict = judge(Action::Updated);
    EXPECT_EQ(writeback(verdict), "updated") << sql;
    EXPECT_TRUE(verdict.drift) << sql;
    EXPECT_FALSE(verdict.change.wanted)
        << "the table still says otherwise, and reconcile must see it: " << sql;
    EXPECT_FALSE(verdict.change.confirmed) << sql;
    plan.reconcile.mode = settings::ReconcileMode::Repair;
    EXPECT_TRUE(judge(Action::Updated).mends) << sql;
  }
}

TEST_F(RemoteEvents, ValuesWrittenBackAreNeitherSentBackNorOverwritten) {
  statements({"updated"});
  plan.reconcile.mode = settings::ReconcileMode::Repair;
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  shows("길동", "010-2");
  const auto verdict = judge(Action::Updated);
  ASSERT_EQ(writeback(verdict), "updated");
  const std::map<std::string, std::string> fields{{"name", "길동"}, {"phone", "010-2"}};
  EXPECT_EQ(verdict.change.writeback->fields, fields);
  EXPECT_EQ(verdict.change.wanted->fields, print("길동", "010-2"));
  EXPECT_EQ(verdict.change.confirmed->fields, print("길동", "010-2"));
  EXPECT_FALSE(verdict.mends);
}

TEST_F(RemoteEvents, AnEventWithoutAllMappedValuesProvesNothing) {
  statements({"updated"});
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  person.fields = {{"name", "길동"}};
  EXPECT_EQ(judge(Action::Updated).effect, WebhookEffect::Ignored);
  EXPECT_TRUE(changes_nothing(judge(Action::Updated)));
  person.fields = {{"other", "x"}};
  EXPECT_TRUE(changes_nothing(judge(Action::Updated)));
}

TEST_F(RemoteEvents, WhatTheTableHasSinceChangedIsNotWrittenOver) {
  statements({"updated"});
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  view.pending = true;
  shows("길동", "010-2");
  EXPECT_EQ(judge(Action::Updated).effect, WebhookEffect::Ignored);
  EXPECT_TRUE(changes_nothing(judge(Action::Updated)));
}

TEST_F(RemoteEvents, AnOptOutFollowsItsPersonToTheNewAddress) {
  statements({"updated"});
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  event.inherited = suppression("too much");
  auto verdict = judge(Action::Updated);
  EXPECT_EQ(status_after(verdict), RemoteStatus::OptedOut);
  EXPECT_EQ(verdict.change.suppress, event.inherited);
  EXPECT_TRUE(verdict.suppression_added);
  view.ledger.reset();
  verdict = judge(Action::Updated);
  EXPECT_EQ(verdict.change.suppress, event.inherited);
  EXPECT_FALSE(verdict.change.confirmed);
  view.suppression = suppression("");
  EXPECT_TRUE(changes_nothing(judge(Action::Updated))) << "already on record";
}

TEST_F(RemoteEvents, AnOptOutIsOnRecordInTheSuppressionsOrTheLedger) {
  EXPECT_FALSE(opt_out_on_record(view));
  known(Intent::Subscribed, RemoteStatus::Unsubscribed);
  EXPECT_FALSE(opt_out_on_record(view)) << "our own unsubscribe is none";
  known(Intent::Subscribed, RemoteStatus::OptedOut, 2h);
  EXPECT_EQ(opt_out_on_record(view), view.suppression);
  view.suppression.reset();
  EXPECT_EQ(opt_out_on_record(view)->at, now - 2h);
}

// ---- the rest ------------------------------------------------------------------------------------------

TEST_F(RemoteEvents, AnUnknownActionIsIgnored) {
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  EXPECT_EQ(judge(Action::Other).effect, WebhookEffect::Ignored);
  EXPECT_TRUE(changes_nothing(judge(Action::Other)));
}

TEST_F(RemoteEvents, NoEventTwiceDoesMoreThanOnce) {
  statements({"subscribed", "unsubscribed", "resubscribed", "deleted", "purged", "updated"});
  shows("길동", "010-2");
  for (const Action action : {Action::Subscribed, Action::Updated, Action::Unsubscribed, Action::Resubscribed,
                              Action::Deleted, Action::Purged}) {
    for (const RemoteStatus status :
         {RemoteStatus::Subscribed, RemoteStatus::Unsubscribed, RemoteStatus::OptedOut, RemoteStatus::Ready,
          RemoteStatus::AutoDeleted, RemoteStatus::Purged}) {
      view = {};
      known(Intent::Subscribed, status);
      const auto first = judge(action);
      if (first.change.confirmed) view.ledger->confirmed = *first.change.confirmed;
      if (first.change.wanted) view.ledger->wanted = *first.change.wanted;
      if (first.change.suppress) view.suppression = first.change.suppress;
      if (first.change.lift) view.suppression.reset();
      const auto before = view.ledger->confirmed;
      const auto second = judge(action);
      // An opt-out hides what else happened; a statement is run at least once, and may be run again.
      const bool hidden =
          status == RemoteStatus::OptedOut && (action == Action::Deleted || action == Action::Purged);
      EXPECT_TRUE(hidden || !second.change.writeback) << webhook::name(action) << ' ' << domain::name(status);
      EXPECT_FALSE(second.suppression_added || second.suppression_lifted);
      EXPECT_TRUE(!second.change.confirmed || *second.change.confirmed == before)
          << webhook::name(action) << ' ' << domain::name(status);
    }
  }
}

}  // namespace
}  // namespace stibee_sync::pipeline
