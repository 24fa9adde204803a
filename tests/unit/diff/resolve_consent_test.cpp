#include "stibee_sync/diff/resolve.hpp"

#include <gtest/gtest.h>

// What a read makes of somebody who said no somewhere: at Stibee, in the table, under another address.

namespace stibee_sync::diff {
namespace {

using namespace std::chrono_literals;
using domain::Intent;
using domain::MemberKey;
using domain::RemoteStatus;
using domain::UtcTime;
using domain::Wanted;

const UtcTime now{std::chrono::hours(400'000)};
const UtcTime opted_out_at = now - 24h;
const domain::StateKey state_key{domain::StateKey::Bytes{}};

domain::Member member(std::optional<UtcTime> consented_at = {}, bool subscribed = true) {
  domain::Member result;
  result.email = domain::EmailAddress::from_normalised("kim@example.com");
  result.subscribed = subscribed;
  result.fields = {{"name", "Kim"}};
  result.consented_at = consented_at;
  return result;
}

Bearer staged(const domain::Member& values, bool turned_true = false) {
  Bearer bearer{MemberKey(std::int64_t{1}), values.subscribed, false, &values};
  bearer.may_have_opted_in = turned_true;
  return bearer;
}

Wanted wanted(Intent intent, const domain::Member& values) {
  Wanted result;
  result.intent = intent;
  result.fields = domain::fingerprint_of(values.fields, state_key);
  result.ad_agreed = values.ad_agreed;
  result.consented_at = values.consented_at;
  return result;
}

domain::Confirmed known(RemoteStatus status) {
  domain::Confirmed result;
  result.status = status;
  result.since = opted_out_at;
  return result;
}

Resolution resolved(const std::vector<Bearer>& bearers, const std::optional<Wanted>& before,
                    const domain::Confirmed& confirmed, const Circumstances& circumstances = {}) {
  return resolve(bearers, before, confirmed, state_key, now, circumstances);
}

// ---- a newer consent
// ---------------------------------------------------------------------------------------

TEST(ResolveConsent, ANewerOneOfAnOptedOutPersonIsAResubscription) {
  const auto before = wanted(Intent::Subscribed, member(domain::no_consent));
  const auto kim = member(now - 1h);
  const auto result = resolved({staged(kim)}, before, known(RemoteStatus::OptedOut));
  EXPECT_EQ(result.change_class, ChangeClass::Resubscribe);
  EXPECT_EQ(result.wanted.renewed, opted_out_at) << "which opt-out it overcomes";
  EXPECT_EQ(resolved({staged(kim)}, before, known(RemoteStatus::Subscribed)).change_class, ChangeClass::None);
  const auto older = member(opted_out_at);
  EXPECT_EQ(resolved({staged(older)}, before, known(RemoteStatus::OptedOut)).change_class, ChangeClass::None);
}

TEST(ResolveConsent, IsCountedOnceThoughTheRowIsReadAgain) {
  const auto kim = member(now - 1h);
  const auto first = resolved({staged(kim)}, wanted(Intent::Subscribed, kim), known(RemoteStatus::OptedOut));
  ASSERT_EQ(first.change_class, ChangeClass::Resubscribe) << "also of a row that did not change since";
  const auto again = resolved({staged(kim)}, first.wanted, known(RemoteStatus::OptedOut));
  EXPECT_EQ(again.change_class, ChangeClass::None);
  EXPECT_EQ(again.wanted, first.wanted);
}

TEST(ResolveConsent, AStampFromTheFutureIsNone) {
  const auto kim = member(now + 9h);
  const auto result =
      resolved({staged(kim)}, wanted(Intent::Subscribed, member()), known(RemoteStatus::OptedOut));
  EXPECT_EQ(result.wanted.renewed, std::nullopt);
  EXPECT_EQ(result.change_class, ChangeClass::None);
}

TEST(ResolveConsent, TheStampOfTheTimeOfTheOptOutIsNone) {
  const auto kim = member(now - 1h);
  auto opted_out = known(RemoteStatus::OptedOut);
  opted_out.consent_then = now - 1h;
  EXPECT_EQ(resolved({staged(kim)}, wanted(Intent::Subscribed, kim), opted_out).wanted.renewed, std::nullopt);
}

TEST(ResolveConsent, ThatIsTakenBackBeforeItWasSentIsForgotten) {
  auto before = wanted(Intent::Subscribed, member(now - 1h));
  before.renewed = opted_out_at;
  const auto kim = member(opted_out_at - 1h);
  const auto result = resolved({staged(kim)}, before, known(RemoteStatus::OptedOut));
  EXPECT_EQ(result.wanted.renewed, std::nullopt);
  EXPECT_EQ(result.change_class, ChangeClass::None);
}

TEST(ResolveConsent, OfAnEarlierOptOutDoesNotOvercomeTheNext) {
  const auto kim = member(opted_out_at - 1h);
  auto before = wanted(Intent::Subscribed, kim);
  before.renewed = opted_out_at - 2h;
  EXPECT_EQ(resolved({staged(kim)}, before, known(RemoteStatus::OptedOut)).wanted.renewed, std::nullopt);
}

TEST(ResolveConsent, IsTheColumnTurningTrueWhereNoTimeIsMapped) {
  const auto kim = member();
  const auto no = wanted(Intent::Unsubscribed, kim);
  const auto result = resolved({staged(kim, true)}, no, known(RemoteStatus::OptedOut));
  EXPECT_EQ(result.wanted.opted_in_at, now);
  EXPECT_EQ(result.wanted.renewed, opted_out_at);
  EXPECT_EQ(result.change_class, ChangeClass::Resubscribe);
  EXPECT_EQ(resolved({staged(kim)}, no, known(RemoteStatus::OptedOut)).wanted.renewed, std::nullopt);
}

// Found by a simulated pair of hosts: the other one had acted upon the yes, the person said no after it, and
// whoever saw the yes late took it for a newer one.
TEST(ResolveConsent, MayBeAsOldAsTheReadBeforeWhereAnotherDaemonActsUponItToo) {
  const auto kim = member();
  const auto no = wanted(Intent::Unsubscribed, kim);
  Circumstances circumstances;
  circumstances.seen_before = opted_out_at - 1s;
  const auto older = resolved({staged(kim, true)}, no, known(RemoteStatus::OptedOut), circumstances);
  EXPECT_EQ(older.wanted.opted_in_at, opted_out_at - 1s);
  EXPECT_EQ(older.wanted.renewed, std::nullopt);
  circumstances.seen_before = opted_out_at + 1s;
  const auto newer = resolved({staged(kim, true)}, no, known(RemoteStatus::OptedOut), circumstances);
  EXPECT_EQ(newer.wanted.opted_in_at, opted_out_at + 1s);
  EXPECT_EQ(newer.wanted.renewed, opted_out_at);
  circumstances.seen_before = now + 1s;
  const auto clock = resolved({staged(kim, true)}, no, known(RemoteStatus::OptedOut), circumstances);
  EXPECT_EQ(clock.wanted.opted_in_at, now) << "a clock that was set";
}

TEST(ResolveConsent, AColumnThatTurnsTrueTogetherWithTheAddressIsOneOfAMemberWhoOptedOut) {
  const auto kim = member();
  Circumstances circumstances;
  circumstances.member_opted_out = true;
  const auto opted_in = resolved({staged(kim, true)}, {}, known(RemoteStatus::OptedOut), circumstances);
  EXPECT_EQ(opted_in.wanted.renewed, opted_out_at);
  EXPECT_EQ(opted_in.change_class, ChangeClass::Resubscribe);
  const auto only_moved = resolved({staged(kim)}, {}, known(RemoteStatus::OptedOut), circumstances);
  EXPECT_EQ(only_moved.wanted.renewed, std::nullopt);
  EXPECT_EQ(only_moved.change_class, ChangeClass::Add);
}

// ---- an address that is left
// -------------------------------------------------------------------------------

TEST(ResolveLeft, ByAMemberWhoIsStillThereIsNotKept) {
  const auto kim = member();
  Circumstances circumstances;
  circumstances.left_by_living = true;
  const auto moved =
      resolved({}, wanted(Intent::Subscribed, kim), known(RemoteStatus::Subscribed), circumstances);
  EXPECT_TRUE(moved.wanted.silenced);
  EXPECT_EQ(moved.change_class, ChangeClass::Removal);
  const auto gone = resolved({}, wanted(Intent::Subscribed, kim), known(RemoteStatus::Subscribed));
  EXPECT_FALSE(gone.wanted.silenced);
}

TEST(ResolveLeft, BySomebodyWhoSaysNoIsAnOptOutAndWaitsForNoRemoval) {
  Circumstances circumstances;
  circumstances.left_by_living = true;
  circumstances.left_saying_no = true;
  const auto left =
      resolved({}, wanted(Intent::Subscribed, member()), known(RemoteStatus::Subscribed), circumstances);
  EXPECT_EQ(left.wanted.intent, Intent::Absent);
  EXPECT_TRUE(left.wanted.silenced);
  EXPECT_EQ(left.change_class, ChangeClass::OptOut);
}

TEST(ResolveLeft, AfterANoIsNotKept) {
  const auto left = resolved({}, wanted(Intent::Unsubscribed, member()), known(RemoteStatus::Subscribed));
  EXPECT_TRUE(left.wanted.silenced);
}

TEST(ResolveLeft, AndBorneByAnotherRowGoesOnAsThatSays) {
  const auto kim = member();
  Circumstances circumstances;
  circumstances.left_by_living = true;
  circumstances.left_saying_no = true;
  auto gone = wanted(Intent::Absent, kim);
  gone.silenced = true;
  const auto result = resolved({staged(kim)}, gone, known(RemoteStatus::Subscribed), circumstances);
  EXPECT_EQ(result.wanted.intent, Intent::Subscribed);
  EXPECT_FALSE(result.wanted.silenced);
}

// ---- a resubscription that is not in the table yet
// -----------------------------------------------------------

TEST(ResolveResubscription, CountsUntilItIsWrittenBack) {
  const auto no = member({}, false);
  const auto lifted = wanted(Intent::Subscribed, member());
  Circumstances waits;
  waits.awaits_resubscribe = true;
  EXPECT_EQ(resolved({staged(no)}, lifted, known(RemoteStatus::Subscribed), waits).wanted.intent,
            Intent::Subscribed);
  const auto given_up = resolved({staged(no)}, lifted, known(RemoteStatus::Subscribed));
  EXPECT_EQ(given_up.wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(given_up.change_class, ChangeClass::OptOut);
}

TEST(ResolveResubscription, IsOvertakenByALaterNoOfTheTable) {
  const auto no = member({}, false);
  const auto lifted = wanted(Intent::Subscribed, member());
  Circumstances waits;
  waits.awaits_resubscribe = true;
  auto says_no_now = staged(no);
  says_no_now.opted_out_now = true;
  const auto result = resolved({says_no_now}, lifted, known(RemoteStatus::Subscribed), waits);
  EXPECT_EQ(result.wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(result.change_class, ChangeClass::OptOut);
  EXPECT_TRUE(result.overtakes_resubscribe);

  waits.may_show_own_no = true;
  const auto ours = resolved({says_no_now}, lifted, known(RemoteStatus::Subscribed), waits);
  EXPECT_EQ(ours.wanted.intent, Intent::Subscribed);
  EXPECT_FALSE(ours.overtakes_resubscribe);
}

TEST(ResolveResubscription, IsNoneOfWhomTheStateHasAsUnsubscribed) {
  const auto no = member({}, false);
  Circumstances waits;
  waits.awaits_resubscribe = true;
  const auto result =
      resolved({staged(no)}, wanted(Intent::Unsubscribed, no), known(RemoteStatus::Unsubscribed), waits);
  EXPECT_EQ(result.wanted.intent, Intent::Unsubscribed);
}

}  // namespace
}  // namespace stibee_sync::diff
