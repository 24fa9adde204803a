// All statuses × intents × policies × consents × groups × answers: properties that hold for every one of
// them.
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/next_operation.hpp"
#include "stibee_sync/ledger/placement.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace stibee_sync::ledger {
namespace {

using namespace std::chrono_literals;
using domain::Confirmed;
using domain::Intent;
using domain::Operation;
using domain::OperationKind;
using domain::Outcome;
using domain::OutcomeKind;
using domain::RemoteStatus;
using domain::UtcTime;
using domain::Wanted;

const UtcTime opted_out_at{std::chrono::hours(1000)};
const UtcTime now = opted_out_at + 100h;

constexpr RemoteStatus all_statuses[] = {
    RemoteStatus::Unknown,     RemoteStatus::Subscribed, RemoteStatus::Unsubscribed, RemoteStatus::OptedOut,
    RemoteStatus::AutoDeleted, RemoteStatus::Purged,     RemoteStatus::Ready,        RemoteStatus::Moved};

domain::Fingerprint print(std::uint8_t first) {
  domain::Fingerprint result;
  result.bytes[0] = first;
  return result;
}

using Check = std::function<void(const Wanted&, const Confirmed&, const Policy&)>;

std::vector<Policy> all_policies() {
  std::vector<Policy> policies;
  for (const OnLeave on_leave : {OnLeave::Unsubscribe, OnLeave::Delete, OnLeave::Keep}) {
    for (const auto& delete_after : {std::optional<domain::Duration>(), std::optional<domain::Duration>(1h),
                                     std::optional<domain::Duration>(1000h)}) {
      for (const OnRemotePurge purge : {OnRemotePurge::Respect, OnRemotePurge::Restore}) {
        // The settings refuse a deletion of those who are kept.
        if (on_leave == OnLeave::Keep && delete_after) continue;
        for (const bool v2 : {false, true}) {
          for (const bool confirm : {false, true})
            policies.push_back({on_leave, delete_after, purge, !v2, !v2, v2, confirm});
        }
      }
    }
  }
  return policies;
}

using Times = std::vector<std::optional<UtcTime>>;
const Times all_times = {std::nullopt, opted_out_at - 1h, opted_out_at, opted_out_at + 1h};
const Times telling_times = {std::nullopt, opted_out_at + 1h};

std::vector<Wanted> all_wanted(const Times& times) {
  std::vector<Wanted> result;
  for (const Intent intent : {Intent::Subscribed, Intent::Unsubscribed, Intent::Absent}) {
    for (const auto& renewed : times) {
      for (const auto& opted_in_at : times) {
        for (const auto& ad_agreed : {std::optional<bool>(), std::optional<bool>(true)}) {
          for (const domain::GroupSet& groups : {domain::GroupSet{}, domain::GroupSet{1, 2}}) {
            Wanted w;
            w.intent = intent;
            w.fields = print(1);
            w.ad_agreed = ad_agreed;
            w.groups = groups;
            w.renewed = renewed;
            w.opted_in_at = opted_in_at;
            if (intent == Intent::Absent) w.left_at = now - 10h;
            w.silenced = intent == Intent::Absent && groups.empty();
            result.push_back(w);
          }
        }
      }
    }
  }
  return result;
}

std::vector<Confirmed> all_confirmed() {
  std::vector<Confirmed> result;
  for (const RemoteStatus status : all_statuses) {
    for (const auto& since : {std::optional<UtcTime>(), std::optional<UtcTime>(opted_out_at)}) {
      for (const auto& fields :
           {std::optional<domain::Fingerprint>(), std::optional(print(1)), std::optional(print(2))}) {
        for (const domain::GroupSet& groups : {domain::GroupSet{}, domain::GroupSet{2, 3}}) {
          for (const bool maybe : {false, true}) {
            Confirmed c;
            c.status = status;
            c.since = since;
            c.fields = fields;
            c.groups = groups;
            c.maybe_subscribed = maybe;
            result.push_back(c);
          }
        }
      }
    }
  }
  return result;
}

void for_all(const Check& check, const Times& times = all_times) {
  const auto policies = all_policies();
  const auto wanted = all_wanted(times);
  const auto confirmed = all_confirmed();
  for (const Wanted& w : wanted) {
    for (const Confirmed& c : confirmed) {
      for (const Policy& policy : policies) {
        check(w, c, policy);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

// By the word of a read.
bool consent_is_newer(const Wanted& w, const Confirmed& c) {
  return w.renewed && c.since && *w.renewed >= *c.since;
}

bool subscribes(OperationKind kind) {
  return kind == OperationKind::Subscribe || kind == OperationKind::Resubscribe;
}

TEST(NextOperationForEverybody, the_rule_is_total_and_its_placement_agrees_with_it) {
  for_all([](const Wanted& w, const Confirmed& c, const Policy& policy) {
    const NextStep decision = next_operation(w, c, policy, now);
    const Placement p = place(w, c, policy, now);
    if (const auto* operation = std::get_if<Operation>(&decision)) {
      ASSERT_TRUE(p.lane);
      ASSERT_EQ(p.shape, shape_of(*operation));
      ASSERT_EQ(p.due, now);
    } else if (const auto* later = std::get_if<Later>(&decision)) {
      ASSERT_GT(later->due, now);
      ASSERT_EQ(p.due, later->due);
    } else {
      ASSERT_FALSE(p.lane);
    }
  });
}

TEST(NextOperationForEverybody, who_opted_out_is_never_subscribed_without_a_newer_consent) {
  for_all([](const Wanted& w, const Confirmed& c, const Policy& policy) {
    if (c.status != RemoteStatus::OptedOut || consent_is_newer(w, c)) return;
    const NextStep decision = next_operation(w, c, policy, now);
    const auto* operation = std::get_if<Operation>(&decision);
    ASSERT_TRUE(!operation || operation->kind == OperationKind::Unsubscribe);
  });
}

TEST(NextOperationForEverybody, only_the_wanted_are_subscribed_and_only_they_get_values_or_groups) {
  for_all([](const Wanted& w, const Confirmed& c, const Policy& policy) {
    const NextStep decision = next_operation(w, c, policy, now);
    const auto* operation = std::get_if<Operation>(&decision);
    if (!operation || w.intent == Intent::Subscribed) return;
    ASSERT_TRUE(operation->kind == OperationKind::Unsubscribe || operation->kind == OperationKind::Delete);
  });
}

TEST(NextOperationForEverybody, the_wanted_are_never_deleted) {
  for_all([](const Wanted& w, const Confirmed& c, const Policy& policy) {
    if (w.intent == Intent::Absent) return;
    const NextStep decision = next_operation(w, c, policy, now);
    const auto* operation = std::get_if<Operation>(&decision);
    ASSERT_TRUE(!operation || operation->kind != OperationKind::Delete);
    ASSERT_FALSE(std::holds_alternative<Later>(decision));
  });
}

TEST(NextOperationForEverybody, who_may_be_mailed_and_is_not_wanted_is_not_left_so_unless_kept) {
  for_all([](const Wanted& w, const Confirmed& c, const Policy& policy) {
    const bool may_be_mailed = c.status == RemoteStatus::Subscribed || c.maybe_subscribed;
    if (!may_be_mailed || w.intent == Intent::Subscribed) return;
    if (w.intent == Intent::Absent && policy.on_leave == OnLeave::Keep && !w.silenced) return;
    ASSERT_TRUE(std::holds_alternative<Operation>(next_operation(w, c, policy, now)));
  });
}

// Each operation, answered by `answer`, until nothing is left to do.
void expect_convergence(const std::function<Outcome(const Operation&)>& answer, int most_steps) {
  for_all(
      [&](const Wanted& w, const Confirmed& start, const Policy& policy) {
        Confirmed c = start;
        bool opted_out = false;
        for (int step = 0; step <= most_steps; ++step) {
          const NextStep decision = next_operation(w, c, policy, now);
          const auto* operation = std::get_if<Operation>(&decision);
          if (!operation) return;
          ASSERT_FALSE(opted_out && subscribes(operation->kind)) << "an opt-out was followed by a subscribe";
          const Outcome outcome = answer(*operation);
          opted_out = opted_out || outcome.observed == RemoteStatus::OptedOut;
          c = confirmed_after(c, *operation, w, outcome, now);
        }
        FAIL() << "no rest after " << most_steps << " steps";
      },
      telling_times);
}

Outcome outcome(OutcomeKind kind, std::optional<bool> existed = {},
                std::optional<RemoteStatus> observed = {}) {
  Outcome result;
  result.kind = kind;
  result.existed = existed;
  result.observed = observed;
  return result;
}

TEST(NextOperationConverges, when_everything_is_delivered) {
  expect_convergence([](const Operation&) { return outcome(OutcomeKind::Delivered); }, 5);
}

TEST(NextOperationConverges, when_everything_was_so_already) {
  expect_convergence([](const Operation&) { return outcome(OutcomeKind::AlreadyInState); }, 6);
}

TEST(NextOperationConverges, when_everybody_turns_out_to_exist) {
  expect_convergence([](const Operation&) { return outcome(OutcomeKind::Delivered, true); }, 6);
}

TEST(NextOperationConverges, when_updates_create_people_anew) {
  expect_convergence(
      [](const Operation& operation) {
        return outcome(OutcomeKind::Delivered,
                       operation.kind == OperationKind::Update ? std::optional(false) : std::nullopt);
      },
      6);
}

TEST(NextOperationConverges, when_the_answer_shows_any_other_status) {
  for (const RemoteStatus status : all_statuses) {
    // No answer can show somebody who is not there; and restoring the purged is a loop if they are purged
    // again.
    if (status == RemoteStatus::Unknown || status == RemoteStatus::Purged) continue;
    for (const OutcomeKind kind : {OutcomeKind::Delivered, OutcomeKind::AlreadyInState}) {
      // Stibee shows it of people in answers to what is sent of them, not of those it removes.
      expect_convergence(
          [&](const Operation& operation) {
            const bool shown =
                operation.kind != OperationKind::Unsubscribe && operation.kind != OperationKind::Delete;
            return outcome(kind, {}, shown ? std::optional(status) : std::nullopt);
          },
          8);
    }
  }
}

}  // namespace
}  // namespace stibee_sync::ledger
