#include "ledger_rows.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/placement.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;

// ---- the table of the contract, row by row -----------------------------------------------------------

TEST(NextOperation, somebody_wanted_and_not_known_is_subscribed_with_their_groups) {
  expect_operation(decide(wanted(Intent::Subscribed, {3, 7}), confirmed(RemoteStatus::Unknown)),
                   OperationKind::Subscribe, {3, 7});
}

TEST(NextOperation, a_subscriber_with_other_values_is_updated) {
  Wanted w = wanted(Intent::Subscribed);
  w.fields = print(2);
  expect_operation(decide(w, confirmed(RemoteStatus::Subscribed)), OperationKind::Update);
}

TEST(NextOperation, a_subscriber_whose_values_are_not_known_to_be_there_is_updated) {
  Confirmed c = confirmed(RemoteStatus::Subscribed);
  c.fields.reset();
  expect_operation(decide(wanted(Intent::Subscribed), c), OperationKind::Update);
}

TEST(NextOperation, a_changed_consent_flag_is_an_update_and_an_unmapped_one_is_not) {
  Wanted w = wanted(Intent::Subscribed);
  Confirmed c = confirmed(RemoteStatus::Subscribed);
  c.ad_agreed = true;
  expect_rest(decide(w, c), Rest::Settled);
  w.ad_agreed = false;
  expect_operation(decide(w, c), OperationKind::Update);
  w.ad_agreed = true;
  expect_rest(decide(w, c), Rest::Settled);
}

TEST(NextOperation, a_subscriber_with_equal_values_is_settled) {
  expect_rest(decide(wanted(Intent::Subscribed, {1}), confirmed(RemoteStatus::Subscribed, {1})),
              Rest::Settled);
}

TEST(NextOperation, somebody_we_unsubscribed_is_resubscribed_when_the_source_wants_them_again) {
  expect_operation(decide(wanted(Intent::Subscribed, {5}), confirmed(RemoteStatus::Unsubscribed)),
                   OperationKind::Resubscribe, {5});
}

TEST(NextOperation, where_the_api_cannot_resubscribe_the_person_is_parked) {
  Policy policy;
  policy.can_resubscribe = false;
  const NextStep decision = decide(wanted(Intent::Subscribed), confirmed(RemoteStatus::Unsubscribed), policy);
  ASSERT_TRUE(std::holds_alternative<Impossible>(decision));
  EXPECT_EQ(std::get<Impossible>(decision).reason, domain::Reason::ResubscribeUnsupported);
}

TEST(NextOperation, an_opt_out_stands_without_any_consent) {
  expect_rest(decide(wanted(Intent::Subscribed), confirmed(RemoteStatus::OptedOut)), Rest::OptedOut);
}

TEST(NextOperation, a_newer_consent_lifts_an_opt_out_once_a_read_found_it) {
  const Confirmed c = confirmed(RemoteStatus::OptedOut);
  Wanted w = wanted(Intent::Subscribed);
  w.consented_at = *c.since + 1h;
  expect_rest(decide(w, c), Rest::OptedOut);  // nobody is due whom the guard has not counted
  w.renewed = c.since;
  expect_operation(decide(w, c), OperationKind::Resubscribe);
}

TEST(NextOperation, a_consent_that_overcame_an_opt_out_does_not_overcome_the_next_one) {
  Confirmed c = confirmed(RemoteStatus::OptedOut);
  Wanted w = wanted(Intent::Subscribed);
  w.renewed = *c.since - 1ms;
  expect_rest(decide(w, c), Rest::OptedOut);
  w.renewed = c.since;
  c.since.reset();
  expect_rest(decide(w, c), Rest::OptedOut);
}

TEST(NextOperation, somebody_auto_deleted_by_a_bounce_is_left_alone_whatever_is_wanted) {
  Wanted w = wanted(Intent::Subscribed);
  w.consented_at = now;
  expect_rest(decide(w, confirmed(RemoteStatus::AutoDeleted)), Rest::AutoDeleted);
  expect_rest(decide(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::AutoDeleted)), Rest::AutoDeleted);
  expect_rest(decide(wanted(Intent::Absent), confirmed(RemoteStatus::AutoDeleted)), Rest::AutoDeleted);
}

TEST(NextOperation, a_subscriber_not_wanted_any_more_is_unsubscribed) {
  expect_operation(decide(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Subscribed)),
                   OperationKind::Unsubscribe);
  expect_operation(decide(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Ready)),
                   OperationKind::Unsubscribe);
}

TEST(NextOperation, nobody_is_created_in_order_to_be_unsubscribed) {
  expect_rest(decide(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Unknown)), Rest::NeverCreated);
}

