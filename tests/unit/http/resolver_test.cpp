#include "http/resolver.hpp"

#include <atomic>
#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace stibee_sync::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// A name service that answers when it is told to.
class ScriptedNames {
 public:
  LookupFunction function() {
    return [state = state_](const std::string&) {
      ++state->calls;
      state->gate.wait();
      const std::lock_guard lock(state->mutex);
      return state->answer;
    };
  }
  void answer(const char* address) {
    const std::lock_guard lock(state_->mutex);
    state_->answer = Addresses();
    if (address != nullptr) {
      state_->answer.list.push_back(asio::ip::make_address(address));
    } else {
      state_->answer.error = "scripted failure";
    }
  }
  void open() { state_->promise.set_value(); }
  int calls() const { return state_->calls; }

 private:
  struct State {
    std::atomic<int> calls = 0;
    std::promise<void> promise;
    std::shared_future<void> gate = promise.get_future().share();
    std::mutex mutex;
    Addresses answer;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class ResolverTest : public ::testing::Test {
 protected:
  std::shared_ptr<Resolver> make(ScriptedNames& names, ResolverTimes times = {}) {
    return std::make_shared<Resolver>(loop.get_executor(), "api.example", names.function(), times);
  }
  void start(const std::shared_ptr<Resolver>& resolver, std::chrono::milliseconds patience,
             Addresses& result) {
    asio::co_spawn(loop, resolver->resolve(steady_clock::now() + patience),
                   [&result, resolver](std::exception_ptr error, Addresses found) {
                     ASSERT_FALSE(error);
                     result = std::move(found);
                   });
  }
  Addresses resolve(const std::shared_ptr<Resolver>& resolver, std::chrono::milliseconds patience = 10s) {
    Addresses result;
    start(resolver, patience, result);
    loop.restart();
    while (loop.run_one() > 0) {
      if (!result.list.empty() || !result.error.empty()) break;
    }
    return result;
  }

  asio::io_context loop;
};

TEST_F(ResolverTest, AsksNobodyForLiteralsAndLocalhost) {
  ScriptedNames names;
  const auto literal = std::make_shared<Resolver>(loop.get_executor(), "::1", names.function());
  EXPECT_EQ(resolve(literal).list.front().to_string(), "::1");
  const auto local = std::make_shared<Resolver>(loop.get_executor(), "localhost", names.function());
  for (const auto& address : resolve(local).list)
    EXPECT_TRUE(address.is_loopback());
  EXPECT_EQ(names.calls(), 0);
}

TEST_F(ResolverTest, AsksOnceForManyCallersAndRemembers) {
  ScriptedNames names;
  names.answer("192.0.2.1");
  const auto resolver = make(names);
  std::array<Addresses, 5> results;
  for (auto& result : results)
    start(resolver, 10s, result);
  asio::post(loop, [&] { names.open(); });
  loop.run();
  for (const auto& result : results)
    EXPECT_EQ(result.list.size(), 1U);
  EXPECT_EQ(resolve(resolver).list.front().to_string(), "192.0.2.1");
  EXPECT_EQ(names.calls(), 1);
}

TEST_F(ResolverTest, GivesUpAtTheDeadlineWhileTheLookupHangs) {
  ScriptedNames names;
  const auto resolver = make(names);
  const auto result = resolve(resolver, 30ms);
  EXPECT_TRUE(result.timed_out);
  EXPECT_TRUE(result.list.empty());
  names.answer("192.0.2.1");
  names.open();
  EXPECT_EQ(resolve(resolver).list.size(), 1U);
  EXPECT_EQ(names.calls(), 1) << "a second lookup was started beside the hanging one";
}

TEST_F(ResolverTest, NeverMakesTheLoopWaitForAHangingLookup) {
  ScriptedNames names;
  const auto begin = steady_clock::now();
  {
    asio::io_context short_lived;
    auto resolver = std::make_shared<Resolver>(short_lived.get_executor(), "api.example", names.function());
    Addresses result;
    asio::co_spawn(short_lived, resolver->resolve(begin + 1h), [&](std::exception_ptr, Addresses) {});
    asio::post(short_lived, [&] { short_lived.stop(); });
    short_lived.run();
  }
  EXPECT_LT(steady_clock::now() - begin, 5s);
  names.open();
}

TEST_F(ResolverTest, ReportsAFailedLookup) {
  ScriptedNames names;
  names.answer(nullptr);
  names.open();
  const auto result = resolve(make(names));
  EXPECT_TRUE(result.list.empty());
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.error, "scripted failure");
}

TEST_F(ResolverTest, UsesOldAddressesWhenTheResolverFails) {
  ScriptedNames names;
  names.answer("192.0.2.1");
  names.open();
  const auto resolver = make(names);
  ASSERT_EQ(resolve(resolver).list.size(), 1U);
  resolver->expire();
  names.answer(nullptr);
  EXPECT_EQ(resolve(resolver).list.size(), 1U);
  EXPECT_EQ(names.calls(), 2);
  names.answer("192.0.2.2");
  EXPECT_EQ(resolve(resolver).list.front().to_string(), "192.0.2.2") << "asked again after the failure";
}

TEST_F(ResolverTest, UsesOldAddressesWhenTheResolverDawdles) {
  ScriptedNames names;
  auto hang = std::make_shared<std::promise<void>>();
  std::shared_future<void> gate = hang->get_future().share();
  auto calls = std::make_shared<std::atomic<int>>(0);
  ResolverTimes times;
  times.patience_with_stale = 20ms;
  const auto resolver = std::make_shared<Resolver>(
      loop.get_executor(), "api.example",
      [gate, calls](const std::string&) {
        if (++*calls > 1) gate.wait();
        Addresses found;
        found.list.push_back(asio::ip::make_address("192.0.2.1"));
        return found;
      },
      times);
  ASSERT_EQ(resolve(resolver).list.size(), 1U);
  resolver->expire();
  EXPECT_EQ(resolve(resolver, 1h).list.size(), 1U);
  hang->set_value();
}

TEST_F(ResolverTest, StopWakesEveryCaller) {
  ScriptedNames names;
  const auto resolver = make(names);
  int woken = 0;
  for (int i = 0; i < 3; ++i) {
    asio::co_spawn(loop, resolver->resolve(steady_clock::now() + 1h),
                   [&](std::exception_ptr error, Addresses found) {
                     EXPECT_FALSE(error);
                     EXPECT_TRUE(found.list.empty());
                     ++woken;
                   });
  }
  asio::post(loop, [&] { resolver->stop(); });
  loop.run();
  EXPECT_EQ(woken, 3);
  names.open();
}

}  // namespace
}  // namespace stibee_sync::http
