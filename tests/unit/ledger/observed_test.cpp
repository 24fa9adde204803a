#include "ledger_rows.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/rule.hpp"
#include "stibee_sync/ledger/transitions.hpp"

#include <gtest/gtest.h>

// What is confirmed of somebody by what Stibee shows of them, alone or beside the answer to a call.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;
using domain::Reason;

Confirmed after(const Confirmed& before, OperationKind kind, const Outcome& answer) {
  return confirmed_after(before, {kind, {}}, wanted(Intent::Subscribed), answer, now);
}

Confirmed seen(const Confirmed& before, RemoteStatus status) {
  auto what = wanted(Intent::Subscribed, {8});
  what.ad_agreed = true;
  what.consented_at = now - 3h;
  return with_observed(before, what, status, now);
}

TEST(RefusedResubscribe, MayHaveBroughtThemBackAllTheSame) {
  auto refused = outcome(OutcomeKind::Rejected);
  refused.reason = Reason(Reason::ResubscribeUnsupported);
  const auto known = after(confirmed(RemoteStatus::Unsubscribed), OperationKind::Resubscribe, refused);
  EXPECT_EQ(known.status, RemoteStatus::Unsubscribed);
  EXPECT_TRUE(known.maybe_subscribed);
  EXPECT_EQ(known.called.resubscribe, now) << "its echo may come";
  refused.reason = Reason(Reason::WrongEmail);
  const auto certain = after(confirmed(RemoteStatus::Unsubscribed), OperationKind::Resubscribe, refused);
  EXPECT_FALSE(certain.maybe_subscribed);
  EXPECT_FALSE(certain.called.resubscribe);
  refused = outcome(OutcomeKind::Transient);
  refused.reason = Reason(Reason::ResubscribeUnsupported);
  EXPECT_FALSE(
      after(confirmed(RemoteStatus::Subscribed), OperationKind::Unsubscribe, refused).maybe_subscribed);
}

TEST(OptOutSeen, SoonAfterACallThatBringsBackLeavesADoubt) {
  const auto doubt = [](const domain::CallTimes& called) {
    auto known = confirmed(RemoteStatus::Subscribed);
    known.called = called;
    return seen(known, RemoteStatus::OptedOut).maybe_subscribed;
  };
  domain::CallTimes called;
  EXPECT_FALSE(doubt(called));
  called.resubscribe = now - echo_window + 1ms;
  EXPECT_TRUE(doubt(called));
  called.resubscribe = now + 1h;
  EXPECT_TRUE(doubt(called)) << "told by a clock that was set back since";
  called.resubscribe = now - echo_window;
  EXPECT_FALSE(doubt(called));
  called.deletion = now - 1min;
  EXPECT_FALSE(doubt(called)) << "nobody was added after it";
  called.upsert = now - 1min;
  EXPECT_TRUE(doubt(called));
  called.deletion.reset();
  EXPECT_FALSE(doubt(called)) << "a subscribe leaves alone who said no";
}

TEST(OptOutSeen, AgainIsANewerOne) {
  const auto again = seen(confirmed(RemoteStatus::OptedOut), RemoteStatus::OptedOut);
  EXPECT_EQ(again.since, now);
  EXPECT_EQ(again.consent_then, now - 3h);
}

TEST(OptOutSeen, OutlivesWhateverElseIsShownButTheirReturn) {
  const auto out = confirmed(RemoteStatus::OptedOut);
  for (const auto status :
       {RemoteStatus::Unsubscribed, RemoteStatus::AutoDeleted, RemoteStatus::Purged, RemoteStatus::Unknown})
    EXPECT_EQ(seen(out, status), out) << domain::name(status);
  EXPECT_EQ(seen(out, RemoteStatus::Subscribed).status, RemoteStatus::Subscribed);
  EXPECT_EQ(seen(out, RemoteStatus::Ready).status, RemoteStatus::Ready);
}

TEST(PurgeSeen, KeepsWhatWasWantedThen) {
  auto other_values = confirmed(RemoteStatus::Subscribed, {1});
  other_values.fields = print(2);
  const auto purged = seen(other_values, RemoteStatus::Purged);
  EXPECT_EQ(purged.fields, print(1));
  EXPECT_EQ(purged.ad_agreed, true);
  EXPECT_EQ(purged.groups, domain::GroupSet{8});
  EXPECT_EQ(purged.since, now);
  const auto before = confirmed(RemoteStatus::Purged, {1});
  EXPECT_EQ(seen(before, RemoteStatus::Purged), before) << "of the first time";
}

TEST(ReturnSeen, OfWhoWasPurgedTellsNothingOfTheirValues) {
  for (const auto status : {RemoteStatus::Subscribed, RemoteStatus::Ready}) {
    auto purged = confirmed(RemoteStatus::Purged, {1});
    purged.ad_agreed = true;
    purged.maybe_groups = {2};
    purged.owes_no = true;
    purged.maybe_subscribed = true;
    const auto back = seen(purged, status);
    EXPECT_EQ(back.status, status);
    EXPECT_FALSE(back.fields);
    EXPECT_FALSE(back.ad_agreed);
    EXPECT_TRUE(back.groups.empty());
    EXPECT_TRUE(back.maybe_groups.empty());
    EXPECT_FALSE(back.owes_no);
    EXPECT_FALSE(back.maybe_subscribed);
    EXPECT_EQ(seen(confirmed(RemoteStatus::AutoDeleted, {1}), status).fields, print(1));
  }
}

