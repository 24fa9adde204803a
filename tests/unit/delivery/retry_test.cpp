#include "stibee_sync/delivery/retry.hpp"

#include <random>

#include <climits>
#include <gtest/gtest.h>

namespace stibee_sync::delivery {
namespace {

using namespace std::chrono_literals;

const domain::UtcTime now{std::chrono::hours(24)};
const MonotonicTime start{std::chrono::hours(1)};

domain::Outcome outcome(domain::OutcomeKind kind, std::optional<domain::Duration> retry_after = {}) {
  domain::Outcome result;
  result.kind = kind;
  result.retry_after = retry_after;
  return result;
}

domain::Duration wait(const domain::Outcome& result, int attempt, double random) {
  return retry_at(result, attempt, now, [random] { return random; }) - now;
}

TEST(RetryAt, doubles_its_ceiling_with_each_attempt_up_to_the_cap) {
  const auto transient = outcome(domain::OutcomeKind::Transient);
  const double almost_one = 0.9999999;
  EXPECT_NEAR(static_cast<double>(wait(transient, 1, almost_one).count()), 1000, 1);
  EXPECT_NEAR(static_cast<double>(wait(transient, 2, almost_one).count()), 2000, 1);
  EXPECT_NEAR(static_cast<double>(wait(transient, 5, almost_one).count()), 16000, 1);
  EXPECT_NEAR(static_cast<double>(wait(transient, 9, almost_one).count()), 256000, 1);
  EXPECT_NEAR(static_cast<double>(wait(transient, 10, almost_one).count()), 300000, 1);
  EXPECT_NEAR(static_cast<double>(wait(transient, INT_MAX, almost_one).count()), 300000, 1);
}

TEST(RetryAt, uses_full_jitter) {
  EXPECT_EQ(wait(outcome(domain::OutcomeKind::Transient), 3, 0.0), 0ms);
  EXPECT_EQ(wait(outcome(domain::OutcomeKind::Unknown), 3, 0.25), 1s);
  EXPECT_EQ(wait(outcome(domain::OutcomeKind::Transient), 0, 0.5), 500ms);
}

TEST(RetryAt, the_throttled_wait_five_seconds_at_least_and_the_cap_at_most) {
  const auto throttled = outcome(domain::OutcomeKind::Throttled);
  EXPECT_EQ(wait(throttled, 1, 0.0), 5s);
  EXPECT_EQ(wait(throttled, 1, 0.5), 7500ms);
  EXPECT_EQ(wait(throttled, 30, 1.0), 300s);
}

TEST(RetryAt, retry_after_keeps_nobody_longer_than_the_limiters_next_probe) {
  EXPECT_EQ(wait(outcome(domain::OutcomeKind::Throttled, 86'400s), 1, 0.5), 7500ms);
  EXPECT_EQ(wait(outcome(domain::OutcomeKind::Throttled, 86'400s), 30, 1.0), 60s);
  EXPECT_EQ(wait(outcome(domain::OutcomeKind::Throttled, 0s), 1, 0.0), 5s);
}

TEST(RetryAt, no_wait_is_longer_than_the_longest_backoff_of_the_attempt) {
  for (const auto kind : {domain::OutcomeKind::Throttled, domain::OutcomeKind::Transient}) {
    for (int attempt = 1; attempt < 40; ++attempt)
      EXPECT_LE(wait(outcome(kind), attempt, 1.0), domain::longest_backoff(attempt)) << attempt;
  }
}

TEST(RetryAt, a_random_source_out_of_range_does_no_harm) {
  EXPECT_EQ(wait(outcome(domain::OutcomeKind::Transient), 1, 7.0), 1s);
  EXPECT_EQ(wait(outcome(domain::OutcomeKind::Transient), 1, -7.0), 0ms);
}

TEST(RetryBudget, ten_retries_a_minute_are_always_allowed) {
  RetryBudget budget;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(budget.may_retry(start + i * 1s));
    budget.called(start + i * 1s, true);
  }
  EXPECT_FALSE(budget.may_retry(start + 10s));
  EXPECT_EQ(budget.next_allowed(start + 10s), start + 60s);
  EXPECT_TRUE(budget.may_retry(start + 60s));
}

TEST(RetryBudget, grows_with_the_calls_of_the_last_minute) {
  RetryBudget budget;
  for (int i = 0; i < 400; ++i)
    budget.called(start, false);
  int retries = 0;
  while (budget.may_retry(start + 1s) && retries < 1000) {
    budget.called(start + 1s, true);
    ++retries;
  }
  EXPECT_EQ(retries, 44);  // of 444 calls
  EXPECT_FALSE(budget.may_retry(start + 59s));
}

TEST(RetryBudget, next_allowed_is_when_the_next_retry_is_allowed_and_not_before) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random(seed);
    RetryBudget budget;
    MonotonicTime t = start;
    for (int i = 0; i < 500; ++i) {
      t += std::chrono::milliseconds(random() % 200);
      budget.called(t, random() % 4 == 0 && budget.may_retry(t));
    }
    while (budget.may_retry(t))
      budget.called(t, true);
    const MonotonicTime at = budget.next_allowed(t);
    ASSERT_GT(at, t);
    RetryBudget before = budget;
    EXPECT_FALSE(before.may_retry(at - 1ns)) << seed;
    EXPECT_TRUE(budget.may_retry(at)) << seed;
  }
}

TEST(RetryBudget, a_retry_is_allowed_at_once_while_there_is_room) {
  RetryBudget budget;
  EXPECT_EQ(budget.next_allowed(start), start);
  for (int i = 0; i < 9; ++i)
    budget.called(start, true);
  EXPECT_EQ(budget.next_allowed(start + 1s), start + 1s);
  budget.called(start, true);
  EXPECT_EQ(budget.next_allowed(start + 1s), start + 60s);
}

TEST(RetryBudget, calls_that_drop_out_of_the_window_take_their_share_of_retries_along) {
  RetryBudget budget;
  for (int i = 0; i < 200; ++i)
    budget.called(start, false);
  for (int i = 0; i < 20; ++i)
    budget.called(start + std::chrono::seconds(1 + i), true);
  EXPECT_TRUE(budget.may_retry(start + 59s)) << "20 of 220 calls";
  EXPECT_FALSE(budget.may_retry(start + 60s)) << "20 of 20";
  EXPECT_EQ(budget.next_allowed(start + 60s), start + 60s + 11s) << "when ten of them are left";
}

TEST(CircuitBreaker, a_closed_one_asks_for_no_wait_and_a_call_changes_nothing) {
  CircuitBreaker circuit;
  circuit.sent(start);
  EXPECT_EQ(circuit.state(), CircuitBreaker::State::Closed);
  EXPECT_EQ(circuit.next_call(start), start);
  EXPECT_TRUE(circuit.may_call(start));
}

TEST(CircuitBreaker, one_whose_probe_is_due_waits_no_longer) {
  CircuitBreaker circuit;
  circuit.unauthorised(start);
  EXPECT_EQ(circuit.next_call(start + 10s), start + 30s);
  EXPECT_EQ(circuit.next_call(start + 40s), start + 40s);
}

TEST(CircuitBreaker, a_key_that_is_refused_by_a_probe_waits_for_the_next) {
  CircuitBreaker circuit;
  circuit.unauthorised(start);
  circuit.sent(start + 30s);
  EXPECT_EQ(circuit.unauthorised(start + 31s), CircuitBreaker::Change::None);
  EXPECT_EQ(circuit.state(), CircuitBreaker::State::Open);
  EXPECT_EQ(circuit.next_call(start + 31s), start + 61s);
}

TEST(CircuitBreaker, failures_count_anew_once_it_is_reset) {
  CircuitBreaker circuit;
  for (int i = 0; i < 30; ++i)
    circuit.failed(start);
  circuit.reset();
  for (int i = 0; i < 9; ++i)
    EXPECT_EQ(circuit.failed(start), CircuitBreaker::Change::None);
  EXPECT_EQ(circuit.failed(start), CircuitBreaker::Change::Opened);
}

TEST(CircuitBreaker, opens_after_ten_failures_in_a_row) {
  CircuitBreaker circuit;
  for (int i = 0; i < 9; ++i)
    EXPECT_EQ(circuit.failed(start), CircuitBreaker::Change::None);
  EXPECT_TRUE(circuit.may_call(start));
  EXPECT_EQ(circuit.failed(start), CircuitBreaker::Change::Opened);
  EXPECT_FALSE(circuit.may_call(start + 29s));
  EXPECT_TRUE(circuit.may_call(start + 30s));
  EXPECT_EQ(circuit.next_call(start), start + 30s);
  EXPECT_EQ(name(circuit.state()), "open");
}

TEST(CircuitBreaker, a_success_between_failures_keeps_it_closed) {
  CircuitBreaker circuit;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(circuit.failed(start), CircuitBreaker::Change::None);
    if (i % 9 == 8) {
      EXPECT_EQ(circuit.succeeded(), CircuitBreaker::Change::None);
    }
  }
  EXPECT_EQ(circuit.state(), CircuitBreaker::State::Closed);
}

TEST(CircuitBreaker, one_probe_goes_out_every_thirty_seconds) {
  CircuitBreaker circuit;
  for (int i = 0; i < 10; ++i)
    circuit.failed(start);
  circuit.sent(start + 30s);
  EXPECT_EQ(circuit.state(), CircuitBreaker::State::Probing);
  EXPECT_FALSE(circuit.may_call(start + 31s));
  EXPECT_EQ(circuit.failed(start + 32s), CircuitBreaker::Change::None);
  EXPECT_FALSE(circuit.may_call(start + 61s));
  EXPECT_TRUE(circuit.may_call(start + 62s));
}

TEST(CircuitBreaker, a_probe_that_succeeds_closes_it) {
  CircuitBreaker circuit;
  for (int i = 0; i < 10; ++i)
    circuit.failed(start);
  circuit.sent(start + 30s);
  EXPECT_EQ(circuit.succeeded(), CircuitBreaker::Change::Closed);
  EXPECT_TRUE(circuit.may_call(start + 31s));
  EXPECT_EQ(circuit.failed(start + 31s), CircuitBreaker::Change::None);
}

TEST(CircuitBreaker, a_probe_whose_end_nobody_reports_does_not_close_the_road_for_good) {
  CircuitBreaker circuit;
  for (int i = 0; i < 10; ++i)
    circuit.failed(start);
  circuit.sent(start + 30s);
  EXPECT_TRUE(circuit.may_call(start + 60s));
}

TEST(CircuitBreaker, failures_of_calls_in_flight_do_not_postpone_the_probe) {
  CircuitBreaker circuit;
  for (int i = 0; i < 10; ++i)
    circuit.failed(start);
  EXPECT_EQ(circuit.failed(start + 20s), CircuitBreaker::Change::None);
  EXPECT_EQ(circuit.unauthorised(start + 21s), CircuitBreaker::Change::None);
  EXPECT_TRUE(circuit.may_call(start + 30s));
}

TEST(CircuitBreaker, a_refused_key_opens_it_at_once_until_a_success_or_a_new_key) {
  CircuitBreaker circuit;
  EXPECT_EQ(circuit.unauthorised(start), CircuitBreaker::Change::Opened);
  EXPECT_TRUE(circuit.key_refused());
  EXPECT_FALSE(circuit.may_call(start + 1s));
  circuit.reset();
  EXPECT_FALSE(circuit.key_refused());
  EXPECT_TRUE(circuit.may_call(start + 1s));
  circuit.unauthorised(start);
  EXPECT_EQ(circuit.succeeded(), CircuitBreaker::Change::Closed);
  EXPECT_FALSE(circuit.key_refused());
}

}  // namespace
}  // namespace stibee_sync::delivery
