#include "stibee_sync/delivery/rate_limiter.hpp"

#include <algorithm>
#include <deque>
#include <random>

#include <gtest/gtest.h>

namespace stibee_sync::delivery {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

const MonotonicTime start{std::chrono::hours(1)};

TEST(RateLimiter, a_lone_call_goes_out_at_once) {
  const RateLimiter limiter(Rate{10, 1s});
  EXPECT_EQ(limiter.next_slot(start), start);
}

TEST(RateLimiter, calls_that_follow_each_other_are_spread_a_little) {
  RateLimiter limiter(Rate{10, 1s});
  limiter.take(start);
  EXPECT_EQ(limiter.next_slot(start), start + 20ms);
  EXPECT_EQ(limiter.next_slot(start + 1s), start + 1s);
  RateLimiter fast(Rate{1000, 1s});
  fast.take(start);
  EXPECT_EQ(fast.next_slot(start), start + 500us);
}

TEST(RateLimiter, tells_how_many_slots_of_the_window_are_taken) {
  RateLimiter limiter(Rate{10, 1s});
  EXPECT_EQ(limiter.used(start), 0U);
  limiter.answered(limiter.take(start), start + 10ms);
  limiter.take(start + 500ms);
  EXPECT_EQ(limiter.used(start + 500ms), 2U);
  EXPECT_EQ(limiter.used(start + 1s + 20ms), 1U) << "the first one's slot is free again";
  EXPECT_EQ(limiter.used(start + 10s), 0U);
}

TEST(RateLimiter, slots_kept_free_are_there_for_those_who_do_not_keep_them) {
  RateLimiter limiter(Rate{20, 1s});
  auto at = start;
  for (int i = 0; i < 19; ++i, at = limiter.next_slot(at, 1))
    limiter.take(at);
  EXPECT_GT(at, start + 1s) << "the twentieth of the ordinary calls waits for the window to turn";
  EXPECT_LE(limiter.next_slot(start + 900ms), start + 900ms) << "an urgent one does not";
  EXPECT_EQ(RateLimiter(Rate{1, 1s}).next_slot(start, 5), start) << "never all of them";
}

TEST(RateLimiter, a_slot_is_free_again_one_window_after_the_answer) {
  RateLimiter limiter(Rate{1, 1s});
  const auto attempt = limiter.take(start);
  EXPECT_EQ(limiter.next_slot(start + 5ms), start + 30ms + 1s + 1ms);
  limiter.answered(attempt, start + 10ms);
  EXPECT_EQ(limiter.next_slot(start + 10ms), start + 10ms + 1s + 1ms);
}

TEST(RateLimiter, a_late_answer_does_not_keep_the_slot) {
  RateLimiter limiter(Rate{1, 1s});
  const auto attempt = limiter.take(start);
  limiter.answered(attempt, start + 700ms);
  EXPECT_EQ(limiter.next_slot(start + 700ms), start + 1031ms);
}

TEST(RateLimiter, a_call_that_took_longer_than_its_neighbours_may_have_been_late_on_its_way) {
  RateLimiter limiter(Rate{2, 1s});
  limiter.answered(limiter.take(start), start + 100ms);
  const auto slow = limiter.take(start + 500ms);
  limiter.answered(slow, start + 640ms);  // 40 ms more than the other
  const auto next = limiter.next_slot(start + 1200ms);
  EXPECT_EQ(next, start + 1200ms);
  limiter.take(next);
  EXPECT_EQ(limiter.next_slot(next + 20ms), start + 500ms + 30ms + 40ms + 1s + 1ms);
}

TEST(RateLimiter, a_call_whose_answer_is_overdue_keeps_its_slot_a_little_longer) {
  RateLimiter limiter(Rate{1, 1s});
  limiter.answered(limiter.take(start), start + 100ms);
  limiter.take(start + 2s);
  EXPECT_EQ(limiter.next_slot(start + 2050ms), start + 2s + 1031ms);
  EXPECT_EQ(limiter.next_slot(start + 3040ms), start + 2s + 1031ms + 50ms);  // and no longer than that
}

TEST(RateLimiter, one_that_is_late_among_steady_ones_may_have_been_late_by_all_of_it) {
  RateLimiter limiter(Rate{1, 1s});
  auto at = start;
  for (int call = 0; call < 8; ++call, at += 2s)
    limiter.answered(limiter.take(at), at + 100ms);
  const auto slow = limiter.take(at);
  EXPECT_EQ(limiter.next_slot(at + 1200ms), at + 30ms + 1s + 1s + 1ms) << "as long as it is out";
  limiter.answered(slow, at + 500ms);
  EXPECT_EQ(limiter.next_slot(at + 500ms), at + 30ms + 400ms + 1s + 1ms);
}

TEST(RateLimiter, an_answer_to_a_forgotten_attempt_is_ignored) {
  RateLimiter limiter(Rate{1, 1s});
  const auto first = limiter.take(start);
  limiter.take(start + 10s);
  limiter.answered(first, start + 10s);
  limiter.answered(RateLimiter::Attempt{99}, start + 10s);
  EXPECT_GT(limiter.next_slot(start + 10s), start + 11s);
}

TEST(RateLimiter, an_attempt_is_answered_once) {
  RateLimiter limiter(Rate{1, 1s});
  const auto attempt = limiter.take(start);
  limiter.answered(attempt, start + 10ms);
  limiter.answered(attempt, start + 900ms);
  EXPECT_EQ(limiter.next_slot(start + 900ms), start + 10ms + 1s + 1ms);
  EXPECT_EQ(limiter.used(start + 1011ms), 0U);
}

TEST(RateLimiter, attempts_of_an_earlier_life_count) {
  RateLimiter limiter(Rate{2, 1s});
  limiter.restore({start - 500ms, start - 400ms});
  // Logged before they were sent: the commit of the log lies between.
  EXPECT_EQ(limiter.next_slot(start), start + 781ms);
  limiter.take(start + 781ms);
  EXPECT_EQ(limiter.next_slot(start + 781ms), start + 881ms);
}

TEST(RateLimiter, attempts_of_an_earlier_life_are_over_and_come_in_any_order) {
  RateLimiter limiter(Rate{2, 1s});
  limiter.restore({start - 10ms, start - 60ms});
  EXPECT_EQ(limiter.next_slot(start - 10ms), start - 60ms + 30ms + 250ms + 1s + 1ms);
  RateLimiter one(Rate{10, 1s});
  one.restore({start - 10ms, start - 60ms});
  EXPECT_EQ(one.next_slot(start - 10ms), start + 10ms) << "spread after the latest";
  one.answered(one.take(start + 10ms), start + 20ms);
  EXPECT_EQ(one.used(start - 10ms + 1280ms), 1U);
  EXPECT_EQ(one.used(start - 10ms + 1281ms), 0U) << "none of them is waited for";
}

TEST(RateLimiter, how_fast_answers_are_is_told_by_the_last_sixteen) {
  RateLimiter limiter(Rate{1, 1s});
  limiter.answered(limiter.take(start), start + 10ms);
  auto at = start + 10s;
  for (int call = 0; call < 15; ++call, at += 10s)
    limiter.answered(limiter.take(at), at + 400ms);
  limiter.take(at);
  EXPECT_EQ(limiter.next_slot(at + 400ms), at + 30ms + 50ms + 1s + 1ms) << "later than the fastest";
  at += 10s;
  limiter.answered(limiter.take(at), at + 400ms);
  at += 10s;
  limiter.take(at);
  EXPECT_EQ(limiter.next_slot(at + 400ms), at + 30ms + 1s + 1ms) << "that one is forgotten";
}

TEST(RateLimiter, nothing_goes_out_before_the_time_that_stibee_asked_for) {
  RateLimiter limiter(Rate{10, 1s});
  limiter.hold_until(start, start + 7s);
  limiter.hold_until(start, start + 3s);
  EXPECT_EQ(limiter.next_slot(start), start + 7s);
  EXPECT_EQ(limiter.next_slot(start, 0, RateLimiter::urgent_probe), start + 7s) << "no probe is later";
  EXPECT_EQ(limiter.held_until(start), start + 7s);
  EXPECT_EQ(limiter.next_slot(start + 8s), start + 8s);
  EXPECT_EQ(limiter.held_until(start + 8s), std::nullopt);
}

TEST(RateLimiter, while_it_is_held_a_probe_goes_out_now_and_then) {
  RateLimiter limiter(Rate{10, 1s});
  limiter.hold_until(start, start + 24h);
  EXPECT_EQ(limiter.next_slot(start, 0, RateLimiter::urgent_probe), start + 1min);
  EXPECT_EQ(limiter.next_slot(start, 0, RateLimiter::ordinary_probe), start + 15min);
  limiter.take(start + 1min);
  EXPECT_EQ(limiter.next_slot(start + 1min, 0, RateLimiter::urgent_probe), start + 2min);
  EXPECT_EQ(limiter.next_slot(start + 1min, 0, RateLimiter::ordinary_probe), start + 16min);
  limiter.hold_until(start + 1min, start + 25h);
  EXPECT_EQ(limiter.next_slot(start + 1min, 0, RateLimiter::urgent_probe), start + 2min);
  EXPECT_EQ(limiter.next_slot(start + 25h - 30s, 0, RateLimiter::ordinary_probe), start + 25h - 30s);
}

TEST(RateLimiter, a_call_that_was_taken_since_ends_the_hold_and_an_earlier_one_does_not) {
  RateLimiter limiter(Rate{10, 1s});
  limiter.hold_until(start, start + 24h);
  EXPECT_FALSE(limiter.release(start - 1ms));
  EXPECT_EQ(limiter.next_slot(start + 1s), start + 24h);
  EXPECT_TRUE(limiter.release(start + 1min));
  EXPECT_EQ(limiter.next_slot(start + 2min), start + 2min);
  EXPECT_FALSE(limiter.release(start + 3min));
}

TEST(RateLimiter, a_throttled_answer_halves_the_rate_which_creeps_back_by_a_tenth_per_quiet_window) {
  RateLimiter limiter(Rate{10, 1s});
  limiter.throttled(start);
  EXPECT_EQ(limiter.current(start), 5u);
  EXPECT_EQ(limiter.current(start + 999ms), 5u);
  EXPECT_EQ(limiter.current(start + 1s), 6u);
  EXPECT_EQ(limiter.current(start + 5s), 10u);
  EXPECT_EQ(limiter.current(start + 100s), 10u);
  limiter.throttled(start + 2s);
  EXPECT_EQ(limiter.current(start + 2s), 3u);
}

TEST(RateLimiter, throttled_answers_of_calls_in_flight_together_halve_it_once) {
  RateLimiter limiter(Rate{10, 1s});
  for (int i = 0; i < 8; ++i)
    limiter.throttled(start + i * 10ms);
  EXPECT_EQ(limiter.current(start + 70ms), 5u);
}

TEST(RateLimiter, the_rate_never_falls_under_one_call_per_window) {
  RateLimiter limiter(Rate{3, 1s});
  for (int i = 0; i < 50; ++i)
    limiter.throttled(start + i * 1100ms);
  EXPECT_EQ(limiter.current(start + 55s), 1u);
}

TEST(RateLimiter, a_small_limit_creeps_back_too) {
  RateLimiter limiter(Rate{3, 1s});
  limiter.throttled(start);
  EXPECT_EQ(limiter.current(start), 1u);
  EXPECT_EQ(limiter.current(start + 2s), 2u);
  EXPECT_EQ(limiter.current(start + 5s), 3u);
}

TEST(RateLimiter, while_throttled_fewer_calls_go_out_per_window) {
  RateLimiter limiter(Rate{10, 1s});
  limiter.throttled(start);
  MonotonicTime now = start;
  for (int i = 0; i < 5; ++i) {
    now = limiter.next_slot(now);
    limiter.take(now);
  }
  EXPECT_LT(now, start + 200ms);
  EXPECT_GT(limiter.next_slot(now), start + 1s);
}

TEST(RateLimiter, a_new_limit_counts_at_once_and_forgets_the_throttling) {
  RateLimiter limiter(Rate{10, 1s});
  limiter.throttled(start);
  limiter.set_limit(Rate{4, 1s});
  EXPECT_EQ(limiter.current(start), 4u);
  limiter.set_limit(Rate{0, 0s});
  EXPECT_EQ(limiter.limit().calls, 1u);
}

// ---- the promise, seen from the server -----------------------------------------------------------------

struct Call {
  MonotonicTime sent;
  MonotonicTime arrived;
  MonotonicTime answered = {};
};

// Most arrivals in any window (t, t + window].
std::size_t most_in_any_window(std::vector<Call> calls, nanoseconds window) {
  std::sort(calls.begin(), calls.end(), [](const Call& a, const Call& b) { return a.arrived < b.arrived; });
  std::size_t most = 0;
  std::size_t first = 0;
  for (std::size_t last = 0; last < calls.size(); ++last) {
    while (calls[last].arrived - calls[first].arrived >= window)
      ++first;
    most = std::max(most, last - first + 1);
  }
  return most;
}

nanoseconds slack_of(Rate rate) {
  return std::min<nanoseconds>(rate.window * 3 / 100, 1s);
}

struct Load {
  Rate rate;
  nanoseconds most_latency;
  bool pauses;  // the caller is at times busy or idle
};

// Sends as the limiter allows; arrivals are as adverse as a random choice between both ends makes them.
std::vector<Call> run(const Load& load, std::mt19937_64& random, nanoseconds length, RateLimiter limiter,
                      MonotonicTime from) {
  const auto up_to = [&](nanoseconds most) {
    return nanoseconds(std::uniform_int_distribution<nanoseconds::rep>(
        0, std::max<nanoseconds::rep>(most.count(), 0))(random));
  };
  std::vector<Call> calls;
  std::vector<std::pair<MonotonicTime, RateLimiter::Attempt>> in_flight;
  MonotonicTime now = from;
  while (now < from + length) {
    std::sort(in_flight.begin(), in_flight.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    const MonotonicTime slot = limiter.next_slot(now);
    if (!in_flight.empty() && in_flight.front().first <= slot) {
      now = std::max(now, in_flight.front().first);
      limiter.answered(in_flight.front().second, now);
      in_flight.erase(in_flight.begin());
      continue;
    }
    now = slot;
    if (load.pauses && random() % 20 == 0) {
      now += up_to(load.rate.window * 2);
      continue;
    }
    const nanoseconds latency = up_to(load.most_latency);
    const nanoseconds longest = std::min(latency, slack_of(load.rate));
    const auto choice = random() % 3;
    const nanoseconds delay = choice == 0 ? 0ns : choice == 1 ? longest : up_to(longest);
    in_flight.emplace_back(now + latency, limiter.take(now));
    calls.push_back({now, now + delay, now + latency});
  }
  return calls;
}

// Many windows of few calls, or few of many.
int windows_of(Rate rate, int most) {
  return rate.calls >= 1000 ? 8 : most;
}

TEST(RateLimiterPromise, never_more_than_the_limit_arrives_in_any_window) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    const Rate rates[] = {{10, 1s}, {3, 1s}, {1, 1s}, {10, 60s}, {100, 60s}, {1000, 1s}, {7, 300ms}};
    const Rate rate = rates[seed % std::size(rates)];
    const Load load{rate, rate.window * static_cast<int>(random() % 3) / 4 + 1ms, seed % 2 == 0};
    const auto calls = run(load, random, rate.window * windows_of(rate, 30), RateLimiter(rate), start);
    ASSERT_LE(most_in_any_window(calls, rate.window), rate.calls) << "seed " << seed;
  }
}

