#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/delivery/retry.hpp"

#include <utility>

#include <gtest/gtest.h>

// The words of metrics, logs and the state file: a contract.

namespace stibee_sync::delivery {
namespace {

TEST(DeliveryNames, of_endpoints_are_those_of_the_metrics) {
  const std::pair<Endpoint, const char*> names[] = {{Endpoint::Subscribe, "subscribe"},
                                                    {Endpoint::SubscribeBulk, "subscribe_bulk"},
                                                    {Endpoint::Update, "update"},
                                                    {Endpoint::Unsubscribe, "unsubscribe"},
                                                    {Endpoint::Delete, "delete"},
                                                    {Endpoint::GroupAssign, "group_assign"},
                                                    {Endpoint::GroupRelease, "group_release"},
                                                    {Endpoint::Lists, "lists"},
                                                    {Endpoint::AuthCheck, "auth_check"},
                                                    {Endpoint::Count, "count"},
                                                    {Endpoint::List, "list"},
                                                    {Endpoint::DoubleOptin, "double_optin"},
                                                    {Endpoint::Groups, "groups"}};
  for (const auto& [endpoint, expected] : names)
    EXPECT_EQ(name(endpoint), expected);
}

TEST(DeliveryNames, of_limits_verdicts_and_circuits) {
  EXPECT_EQ(name(LimiterClass::All), "v1");
  EXPECT_EQ(name(LimiterClass::Bulk), "bulk");
  EXPECT_EQ(name(LimiterClass::List), "list");
  EXPECT_EQ(name(LimiterClass::Other), "other");
  EXPECT_EQ(name(CallVerdict::Answered), "answered");
  EXPECT_EQ(name(CallVerdict::BatchRefused), "batch_refused");
  EXPECT_EQ(name(CallVerdict::Throttled), "throttled");
  EXPECT_EQ(name(CallVerdict::ServerTrouble), "server_trouble");
  EXPECT_EQ(name(CallVerdict::Unauthorised), "unauthorised");
  EXPECT_EQ(name(CallVerdict::Forbidden), "forbidden");
  EXPECT_EQ(name(CircuitBreaker::State::Closed), "closed");
  EXPECT_EQ(name(CircuitBreaker::State::Open), "open");
  EXPECT_EQ(name(CircuitBreaker::State::Probing), "probing");
}

}  // namespace
}  // namespace stibee_sync::delivery
