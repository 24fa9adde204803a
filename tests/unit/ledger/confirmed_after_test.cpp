#include "ledger_rows.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/placement.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::ledger {
namespace {

using namespace testing_support;

// ---- what a call confirms ----------------------------------------------------------------------------

Confirmed after(const Confirmed& before, OperationKind kind, const Wanted& w, const Outcome& result,
                domain::GroupSet groups = {}) {
  return confirmed_after(before, Operation{kind, std::move(groups)}, w, result, now);
}

TEST(ConfirmedAfter, a_subscribe_confirms_status_values_consent_and_groups) {
  Wanted w = wanted(Intent::Subscribed, {4});
  w.ad_agreed = true;
  const Confirmed c = after({}, OperationKind::Subscribe, w, outcome(OutcomeKind::Delivered), w.groups);
  EXPECT_EQ(c.status, RemoteStatus::Subscribed);
  EXPECT_EQ(c.since, now);
  EXPECT_EQ(c.fields, w.fields);
  EXPECT_EQ(c.ad_agreed, true);
  EXPECT_EQ(c.groups, w.groups);
  expect_rest(decide(w, c), Rest::Settled);
}

TEST(ConfirmedAfter, a_subscribe_that_found_the_person_there_leaves_the_groups_to_be_assigned) {
  const Wanted w = wanted(Intent::Subscribed, {4});
  const Confirmed c = after({}, OperationKind::Subscribe, w, outcome(OutcomeKind::Delivered, true), w.groups);
  EXPECT_EQ(c.fields, w.fields);
  expect_operation(decide(w, c), OperationKind::AssignGroup, {4});
}

TEST(ConfirmedAfter, an_already_subscribed_person_gets_their_values_by_an_update_which_ends_the_matter) {
  const Wanted w = wanted(Intent::Subscribed);
  Confirmed c = after({}, OperationKind::Subscribe, w, outcome(OutcomeKind::AlreadyInState));
  EXPECT_EQ(c.status, RemoteStatus::Subscribed);
  expect_operation(decide(w, c), OperationKind::Update);
  c = after(c, OperationKind::Update, w, outcome(OutcomeKind::AlreadyInState));
  expect_rest(decide(w, c), Rest::Settled);
}

TEST(ConfirmedAfter, a_resubscribe_confirms_values_and_adds_its_groups_to_those_known) {
  Wanted w = wanted(Intent::Subscribed, {2, 3});
  w.fields = print(7);
  const Confirmed c = after(confirmed(RemoteStatus::Unsubscribed, {1, 2}), OperationKind::Resubscribe, w,
                            outcome(OutcomeKind::Delivered), w.groups);
  EXPECT_EQ(c.status, RemoteStatus::Subscribed);
  EXPECT_EQ(c.fields, w.fields);
  expect_operation(decide(w, c), OperationKind::ReleaseGroup, {1});
}

TEST(ConfirmedAfter, an_update_that_created_the_person_anew_has_the_groups_assigned_again) {
  Wanted w = wanted(Intent::Subscribed, {2});
  const Confirmed c = after(confirmed(RemoteStatus::Subscribed, {2}), OperationKind::Update, w,
                            outcome(OutcomeKind::Delivered, false));
  expect_operation(decide(w, c), OperationKind::AssignGroup, {2});
}

TEST(ConfirmedAfter, a_release_ends_in_certainty_or_in_doubt) {
  const Wanted w = wanted(Intent::Subscribed, {2});
  auto before = confirmed(RemoteStatus::Subscribed, {1, 2});
  before.maybe_groups = {1, 3};
  for (const OutcomeKind kind : {OutcomeKind::Delivered, OutcomeKind::AlreadyInState}) {
    const auto released = after(before, OperationKind::ReleaseGroup, w, outcome(kind), {1});
    EXPECT_EQ(released.groups, (domain::GroupSet{2}));
    EXPECT_EQ(released.maybe_groups, (domain::GroupSet{3}));
  }
  before.maybe_groups = {3};
  const auto unknown = after(before, OperationKind::ReleaseGroup, w, outcome(OutcomeKind::Unknown), {1});
  EXPECT_EQ(unknown.groups, (domain::GroupSet{2}));
  EXPECT_EQ(unknown.maybe_groups, (domain::GroupSet{1, 3})) << "to be released once more";
}

TEST(ConfirmedAfter, an_unsubscribe_is_ours_unless_the_person_had_opted_out) {
  const Wanted w = wanted(Intent::Unsubscribed);
  for (const OutcomeKind kind : {OutcomeKind::Delivered, OutcomeKind::AlreadyInState}) {
    EXPECT_EQ(after(confirmed(RemoteStatus::Subscribed), OperationKind::Unsubscribe, w, outcome(kind)).status,
              RemoteStatus::Unsubscribed);
    for (const auto ended : {RemoteStatus::OptedOut, RemoteStatus::AutoDeleted, RemoteStatus::Purged}) {
      const auto said = after(confirmed(ended), OperationKind::Unsubscribe, w, outcome(kind));
      EXPECT_EQ(said.status, ended);
      EXPECT_EQ(said.since, confirmed(ended).since);
    }
  }
}

TEST(ConfirmedAfter, a_deletion_leaves_nothing_known_but_when_it_was) {
  const Wanted w = wanted(Intent::Absent);
  Confirmed nothing;
  nothing.called.deletion = now;
  EXPECT_EQ(after(confirmed(RemoteStatus::Unsubscribed, {1}), OperationKind::Delete, w,
                  outcome(OutcomeKind::Delivered)),
            nothing);
  EXPECT_EQ(after(confirmed(RemoteStatus::Subscribed), OperationKind::Delete, w,
                  outcome(OutcomeKind::AlreadyInState)),
            nothing);
}

TEST(ConfirmedAfter, outcomes_that_prove_nothing_change_nothing) {
  const Wanted w = wanted(Intent::Subscribed, {1});
  const Confirmed before = confirmed(RemoteStatus::Subscribed);
  for (const OutcomeKind kind : {OutcomeKind::Rejected, OutcomeKind::Throttled, OutcomeKind::Transient,
                                 OutcomeKind::Unknown, OutcomeKind::Unauthorised}) {
    const bool may_echo = kind == OutcomeKind::Transient || kind == OutcomeKind::Unknown;
    for (const OperationKind operation :
         {OperationKind::Update, OperationKind::Unsubscribe, OperationKind::Delete}) {
      auto expected = before;
      if (may_echo) expected.called.of(domain::lane_of(operation)) = now;
      expected.maybe_subscribed = may_echo && operation == OperationKind::Update;
      EXPECT_EQ(after(before, operation, w, outcome(kind), {1}), expected) << domain::name(operation);
    }
  }
  for (const OutcomeKind kind : {OutcomeKind::Rejected, OutcomeKind::Throttled, OutcomeKind::Unauthorised})
    EXPECT_EQ(after({}, OperationKind::Subscribe, w, outcome(kind), {1}), Confirmed{});
}

TEST(ConfirmedAfter, groups_of_a_call_whose_fate_is_unknown_are_released_once_they_are_not_wanted) {
  for (const OutcomeKind kind : {OutcomeKind::Transient, OutcomeKind::Unknown}) {
    for (const OperationKind operation : {OperationKind::Subscribe, OperationKind::AssignGroup}) {
      Confirmed c = after(confirmed(RemoteStatus::Subscribed), operation, wanted(Intent::Subscribed, {1}),
                          outcome(kind), {1});
      EXPECT_EQ(c.groups, domain::GroupSet{});
      EXPECT_EQ(c.maybe_groups, domain::GroupSet{1});
      c.fields = wanted(Intent::Subscribed, {}).fields;
      c.ad_agreed = wanted(Intent::Subscribed, {}).ad_agreed;
      const auto next = decide(wanted(Intent::Subscribed, {}), c);
      ASSERT_TRUE(std::holds_alternative<domain::Operation>(next));
      EXPECT_EQ(std::get<domain::Operation>(next).kind, OperationKind::ReleaseGroup);
    }
  }
}

TEST(ConfirmedAfter, a_resubscribe_answered_with_update_does_not_prove_that_values_were_taken) {
  const Wanted w = wanted(Intent::Subscribed, {});
  const Confirmed c = after(confirmed(RemoteStatus::Unsubscribed), OperationKind::Resubscribe, w,
                            outcome(OutcomeKind::Delivered, true));
  EXPECT_EQ(c.status, RemoteStatus::Subscribed);
  EXPECT_FALSE(c.fields.has_value());
}

TEST(ConfirmedAfter, an_opt_out_that_the_answer_shows_ends_the_matter) {
  const Wanted w = wanted(Intent::Subscribed, {1});
  const Confirmed c = after({}, OperationKind::Subscribe, w,
                            outcome(OutcomeKind::AlreadyInState, {}, RemoteStatus::OptedOut), {1});
  EXPECT_EQ(c.status, RemoteStatus::OptedOut);
  EXPECT_EQ(c.since, now);
  expect_rest(decide(w, c), Rest::OptedOut);
}

TEST(ConfirmedAfter, a_resubscribe_that_did_not_take_is_not_repeated) {
  Wanted w = wanted(Intent::Subscribed);
  const Confirmed before = confirmed(RemoteStatus::OptedOut);
  w.renewed = before.since;
  expect_operation(decide(w, before), OperationKind::Resubscribe);
  const Confirmed c = after(before, OperationKind::Resubscribe, w,
                            outcome(OutcomeKind::Delivered, true, RemoteStatus::OptedOut));
  expect_rest(decide(w, c), Rest::OptedOut);
}

TEST(ConfirmedAfter, other_statuses_that_the_answer_shows_are_taken_over) {
  const Wanted w = wanted(Intent::Subscribed);
  for (const auto& [observed, rest] : {std::pair{RemoteStatus::AutoDeleted, Rest::AutoDeleted},
                                       std::pair{RemoteStatus::Purged, Rest::Purged},
                                       std::pair{RemoteStatus::Ready, Rest::AwaitingConfirmation}}) {
    const Confirmed c = after({}, OperationKind::Subscribe, w, outcome(OutcomeKind::Delivered, {}, observed));
    EXPECT_EQ(c.status, observed);
    EXPECT_EQ(c.since, now);
    expect_rest(decide(w, c), rest);
  }
}

// ---- calls of which nobody knows whether they were applied --------------------------------------------

TEST(AmbiguousSubscribe, is_repeated_while_the_person_is_wanted) {
  const Wanted w = wanted(Intent::Subscribed);
  const Confirmed c = after({}, OperationKind::Subscribe, w, outcome(OutcomeKind::Unknown));
  EXPECT_EQ(c.status, RemoteStatus::Unknown);
  EXPECT_TRUE(c.maybe_subscribed);
  expect_operation(decide(w, c), OperationKind::Subscribe);
  EXPECT_FALSE(after(c, OperationKind::Subscribe, w, outcome(OutcomeKind::Delivered)).maybe_subscribed);
}

TEST(AmbiguousSubscribe, is_undone_when_the_person_is_not_wanted_any_more) {
  for (const OutcomeKind kind : {OutcomeKind::Unknown, OutcomeKind::Transient}) {
    Confirmed c = after({}, OperationKind::Subscribe, wanted(Intent::Subscribed), outcome(kind));
    expect_operation(decide(wanted(Intent::Unsubscribed), c), OperationKind::Unsubscribe);
    expect_operation(decide(wanted(Intent::Absent), c), OperationKind::Unsubscribe);
    Policy policy;
    policy.on_leave = OnLeave::Delete;
    expect_operation(decide(wanted(Intent::Absent), c, policy), OperationKind::Delete);

    c = after(c, OperationKind::Unsubscribe, wanted(Intent::Unsubscribed),
              outcome(OutcomeKind::AlreadyInState));
    EXPECT_EQ(c.status, RemoteStatus::Unsubscribed);
    EXPECT_FALSE(c.maybe_subscribed);
  }
}

TEST(AmbiguousSubscribe, of_an_earlier_refusal_stays_in_doubt) {
  Confirmed c =
      after({}, OperationKind::Subscribe, wanted(Intent::Subscribed), outcome(OutcomeKind::Unknown));
  c = after(c, OperationKind::Subscribe, wanted(Intent::Subscribed), outcome(OutcomeKind::Rejected));
  EXPECT_TRUE(c.maybe_subscribed);
}

TEST(AmbiguousSubscribe, a_resubscribe_in_doubt_is_undone_when_the_consent_is_withdrawn) {
  Wanted w = wanted(Intent::Subscribed);
  w.renewed = confirmed(RemoteStatus::OptedOut).since;
  Confirmed c =
      after(confirmed(RemoteStatus::OptedOut), OperationKind::Resubscribe, w, outcome(OutcomeKind::Unknown));
  expect_operation(decide(w, c), OperationKind::Resubscribe);
  expect_operation(decide(wanted(Intent::Unsubscribed), c), OperationKind::Unsubscribe);
  expect_operation(decide(wanted(Intent::Absent), c), OperationKind::Unsubscribe);
}

TEST(AmbiguousSubscribe, one_that_crossed_with_an_opt_out_is_undone) {
  Wanted w = wanted(Intent::Subscribed);
  w.renewed = confirmed(RemoteStatus::OptedOut).since;
  Confirmed c =
      after(confirmed(RemoteStatus::OptedOut), OperationKind::Resubscribe, w, outcome(OutcomeKind::Unknown));
  c = with_observed(c, w, RemoteStatus::OptedOut, now);
  expect_operation(decide(w, c), OperationKind::Unsubscribe);
  c = after(c, OperationKind::Unsubscribe, w, outcome(OutcomeKind::Delivered));
  expect_rest(decide(w, c), Rest::OptedOut);
  EXPECT_EQ(c.since, now);
}

TEST(WithObserved, an_opt_out_outlives_bounces_and_purges_and_is_lifted_by_a_resubscription_there) {
  const Wanted w = wanted(Intent::Subscribed);
  const Confirmed opted_out = confirmed(RemoteStatus::OptedOut);
  for (const RemoteStatus observed :
       {RemoteStatus::AutoDeleted, RemoteStatus::Purged, RemoteStatus::Unsubscribed, RemoteStatus::Unknown})
    EXPECT_EQ(with_observed(opted_out, w, observed, now), opted_out);
  EXPECT_EQ(with_observed(opted_out, w, RemoteStatus::Subscribed, now).status, RemoteStatus::Subscribed);
  EXPECT_EQ(with_observed(opted_out, w, RemoteStatus::OptedOut, now).since, now);
}

// ---- double opt-in
// -----------------------------------------------------------------------------------------

Policy confirming_policy() {
  Policy policy;
  policy.confirm_email = true;
  return policy;
}

TEST(DoubleOptIn, somebody_asked_to_confirm_is_ready_until_stibee_says_they_are_subscribed) {
  const Wanted w = wanted(Intent::Subscribed, {4});
  const auto operation = std::get<Operation>(decide(w, {}, confirming_policy()));
  EXPECT_TRUE(operation.confirm);
  EXPECT_EQ(shape_of(operation), "subscribe_confirm:4");
  Confirmed c = confirmed_after({}, operation, w, outcome(OutcomeKind::Delivered), now);
  EXPECT_EQ(c.status, RemoteStatus::Ready);
  expect_rest(decide(w, c, confirming_policy()), Rest::AwaitingConfirmation);
  c = with_observed(c, w, RemoteStatus::Subscribed, now);
  expect_operation(decide(w, c, confirming_policy()), OperationKind::AssignGroup, {4});
}

TEST(DoubleOptIn, a_mail_that_may_have_gone_out_is_not_repeated_by_itself) {
  const Wanted w = wanted(Intent::Subscribed);
  const auto operation = std::get<Operation>(decide(w, {}, confirming_policy()));
  const Confirmed doubtful = confirmed_after({}, operation, w, outcome(OutcomeKind::Unknown), now);
  const NextStep decision = decide(w, doubtful, confirming_policy());
  ASSERT_TRUE(std::holds_alternative<Impossible>(decision));
  EXPECT_EQ(std::get<Impossible>(decision).reason, domain::Reason::ConfirmationInDoubt);
  expect_operation(decide(wanted(Intent::Unsubscribed), doubtful, confirming_policy()),
                   OperationKind::Unsubscribe);

  const Confirmed unsent = confirmed_after({}, operation, w, outcome(OutcomeKind::Transient), now);
  EXPECT_TRUE(std::holds_alternative<Operation>(decide(w, unsent, confirming_policy())));
}

TEST(DoubleOptIn, who_is_subscribed_already_is_not_asked) {
  const Wanted w = wanted(Intent::Subscribed);
  const auto operation = std::get<Operation>(decide(w, {}, confirming_policy()));
  EXPECT_EQ(confirmed_after({}, operation, w, outcome(OutcomeKind::AlreadyInState), now).status,
            RemoteStatus::Subscribed);
  EXPECT_EQ(confirmed_after({}, operation, w, outcome(OutcomeKind::Delivered, true), now).status,
            RemoteStatus::Subscribed);
}

}  // namespace
}  // namespace stibee_sync::ledger