TEST(NextOperation, an_unsubscribed_person_not_wanted_is_settled) {
  expect_rest(decide(wanted(Intent::Unsubscribed), confirmed(RemoteStatus::Unsubscribed)), Rest::Settled);
}

TEST(NextOperation, a_purge_is_respected_until_the_row_changes) {
  const Wanted before = wanted(Intent::Subscribed, {1});
  const Confirmed c =
      with_observed(confirmed(RemoteStatus::Subscribed, {1}), before, RemoteStatus::Purged, now - 1h);
  expect_rest(decide(before, c), Rest::Purged);

  Wanted other_values = before;
  other_values.fields = print(9);
  expect_operation(decide(other_values, c), OperationKind::Subscribe, {1});
  Wanted other_groups = before;
  other_groups.groups = {2};
  expect_operation(decide(other_groups, c), OperationKind::Subscribe, {2});
  Wanted other_consent = before;
  other_consent.ad_agreed = true;
  expect_operation(decide(other_consent, c), OperationKind::Subscribe, {1});
  Wanted back_again = before;
  back_again.opted_in_at = now;
  expect_operation(decide(back_again, c), OperationKind::Subscribe, {1});
}

TEST(NextOperation, a_purge_is_restored_if_the_policy_says_so) {
  Policy policy;
  policy.on_remote_purge = OnRemotePurge::Restore;
  const Wanted w = wanted(Intent::Subscribed);
  const Confirmed c = with_observed(confirmed(RemoteStatus::Subscribed), w, RemoteStatus::Purged, now - 1h);
  expect_operation(decide(w, c, policy), OperationKind::Subscribe);
}

TEST(NextOperation, purged_people_who_are_not_wanted_stay_purged) {
  for (const Intent intent : {Intent::Unsubscribed, Intent::Absent}) {
    Wanted w = wanted(intent);
    w.fields = print(9);
    expect_rest(decide(w, confirmed(RemoteStatus::Purged)), Rest::Purged);
  }
}

TEST(NextOperation, who_left_is_unsubscribed_by_default) {
  expect_operation(decide(wanted(Intent::Absent), confirmed(RemoteStatus::Subscribed)),
                   OperationKind::Unsubscribe);
  expect_rest(decide(wanted(Intent::Absent), confirmed(RemoteStatus::Unsubscribed)), Rest::Settled);
}

TEST(NextOperation, who_left_is_deleted_if_the_policy_says_so_subscribed_or_not) {
  Policy policy;
  policy.on_leave = OnLeave::Delete;
  for (const RemoteStatus status :
       {RemoteStatus::Subscribed, RemoteStatus::Unsubscribed, RemoteStatus::Ready})
    expect_operation(decide(wanted(Intent::Absent), confirmed(status), policy), OperationKind::Delete);
  expect_rest(decide(wanted(Intent::Absent), confirmed(RemoteStatus::OptedOut), policy), Rest::OptedOut);
  expect_rest(decide(wanted(Intent::Absent), confirmed(RemoteStatus::AutoDeleted), policy),
              Rest::AutoDeleted);
  expect_rest(decide(wanted(Intent::Absent), confirmed(RemoteStatus::Purged), policy), Rest::Purged);
  expect_rest(decide(wanted(Intent::Absent), confirmed(RemoteStatus::Unknown), policy), Rest::NeverCreated);
}

TEST(NextOperation, who_left_is_kept_if_the_policy_says_so) {
  Policy policy;
  policy.on_leave = OnLeave::Keep;
  for (const RemoteStatus status :
       {RemoteStatus::Subscribed, RemoteStatus::Unsubscribed, RemoteStatus::OptedOut})
    expect_rest(decide(wanted(Intent::Absent), confirmed(status), policy), Rest::Kept);
}

TEST(NextOperation, delete_after_unsubscribes_now_and_deletes_when_the_time_has_come) {
  for (const OnLeave on_leave : {OnLeave::Unsubscribe, OnLeave::Delete}) {
    Policy policy;
    policy.on_leave = on_leave;
    policy.delete_after = domain::Duration(24h);
    Wanted w = wanted(Intent::Absent);
    expect_operation(decide(w, confirmed(RemoteStatus::Subscribed), policy), OperationKind::Unsubscribe);

    const NextStep decision = decide(w, confirmed(RemoteStatus::Unsubscribed), policy);
    ASSERT_TRUE(std::holds_alternative<Later>(decision));
    EXPECT_EQ(std::get<Later>(decision).operation.kind, OperationKind::Delete);
    EXPECT_EQ(std::get<Later>(decision).due, *w.left_at + 24h);

    w.left_at = now - 24h;
    expect_operation(decide(w, confirmed(RemoteStatus::Unsubscribed), policy), OperationKind::Delete);
    expect_rest(decide(w, confirmed(RemoteStatus::OptedOut), policy), Rest::OptedOut);
  }
}