// A server that counts each call wherever between its sending and its answer that is worst for one window:
// all whose time reaches into the window count in it.
std::size_t most_in_worst_window(const std::vector<Call>& calls, nanoseconds window) {
  std::size_t most = 0;
  for (const auto& first : calls) {
    const auto in_window = [&](const Call& call) {
      return call.arrived >= first.arrived && call.sent < first.arrived + window;
    };
    most = std::max(most, static_cast<std::size_t>(std::count_if(calls.begin(), calls.end(), in_window)));
  }
  return most;
}

TEST(RateLimiterPromise, no_server_that_answers_soon_can_count_more_than_the_limit) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    const Rate rates[] = {{10, 1s}, {3, 1s}, {1, 1s}, {10, 60s}, {100, 60s}, {7, 300ms}};
    const Rate rate = rates[seed % std::size(rates)];
    const Load load{rate, slack_of(rate), seed % 2 == 0};
    auto calls = run(load, random, rate.window * 20, RateLimiter(rate), start);
    for (auto& call : calls)
      call.arrived = call.answered;
    ASSERT_LE(most_in_worst_window(calls, rate.window), rate.calls) << "seed " << seed;
  }
}

TEST(RateLimiterPromise, a_call_that_is_held_up_on_its_way_among_steady_ones_breaks_nothing) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    const Rate rate{10, 1s};
    RateLimiter limiter(rate);
    std::vector<Call> calls;
    std::vector<std::pair<MonotonicTime, RateLimiter::Attempt>> in_flight;
    auto now = start;
    while (calls.size() < 400) {
      std::sort(in_flight.begin(), in_flight.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      const auto slot = limiter.next_slot(now);
      if (!in_flight.empty() && in_flight.front().first <= slot) {
        now = std::max(now, in_flight.front().first);
        limiter.answered(in_flight.front().second, now);
        in_flight.erase(in_flight.begin());
        continue;
      }
      now = slot;
      const bool held_up = calls.size() > 10 && random() % 20 == 0;
      const auto arrived = now + 1ms + (held_up ? std::chrono::milliseconds(random() % 400) : 0ms);
      in_flight.emplace_back(arrived + 4ms, limiter.take(now));
      calls.push_back({now, arrived, arrived + 4ms});
    }
    ASSERT_LE(most_in_any_window(calls, rate.window), rate.calls) << "seed " << seed;
    EXPECT_LT(std::chrono::duration<double>(now - start).count(), 39 * 1.06 + 0.5) << "seed " << seed;
  }
}

