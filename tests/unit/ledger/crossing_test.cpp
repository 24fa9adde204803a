#include "ledger_rows.hpp"
#include "stibee_sync/ledger/confirmed.hpp"

#include <gtest/gtest.h>

// A call was out while Stibee showed something of the person.

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;

constexpr OperationKind every_kind[] = {OperationKind::Subscribe,   OperationKind::Update,
                                        OperationKind::Resubscribe, OperationKind::Unsubscribe,
                                        OperationKind::Delete,      OperationKind::AssignGroup,
                                        OperationKind::ReleaseGroup};

Confirmed crossed(const Confirmed& observed, OperationKind kind, const Outcome& result,
                  bool confirm = false) {
  Operation operation{kind, {}};
  if (kind == OperationKind::AssignGroup || kind == OperationKind::ReleaseGroup) operation.groups = {4};
  operation.confirm = confirm;
  return confirmed_after_crossing(observed, operation, wanted(Intent::Subscribed), result, now);
}

TEST(Crossing, WhatEndsASubscriptionStandsWhateverTheAnswerSays) {
  for (const auto status : {RemoteStatus::OptedOut, RemoteStatus::AutoDeleted, RemoteStatus::Purged}) {
    const auto observed = confirmed(status);
    for (const auto kind : every_kind) {
      for (const auto answer : {OutcomeKind::Delivered, OutcomeKind::AlreadyInState, OutcomeKind::Unknown,
                                OutcomeKind::Transient, OutcomeKind::Rejected}) {
        const auto after = crossed(observed, kind, outcome(answer));
        EXPECT_EQ(after.status, status) << domain::name(kind) << ", " << domain::name(answer);
        EXPECT_EQ(after.since, observed.since);
      }
    }
  }
}

TEST(Crossing, NobodyWhoOptedOutIsCalledAgainForAnOrdinarySubscribe) {
  const auto after =
      crossed(confirmed(RemoteStatus::OptedOut), OperationKind::Subscribe, outcome(OutcomeKind::Delivered));
  EXPECT_FALSE(after.maybe_subscribed);
  expect_rest(decide(wanted(Intent::Subscribed), after), Rest::OptedOut);
}

TEST(Crossing, AResubscribeThatMayHaveComeAfterTheOptOutIsUndone) {
  const auto observed = confirmed(RemoteStatus::OptedOut);
  for (const auto answer :
       {OutcomeKind::Delivered, OutcomeKind::AlreadyInState, OutcomeKind::Unknown, OutcomeKind::Transient}) {
    const auto after = crossed(observed, OperationKind::Resubscribe, outcome(answer));
    EXPECT_TRUE(after.maybe_subscribed) << domain::name(answer);
    expect_operation(decide(wanted(Intent::Subscribed), after), OperationKind::Unsubscribe);
  }
  EXPECT_FALSE(
      crossed(observed, OperationKind::Resubscribe, outcome(OutcomeKind::Rejected)).maybe_subscribed);
}

TEST(Crossing, ANoThatIsOwedIsSaidByACallThatEndsMailAndByNoOther) {
  for (const auto kind : every_kind) {
    auto observed = confirmed(RemoteStatus::OptedOut);
    observed.owes_no = true;
    const bool ends_mail = kind == OperationKind::Unsubscribe || kind == OperationKind::Delete;
    EXPECT_EQ(crossed(observed, kind, outcome(OutcomeKind::Delivered)).owes_no, !ends_mail)
        << domain::name(kind);
    EXPECT_EQ(crossed(observed, kind, outcome(OutcomeKind::AlreadyInState)).owes_no, !ends_mail);
    for (const auto open : {OutcomeKind::Unknown, OutcomeKind::Transient, OutcomeKind::Rejected})
      EXPECT_TRUE(crossed(observed, kind, outcome(open)).owes_no) << domain::name(kind);
  }
}

TEST(Crossing, WhenTheCallWasMadeIsRemembered) {
  const auto after =
      crossed(confirmed(RemoteStatus::OptedOut), OperationKind::Resubscribe, outcome(OutcomeKind::Unknown));
  EXPECT_EQ(after.called.upsert, now);
  EXPECT_EQ(after.called.resubscribe, now);
  EXPECT_EQ(after.called.optout, std::nullopt);
  const auto no =
      crossed(confirmed(RemoteStatus::OptedOut), OperationKind::Unsubscribe, outcome(OutcomeKind::Delivered));
  EXPECT_EQ(no.called.optout, now);
  EXPECT_EQ(no.called.resubscribe, std::nullopt);
}

TEST(Crossing, AGroupThatMayHaveBeenAssignedIsRemembered) {
  const auto after =
      crossed(confirmed(RemoteStatus::OptedOut), OperationKind::AssignGroup, outcome(OutcomeKind::Delivered));
  EXPECT_EQ(after.maybe_groups, domain::GroupSet{4});
}

TEST(Crossing, AGroupThatIsKnownToBeAssignedIsNoDoubt) {
  const auto after = crossed(confirmed(RemoteStatus::OptedOut, {4}), OperationKind::AssignGroup,
                             outcome(OutcomeKind::Delivered));
  EXPECT_EQ(after.groups, domain::GroupSet{4});
  EXPECT_EQ(after.maybe_groups, domain::GroupSet{});
}

TEST(Crossing, OtherwiseTheAnswerCountsOnTopOfWhatWasSeen) {
  const auto unsubscribed = crossed(confirmed(RemoteStatus::Subscribed), OperationKind::Unsubscribe,
                                    outcome(OutcomeKind::Delivered));
  EXPECT_EQ(unsubscribed.status, RemoteStatus::Unsubscribed);
  const auto added = crossed(Confirmed{}, OperationKind::Subscribe, outcome(OutcomeKind::Delivered));
  EXPECT_EQ(added.status, RemoteStatus::Subscribed);
  EXPECT_EQ(added.fields, wanted(Intent::Subscribed).fields);
}

TEST(Crossing, WhoConfirmedBeforeTheAnswerCameIsNotReadyAgain) {
  const auto observed = confirmed(RemoteStatus::Subscribed);
  const auto after = crossed(observed, OperationKind::Subscribe, outcome(OutcomeKind::Delivered), true);
  EXPECT_EQ(after.status, RemoteStatus::Subscribed);
  EXPECT_EQ(after.since, observed.since);
  EXPECT_EQ(crossed(Confirmed{}, OperationKind::Subscribe, outcome(OutcomeKind::Delivered), true).status,
            RemoteStatus::Ready);
}

}  // namespace
}  // namespace stibee_sync::ledger
