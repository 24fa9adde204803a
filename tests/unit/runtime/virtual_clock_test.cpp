#include "stibee_sync/runtime/virtual_clock.hpp"

#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

namespace stibee_sync::runtime {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

const auto rethrow = [](std::exception_ptr error) {
  if (error) std::rethrow_exception(error);
};

asio::awaitable<void> note_at(VirtualClock* clock, MonotonicTime at, std::string name,
                              std::vector<std::string>* notes) {
  const auto timer = clock->make_timer();
  co_await timer->wait_until(at);
  EXPECT_EQ(clock->monotonic(), at);
  notes->push_back(name);
}

TEST(VirtualClock, LeapsFromDeadlineToDeadlineInOrder) {
  asio::io_context context;
  VirtualClock clock(context, UtcTime{});
  std::vector<std::string> notes;
  const auto start = clock.monotonic();
  asio::co_spawn(context, note_at(&clock, start + 2h, "late", &notes), rethrow);
  asio::co_spawn(context, note_at(&clock, start + 1s, "early", &notes), rethrow);
  EXPECT_FALSE(clock.run_until(start + 24h));
  EXPECT_EQ(notes, (std::vector<std::string>{"early", "late"}));
}

TEST(VirtualClock, StopsAtTheTimeItWasToldTo) {
  asio::io_context context;
  VirtualClock clock(context, UtcTime{});
  std::vector<std::string> notes;
  const auto start = clock.monotonic();
  asio::co_spawn(context, note_at(&clock, start + 10s, "ten", &notes), rethrow);
  EXPECT_TRUE(clock.run_until(start + 5s));
  EXPECT_EQ(clock.monotonic(), start + 5s);
  EXPECT_TRUE(notes.empty());
  EXPECT_FALSE(clock.run_until(start + 10s));
  EXPECT_EQ(notes.size(), 1u);
}

asio::awaitable<void> wait_and_count(Timer* timer, int* count) {
  co_await timer->wait_until(forever);
  ++*count;
  co_await timer->wait_until(forever);
  ++*count;
}

TEST(VirtualClock, AWakeBeforeTheWaitCountsOnce) {
  asio::io_context context;
  VirtualClock clock(context, UtcTime{});
  const auto timer = clock.make_timer();
  int count = 0;
  timer->wake();
  timer->wake();
  asio::co_spawn(context, wait_and_count(timer.get(), &count), rethrow);
  EXPECT_FALSE(clock.run_until(clock.monotonic() + 1h));
  EXPECT_EQ(count, 1);
  timer->wake();
  clock.run_until(clock.monotonic() + 1h);
  EXPECT_EQ(count, 2);
}

}  // namespace
}  // namespace stibee_sync::runtime