TEST(RateLimiterPromise, costs_no_more_than_what_keeps_it) {
  const Rate rate{10, 1s};
  const auto time_of_500 = [&](nanoseconds latency) {
    RateLimiter limiter(rate);
    std::deque<std::pair<MonotonicTime, RateLimiter::Attempt>> in_flight;
    auto now = start;
    for (int call = 0; call < 500; ++call) {
      for (;;) {
        const auto slot = limiter.next_slot(now);
        const bool answer_first = !in_flight.empty() && in_flight.front().first <= slot;
        now = answer_first ? in_flight.front().first : slot;
        if (!answer_first) break;
        limiter.answered(in_flight.front().second, now);
        in_flight.pop_front();
      }
      in_flight.emplace_back(now + latency, limiter.take(now));
    }
    return std::chrono::duration<double>(now - start).count();
  };
  // 49 windows have to turn before the last call.
  EXPECT_LT(time_of_500(5ms), 49 * 1.0061 + 0.2);
  EXPECT_LT(time_of_500(100ms), 49 * 1.0311 + 0.2);
  EXPECT_LT(time_of_500(5s), 49 * 1.0311 + 0.2) << "of as many in flight as there may be";
}

TEST(RateLimiterPromise, the_limit_is_used_at_any_latency) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    const Rate rates[] = {{10, 1s}, {3, 1s}, {10, 60s}, {100, 60s}, {1000, 1s}, {20, 6s}};
    const Rate rate = rates[seed % std::size(rates)];
    const bool steady = seed % 2 == 0;
    const Load load{rate, steady ? slack_of(rate) : rate.window, false};
    const int windows = windows_of(rate, 50);
    const auto calls = run(load, random, rate.window * windows, RateLimiter(rate), start);
    // A server whose time varies by a whole window costs the bound on delays besides.
    EXPECT_GE(static_cast<double>(calls.size()),
              (steady ? 0.95 : 0.91) * windows * static_cast<double>(rate.calls))
        << "seed " << seed;
  }
}

TEST(RateLimiterPromise, holds_across_restarts) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    const Rate rate = seed % 2 == 0 ? Rate{10, 1s} : Rate{20, 6s};
    const Load load{rate, 100ms, false};
    std::vector<Call> all;
    MonotonicTime now = start;
    for (int life = 0; life < 10; ++life) {
      RateLimiter limiter(rate);
      std::vector<MonotonicTime> logged;
      for (const Call& call : all) {
        if (call.sent > now - 2 * rate.window) logged.push_back(call.sent);
      }
      limiter.restore(logged);
      const auto calls =
          run(load, random, rate.window * static_cast<int>(1 + random() % 20) / 10, limiter, now);
      all.insert(all.end(), calls.begin(), calls.end());
      now = std::max(now, all.empty() ? now : all.back().sent) + nanoseconds(random() % 1'000'000);
    }
    ASSERT_LE(most_in_any_window(all, rate.window), rate.calls) << "seed " << seed;
  }
}

}  // namespace
}  // namespace stibee_sync::delivery
