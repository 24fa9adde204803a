#include "stibee_sync/domain/ledger.hpp"

#include <set>

#include <gtest/gtest.h>

namespace stibee_sync::domain {
namespace {

TEST(Ledger, EveryValueHasItsName) {
  EXPECT_EQ(name(RemoteStatus::Unknown), "unknown");
  EXPECT_EQ(name(RemoteStatus::Subscribed), "subscribed");
  EXPECT_EQ(name(RemoteStatus::Unsubscribed), "unsubscribed");
  EXPECT_EQ(name(RemoteStatus::OptedOut), "opted_out");
  EXPECT_EQ(name(RemoteStatus::AutoDeleted), "auto_deleted");
  EXPECT_EQ(name(RemoteStatus::Purged), "purged");
  EXPECT_EQ(name(RemoteStatus::Ready), "ready");
  EXPECT_EQ(name(Intent::Subscribed), "subscribed");
  EXPECT_EQ(name(Intent::Unsubscribed), "unsubscribed");
  EXPECT_EQ(name(Intent::Absent), "absent");
  EXPECT_EQ(name(OperationKind::Subscribe), "subscribe");
  EXPECT_EQ(name(OperationKind::Update), "update");
  EXPECT_EQ(name(OperationKind::Resubscribe), "resubscribe");
  EXPECT_EQ(name(OperationKind::Unsubscribe), "unsubscribe");
  EXPECT_EQ(name(OperationKind::Delete), "delete");
  EXPECT_EQ(name(OperationKind::AssignGroup), "group_assign");
  EXPECT_EQ(name(OperationKind::ReleaseGroup), "group_release");
  EXPECT_EQ(name(Lane::Optout), "optout");
  EXPECT_EQ(name(Lane::Delete), "delete");
  EXPECT_EQ(name(Lane::Upsert), "upsert");
  EXPECT_EQ(name(OutcomeKind::Delivered), "delivered");
  EXPECT_EQ(name(OutcomeKind::AlreadyInState), "already_in_state");
  EXPECT_EQ(name(OutcomeKind::Rejected), "rejected");
  EXPECT_EQ(name(OutcomeKind::Throttled), "throttled");
  EXPECT_EQ(name(OutcomeKind::Transient), "transient");
  EXPECT_EQ(name(OutcomeKind::Unknown), "unknown");
  EXPECT_EQ(name(OutcomeKind::Unauthorised), "unauthorised");
}

TEST(Ledger, TheListOfOperationsHasEachOnce) {
  std::set<std::string_view> names;
  for (const OperationKind kind : all_operation_kinds)
    names.insert(name(kind));
  EXPECT_EQ(names.size(), 7u);
}

TEST(Ledger, OnlyAnUnsubscribeTakesTheOptoutLane) {
  for (const OperationKind kind : all_operation_kinds) {
    const Lane expected = kind == OperationKind::Unsubscribe ? Lane::Optout
                          : kind == OperationKind::Delete    ? Lane::Delete
                                                             : Lane::Upsert;
    EXPECT_EQ(lane_of(kind), expected) << name(kind);
  }
}

}  // namespace
}  // namespace stibee_sync::domain
