#include "stibee_sync/runtime/confined.hpp"

#include <stdexcept>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace stibee_sync::runtime {
namespace {

namespace asio = boost::asio;

class LedgerError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Facts {
  std::vector<int> entries;
  std::thread::id used;
  std::thread::id destroyed;
};

class Ledger {
 public:
  using Error = LedgerError;
  explicit Ledger(Facts& facts) : facts_(facts) {}
  ~Ledger() { facts_.destroyed = std::this_thread::get_id(); }

  void add(int entry) {
    facts_.used = std::this_thread::get_id();
    facts_.entries.push_back(entry);
  }
  [[noreturn]] void break_down() const {
    throw LedgerError("a text that is long enough to live on the heap");
  }

 private:
  Facts& facts_;
};

using ConfinedLedger = Confined<Ledger>;

// No way leads to the object.
template <class C>
concept Opens = requires(C c) { *c; } || requires(C c) { c.operator->(); } || requires(C c) { c.get(); };
template <class Job>
concept Runs = requires(ConfinedLedger c, Job job) { c.run(job); };
static_assert(!Opens<ConfinedLedger>);
static_assert(!std::is_convertible_v<ConfinedLedger&, Ledger&>);
static_assert(!std::is_copy_constructible_v<ConfinedLedger> && !std::is_move_constructible_v<ConfinedLedger>);
static_assert(Runs<int (*)(Ledger&)>);
static_assert(!Runs<Ledger& (*)(Ledger&)>);
static_assert(!Runs<Ledger* (*)(Ledger&)>);
static_assert(!Runs<int (*)()>);

class ConfinedTest : public ::testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<ConfinedLedger> make() {
    return std::make_unique<ConfinedLedger>(std::make_unique<Ledger>(facts),
                                            GetParam() ? make_thread_worker("ledger") : make_inline_worker());
  }
  /// Runs `task` to its end; what it throws comes out.
  void run(asio::awaitable<void> task) {
    std::exception_ptr failure;
    context.restart();
    asio::co_spawn(context, std::move(task), [&](std::exception_ptr error) { failure = std::move(error); });
    context.run();
    if (failure) std::rethrow_exception(failure);
  }

  asio::io_context context;
  Facts facts;
};

asio::awaitable<void> take_value(ConfinedLedger* ledger, std::string* out) {
  auto job = [text = std::string("a text that is long enough to live on the heap")](Ledger& there) {
    there.add(1);
    return text + "!";
  };
  const auto answer = co_await ledger->run(std::move(job));
  EXPECT_TRUE(answer);
  EXPECT_EQ(answer.error(), "");
  *out = answer.value();
}

TEST_P(ConfinedTest, AJobGoesInAndAValueComesOut) {
  std::string out;
  const auto ledger = make();
  run(take_value(ledger.get(), &out));
  EXPECT_EQ(out, "a text that is long enough to live on the heap!");
  EXPECT_EQ(facts.used == std::this_thread::get_id(), !GetParam());
}

asio::awaitable<void> take_errors(ConfinedLedger* ledger) {
  auto valued = [](Ledger& there) -> int { there.break_down(); };
  const auto no_value = co_await ledger->run(std::move(valued));
  EXPECT_FALSE(no_value);
  EXPECT_EQ(no_value.error(), "a text that is long enough to live on the heap");
  EXPECT_THROW(no_value.value(), LedgerError);
  auto plain = [](Ledger& there) { there.break_down(); };
  const auto not_done = co_await ledger->run(std::move(plain));
  EXPECT_FALSE(not_done);
  EXPECT_EQ(not_done.error(), "a text that is long enough to live on the heap");
  EXPECT_THROW(not_done.value(), LedgerError);
}

TEST_P(ConfinedTest, AnErrorOfTheObjectIsAnAnswer) {
  const auto ledger = make();
  run(take_errors(ledger.get()));
}

asio::awaitable<void> take_bug(ConfinedLedger* ledger) {
  auto job = [](Ledger&) -> int { throw std::logic_error("a bug"); };
  co_await ledger->run(std::move(job));
}

TEST_P(ConfinedTest, AnyOtherExceptionComesOutAsItIs) {
  const auto ledger = make();
  EXPECT_THROW(run(take_bug(ledger.get())), std::logic_error);
}

asio::awaitable<void> add(ConfinedLedger* ledger, int entry) {
  auto job = [entry](Ledger& there) { there.add(entry); };
  const auto done = co_await ledger->run(std::move(job));
  EXPECT_TRUE(done);
  EXPECT_EQ(done.error(), "");
  done.value();
}

TEST_P(ConfinedTest, JobsRunInTheOrderInWhichTheyWereGiven) {
  const auto ledger = make();
  for (int i = 0; i < 100; ++i)
    asio::co_spawn(context, add(ledger.get(), i), [](std::exception_ptr error) { EXPECT_FALSE(error); });
  context.run();
  ASSERT_EQ(facts.entries.size(), 100U);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(facts.entries[static_cast<std::size_t>(i)], i);
}

TEST_P(ConfinedTest, TheObjectIsDestroyedWhereItLived) {
  auto ledger = make();
  run(add(ledger.get(), 1));
  EXPECT_EQ(facts.destroyed, std::thread::id());
  ledger.reset();
  EXPECT_EQ(facts.destroyed, facts.used);
}

asio::awaitable<void> take_unique(ConfinedLedger* ledger, std::unique_ptr<std::string>* out) {
  auto job = [text = std::make_unique<std::string>("moved in and out")](Ledger&) mutable {
    return std::move(text);
  };
  auto answer = co_await ledger->run(std::move(job));
  *out = std::move(answer).value();
}

TEST_P(ConfinedTest, WhatCanOnlyBeMovedCrosses) {
  std::unique_ptr<std::string> out;
  const auto ledger = make();
  run(take_unique(ledger.get(), &out));
  ASSERT_TRUE(out);
  EXPECT_EQ(*out, "moved in and out");
}

/// Several jobs, of which the second fails.
asio::awaitable<int> several(ConfinedLedger* ledger) {
  auto first = [](Ledger& there) { there.add(1); };
  auto done = co_await ledger->run(std::move(first));
  done.value();
  auto second = [](Ledger& there) -> int { there.break_down(); };
  auto answer = co_await ledger->run(std::move(second));
  co_return std::move(answer).value() + 1;
}

asio::awaitable<void> all_or_nothing(ConfinedLedger* ledger) {
  auto task = several(ledger);
  const auto answer = co_await answer_of<LedgerError>(std::move(task));
  EXPECT_FALSE(answer);
  EXPECT_EQ(answer.error(), "a text that is long enough to live on the heap");
  auto one = add(ledger, 2);
  const auto done = co_await answer_of<LedgerError>(std::move(one));
  EXPECT_TRUE(done);
}

TEST_P(ConfinedTest, AnErrorEndsAWholeTaskAndIsItsAnswer) {
  const auto ledger = make();
  run(all_or_nothing(ledger.get()));
  EXPECT_EQ(facts.entries, (std::vector<int>{1, 2}));
}

INSTANTIATE_TEST_SUITE_P(OnAThreadAndInline, ConfinedTest, ::testing::Bool());

}  // namespace
}  // namespace stibee_sync::runtime
