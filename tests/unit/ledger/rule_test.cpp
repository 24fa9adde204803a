#include "stibee_sync/ledger/rule.hpp"

#include "ledger_rows.hpp"
#include "stibee_sync/ledger/confirmed.hpp"

#include <gtest/gtest.h>

// One test for each row of the table: which row it is, and that its words say what is done.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;

void expect_rule(Rule rule, const Wanted& w, const Confirmed& c, const std::string& words,
                 const Policy& policy = {}, RowNow row = RowNow::Bears) {
  const auto found = rule_of(w, c, policy, now, row);
  EXPECT_EQ(name(found), name(rule));
  EXPECT_NE(in_words(found, policy).find(words), std::string::npos) << in_words(found, policy);
}

Policy with(OnLeave on_leave) {
  Policy policy;
  policy.on_leave = on_leave;
  return policy;
}

Policy without_resubscribing() {
  Policy policy;
  policy.can_resubscribe = false;
  return policy;
}

TEST(Rule, WantedAndNothingKnown) {
  expect_rule(Rule::SubscribeNew, wanted(Intent::Subscribed), confirmed(RemoteStatus::Unknown),
              "as the administrator");
  Policy policy;
  policy.confirm_email = true;
  expect_rule(Rule::SubscribeNew, wanted(Intent::Subscribed), confirmed(RemoteStatus::Unknown),
              "asked to confirm", policy);
}

TEST(Rule, WantedWithOtherValues) {
  auto w = wanted(Intent::Subscribed);
  w.fields = print(2);
  expect_rule(Rule::Update, w, confirmed(RemoteStatus::Subscribed), "updated");
}

TEST(Rule, WantedAndUnsubscribedByUs) {
  expect_rule(Rule::Resubscribe, wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed),
              "subscribed again");
  expect_rule(Rule::Resubscribe, wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed),
              "has no call for that", without_resubscribing());
}

TEST(Rule, WantedAndOptedOutAtStibee) {
  auto w = wanted(Intent::Subscribed);
  const auto c = confirmed(RemoteStatus::OptedOut);
  expect_rule(Rule::OptedOut, w, c, "until the table shows a newer consent");
  w.renewed = c.since;
  expect_rule(Rule::NewerConsent, w, c, "subscribed again");
  expect_rule(Rule::NewerConsent, w, c, "has no call for that", without_resubscribing());
}

TEST(Rule, WantedAndDeletedByABounce) {
  expect_rule(Rule::AutoDeleted, wanted(Intent::Subscribed), confirmed(RemoteStatus::AutoDeleted),
              "after a bounce");
}

TEST(Rule, NotWantedAndSubscribed) {
  expect_rule(Rule::Unsubscribe, wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Subscribed),
              "before everybody else");
}

TEST(Rule, NotWantedAndNothingKnown) {
  expect_rule(Rule::NeverCreated, wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Unknown),
              "nobody is created");
}

TEST(Rule, ANewerNoToSomebodyWhoIsBelievedToBeOffTheList) {
  for (const auto status : {RemoteStatus::OptedOut, RemoteStatus::AutoDeleted, RemoteStatus::Purged}) {
    for (const auto intent : {Intent::Unsubscribed, Intent::Absent}) {
      auto c = confirmed(status);
      c.owes_no = true;
      expect_rule(Rule::NewerNo, wanted(intent), c, "once more");
    }
  }
}

TEST(Rule, PurgedByHand) {
  const auto w = wanted(Intent::Subscribed);
  const auto purged = with_observed(confirmed(RemoteStatus::Subscribed), w, RemoteStatus::Purged, now - 1h);
  expect_rule(Rule::Purged, w, purged, "until the row changes");
  auto changed = w;
  changed.fields = print(2);
  expect_rule(Rule::PurgedRestored, changed, purged, "their row has changed");
  Policy restoring;
  restoring.on_remote_purge = OnRemotePurge::Restore;
  expect_rule(Rule::PurgedRestored, w, purged, "on_remote_purge: restore", restoring);
}

TEST(Rule, GoneFromTheTableByOnLeave) {
  const auto w = wanted(Intent::Absent);
  for (const auto status : {RemoteStatus::Subscribed, RemoteStatus::Unsubscribed}) {
    expect_rule(Rule::Absent, w, confirmed(status), "on_leave: unsubscribe", with(OnLeave::Unsubscribe));
    expect_rule(Rule::Absent, w, confirmed(status), "on_leave: delete", with(OnLeave::Delete));
    expect_rule(Rule::Absent, w, confirmed(status), "on_leave: keep", with(OnLeave::Keep));
    Policy later;
    later.delete_after = 30 * 24h;
    expect_rule(Rule::Absent, w, confirmed(status), "delete_after", later);
  }
}

TEST(Rule, TheRowMovedToAnotherAddress) {
  auto w = wanted(Intent::Absent);
  w.silenced = true;
  expect_rule(Rule::MovedOn, w, confirmed(RemoteStatus::Subscribed), "they are unsubscribed",
              with(OnLeave::Keep), RowNow::BearsAnother);
  expect_rule(Rule::MovedOn, w, confirmed(RemoteStatus::Subscribed), "on_leave: delete",
              with(OnLeave::Delete), RowNow::BearsAnother);
}

TEST(Rule, TheRowsAddressWasTakenAway) {
  auto w = wanted(Intent::Absent);
  w.silenced = true;
  expect_rule(Rule::AddressTaken, w, confirmed(RemoteStatus::Subscribed), "no address any more",
              with(OnLeave::Keep), RowNow::HasNone);
}

TEST(Rule, TheRowsNewAddressIsUnusable) {
  expect_rule(Rule::UnusableAddress, wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed),
              "last good one stays", {}, RowNow::HasUnusable);
  expect_rule(Rule::Unsubscribe, wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Subscribed),
              "unsubscribed", {}, RowNow::HasUnusable);
}

TEST(Rule, MovedAtStibee) {
  auto c = confirmed(RemoteStatus::Moved);
  c.moved_to = "new@example.com";
  expect_rule(Rule::MovedThere, wanted(Intent::Subscribed), c, "changed at Stibee");
}

TEST(Rule, GroupsDiffer) {
  expect_rule(Rule::Groups, wanted(Intent::Subscribed, {1}), confirmed(RemoteStatus::Subscribed),
              "made by hand");
  expect_rule(Rule::Groups, wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed, {1}),
              "made by hand");
}

TEST(Rule, NothingIsToBeDone) {
  expect_rule(Rule::Settled, wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed),
              "as the table wants them");
  expect_rule(Rule::AwaitingConfirmation, wanted(Intent::Subscribed), confirmed(RemoteStatus::Ready),
              "have not yet");
}

}  // namespace
}  // namespace stibee_sync::ledger
