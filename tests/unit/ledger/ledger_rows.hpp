#pragma once

#include "stibee_sync/ledger/next_operation.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::ledger::testing_support {

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

inline const UtcTime now{std::chrono::hours(24 * 365)};

inline domain::Fingerprint print(std::uint8_t first) {
  domain::Fingerprint result;
  result.bytes[0] = first;
  return result;
}

inline Wanted wanted(Intent intent, domain::GroupSet groups = {}) {
  Wanted result;
  result.intent = intent;
  result.fields = print(1);
  result.groups = std::move(groups);
  if (intent == Intent::Absent) result.left_at = now - 1h;
  return result;
}

inline Confirmed confirmed(RemoteStatus status, domain::GroupSet groups = {}) {
  Confirmed result;
  result.status = status;
  if (status == RemoteStatus::Unknown) return result;
  result.since = now - 24h;
  result.fields = print(1);
  result.groups = std::move(groups);
  return result;
}

inline NextStep decide(const Wanted& w, const Confirmed& c, const Policy& policy = {}) {
  return next_operation(w, c, policy, now);
}

inline void expect_operation(const NextStep& decision, OperationKind kind,
                             const domain::GroupSet& groups = {}) {
  const auto* operation = std::get_if<Operation>(&decision);
  ASSERT_TRUE(operation) << "nothing would be sent";
  EXPECT_EQ(domain::name(operation->kind), domain::name(kind));
  EXPECT_EQ(operation->groups, groups);
}

inline void expect_rest(const NextStep& decision, Rest rest) {
  const auto* actual = std::get_if<Rest>(&decision);
  ASSERT_TRUE(actual) << "something would be sent";
  EXPECT_EQ(*actual, rest);
}

inline Outcome outcome(OutcomeKind kind, std::optional<bool> existed = {},
                       std::optional<RemoteStatus> observed = {}) {
  Outcome result;
  result.kind = kind;
  result.existed = existed;
  result.observed = observed;
  return result;
}

}  // namespace stibee_sync::ledger::testing_support
