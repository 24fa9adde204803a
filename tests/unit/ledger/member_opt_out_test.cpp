#include "ledger_rows.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/transitions.hpp"

#include <gtest/gtest.h>

// An opt-out is the member's: it goes with them to the next address, at Stibee and in the table.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;
using domain::EmailAddress;
using domain::Lane;
using domain::MemberKey;

const Suppression of_member{now - 1h, "subscriber", "too much", now - 48h};

AddressDecision decision(const Wanted& what, std::optional<Suppression> inherits = {}, std::int64_t key = 5) {
  AddressDecision result;
  result.wanted = what;
  if (what.intent == Intent::Subscribed) result.values.emplace();
  if (what.intent != Intent::Absent) result.key = MemberKey(key);
  result.inherits = std::move(inherits);
  return result;
}

Person decided(Person person, const AddressDecision& what, const Policy& policy = {}) {
  return after_decision(std::move(person), what, policy, now);
}

Person person_with(const Wanted& what, const Confirmed& known, std::int64_t key = 5) {
  Person person;
  person.row.emplace();
  person.row->wanted = what;
  person.row->confirmed = known;
  person.row->key = MemberKey(key);
  person.row->values.emplace();
  return placed_again(std::move(person), {}, now);
}

Confirmed moved_to(const std::string& address) {
  auto known = with_observed(confirmed(RemoteStatus::Subscribed), wanted(Intent::Subscribed),
                             RemoteStatus::Moved, now - 1h);
  known.moved_to = address;
  return known;
}

// ---- to the next address in the table
// -----------------------------------------------------------------------

TEST(MembersOptOut, TheNextAddressBeginsAsOptedOut) {
  const auto person = decided({}, decision(wanted(Intent::Subscribed), of_member));
  ASSERT_TRUE(person.row);
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(person.row->confirmed.since, of_member.at);
  EXPECT_EQ(person.row->confirmed.consent_then, of_member.consent);
  EXPECT_FALSE(person.row->lane) << "nobody is created in order to be unsubscribed";
  EXPECT_EQ(person.suppression, of_member) << "it is the new address's, too";
}

TEST(MembersOptOut, WhoIsSubscribedUnderTheNextAddressIsUnsubscribed) {
  for (const auto status : {RemoteStatus::Subscribed, RemoteStatus::Ready}) {
    auto person = person_with(wanted(Intent::Subscribed), confirmed(status), 9);
    person = decided(person, decision(wanted(Intent::Subscribed), of_member));
    EXPECT_EQ(person.row->confirmed.status, RemoteStatus::OptedOut);
    EXPECT_EQ(person.row->lane, Lane::Optout);
  }
}

TEST(MembersOptOut, OfTwoTheNewerOneCounts) {
  auto known = confirmed(RemoteStatus::OptedOut);
  known.since = of_member.at + 1s;
  EXPECT_FALSE(is_news(of_member, known));
  EXPECT_EQ(inheriting(known, of_member), known);
  known.since = of_member.at - 1s;
  EXPECT_TRUE(is_news(of_member, known));
  EXPECT_EQ(inheriting(known, of_member).since, of_member.at);
  EXPECT_FALSE(inheriting(known, of_member).owes_no) << "out already";
}

TEST(MembersOptOut, ANewerConsentOvercomesItAtTheNextAddressToo) {
  auto what = wanted(Intent::Subscribed);
  what.renewed = of_member.at;
  const auto person = decided({}, decision(what, of_member));
  EXPECT_EQ(person.row->shape, "resubscribe:");
}

TEST(MembersOptOut, IsNoneOfAnAddressThatNoRowBears) {
  EXPECT_EQ(decided({}, decision(wanted(Intent::Absent), of_member)), Person{});
}

TEST(MembersOptOut, MeetsACallThatIsOut) {
  auto person = person_with(wanted(Intent::Subscribed), {});
  person.call = CallOut{Lane::Upsert, {}, false};
  person = decided(person, decision(wanted(Intent::Subscribed), of_member));
  EXPECT_TRUE(person.call->observed);
  Settlement added;
  added.confirmed = confirmed(RemoteStatus::Subscribed);
  person = after_answer(person, added, {}, now);
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(person.row->lane, Lane::Optout) << "the call may have subscribed them";
}

