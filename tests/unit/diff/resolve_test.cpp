#include "stibee_sync/diff/resolve.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::diff {
namespace {

using domain::Intent;
using domain::MemberKey;
using domain::RemoteStatus;
using domain::Wanted;

domain::UtcTime second(int n) {
  return domain::UtcTime(std::chrono::seconds(n));
}

const domain::UtcTime now = second(1'000'000);
const domain::StateKey state_key{domain::StateKey::Bytes{}};

domain::Member member(const std::string& name, bool subscribed = true) {
  domain::Member result;
  result.email = domain::EmailAddress::from_normalised("kim@example.com");
  result.subscribed = subscribed;
  result.ad_agreed = true;
  result.groups = {1, 2};
  result.fields = {{"name", name}};
  return result;
}

Bearer staged(std::int64_t key, const domain::Member& values) {
  return {MemberKey(key), values.subscribed, false, &values};
}
Bearer unchanged(std::int64_t key, bool subscribed = true) {
  return {MemberKey(key), subscribed, false, nullptr};
}
Bearer unusable(std::int64_t key, bool subscribed = true) {
  return {MemberKey(key), subscribed, true, nullptr};
}

Wanted wanted(Intent intent, const domain::Member& values) {
  Wanted result;
  result.intent = intent;
  result.fields = domain::fingerprint_of(values.fields, state_key);
  result.ad_agreed = values.ad_agreed;
  result.groups = values.groups;
  result.consented_at = values.consented_at;
  return result;
}

Resolution resolved(const std::vector<Bearer>& bearers, const std::optional<Wanted>& before,
                    RemoteStatus known = RemoteStatus::Unknown, bool maybe_subscribed = false) {
  domain::Confirmed confirmed;
  confirmed.status = known;
  confirmed.maybe_subscribed = maybe_subscribed;
  return resolve(bearers, before, confirmed, state_key, now);
}

TEST(Resolve, NewRowIsWantedSubscribedWithItsValues) {
  domain::Member kim = member("Kim");
  kim.consented_at = second(5);
  const Resolution result = resolved({staged(7, kim)}, std::nullopt);
  EXPECT_EQ(result.wanted, wanted(Intent::Subscribed, kim));
  EXPECT_EQ(result.values, &kim);
  EXPECT_EQ(result.key, MemberKey(std::int64_t{7}));
  EXPECT_FALSE(result.duplicate);
  EXPECT_EQ(result.change_class, ChangeClass::Add);
}

TEST(Resolve, NewRowThatSaysNoIsWantedUnsubscribedAndChangesNothing) {
  const domain::Member kim = member("Kim", false);
  const Resolution result = resolved({staged(7, kim)}, std::nullopt);
  EXPECT_EQ(result.wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(result.wanted.opted_in_at, std::nullopt);
  EXPECT_EQ(result.change_class, ChangeClass::None);
}

TEST(Resolve, ChangedValuesAreAnUpdate) {
  const domain::Member kim = member("Kim");
  const Wanted before = wanted(Intent::Subscribed, kim);
  EXPECT_EQ(resolved({staged(7, kim)}, before).change_class, ChangeClass::None);

  domain::Member renamed = member("Lee");
  EXPECT_EQ(resolved({staged(7, renamed)}, before).change_class, ChangeClass::Update);
  EXPECT_NE(resolved({staged(7, renamed)}, before).wanted.fields, before.fields);
  domain::Member regrouped = kim;
  regrouped.groups = {1};
  EXPECT_EQ(resolved({staged(7, regrouped)}, before).change_class, ChangeClass::Update);
  domain::Member disagreed = kim;
  disagreed.ad_agreed = false;
  EXPECT_EQ(resolved({staged(7, disagreed)}, before).change_class, ChangeClass::Update);
  domain::Member consented = kim;
  consented.consented_at = second(9);
  const Resolution result = resolved({staged(7, consented)}, before, RemoteStatus::Subscribed);
  EXPECT_EQ(result.change_class, ChangeClass::None);
  EXPECT_EQ(result.wanted.consented_at, second(9));
}

TEST(Resolve, RowThatIsNotStagedKeepsItsValues) {
  domain::Member kim = member("Kim");
  kim.consented_at = second(5);
  const Wanted before = wanted(Intent::Subscribed, kim);
  const Resolution result = resolved({unchanged(7)}, before);
  EXPECT_EQ(result.wanted, before);
  EXPECT_EQ(result.values, nullptr);
  EXPECT_EQ(result.key, MemberKey(std::int64_t{7}));
  EXPECT_EQ(result.change_class, ChangeClass::None);
}

TEST(Resolve, OptOutInTheSourceIsAnOptOut) {
  const domain::Member kim = member("Kim", false);
  const Resolution result =
      resolved({staged(7, kim)}, wanted(Intent::Subscribed, kim), RemoteStatus::Subscribed);
  EXPECT_EQ(result.wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(result.change_class, ChangeClass::OptOut);
}

TEST(Resolve, OptInAfterAnOptOutIsDated) {
  const domain::Member kim = member("Kim");
  const Wanted before = wanted(Intent::Unsubscribed, kim);
  const Resolution result = resolved({staged(7, kim)}, before, RemoteStatus::Unsubscribed);
  EXPECT_EQ(result.wanted.intent, Intent::Subscribed);
  EXPECT_EQ(result.wanted.opted_in_at, now);
  EXPECT_EQ(result.change_class, ChangeClass::Resubscribe);
}

TEST(Resolve, DateOfTheOptInIsKept) {
  const domain::Member kim = member("Kim");
  Wanted before = wanted(Intent::Subscribed, kim);
  before.opted_in_at = second(3);
  EXPECT_EQ(resolved({staged(7, kim)}, before).wanted.opted_in_at, second(3));
  EXPECT_EQ(resolved({}, before).wanted.opted_in_at, second(3));
  EXPECT_EQ(resolved({unchanged(7, false)}, before).wanted.opted_in_at, second(3));
}

TEST(Resolve, ComingBackAfterBeingGoneIsNoOptIn) {
  const domain::Member kim = member("Kim");
  Wanted before = wanted(Intent::Absent, kim);
  before.left_at = second(3);
  const Resolution result = resolved({staged(7, kim)}, before, RemoteStatus::Unsubscribed);
  EXPECT_EQ(result.wanted.intent, Intent::Subscribed);
  EXPECT_EQ(result.wanted.opted_in_at, std::nullopt);
  EXPECT_EQ(result.wanted.left_at, std::nullopt);
  EXPECT_EQ(result.change_class, ChangeClass::Resubscribe);
}

TEST(Resolve, DuplicateThatGoesAwayIsNoOptInOfTheRowThatStays) {
  const domain::Member kim = member("Kim");
  const Wanted before = wanted(Intent::Unsubscribed, kim);
  const Resolution left_alone = resolved({unchanged(7)}, before, RemoteStatus::OptedOut);
  EXPECT_EQ(left_alone.wanted.intent, Intent::Subscribed);
  EXPECT_EQ(left_alone.wanted.opted_in_at, std::nullopt);

  Bearer shadowed = staged(7, kim);
  shadowed.may_have_opted_in = false;
  EXPECT_EQ(resolved({shadowed}, before, RemoteStatus::OptedOut).wanted.opted_in_at, std::nullopt);
}

TEST(Resolve, PersonWithoutRowHasLeftOnce) {
  const domain::Member kim = member("Kim");
  const Wanted before = wanted(Intent::Subscribed, kim);
  const Resolution left = resolved({}, before, RemoteStatus::Subscribed);
  EXPECT_EQ(left.wanted.intent, Intent::Absent);
  EXPECT_EQ(left.wanted.left_at, now);
  EXPECT_EQ(left.wanted.fields, before.fields);
  EXPECT_EQ(left.key, std::nullopt);
  EXPECT_EQ(left.values, nullptr);
  EXPECT_EQ(left.change_class, ChangeClass::Removal);

  Wanted gone = left.wanted;
  gone.left_at = second(3);
  const Resolution again = resolved({}, gone, RemoteStatus::Subscribed);
  EXPECT_EQ(again.wanted, gone);
  EXPECT_EQ(again.change_class, ChangeClass::None);

  const Resolution never_there = resolved({}, std::nullopt);
  EXPECT_EQ(never_there.wanted.intent, Intent::Absent);
  EXPECT_EQ(never_there.wanted.left_at, now);
  EXPECT_EQ(never_there.change_class, ChangeClass::None);
}

TEST(Resolve, ValuesOfTheLowestUsableKeyCount) {
  const domain::Member kim = member("Kim"), lee = member("Lee");
  const Resolution both = resolved({staged(1, kim), staged(2, lee)}, std::nullopt);
  EXPECT_TRUE(both.duplicate);
  EXPECT_EQ(both.values, &kim);
  EXPECT_EQ(both.key, MemberKey(std::int64_t{1}));

  const Resolution first_rejected = resolved({unusable(1), staged(2, lee)}, std::nullopt);
  EXPECT_TRUE(first_rejected.duplicate);
  EXPECT_EQ(first_rejected.values, &lee);
  EXPECT_EQ(first_rejected.key, MemberKey(std::int64_t{2}));
  EXPECT_EQ(first_rejected.wanted.fields, domain::fingerprint_of(lee.fields, state_key));

  const Wanted before = wanted(Intent::Subscribed, kim);
  const Resolution first_unchanged = resolved({unchanged(1), staged(2, lee)}, before);
  EXPECT_EQ(first_unchanged.values, nullptr);
  EXPECT_EQ(first_unchanged.wanted, before);
}

TEST(Resolve, SubscribedOnlyIfEveryRowSaysSo) {
  const domain::Member yes = member("Kim"), no = member("Lee", false);
  const Wanted before = wanted(Intent::Subscribed, yes);
  EXPECT_EQ(resolved({staged(1, yes), staged(2, no)}, before).change_class, ChangeClass::OptOut);
  EXPECT_EQ(resolved({staged(1, no), staged(2, yes)}, before).wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(resolved({unchanged(1), unchanged(2, false)}, before).wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(resolved({staged(1, yes), unusable(2, false)}, before).wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(resolved({staged(1, yes), unusable(2)}, before).wanted.intent, Intent::Subscribed);
}

TEST(Resolve, WithoutUsableRowTheIntentStaysButAnOptOutCounts) {
  const domain::Member kim = member("Kim");
  for (const Intent intent : {Intent::Subscribed, Intent::Unsubscribed, Intent::Absent}) {
    Wanted before = wanted(intent, kim);
    if (intent == Intent::Absent) before.left_at = second(3);
    const Resolution result = resolved({unusable(1)}, before, RemoteStatus::Subscribed);
    EXPECT_EQ(result.wanted, before) << domain::name(intent);
    EXPECT_EQ(result.values, nullptr);
    EXPECT_EQ(result.key, MemberKey(std::int64_t{1}));
    EXPECT_EQ(result.change_class, ChangeClass::None);

    const Resolution opted_out = resolved({unusable(1, false)}, before, RemoteStatus::Subscribed);
    EXPECT_EQ(opted_out.wanted.intent, Intent::Unsubscribed);
    EXPECT_EQ(opted_out.wanted.left_at, std::nullopt);
    EXPECT_EQ(opted_out.change_class, intent == Intent::Subscribed ? ChangeClass::OptOut : ChangeClass::None);
  }
  const Resolution unheard_of = resolved({unusable(1)}, std::nullopt);
  EXPECT_EQ(unheard_of.wanted, Wanted{});
  EXPECT_EQ(unheard_of.change_class, ChangeClass::None);
  EXPECT_EQ(resolved({unusable(1, false)}, std::nullopt).wanted.intent, Intent::Unsubscribed);
}

TEST(Resolve, RowWhoseValuesNobodyHasIsNotSent) {
  const Resolution result = resolved({unchanged(1)}, std::nullopt);
  EXPECT_EQ(result.wanted, Wanted{});
  EXPECT_EQ(result.change_class, ChangeClass::None);
}

TEST(Resolve, AnOptOutOnRecordMeetsAFreshState) {
  domain::Member kim = member("Kim");
  kim.consented_at = second(9);
  domain::Confirmed known;
  known.status = RemoteStatus::OptedOut;
  const auto class_at = [&](std::optional<domain::UtcTime> since) {
    known.since = since;
    return resolve({staged(1, kim)}, std::nullopt, known, state_key, now).change_class;
  };
  // Nothing is sent: a guard that took it for a mass resubscribe would hold every rebuilt state.
  EXPECT_EQ(class_at(second(9)), ChangeClass::Add);
  EXPECT_EQ(class_at(std::nullopt), ChangeClass::Add);
  EXPECT_EQ(class_at(second(8)), ChangeClass::Resubscribe);
  known.maybe_subscribed = true;
  EXPECT_EQ(class_at(second(9)), ChangeClass::Resubscribe);
}

TEST(Resolve, EveryPairOfIntentsAndStatusHasItsClass) {
  const domain::Member yes = member("Kim"), no = member("Kim", false);
  const RemoteStatus statuses[] = {
      RemoteStatus::Unknown,     RemoteStatus::Subscribed, RemoteStatus::Unsubscribed, RemoteStatus::OptedOut,
      RemoteStatus::AutoDeleted, RemoteStatus::Purged,     RemoteStatus::Ready};
  const std::optional<Wanted> befores[] = {std::nullopt, wanted(Intent::Subscribed, yes),
                                           wanted(Intent::Unsubscribed, yes), wanted(Intent::Absent, yes)};
  for (const RemoteStatus known : statuses) {
    // Of an opt-out without a newer consent nothing comes: AnOptOutOnRecordMeetsAFreshState.
    const bool unsubscribed_there = known == RemoteStatus::Unsubscribed;
    for (const auto& before : befores) {
      const Intent was = before ? before->intent : Intent::Absent;
      const auto class_of = [&](const std::vector<Bearer>& bearers) {
        return resolved(bearers, before, known).change_class;
      };
      SCOPED_TRACE(std::string(domain::name(was)) + " at " + std::string(domain::name(known)));
      EXPECT_EQ(class_of({staged(1, yes)}), was == Intent::Subscribed ? ChangeClass::None
                                            : was == Intent::Unsubscribed || unsubscribed_there
                                                ? ChangeClass::Resubscribe
                                                : ChangeClass::Add);
      EXPECT_EQ(class_of({staged(1, no)}),
                was == Intent::Subscribed ? ChangeClass::OptOut : ChangeClass::None);
      const bool nobody_goes =
          was == Intent::Absent || (was == Intent::Unsubscribed && known == RemoteStatus::Unknown);
      EXPECT_EQ(class_of({}), nobody_goes ? ChangeClass::None : ChangeClass::Removal);
    }
  }
}

TEST(Resolve, OptOutThatStibeeHasAlreadyIsNotCountedButWaitsWithItsClass) {
  const domain::Member no = member("Kim", false);
  const Wanted before = wanted(Intent::Subscribed, no);
  for (const RemoteStatus known : {RemoteStatus::OptedOut, RemoteStatus::AutoDeleted, RemoteStatus::Purged}) {
    const Resolution written_back = resolved({staged(1, no)}, before, known);
    EXPECT_EQ(written_back.change_class, ChangeClass::OptOut) << domain::name(known);
    EXPECT_FALSE(written_back.counts) << domain::name(known);
    EXPECT_TRUE(resolved({staged(1, no)}, before, known, true).counts)
        << "an unsubscribe is sent to make sure";
  }
  for (const RemoteStatus known :
       {RemoteStatus::Unknown, RemoteStatus::Subscribed, RemoteStatus::Unsubscribed, RemoteStatus::Ready})
    EXPECT_TRUE(resolved({staged(1, no)}, before, known).counts) << domain::name(known);
}

TEST(Resolve, EveryOtherChangeOfSomebodyWhoOptedOutCounts) {
  const domain::Member yes = member("Kim"), lee = member("Lee");
  const Wanted subscribed = wanted(Intent::Subscribed, yes);
  const Wanted refused = wanted(Intent::Unsubscribed, yes);
  const Resolution back = resolved({staged(1, yes)}, refused, RemoteStatus::OptedOut);
  EXPECT_EQ(back.change_class, ChangeClass::Resubscribe) << "the way back from a write-back is guarded";
  EXPECT_TRUE(back.counts);
  EXPECT_TRUE(resolved({staged(1, lee)}, subscribed, RemoteStatus::OptedOut).counts);
  EXPECT_TRUE(resolved({}, subscribed, RemoteStatus::OptedOut).counts);
  EXPECT_TRUE(resolved({}, refused, RemoteStatus::OptedOut).counts);
}

TEST(Resolve, ResubscriptionThatStibeeToldAndTheTableTookOverIsNoChange) {
  // The event made the person wanted, and the ledger says Subscribed; then the row follows.
  const domain::Member yes = member("Kim");
  Wanted lifted = wanted(Intent::Subscribed, yes);
  lifted.opted_in_at = second(9);
  const Resolution written_back = resolved({staged(1, yes)}, lifted, RemoteStatus::Subscribed);
  EXPECT_EQ(written_back.change_class, ChangeClass::None);
  EXPECT_EQ(written_back.wanted, lifted);
}

TEST(ChangeClassName, IsTheGuardsWord) {
  EXPECT_EQ(name(ChangeClass::None), "none");
  EXPECT_EQ(name(ChangeClass::Add), "adds");
  EXPECT_EQ(name(ChangeClass::Update), "updates");
  EXPECT_EQ(name(ChangeClass::OptOut), "optouts");
  EXPECT_EQ(name(ChangeClass::Resubscribe), "resubscribes");
  EXPECT_EQ(name(ChangeClass::Removal), "removals");
}

TEST(Resolve, AnOptOutThatAResubscribeMayHaveOvertakenDoesNotStand) {
  const domain::Member kim = member("Kim");
  EXPECT_EQ(resolved({staged(7, kim)}, std::nullopt, RemoteStatus::OptedOut, false).change_class,
            ChangeClass::Add);
  EXPECT_EQ(resolved({staged(7, kim)}, std::nullopt, RemoteStatus::OptedOut, true).change_class,
            ChangeClass::Resubscribe);
}

TEST(Resolve, AnOptOutCountsUnlessStibeeSurelyHasItAlready) {
  const domain::Member no = member("Kim", false);
  const auto before = wanted(Intent::Subscribed, member("Kim"));
  for (const auto status : {RemoteStatus::OptedOut, RemoteStatus::AutoDeleted, RemoteStatus::Purged}) {
    EXPECT_FALSE(resolved({staged(7, no)}, before, status, false).counts);
    EXPECT_TRUE(resolved({staged(7, no)}, before, status, true).counts) << "they may be back";
  }
  EXPECT_TRUE(resolved({staged(7, no)}, before, RemoteStatus::Subscribed).counts);
  domain::Confirmed out;
  out.status = RemoteStatus::OptedOut;
  Circumstances leaving;
  leaving.left_saying_no = true;
  const auto left = resolve({}, before, out, state_key, now, leaving);
  EXPECT_EQ(left.change_class, ChangeClass::OptOut);
  EXPECT_TRUE(left.counts);
}

TEST(Resolve, OnlyARowThatThisReadBroughtCanHaveOptedIn) {
  const domain::Member kim = member("Kim");
  const auto before = wanted(Intent::Unsubscribed, member("Kim", false));
  const auto opted_in = [&](const std::vector<Bearer>& bearers) {
    return resolved(bearers, before).wanted.opted_in_at == now;
  };
  EXPECT_TRUE(opted_in({staged(7, kim)}));
  EXPECT_FALSE(opted_in({unchanged(7)}));
  EXPECT_TRUE(opted_in({unusable(6), unchanged(7)}));
  auto known_not_to = staged(7, kim);
  known_not_to.may_have_opted_in = false;
  EXPECT_FALSE(opted_in({known_not_to}));
  EXPECT_TRUE(opted_in({known_not_to, staged(8, kim)})) << "one is enough";
}

TEST(Resolve, OnlyAYesAfterANoIsAnOptIn) {
  const domain::Member yes = member("Kim");
  const domain::Member no = member("Kim", false);
  const auto opted_in = [&](const domain::Member& row, Intent before, bool member_opted_out) {
    Circumstances circumstances;
    circumstances.member_opted_out = member_opted_out;
    return resolve({staged(7, row)}, wanted(before, row), {}, state_key, now, circumstances)
               .wanted.opted_in_at == now;
  };
  EXPECT_TRUE(opted_in(yes, Intent::Unsubscribed, false));
  EXPECT_TRUE(opted_in(yes, Intent::Absent, true));
  EXPECT_FALSE(opted_in(yes, Intent::Absent, false));
  EXPECT_FALSE(opted_in(yes, Intent::Subscribed, true));
  EXPECT_FALSE(opted_in(no, Intent::Unsubscribed, true));
}

}  // namespace
}  // namespace stibee_sync::diff
