#include "stibee_sync/pipeline/drift.hpp"

#include "stibee_sync/ledger/next_operation.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::pipeline {
namespace {

bool is_empty(const Consequence& change) {
  return !change.confirmed && !change.wanted && !change.suppress && !change.lift && !change.writeback &&
         !change.look_again;
}

using domain::Intent;
using domain::RemoteStatus;

constexpr domain::UtcTime now{std::chrono::hours(24 * 365 * 56)};
constexpr domain::UtcTime before = now - std::chrono::hours(24);
constexpr domain::UtcTime later = now - std::chrono::hours(1);

domain::Fingerprint print(std::uint8_t n) {
  domain::Fingerprint value;
  value.bytes[0] = n;
  return value;
}

MirrorPlan plan_of() {
  MirrorPlan plan;
  plan.name = "members";
  plan.list_id = 1234;
  plan.mapping.group_ids = {{"gold", 11}, {"silver", 12}};
  return plan;
}

/// Somebody whom table, ledger and list agree about.
store::ListedPair in_step() {
  store::ListedPair pair;
  pair.email = domain::EmailAddress::from_normalised("p@example.com");
  ledger::LedgerView ledger;
  ledger.wanted.intent = Intent::Subscribed;
  ledger.wanted.fields = print(1);
  ledger.wanted.ad_agreed = true;
  ledger.wanted.groups = {11};
  ledger.confirmed.status = RemoteStatus::Subscribed;
  ledger.confirmed.since = before;
  ledger.confirmed.fields = print(1);
  ledger.confirmed.ad_agreed = true;
  ledger.confirmed.groups = {11};
  pair.view.ledger = ledger;
  store::Listed listed;
  listed.status = RemoteStatus::Subscribed;
  listed.fields = print(1);
  listed.ad_agreed = true;
  listed.groups = domain::GroupSet{11};
  listed.modified = before;
  pair.listed = listed;
  return pair;
}

store::ListedPair with(Intent wanted, RemoteStatus confirmed, std::optional<RemoteStatus> listed) {
  auto pair = in_step();
  pair.view.ledger->wanted.intent = wanted;
  if (wanted == Intent::Absent) pair.view.ledger->wanted.left_at = before;
  pair.view.ledger->confirmed.status = confirmed;
  if (listed) {
    pair.listed->status = *listed;
  } else {
    pair.listed.reset();
  }
  return pair;
}

PersonDrift compared(const store::ListedPair& pair) {
  return compare(pair, plan_of(), now);
}

Drift only(const PersonDrift& found) {
  EXPECT_EQ(found.drifts.size(), 1U);
  return found.drifts.empty() ? Drift{} : found.drifts.front();
}

TEST(Drift, IsNothingWhereTableLedgerAndListAgree) {
  const auto found = compared(in_step());
  EXPECT_TRUE(found.drifts.empty());
  EXPECT_EQ(found.mending, Mending::None);
  EXPECT_TRUE(is_empty(found.change));
}

TEST(Drift, NamesSomebodyMissingThereAndMendsByForgettingWhatWasConfirmed) {
  const auto found = compared(with(Intent::Subscribed, RemoteStatus::Subscribed, std::nullopt));
  EXPECT_EQ(only(found), (Drift{DriftKind::MissingThere, "deleted_there_or_call_lost", "subscribe"}));
  EXPECT_EQ(found.mending, Mending::Send);
  EXPECT_EQ(found.change.confirmed, domain::Confirmed{});
}

TEST(Drift, DoesNotAskSomebodyUnconfirmedWhoIsGoneASecondTime) {
  const auto found = compared(with(Intent::Subscribed, RemoteStatus::Ready, std::nullopt));
  EXPECT_EQ(only(found).kind, DriftKind::MissingThere);
  EXPECT_EQ(found.mending, Mending::None);
  EXPECT_TRUE(is_empty(found.change));
}

TEST(Drift, NamesTheReasonForWhichSomebodyMissingIsParkedAndLeavesThemParked) {
  auto pair = with(Intent::Subscribed, RemoteStatus::Unknown, std::nullopt);
  pair.view.parked = domain::Reason::WrongEmail;
  const auto found = compared(pair);
  EXPECT_EQ(only(found), (Drift{DriftKind::MissingThere, "parked: wrong_email", "none"}));
  EXPECT_TRUE(is_empty(found.change));
}

TEST(Drift, NamesAStrayAndLeavesItAlone) {
  auto pair = in_step();
  pair.view.ledger.reset();
  const auto found = compared(pair);
  EXPECT_EQ(only(found), (Drift{DriftKind::StrayThere, "not_in_table", "none"}));
  EXPECT_EQ(found.mending, Mending::None);
  EXPECT_TRUE(is_empty(found.change));
}

TEST(Drift, TakesNobodyForAStrayWhoIsNotMailedThere) {
  for (const auto status : {RemoteStatus::OptedOut, RemoteStatus::AutoDeleted, RemoteStatus::Purged}) {
    auto pair = in_step();
    pair.view.ledger.reset();
    pair.listed->status = status;
    EXPECT_TRUE(compared(pair).drifts.empty()) << domain::name(status);
  }
}

// As the read of a list shows them: the trace stands in the place of the row.
TEST(Drift, NamesWhoLeftTheTableAndIsSubscribedThere) {
  auto pair = in_step();
  pair.view.ledger = ledger::LedgerView{};
  pair.view.ledger->confirmed.status = RemoteStatus::Unsubscribed;
  pair.view.is_trace = true;
  const auto found = compared(pair);
  EXPECT_EQ(only(found).kind, DriftKind::StrayThere);
  EXPECT_TRUE(unchanged_since(pair, pair.view));
  EXPECT_EQ(only(compare_trace(found, pair.view, plan_of())).cause, "left_the_table_and_came_back");
}

TEST(Drift, TellsAStrayWhoOnceLeftTheTableFromOtherStrays) {
  auto pair = in_step();
  pair.view.ledger.reset();
  ledger::RemoteView trace;
  trace.ledger = ledger::LedgerView{};
  trace.is_trace = true;
  EXPECT_TRUE(unchanged_since(pair, trace));
  const auto found = compare_trace(compared(pair), trace, plan_of());
  EXPECT_EQ(only(found).cause, "left_the_table_and_came_back");
  auto keep = plan_of();
  keep.policy.on_leave = ledger::OnLeave::Keep;
  EXPECT_TRUE(compare_trace(compared(pair), trace, keep).drifts.empty());
}

TEST(Drift, RecordsAnOptOutMadeThereAndCarriesItBack) {
  auto plan = plan_of();
  plan.writeback["unsubscribed"] = "UPDATE …";
  const auto found =
      compare(with(Intent::Subscribed, RemoteStatus::Subscribed, RemoteStatus::OptedOut), plan, now);
  EXPECT_EQ(only(found), (Drift{DriftKind::OptedOutThere, "unsubscribed_there", "record"}));
  EXPECT_EQ(found.mending, Mending::Record);
  ASSERT_TRUE(found.change.confirmed);
  EXPECT_EQ(found.change.confirmed->status, RemoteStatus::OptedOut);
  EXPECT_EQ(found.change.confirmed->since, now);
  ASSERT_TRUE(found.change.suppress);
  EXPECT_EQ(found.change.suppress->by, "unknown");
  ASSERT_TRUE(found.change.writeback);
  EXPECT_EQ(found.change.writeback->event, "unsubscribed");
  EXPECT_FALSE(
      compared(with(Intent::Subscribed, RemoteStatus::Subscribed, RemoteStatus::OptedOut)).change.writeback);
}

TEST(Drift, TakesAKnownOptOutForEqual) {
  for (const auto listed : {std::optional(RemoteStatus::OptedOut), std::optional(RemoteStatus::AutoDeleted),
                            std::optional<RemoteStatus>()})
    EXPECT_TRUE(compared(with(Intent::Subscribed, RemoteStatus::OptedOut, listed)).drifts.empty());
}

TEST(Drift, NeverLiftsAnOptOutThoughThePersonIsSubscribedThere) {
  const auto found = compared(with(Intent::Subscribed, RemoteStatus::OptedOut, RemoteStatus::Subscribed));
  EXPECT_EQ(only(found), (Drift{DriftKind::SubscribedThere, "resubscribed_there", "none"}));
  EXPECT_EQ(found.mending, Mending::None);
  EXPECT_TRUE(is_empty(found.change));
}

TEST(Drift, UnsubscribesWhoOptedOutAndIsSubscribedThereIfTheTableDoesNotWantThemEither) {
  for (const auto intent : {Intent::Unsubscribed, Intent::Absent}) {
    const auto found = compared(with(intent, RemoteStatus::OptedOut, RemoteStatus::Subscribed));
    EXPECT_EQ(only(found), (Drift{DriftKind::SubscribedThere, "resubscribed_there", "unsubscribe"}));
    EXPECT_EQ(found.mending, Mending::Unsubscribe);
    ASSERT_TRUE(found.change.confirmed);
    EXPECT_EQ(found.change.confirmed->status, RemoteStatus::OptedOut) << "the opt-out stands";
    EXPECT_TRUE(found.change.confirmed->owes_no);
    EXPECT_FALSE(found.change.lift);
  }
}

TEST(Drift, UnsubscribesAgainWhomTheTableDoesNotWantMailed) {
  auto pair = with(Intent::Unsubscribed, RemoteStatus::Unsubscribed, RemoteStatus::Subscribed);
  pair.listed->modified = before - std::chrono::hours(1);
  const auto lost = compared(pair);
  EXPECT_EQ(only(lost), (Drift{DriftKind::SubscribedThere, "unsubscribe_lost", "unsubscribe"}));
  EXPECT_EQ(lost.mending, Mending::Unsubscribe);
  EXPECT_EQ(lost.change.confirmed->status, RemoteStatus::Subscribed);
  pair.listed->modified = later;
  EXPECT_EQ(only(compared(pair)).cause, "resubscribed_there");
  EXPECT_EQ(only(compared(with(Intent::Unsubscribed, RemoteStatus::Unknown, RemoteStatus::Subscribed))).cause,
            "added_there");
}

TEST(Drift, LeavesPeopleWhoLeftAloneWhereTheyAreToBeKept) {
  auto keep = plan_of();
  keep.policy.on_leave = ledger::OnLeave::Keep;
  EXPECT_TRUE(compare(with(Intent::Absent, RemoteStatus::Subscribed, RemoteStatus::Subscribed), keep, now)
                  .drifts.empty());
}

TEST(Drift, SeesPeopleWhoWaitToBeDeletedAndAreSubscribedThere) {
  auto plan = plan_of();
  plan.policy.delete_after = std::chrono::hours(24 * 30);
  const auto found =
      compare(with(Intent::Absent, RemoteStatus::Unsubscribed, RemoteStatus::Subscribed), plan, now);
  EXPECT_EQ(only(found).kind, DriftKind::SubscribedThere);
  EXPECT_EQ(found.mending, Mending::Unsubscribe);
}

TEST(Drift, RecordsABounceAndAPurge) {
  const auto bounced =
      compared(with(Intent::Subscribed, RemoteStatus::Subscribed, RemoteStatus::AutoDeleted));
  EXPECT_EQ(only(bounced), (Drift{DriftKind::AutoDeleted, "bounced", "record"}));
  EXPECT_EQ(bounced.change.confirmed->status, RemoteStatus::AutoDeleted);
  const auto purged = compared(with(Intent::Subscribed, RemoteStatus::Subscribed, RemoteStatus::Purged));
  EXPECT_EQ(only(purged), (Drift{DriftKind::Purged, "purged_there", "record"}));
  EXPECT_EQ(purged.change.confirmed->status, RemoteStatus::Purged);
}

TEST(Drift, KeepsNamingWhoIsKnownToBeBouncedOrPurgedThoughNothingIsToBeDone) {
  for (const auto listed : {std::optional(RemoteStatus::AutoDeleted), std::optional<RemoteStatus>()}) {
    const auto found = compared(with(Intent::Subscribed, RemoteStatus::AutoDeleted, listed));
    EXPECT_EQ(only(found), (Drift{DriftKind::AutoDeleted, "bounced", "none"}));
    EXPECT_TRUE(is_empty(found.change));
  }
  const auto purged = compared(with(Intent::Subscribed, RemoteStatus::Purged, std::nullopt));
  EXPECT_EQ(only(purged), (Drift{DriftKind::Purged, "purged_there", "none"}));
}

TEST(Drift, LearnsThatSomebodyConfirmedOrCameBackAsTheTableWants) {
  const auto confirmed = compared(with(Intent::Subscribed, RemoteStatus::Ready, RemoteStatus::Subscribed));
  EXPECT_EQ(only(confirmed), (Drift{DriftKind::SubscribedThere, "confirmed_there", "record"}));
  EXPECT_EQ(confirmed.change.confirmed->status, RemoteStatus::Subscribed);
  auto pair = with(Intent::Subscribed, RemoteStatus::Unsubscribed, RemoteStatus::Subscribed);
  pair.view.parked = domain::Reason::ResubscribeUnsupported;
  const auto back = compared(pair);
  EXPECT_EQ(only(back), (Drift{DriftKind::SubscribedThere, "resubscribed_there", "record"}));
  EXPECT_EQ(back.change.confirmed->fields, print(1));
}

TEST(Drift, SendsValuesAgainThatWereEditedThere) {
  auto pair = in_step();
  pair.listed->fields = print(2);
  const auto found = compared(pair);
  EXPECT_EQ(only(found), (Drift{DriftKind::FieldsDiffer, "edited_there", "update"}));
  EXPECT_EQ(found.mending, Mending::Send);
  EXPECT_EQ(found.change.confirmed->fields, std::nullopt);
  EXPECT_EQ(found.change.confirmed->groups, domain::GroupSet{11});
  EXPECT_EQ(found.change.confirmed->status, RemoteStatus::Subscribed);
}

TEST(Drift, SendsAConsentFlagAgainThatWasEditedThere) {
  auto pair = in_step();
  pair.listed->ad_agreed = false;
  const auto found = compared(pair);
  EXPECT_EQ(only(found), (Drift{DriftKind::FieldsDiffer, "consent_edited_there", "update"}));
  EXPECT_EQ(found.change.confirmed->ad_agreed, std::nullopt);
  EXPECT_EQ(found.change.confirmed->fields, print(1));
  pair.view.ledger->wanted.ad_agreed.reset();
  EXPECT_TRUE(compared(pair).drifts.empty()) << "a flag that the table does not map is not ours";
}

TEST(Drift, TakesTheGroupsThatAreThereSoThatTheRestFollows) {
  auto pair = in_step();
  pair.listed->groups = domain::GroupSet{12};
  const auto found = compared(pair);
  EXPECT_EQ(only(found), (Drift{DriftKind::GroupsDiffer, "groups_edited_there", "groups"}));
  EXPECT_EQ(found.change.confirmed->groups, domain::GroupSet{12});
  pair.listed->groups.reset();
  EXPECT_TRUE(compared(pair).drifts.empty()) << "groups that are not shown are not known to differ";
}

TEST(Drift, NamesEachDifferenceOfOnePerson) {
  auto pair = in_step();
  pair.listed->fields = print(2);
  pair.listed->groups = domain::GroupSet{};
  const auto found = compared(pair);
  ASSERT_EQ(found.drifts.size(), 2U);
  EXPECT_EQ(found.drifts[0].kind, DriftKind::FieldsDiffer);
  EXPECT_EQ(found.drifts[1].kind, DriftKind::GroupsDiffer);
  EXPECT_EQ(found.change.confirmed->fields, std::nullopt);
  EXPECT_EQ(found.change.confirmed->groups, domain::GroupSet{});
}

TEST(Drift, IsNotWhatIsPendingOrOnItsWay) {
  auto pending = in_step();
  pending.view.ledger->wanted.fields = print(3);
  pending.listed.reset();
  EXPECT_TRUE(compared(pending).drifts.empty());
  auto in_flight = in_step();
  in_flight.view.in_flight = domain::Lane::Upsert;
  in_flight.listed.reset();
  EXPECT_TRUE(compared(in_flight).drifts.empty());
  EXPECT_TRUE(compared(with(Intent::Unsubscribed, RemoteStatus::Subscribed, RemoteStatus::Subscribed))
                  .drifts.empty());
}

TEST(Drift, KeepsItsHandsOffAStatusThatNobodyKnows) {
  auto pair = in_step();
  pair.listed->status.reset();
  const auto found = compared(pair);
  EXPECT_TRUE(found.hands_off);
  EXPECT_TRUE(found.drifts.empty());
}

TEST(Drift, CountsOnlyWhileTheLedgerStaysAsItWas) {
  const auto pair = in_step();
  EXPECT_TRUE(unchanged_since(pair, pair.view));
  auto changed = pair.view;
  changed.ledger->wanted.fields = print(9);
  EXPECT_FALSE(unchanged_since(pair, changed));
  auto flying = pair.view;
  flying.in_flight = domain::Lane::Optout;
  EXPECT_FALSE(unchanged_since(pair, flying));
  auto gone = pair.view;
  gone.is_trace = true;
  EXPECT_FALSE(unchanged_since(pair, gone));
  auto stray = in_step();
  stray.view.ledger.reset();
  EXPECT_FALSE(unchanged_since(stray, pair.view)) << "the person came into the table meanwhile";
}

ledger::RemoteView unknown_member(Intent intent = Intent::Subscribed) {
  ledger::RemoteView view;
  ledger::LedgerView ledger;
  ledger.wanted.intent = intent;
  ledger.wanted.fields = print(1);
  ledger.wanted.ad_agreed = true;
  ledger.wanted.groups = {11};
  view.ledger = ledger;
  view.pending = true;
  return view;
}

TEST(Adopt, TakesWhatIsThereAsConfirmedSoThatNothingEqualIsSentAgain) {
  const auto view = unknown_member();
  const auto change = adopt_change(*in_step().listed, view, now, now, now);
  ASSERT_TRUE(change.confirmed);
  EXPECT_EQ(change.confirmed->status, RemoteStatus::Subscribed);
  const auto next = ledger::next_operation(view.ledger->wanted, *change.confirmed, ledger::Policy{}, now);
  ASSERT_TRUE(std::holds_alternative<ledger::Rest>(next));
  EXPECT_EQ(std::get<ledger::Rest>(next), ledger::Rest::Settled);
  EXPECT_FALSE(change.suppress);
}

TEST(Adopt, TakesEverybodyUnsubscribedForOptedOutNow) {
  auto listed = *in_step().listed;
  listed.status = RemoteStatus::OptedOut;
  auto view = unknown_member();
  view.ledger->wanted.consented_at = later;  // newer than anything that the list shows
  const auto change = adopt_change(listed, view, now, now, now);
  ASSERT_TRUE(change.confirmed);
  EXPECT_EQ(change.confirmed->status, RemoteStatus::OptedOut);
  ASSERT_TRUE(change.suppress);
  EXPECT_EQ(change.suppress->at, now);
  const auto next = ledger::next_operation(view.ledger->wanted, *change.confirmed, ledger::Policy{}, now);
  ASSERT_TRUE(std::holds_alternative<ledger::Rest>(next));
  EXPECT_EQ(std::get<ledger::Rest>(next), ledger::Rest::OptedOut);
}

TEST(Adopt, SuppressesUnsubscribedPeopleWhoAreInNoRowAndLeavesStrays) {
  auto listed = *in_step().listed;
  EXPECT_TRUE(is_empty(adopt_change(listed, ledger::RemoteView{}, now, now, now)));
  listed.status = RemoteStatus::OptedOut;
  const auto change = adopt_change(listed, ledger::RemoteView{}, now, now, now);
  EXPECT_TRUE(change.suppress);
  EXPECT_FALSE(change.confirmed);
  ledger::RemoteView on_record;
  on_record.suppression = ledger::Suppression{before, "subscriber", "too much mail"};
  EXPECT_TRUE(is_empty(adopt_change(listed, on_record, now, now, now))) << "what is known better is kept";
}

TEST(Adopt, TakesANoOfPeopleWhoAreKnownForTheirOwnWhateverTheTableSays) {
  auto listed = *in_step().listed;
  auto view = in_step().view;
  ASSERT_EQ(view.ledger->confirmed.status, RemoteStatus::Subscribed);
  EXPECT_TRUE(is_empty(adopt_change(listed, view, now, now, now)));
  listed.status = RemoteStatus::OptedOut;
  const auto change = adopt_change(listed, view, now, now, now);
  ASSERT_TRUE(change.confirmed);
  EXPECT_EQ(change.confirmed->status, RemoteStatus::OptedOut);
  ASSERT_TRUE(change.suppress);
  EXPECT_EQ(change.suppress->at, now);
  view.ledger->wanted.intent = Intent::Unsubscribed;
  const auto silent = adopt_change(listed, view, now, now, now);
  ASSERT_TRUE(silent.confirmed);
  EXPECT_TRUE(silent.suppress) << "nobody can tell whether it was the table's no or their own";
  EXPECT_TRUE(std::holds_alternative<ledger::Rest>(
      ledger::next_operation(view.ledger->wanted, *silent.confirmed, ledger::Policy{}, now)))
      << "it is not said once more";
}

TEST(Adopt, TakesOverWhatAnotherDaemonDidSince) {
  auto listed = *in_step().listed;
  auto view = in_step().view;
  listed.fields = print(9);
  view.ledger->wanted.fields = print(9);
  const auto updated = adopt_change(listed, view, now, now, now);
  ASSERT_TRUE(updated.confirmed);
  EXPECT_EQ(updated.confirmed->fields, print(9));
  EXPECT_FALSE(updated.suppress);

  view.ledger->confirmed.status = RemoteStatus::Unsubscribed;
  const auto returned = adopt_change(listed, view, now, now, now);
  ASSERT_TRUE(returned.confirmed);
  EXPECT_EQ(returned.confirmed->status, RemoteStatus::Subscribed);
  EXPECT_TRUE(std::holds_alternative<ledger::Rest>(
      ledger::next_operation(view.ledger->wanted, *returned.confirmed, ledger::Policy{}, now)));

  view.ledger->confirmed.status = RemoteStatus::OptedOut;
  EXPECT_TRUE(is_empty(adopt_change(listed, view, now, now, now))) << "only a newer consent lifts an opt-out";
}

// Found by a simulated pair of hosts: the other one had brought the person back by a newer consent, the row
// said no after it, and whoever took over left them subscribed.
TEST(Adopt, TellsSomebodyNoWhoCameBackSinceTheirOptOutAndIsNotWanted) {
  const auto listed = *in_step().listed;
  auto view = in_step().view;
  view.ledger->confirmed.status = RemoteStatus::OptedOut;
  for (const auto intent : {Intent::Unsubscribed, Intent::Absent}) {
    view.ledger->wanted.intent = intent;
    const auto change = adopt_change(listed, view, now, now, now);
    ASSERT_TRUE(change.confirmed);
    EXPECT_EQ(change.confirmed->status, RemoteStatus::OptedOut) << "that stands";
    const auto next = ledger::next_operation(view.ledger->wanted, *change.confirmed, ledger::Policy{}, now);
    ASSERT_TRUE(std::holds_alternative<domain::Operation>(next));
    EXPECT_EQ(std::get<domain::Operation>(next).kind, domain::OperationKind::Unsubscribe);
  }
  view.is_trace = true;
  EXPECT_TRUE(is_empty(adopt_change(listed, view, now, now, now)));
}

TEST(Adopt, NeverSendsAnythingToPeopleOfAnUnknownStatus) {
  auto listed = *in_step().listed;
  listed.status.reset();
  for (const auto intent : {Intent::Subscribed, Intent::Unsubscribed, Intent::Absent}) {
    auto view = unknown_member(intent);
    view.ledger->wanted.fields = print(7);
    const auto change = adopt_change(listed, view, now, now, now);
    ASSERT_TRUE(change.confirmed);
    EXPECT_TRUE(std::holds_alternative<ledger::Rest>(
        ledger::next_operation(view.ledger->wanted, *change.confirmed, ledger::Policy{}, now)));
  }
}

TEST(Adopt, TakesOverTheOtherStatuses) {
  for (const auto status : {RemoteStatus::AutoDeleted, RemoteStatus::Ready, RemoteStatus::Purged}) {
    auto listed = *in_step().listed;
    listed.status = status;
    const auto change = adopt_change(listed, unknown_member(), now, now, now);
    ASSERT_TRUE(change.confirmed);
    EXPECT_EQ(change.confirmed->status, status);
    EXPECT_FALSE(change.suppress);
  }
}

TEST(Adopt, LeavesPeopleAloneOfWhomMoreIsKnown) {
  auto listed = *in_step().listed;
  listed.status = RemoteStatus::OptedOut;
  auto view = unknown_member();
  view.ledger->confirmed.status = RemoteStatus::Subscribed;
  view.ledger->confirmed.since = now;
  const auto soon = now + std::chrono::seconds(10);
  EXPECT_TRUE(is_empty(adopt_change(listed, view, now, soon, soon))) << "learnt while the list was read";
  view.ledger->confirmed.since = soon + std::chrono::seconds(1);
  EXPECT_FALSE(is_empty(adopt_change(listed, view, now, soon, soon))) << "dated by a clock that was wrong";
}

// Found by a simulated day: whom the daemon that is gone had brought back, and who had said no once more, was
// brought back again by the consent that was spent.
TEST(Adopt, TakesAnOptOutForANewOneUnlessItIsAsOldAsTheOneKnown) {
  auto listed = *in_step().listed;
  listed.status = RemoteStatus::OptedOut;
  auto view = in_step().view;
  view.suppression = ledger::Suppression{now - std::chrono::hours(1), "subscriber", ""};
  for (const auto known : {RemoteStatus::OptedOut, RemoteStatus::Unsubscribed}) {
    view.ledger->confirmed.status = known;
    view.ledger->confirmed.since = now - std::chrono::hours(1);
    // Since when we take somebody for unsubscribed by ourselves may be assumed.
    view.ledger->wanted.intent = known == RemoteStatus::OptedOut ? Intent::Subscribed : Intent::Unsubscribed;
    listed.modified = now - std::chrono::hours(1);
    EXPECT_TRUE(is_empty(adopt_change(listed, view, now, now, now))) << "it is the one that is known";
    view.ledger->wanted.intent = Intent::Subscribed;
    for (const auto modified :
         {std::optional<domain::UtcTime>(now - std::chrono::minutes(30)), std::optional<domain::UtcTime>()}) {
      listed.modified = modified;
      const auto change = adopt_change(listed, view, now, now, now);
      ASSERT_TRUE(change.confirmed && change.suppress) << domain::name(known);
      EXPECT_EQ(change.confirmed->status, RemoteStatus::OptedOut);
      EXPECT_EQ(change.confirmed->since, now);
      EXPECT_EQ(change.suppress->at, now);
    }
  }
  view.ledger->wanted.consented_at = now - std::chrono::minutes(20);
  listed.modified = now - std::chrono::minutes(30);
  EXPECT_TRUE(is_empty(adopt_change(listed, view, now, now, now))) << "they said yes after it";
  view.ledger->wanted = domain::Wanted{};
  view.is_trace = true;
  EXPECT_TRUE(adopt_change(listed, view, now, now, now).suppress) << "whoever left, too";
}

// Found by a simulated day: who opted out while a call of unknown end was remembered of them was sent it once
// more.
TEST(Adopt, SeesAnOptOutBehindASubscribeOfUnknownEnd) {
  auto listed = *in_step().listed;
  listed.status = RemoteStatus::OptedOut;
  auto view = unknown_member();
  view.in_flight = domain::Lane::Upsert;
  for (const auto known : {RemoteStatus::Unknown, RemoteStatus::Subscribed, RemoteStatus::Ready}) {
    view.ledger->confirmed.status = known;
    const auto change = adopt_change(listed, view, now, now, now);
    ASSERT_TRUE(change.confirmed && change.suppress) << domain::name(known);
    EXPECT_EQ(change.confirmed->status, RemoteStatus::OptedOut);
    EXPECT_TRUE(change.confirmed->maybe_subscribed) << "the call may be applied yet";
  }
  listed.modified = view.ledger->confirmed.since = now - std::chrono::hours(1);
  view.ledger->wanted.consented_at = now - std::chrono::minutes(1);
  for (const auto known : {RemoteStatus::Unsubscribed, RemoteStatus::OptedOut}) {
    view.ledger->confirmed.status = known;
    EXPECT_TRUE(is_empty(adopt_change(listed, view, now, now, now))) << "the call is to bring them back";
  }
  view.ledger->confirmed.status = RemoteStatus::Subscribed;
  view.in_flight = domain::Lane::Optout;
  EXPECT_TRUE(is_empty(adopt_change(listed, view, now, now, now))) << "it may have been ours";
}

TEST(Repair, UnsubscribesNoMoreThanTheGuardWouldLetThrough) {
  diff::GuardLimits limits;
  EXPECT_EQ(diff::most_removals(limits, 0), 20U);
  EXPECT_EQ(diff::most_removals(limits, 10'000), 200U);
  EXPECT_EQ(diff::most_removals(limits, 1'000'000), 500U);
}

}  // namespace
}  // namespace stibee_sync::pipeline