TEST(MembersOptOut, NewerThanTheOneThatIsKnownMeetsAResubscribeThatIsOut) {
  auto known = confirmed(RemoteStatus::OptedOut);
  known.since = of_member.at - 1min;
  auto what = wanted(Intent::Subscribed);
  what.renewed = known.since;
  auto person = person_with(what, known);
  person.suppression = of_member;
  person.call = CallOut{Lane::Upsert, {}, false};
  person = decided(person, decision(what, of_member));
  EXPECT_TRUE(person.call->observed);
  Settlement added;
  added.confirmed = confirmed(RemoteStatus::Subscribed);
  person = after_answer(person, added, {}, now);
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(person.row->lane, Lane::Optout) << "the call may have subscribed them";
  EXPECT_EQ(person.suppression, of_member);
}

// ---- whoever left
// --------------------------------------------------------------------------------------------

TEST(Leaving, WhoIsKeptIsNotKeptUnderAnAddressThatTheyLeftOrSaidNoUnder) {
  Policy policy;
  policy.on_leave = OnLeave::Keep;
  auto gone = wanted(Intent::Absent);
  expect_rest(decide(gone, confirmed(RemoteStatus::Subscribed), policy), Rest::Kept);
  gone.silenced = true;
  expect_operation(decide(gone, confirmed(RemoteStatus::Subscribed), policy), OperationKind::Unsubscribe);
  expect_rest(decide(gone, confirmed(RemoteStatus::Unsubscribed), policy), Rest::Settled);
}

TEST(Leaving, WhoIsKeptIsToldTheNoThatTheyAreOwed) {
  Policy policy;
  policy.on_leave = OnLeave::Keep;
  auto known = confirmed(RemoteStatus::OptedOut);
  known.owes_no = true;
  expect_operation(decide(wanted(Intent::Absent), known, policy), OperationKind::Unsubscribe);
  known.owes_no = false;
  known.maybe_subscribed = true;
  expect_operation(decide(wanted(Intent::Absent), known, policy), OperationKind::Unsubscribe);
  known.maybe_subscribed = false;
  expect_rest(decide(wanted(Intent::Absent), known, policy), Rest::Kept);
}

// ---- an address that was changed at Stibee
// -------------------------------------------------------------------

TEST(MovedAtStibee, NothingIsSentUnderTheAddressOfTheTable) {
  const auto known = moved_to("new@x.kr");
  auto what = wanted(Intent::Subscribed);
  expect_rest(decide(what, known), Rest::Moved);
  what.fields = print(7);
  expect_rest(decide(what, known), Rest::Moved);
  expect_rest(decide(wanted(Intent::Unsubscribed), known), Rest::Moved);
  expect_rest(decide(wanted(Intent::Absent), known), Rest::Moved);
}

TEST(MovedAtStibee, TheMembersOptOutIsNoneOfTheAddressOfTheTable) {
  auto person = person_with(wanted(Intent::Subscribed), moved_to("new@x.kr"));
  person = decided(person, decision(wanted(Intent::Subscribed), of_member));
  EXPECT_EQ(person.row->confirmed.status, RemoteStatus::Moved)
      << "a newer consent would make a second person of them";
  EXPECT_EQ(with_suppression(person, of_member).row->confirmed.status, RemoteStatus::Moved);
}

