#include "remote_events.hpp"
#include "stibee_sync/ledger/confirmed.hpp"

#include <gtest/gtest.h>

// Which events are the echoes of our own calls: late, repeated or out of order, within 15 minutes.

namespace stibee_sync::pipeline {
namespace {

using namespace testing_support;

class Echoes : public RemoteEvents {
 protected:
  /// A call of ours was answered `ago`; later ones may have followed.
  void called(Lane lane, domain::Duration ago) { view.ledger->confirmed.called.of(lane) = now - ago; }
  void resubscribed(domain::Duration ago) {
    called(Lane::Upsert, ago);
    view.ledger->confirmed.called.resubscribe = now - ago;
  }
  void expect_echo(Action action, Actor actor) {
    const auto verdict = judge(action, actor);
    EXPECT_EQ(verdict.effect, WebhookEffect::Echo) << webhook::name(action);
    EXPECT_TRUE(changes_nothing(verdict)) << webhook::name(action);
  }
};

TEST_F(Echoes, OurOwnUnsubscribeComesBackAsAnEcho) {
  statements({"unsubscribed"});
  for (const Actor actor : {Actor::Manual, Actor::Unknown}) {
    known(Intent::Unsubscribed, RemoteStatus::Subscribed);
    for (const Lane lane : {Lane::Optout, Lane::Delete}) {
      view.in_flight = lane;
      const auto verdict = judge(Action::Unsubscribed, actor);
      EXPECT_EQ(verdict.effect, WebhookEffect::Echo);
      EXPECT_TRUE(changes_nothing(verdict));
    }
    view.in_flight.reset();
    known(Intent::Unsubscribed, RemoteStatus::Unsubscribed, 14min);
    const auto verdict = judge(Action::Unsubscribed, actor);
    EXPECT_EQ(verdict.effect, WebhookEffect::Echo);
    EXPECT_TRUE(changes_nothing(verdict));
  }
}

TEST_F(Echoes, AnEchoDoesNotComeADayLater) {
  known(Intent::Unsubscribed, RemoteStatus::Unsubscribed, 15min);
  EXPECT_EQ(status_after(judge(Action::Unsubscribed, Actor::Manual)), RemoteStatus::OptedOut);
}

TEST_F(Echoes, TheSubscribersOwnWordIsNeverAnEcho) {
  known(Intent::Unsubscribed, RemoteStatus::Subscribed);
  view.in_flight = Lane::Optout;
  EXPECT_EQ(status_after(judge(Action::Unsubscribed, Actor::Subscriber)), RemoteStatus::OptedOut);
  view.in_flight.reset();
  known(Intent::Unsubscribed, RemoteStatus::Unsubscribed, 1s);
  EXPECT_EQ(status_after(judge(Action::Unsubscribed, Actor::Subscriber)), RemoteStatus::OptedOut);
}

TEST_F(Echoes, OfTheDaemonBeforeThisOneLiftNoNoThatMayBeNewer) {
  const auto judged = [&](domain::Duration said_no_ago, domain::Duration led_since) {
    known(Intent::Subscribed, RemoteStatus::OptedOut, said_no_ago);
    view.suppression->at = now - said_no_ago;
    event.others_called_until = now - led_since;
    return judge(Action::Resubscribed);
  };
  EXPECT_TRUE(changes_nothing(judged(1min, 2min)));
  EXPECT_EQ(judged(1min, 2min).effect, WebhookEffect::Echo);
  EXPECT_TRUE(changes_nothing(judged(16min, 2min))) << "taken by a host that stood by, perhaps";
  EXPECT_TRUE(judged(18min, 2min).change.lift) << "the daemon before knew of it";
  EXPECT_TRUE(judged(1min, 15min).change.lift) << "no echo comes so late";
}

TEST_F(Echoes, OurOwnResubscribeComesBackAsAnEchoInTheSubscribersName) {
  statements({"resubscribed"});
  for (const Actor actor : {Actor::Subscriber, Actor::Manual}) {
    known(Intent::Subscribed, RemoteStatus::Unsubscribed);
    view.in_flight = Lane::Upsert;
    EXPECT_TRUE(changes_nothing(judge(Action::Resubscribed, actor)));
    EXPECT_EQ(judge(Action::Resubscribed, actor).effect, WebhookEffect::Echo);
    view.in_flight.reset();
    known(Intent::Subscribed, RemoteStatus::Subscribed, 1min);
    EXPECT_TRUE(changes_nothing(judge(Action::Resubscribed, actor)));
    EXPECT_EQ(judge(Action::Resubscribed, actor).effect, WebhookEffect::Echo);
  }
}

TEST_F(Echoes, AResubscribeUnderANewerConsentIsAnEchoToo) {
  known(Intent::Subscribed, RemoteStatus::OptedOut);
  view.ledger->wanted.renewed = view.ledger->confirmed.since;
  view.in_flight = Lane::Upsert;
  EXPECT_EQ(judge(Action::Resubscribed).effect, WebhookEffect::Echo);
}

TEST_F(Echoes, OurOwnSubscribeComesBackAsAnEcho) {
  statements({"subscribed"});
  known(Intent::Subscribed, RemoteStatus::Unknown);
  view.in_flight = Lane::Upsert;
  EXPECT_EQ(judge(Action::Subscribed, Actor::Manual).effect, WebhookEffect::Echo);
  view.in_flight.reset();
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  EXPECT_EQ(judge(Action::Subscribed, Actor::Manual).effect, WebhookEffect::Echo);
  known(Intent::Unsubscribed, RemoteStatus::Unsubscribed, 1min);
  EXPECT_EQ(judge(Action::Subscribed, Actor::Manual).effect, WebhookEffect::Echo) << "a late one";
  EXPECT_TRUE(changes_nothing(judge(Action::Subscribed, Actor::Manual)));
}

TEST_F(Echoes, OurOwnDeleteComesBackAsAnEcho) {
  statements({"deleted", "purged"});
  known(Intent::Absent, RemoteStatus::Subscribed);
  view.in_flight = Lane::Delete;
  for (const Action action : {Action::Purged, Action::Deleted}) {
    EXPECT_EQ(judge(action, Actor::Manual).effect, WebhookEffect::Echo);
    EXPECT_TRUE(changes_nothing(judge(action, Actor::Manual)));
  }
  view = {};
  EXPECT_EQ(judge(Action::Purged, Actor::Manual).effect, WebhookEffect::Echo) << "already erased here";
  EXPECT_TRUE(changes_nothing(judge(Action::Purged, Actor::Manual)));
}

TEST_F(Echoes, OfAnUnsubscribeThatAResubscribeFollowed) {
  statements({"unsubscribed"});
  known(Intent::Subscribed, RemoteStatus::Subscribed, 1min);
  called(Lane::Optout, 2min);
  resubscribed(1min);
  for (const auto actor : {Actor::Manual, Actor::Unknown})
    expect_echo(Action::Unsubscribed, actor);
  EXPECT_EQ(status_after(judge(Action::Unsubscribed, Actor::Subscriber)), RemoteStatus::OptedOut);
  called(Lane::Optout, 15min);
  EXPECT_EQ(status_after(judge(Action::Unsubscribed, Actor::Manual)), RemoteStatus::OptedOut)
      << "nothing of ours any more";
}

TEST_F(Echoes, OfAResubscribeThatAnUnsubscribeFollowed) {
  statements({"resubscribed"});
  known(Intent::Unsubscribed, RemoteStatus::Unsubscribed, 1min);
  resubscribed(2min);
  called(Lane::Optout, 1min);
  for (const auto actor : {Actor::Subscriber, Actor::Manual})
    expect_echo(Action::Resubscribed, actor);
  resubscribed(15min);
  EXPECT_EQ(status_after(judge(Action::Resubscribed, Actor::Subscriber)), RemoteStatus::Subscribed);
}

TEST_F(Echoes, AnOrdinarySubscribeBringsNobodyBack) {
  known(Intent::Unsubscribed, RemoteStatus::OptedOut);
  called(Lane::Upsert, 1min);
  EXPECT_EQ(status_after(judge(Action::Resubscribed, Actor::Subscriber)), RemoteStatus::Subscribed);
}

TEST_F(Echoes, OfADeleteAfterWhichThePersonWasAddedAgain) {
  statements({"deleted", "purged", "unsubscribed"});
  known(Intent::Subscribed, RemoteStatus::Subscribed, 1min);
  called(Lane::Delete, 2min);
  called(Lane::Upsert, 1min);
  for (const auto action : {Action::Purged, Action::Deleted, Action::Unsubscribed})
    expect_echo(action, Actor::Manual);
  called(Lane::Delete, 15min);
  EXPECT_EQ(status_after(judge(Action::Purged, Actor::Manual)), RemoteStatus::Purged);
}

TEST_F(Echoes, OfADeleteOfSomebodyWhoIsGone) {
  statements({"unsubscribed", "purged"});
  known(Intent::Absent, RemoteStatus::Unknown);
  view.is_trace = true;
  called(Lane::Delete, 1min);
  for (const auto action : {Action::Purged, Action::Deleted, Action::Unsubscribed})
    expect_echo(action, Actor::Manual);
  EXPECT_TRUE(judge(Action::Unsubscribed, Actor::Subscriber).change.suppress);
}

TEST_F(Echoes, OfAnUpdateThatAnotherFollowed) {
  statements({"updated"});
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  called(Lane::Upsert, 1min);
  shows("길동", "010-2");  // what the table had before
  expect_echo(Action::Updated, Actor::Manual);
  EXPECT_TRUE(judge(Action::Updated, Actor::Subscriber).drift) << "the person's own word";
  called(Lane::Upsert, 15min);
  EXPECT_TRUE(judge(Action::Updated, Actor::Manual).drift);
}

TEST_F(Echoes, NothingIsOneForHoursBecauseTheClockWasSetBack) {
  known(Intent::Subscribed, RemoteStatus::Subscribed);
  called(Lane::Optout, -1h);  // by the clock of before
  EXPECT_EQ(judge(Action::Unsubscribed, Actor::Manual).effect, WebhookEffect::Applied);
  called(Lane::Optout, -1min);
  EXPECT_EQ(judge(Action::Unsubscribed, Actor::Manual).effect, WebhookEffect::Echo);
}

TEST_F(Echoes, OtherValuesThanTheOnlyOnesThatWeEverSentAreNone) {
  known(Intent::Subscribed, RemoteStatus::Subscribed, 1min);
  view.ledger->confirmed.called.upsert = view.ledger->confirmed.since;
  shows("by hand", "010-2");
  EXPECT_EQ(judge(Action::Updated, Actor::Manual).effect, WebhookEffect::Applied);
}

TEST_F(Echoes, OfASubscribeThatAnUnsubscribeFollowedLongAfter) {
  known(Intent::Unsubscribed, RemoteStatus::Unsubscribed);
  called(Lane::Upsert, 1min);
  expect_echo(Action::Subscribed, Actor::Manual);
  EXPECT_EQ(status_after(judge(Action::Subscribed, Actor::Subscriber)), RemoteStatus::Subscribed);
}

TEST_F(Echoes, WhoSignsUpThemselvesRightAfterOurUnsubscribeIsNone) {
  statements({"subscribed"});
  known(Intent::Unsubscribed, RemoteStatus::Unsubscribed, 1min);
  called(Lane::Optout, 1min);
  const auto verdict = judge(Action::Subscribed, Actor::Subscriber);
  EXPECT_EQ(status_after(verdict), RemoteStatus::Subscribed);
  EXPECT_EQ(writeback(verdict), "subscribed");
  resubscribed(2min);
  expect_echo(Action::Subscribed, Actor::Subscriber);
}

// ---- an address that was changed at Stibee
// --------------------------------------------------------------------

class MovedThere : public RemoteEvents {
 protected:
  MovedThere() {
    person.email = domain::EmailAddress::from_normalised("new@example.com");
    event.action = Action::Updated;
    event.actor = Actor::Subscriber;
    event.person = &person;
    row.row.emplace();
    row.row->wanted.intent = Intent::Subscribed;
    row.row->wanted.fields = print("둘리", "010-1");
    row.row->confirmed.status = RemoteStatus::Subscribed;
    row.row->confirmed.since = now - 24h;
  }
  Consequence consequence() { return moved(event, old, row, plan, now); }