TEST(MoveSeen, KeepsWhereTheyWentUntilTheyAreBack) {
  auto moved = confirmed(RemoteStatus::Subscribed);
  moved.moved_to = "new@example.com";
  const auto seen_so = seen(moved, RemoteStatus::Moved);
  EXPECT_EQ(seen_so.status, RemoteStatus::Moved);
  EXPECT_EQ(seen_so.since, now);
  EXPECT_EQ(seen_so.moved_to, "new@example.com");
  EXPECT_EQ(seen(seen_so, RemoteStatus::Subscribed).moved_to, "");
  EXPECT_EQ(seen(seen_so, RemoteStatus::OptedOut).moved_to, "");
}

TEST(NobodySeen, LeavesOnlyTheTimesOfOurCalls) {
  auto known = confirmed(RemoteStatus::Subscribed, {1});
  known.called.upsert = now - 1min;
  Confirmed expected;
  expected.called = known.called;
  EXPECT_EQ(seen(known, RemoteStatus::Unknown), expected);
}

TEST(AnswerThatShowsAStatus, UnsubscribedIsOurDoingOnlyOfAnUnsubscribe) {
  const auto known = confirmed(RemoteStatus::Subscribed);
  const auto shows = outcome(OutcomeKind::Delivered, {}, RemoteStatus::Unsubscribed);
  EXPECT_EQ(after(known, OperationKind::Unsubscribe, shows).status, RemoteStatus::Unsubscribed);
  EXPECT_EQ(after(known, OperationKind::Update, shows).status, RemoteStatus::OptedOut);
}

TEST(AnswerThatShowsAStatus, EndsTheDoubtUnlessTheAnswerIsInDoubtItself) {
  const auto doubt_after = [](OutcomeKind kind) {
    auto known = confirmed(RemoteStatus::OptedOut);
    known.maybe_subscribed = true;
    return after(known, OperationKind::Update, outcome(kind, {}, RemoteStatus::OptedOut)).maybe_subscribed;
  };
  EXPECT_FALSE(doubt_after(OutcomeKind::Delivered));
  EXPECT_FALSE(doubt_after(OutcomeKind::AlreadyInState));
  EXPECT_FALSE(doubt_after(OutcomeKind::Rejected));
  EXPECT_TRUE(doubt_after(OutcomeKind::Transient));
  EXPECT_TRUE(doubt_after(OutcomeKind::Unknown));
}

TEST(DeletionWithoutATime, CountsFromTheUnsubscribe) {
  Policy policy;
  policy.delete_after = 48h;
  auto gone = wanted(Intent::Absent);
  gone.left_at.reset();
  auto known = confirmed(RemoteStatus::Unsubscribed);
  auto step = decide(gone, known, policy);
  ASSERT_TRUE(std::holds_alternative<Later>(step));
  EXPECT_EQ(std::get<Later>(step).due, *known.since + 48h);
  known.since.reset();
  step = decide(gone, known, policy);
  ASSERT_TRUE(std::holds_alternative<Later>(step));
  EXPECT_EQ(std::get<Later>(step).due, now + 48h);
  gone.left_at = now - 48h;
  expect_operation(decide(gone, known, policy), OperationKind::Delete);
}

TEST(SilencedSuccessor, IsNobodyWhereStibeeGaveNoAddress) {
  Person person;
  person.row.emplace();
  person.row->confirmed = confirmed(RemoteStatus::Moved);
  EXPECT_FALSE(silenced_successor(person, wanted(Intent::Absent)));
}

// ---- the rules in words
// -------------------------------------------------------------------------------------

TEST(RuleOf, ANoToWhomStibeeAskedToConfirmIsAnUnsubscribe) {
  EXPECT_EQ(rule_of(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Ready), {}, now),
            Rule::Unsubscribe);
}

TEST(RuleOf, AConfirmationInDoubtIsOfSomebodyNew) {
  Policy policy;
  policy.confirm_email = true;
  Confirmed perhaps;
  perhaps.maybe_subscribed = true;
  EXPECT_EQ(rule_of(wanted(Intent::Subscribed), perhaps, policy, now), Rule::SubscribeNew);
}

TEST(RuleInWords, SaysWhatBecomesOfWhoLeaves) {
  Policy policy;
  policy.on_leave = OnLeave::Delete;
  EXPECT_NE(in_words(Rule::AddressTaken, policy).find("they are deleted"), std::string::npos);
  policy.delete_after = 48h;
  EXPECT_NE(in_words(Rule::AddressTaken, policy).find("deleted once `delete_after`"), std::string::npos);
  EXPECT_EQ(in_words(Rule::Absent, policy).find("on_leave"), std::string::npos);
  policy.on_leave = OnLeave::Keep;
  EXPECT_NE(in_words(Rule::MovedOn, policy).find("they are unsubscribed"), std::string::npos);
}

TEST(RuleInWords, OfWhoWasPurgedAndIsNotWantedSpeaksOfTheTable) {
  Policy policy;
  policy.on_remote_purge = OnRemotePurge::Restore;
  EXPECT_NE(in_words(Rule::Purged, policy).find("the table does not want them"), std::string::npos);
}

}  // namespace
}  // namespace stibee_sync::ledger