TEST(NextOperation, groups_of_ours_are_assigned_and_released_one_at_a_time_assignments_first) {
  const Wanted w = wanted(Intent::Subscribed, {1, 2, 3});
  expect_operation(decide(w, confirmed(RemoteStatus::Subscribed, {2, 8, 9})), OperationKind::AssignGroup,
                   {1});
  expect_operation(decide(w, confirmed(RemoteStatus::Subscribed, {1, 2, 8, 9})), OperationKind::AssignGroup,
                   {3});
  expect_operation(decide(w, confirmed(RemoteStatus::Subscribed, {1, 2, 3, 8, 9})),
                   OperationKind::ReleaseGroup, {8});
  expect_operation(decide(w, confirmed(RemoteStatus::Subscribed, {1, 2, 3, 9})), OperationKind::ReleaseGroup,
                   {9});
}

TEST(NextOperation, groups_are_left_alone_unless_the_person_is_subscribed) {
  expect_rest(decide(wanted(Intent::Unsubscribed, {1}), confirmed(RemoteStatus::Unsubscribed, {2})),
              Rest::Settled);
  expect_rest(decide(wanted(Intent::Subscribed, {1}), confirmed(RemoteStatus::Ready)),
              Rest::AwaitingConfirmation);
}

TEST(NextOperation, values_go_before_groups) {
  Wanted w = wanted(Intent::Subscribed, {1});
  w.fields = print(2);
  expect_operation(decide(w, confirmed(RemoteStatus::Subscribed)), OperationKind::Update);
}

// ---- v2: groups by calls of their own, consent flags by single calls -------------------------------------

Policy v2_policy() {
  Policy policy;
  policy.can_resubscribe = false;
  policy.groups_with_subscribe = false;
  policy.consent_alone = true;
  return policy;
}

TEST(NextOperationOnV2, groups_are_assigned_after_the_person_was_added) {
  const Wanted w = wanted(Intent::Subscribed, {4});
  const NextStep decision = decide(w, {}, v2_policy());
  expect_operation(decision, OperationKind::Subscribe, {});
  const Confirmed c =
      confirmed_after({}, std::get<Operation>(decision), w, outcome(OutcomeKind::Delivered), now);
  expect_operation(decide(w, c, v2_policy()), OperationKind::AssignGroup, {4});
}

TEST(NextOperationOnV2, only_a_consent_that_was_given_keeps_a_new_person_out_of_the_bulk) {
  Wanted w = wanted(Intent::Subscribed);
  EXPECT_EQ(place(w, {}, v2_policy(), now).shape, "subscribe:");
  w.ad_agreed = false;
  EXPECT_EQ(place(w, {}, v2_policy(), now).shape, "subscribe:");
  w.ad_agreed = true;
  EXPECT_EQ(place(w, {}, v2_policy(), now).shape, "subscribe_alone:");
}

TEST(NextOperationOnV2, a_new_person_added_in_bulk_has_not_agreed_and_a_known_one_may_have) {
  Wanted w = wanted(Intent::Subscribed);
  w.ad_agreed = false;
  const auto operation = std::get<Operation>(decide(w, {}, v2_policy()));
  const Confirmed added = confirmed_after({}, operation, w, outcome(OutcomeKind::Delivered), now);
  EXPECT_EQ(added.ad_agreed, false);
  expect_rest(decide(w, added, v2_policy()), Rest::Settled);

  const Confirmed known = confirmed_after({}, operation, w, outcome(OutcomeKind::Delivered, true), now);
  EXPECT_EQ(known.ad_agreed, std::nullopt);
  EXPECT_EQ(place(w, known, v2_policy(), now).shape, "subscribe_alone:");
}

TEST(NextOperationOnV2, an_update_goes_alone_only_if_the_consent_changes) {
  Wanted w = wanted(Intent::Subscribed);
  w.ad_agreed = true;
  Confirmed c = confirmed(RemoteStatus::Subscribed);
  c.ad_agreed = true;
  w.fields = print(2);
  EXPECT_EQ(place(w, c, v2_policy(), now).shape, "subscribe:");
  c.ad_agreed = false;
  const auto operation = std::get<Operation>(decide(w, c, v2_policy()));
  EXPECT_EQ(shape_of(operation), "subscribe_alone:");
  EXPECT_EQ(confirmed_after(c, operation, w, outcome(OutcomeKind::Delivered), now).ad_agreed, true);
}

}  // namespace
}  // namespace stibee_sync::ledger