TEST(MovedAtStibee, ANoOfTheTableReachesWhomStibeeHasInstead) {
  for (const auto intent : {Intent::Unsubscribed, Intent::Absent}) {
    const auto before = person_with(wanted(Intent::Subscribed), moved_to("new@x.kr"));
    EXPECT_EQ(silenced_successor(before, wanted(intent)), EmailAddress::from_normalised("new@x.kr"));
    const auto after = after_silencing({}, wanted(intent), {}, now);
    ASSERT_TRUE(after.row);
    EXPECT_EQ(after.row->lane, Lane::Optout);
  }
  const auto person = person_with(wanted(Intent::Subscribed), moved_to("new@x.kr"));
  EXPECT_FALSE(silenced_successor(person, wanted(Intent::Subscribed)));
  EXPECT_FALSE(silenced_successor({}, wanted(Intent::Absent)));
  const auto there = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed));
  EXPECT_FALSE(silenced_successor(there, wanted(Intent::Absent)));
}

TEST(MovedAtStibee, WhoIsKeptWhenTheyLeaveIsKeptUnderTheNewAddress) {
  Policy policy;
  policy.on_leave = OnLeave::Keep;
  EXPECT_FALSE(after_silencing({}, wanted(Intent::Absent), policy, now).row);
  auto no = wanted(Intent::Absent);
  no.silenced = true;
  EXPECT_EQ(after_silencing({}, no, policy, now).row->lane, Lane::Optout);
}

TEST(MovedAtStibee, ARowOfTheNewAddressHasAWordOfItsOwn) {
  const auto there = person_with(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed));
  EXPECT_EQ(after_silencing(there, wanted(Intent::Unsubscribed), {}, now), there);
}

TEST(MovedAtStibee, WhoOptedOutThereIsToldTheNoOnce) {
  Person there;
  there.suppression = of_member;
  const auto after = after_silencing(there, wanted(Intent::Unsubscribed), {}, now);
  EXPECT_EQ(after.row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_EQ(after.row->lane, Lane::Optout);
}

TEST(MovedAtStibee, AnotherRowWithTheOldAddressIsSomebodyNew) {
  const auto before = person_with(wanted(Intent::Subscribed), moved_to("new@x.kr"));
  const auto same = decided(before, decision(wanted(Intent::Subscribed)));
  EXPECT_EQ(same.row->confirmed.status, RemoteStatus::Moved);
  const auto other = decided(before, decision(wanted(Intent::Subscribed), {}, 6));
  EXPECT_EQ(other.row->confirmed.status, RemoteStatus::Unknown);
  EXPECT_TRUE(other.row->confirmed.moved_to.empty());
  EXPECT_EQ(other.row->lane, Lane::Upsert);

  auto opted_out = before;
  opted_out.suppression = of_member;
  const auto still_out = decided(opted_out, decision(wanted(Intent::Subscribed), {}, 6));
  EXPECT_EQ(still_out.row->confirmed.status, RemoteStatus::OptedOut) << "the address stays opted out";
}

TEST(MovedAtStibee, WhoIsSeenUnderTheAddressAgainIsNotMoved) {
  for (const auto status : {RemoteStatus::Subscribed, RemoteStatus::OptedOut, RemoteStatus::Unsubscribed,
                            RemoteStatus::AutoDeleted, RemoteStatus::Purged, RemoteStatus::Unknown}) {
    const auto seen = with_observed(moved_to("new@x.kr"), wanted(Intent::Subscribed), status, now);
    EXPECT_EQ(seen.status, status);
    EXPECT_TRUE(seen.moved_to.empty()) << domain::name(status);
  }
}

TEST(MovedAtStibee, LeavesNoTrace) {
  EXPECT_FALSE(trace_of(moved_to("new@x.kr")));
}

// ---- on record
// ------------------------------------------------------------------------------------------------

TEST(OptOutOnRecord, RemembersWhatConsentTheTableShowed) {
  auto what = wanted(Intent::Subscribed);
  what.consented_at = now + 9h;
  RemoteChange change;
  change.suppress = Suppression{now, "subscriber", ""};
  const auto person =
      after_observation(person_with(what, confirmed(RemoteStatus::Subscribed)), change, {}, now);
  EXPECT_EQ(person.suppression->consent, now + 9h);
  EXPECT_EQ(known_before({}, person.suppression)->consent_then, now + 9h) << "for a fresh state, too";
}

}  // namespace
}  // namespace stibee_sync::ledger
