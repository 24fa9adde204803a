#include "stibee_sync/ledger/placement.hpp"

#include "ledger_rows.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;

TEST(Placement, each_operation_has_its_lane_and_shape) {
  const auto placed = [](const Wanted& w, const Confirmed& c, const Policy& policy = {}) {
    return place(w, c, policy, now);
  };
  Wanted changed = wanted(Intent::Subscribed);
  changed.fields = print(2);
  Policy deleting;
  deleting.on_leave = OnLeave::Delete;

  auto p = placed(wanted(Intent::Subscribed, {1, 22}), confirmed(RemoteStatus::Unknown));
  EXPECT_EQ(p.lane, domain::Lane::Upsert);
  EXPECT_EQ(p.shape, "subscribe:1,22");
  EXPECT_EQ(p.due, now);
  EXPECT_EQ(placed(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unknown)).shape, "subscribe:");
  EXPECT_EQ(placed(changed, confirmed(RemoteStatus::Subscribed)).shape, "subscribe:");
  EXPECT_EQ(placed(wanted(Intent::Subscribed, {4}), confirmed(RemoteStatus::Unsubscribed)).shape,
            "resubscribe:4");
  EXPECT_EQ(placed(wanted(Intent::Subscribed, {4}), confirmed(RemoteStatus::Subscribed)).shape,
            "group_assign:4");
  EXPECT_EQ(placed(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed, {4})).shape,
            "group_release:4");
  p = placed(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Subscribed));
  EXPECT_EQ(p.lane, domain::Lane::Optout);
  EXPECT_EQ(p.shape, "unsubscribe");
  p = placed(wanted(Intent::Absent), confirmed(RemoteStatus::Subscribed), deleting);
  EXPECT_EQ(p.lane, domain::Lane::Delete);
  EXPECT_EQ(p.shape, "delete");
  EXPECT_FALSE(p.finished);
}

TEST(Placement, a_postponed_deletion_is_queued_for_its_day) {
  Policy policy;
  policy.delete_after = domain::Duration(24h);
  const Wanted w = wanted(Intent::Absent);
  const Placement p = place(w, confirmed(RemoteStatus::Unsubscribed), policy, now);
  EXPECT_EQ(p.lane, domain::Lane::Delete);
  EXPECT_EQ(p.due, *w.left_at + 24h);
  EXPECT_FALSE(p.finished);
}

TEST(Placement, who_is_absent_and_at_rest_is_finished_and_nobody_else) {
  EXPECT_TRUE(place(wanted(Intent::Absent), confirmed(RemoteStatus::Unsubscribed), {}, now).finished);
  EXPECT_TRUE(place(wanted(Intent::Absent), confirmed(RemoteStatus::Unknown), {}, now).finished);
  EXPECT_TRUE(place(wanted(Intent::Absent), confirmed(RemoteStatus::OptedOut), {}, now).finished);
  EXPECT_FALSE(place(wanted(Intent::Absent), confirmed(RemoteStatus::Subscribed), {}, now).finished);
  EXPECT_FALSE(place(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Unsubscribed), {}, now).finished);
  EXPECT_FALSE(place(wanted(Intent::Subscribed), confirmed(RemoteStatus::Subscribed), {}, now).finished);
}

TEST(Placement, what_cannot_be_done_is_parked_with_its_reason_and_not_queued) {
  Policy policy;
  policy.can_resubscribe = false;
  const Placement p = place(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed), policy, now);
  EXPECT_EQ(p.impossible, domain::Reason::ResubscribeUnsupported);
  EXPECT_FALSE(p.lane);
  EXPECT_FALSE(p.finished);
}

TEST(Placement, shapes_read_back_as_the_operation_they_were_made_of) {
  for (const OperationKind kind : domain::all_operation_kinds) {
    if (kind == OperationKind::Update) continue;
    Operation operation{kind, {}};
    if (kind != OperationKind::Unsubscribe && kind != OperationKind::Delete) operation.groups = {1, 22, 333};
    EXPECT_EQ(operation_of_shape(shape_of(operation)), operation) << shape_of(operation);
  }
  Operation alone{OperationKind::Subscribe, {}};
  alone.consent = domain::ConsentRide::Alone;
  EXPECT_EQ(shape_of(alone), "subscribe_alone:");
  EXPECT_EQ(operation_of_shape("subscribe_alone:"), alone);
  Operation confirm{OperationKind::Resubscribe, {5}};
  confirm.confirm = true;
  EXPECT_EQ(shape_of(confirm), "resubscribe_confirm:5");
  EXPECT_EQ(operation_of_shape("resubscribe_confirm:5"), confirm);
  EXPECT_EQ(operation_of_shape(shape_of({OperationKind::Update, {}})).kind, OperationKind::Subscribe);
  for (const char* odd : {"", ":", "subscribe:,", "subscribe:x", "nonsense"})
    EXPECT_EQ(operation_of_shape(odd), Operation{}) << odd;
}

}  // namespace
}  // namespace stibee_sync::ledger