  domain::EmailAddress old = domain::EmailAddress::from_normalised("dooly@example.com");
  ledger::Person row;
};

TEST_F(MovedThere, TheAddressOfTheTableCountsAsMoved) {
  const auto change = consequence();
  ASSERT_TRUE(change.confirmed);
  EXPECT_EQ(change.confirmed->status, RemoteStatus::Moved);
  EXPECT_EQ(change.confirmed->moved_to, "new@example.com");
  EXPECT_EQ(change.confirmed->since, now);
  EXPECT_FALSE(change.writeback);
}

TEST_F(MovedThere, TheNewAddressIsWrittenBackEvenWithoutValues) {
  plan.writeback["updated"] = "UPDATE m SET email = :email WHERE id = :key";
  ASSERT_TRUE(consequence().writeback);
  EXPECT_EQ(consequence().writeback->event, "updated");
  EXPECT_EQ(consequence().writeback->new_email, "new@example.com");
  EXPECT_TRUE(consequence().writeback->fields.empty());
  statements({"updated"});
  EXPECT_FALSE(consequence().writeback) << "it asks for values that the event does not show";
  shows("길동", "010-2");
  ASSERT_TRUE(consequence().writeback);
  EXPECT_EQ(consequence().writeback->new_email, "new@example.com");
  EXPECT_EQ(consequence().writeback->fields.at("name"), "길동");
}

TEST_F(MovedThere, WhoComesBackToTheAddressOfTheTableIsThere) {
  row.row->confirmed = *consequence().confirmed;
  person.email = old;
  auto change = consequence();
  EXPECT_EQ(change.confirmed->status, RemoteStatus::Subscribed);
  EXPECT_TRUE(change.confirmed->moved_to.empty());
  row.suppression = suppression("too much");
  change = consequence();
  EXPECT_EQ(change.confirmed->status, RemoteStatus::OptedOut) << "the opt-out of before stands";
}

TEST_F(MovedThere, NothingThatIsSeenUnderTheOldAddressMakesThemBeThere) {
  row.row->confirmed = *consequence().confirmed;
  view.ledger = ledger::LedgerView{row.row->wanted, row.row->confirmed};
  for (const auto action : {Action::Unsubscribed, Action::Resubscribed, Action::Deleted, Action::Purged})
    EXPECT_EQ(status_after(judge(action)), RemoteStatus::Moved) << webhook::name(action);
  const auto optout = judge(Action::Unsubscribed);
  EXPECT_TRUE(optout.change.suppress) << "but an opt-out goes on record";
}

}  // namespace
}  // namespace stibee_sync::pipeline
