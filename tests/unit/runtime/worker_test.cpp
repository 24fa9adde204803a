#include "stibee_sync/runtime/worker.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace stibee_sync::runtime {
namespace {

namespace asio = boost::asio;

struct Seen {
  std::string result;
  std::string error;
  std::thread::id loop;
  std::thread::id work;
  std::thread::id after;
};

asio::awaitable<void> hop(Worker* worker, Seen* seen) {
  seen->loop = std::this_thread::get_id();
  auto work = [seen, text = std::string("a text that is long enough to live on the heap")] {
    seen->work = std::this_thread::get_id();
    return text + "!";
  };
  seen->result = co_await offload(*worker, std::move(work));
  seen->after = std::this_thread::get_id();
  auto failing = [] { throw std::runtime_error("no"); };
  try {
    co_await offload(*worker, std::move(failing));
  } catch (const std::runtime_error& error) {
    seen->error = error.what();
  }
}

TEST(Worker, RunsElsewhereAndResumesOnTheLoop) {
  Seen seen;
  asio::io_context context;
  {
    const auto worker = make_thread_worker("test");
    asio::co_spawn(context, hop(worker.get(), &seen), [](std::exception_ptr error) { EXPECT_FALSE(error); });
    context.run();
  }
  EXPECT_EQ(seen.result, "a text that is long enough to live on the heap!");
  EXPECT_EQ(seen.error, "no");
  EXPECT_NE(seen.work, seen.loop);
  EXPECT_EQ(seen.after, seen.loop);
}

TEST(Worker, InlineRunsWhereItIsPosted) {
  Seen seen;
  asio::io_context context;
  const auto worker = make_inline_worker();
  asio::co_spawn(context, hop(worker.get(), &seen), [](std::exception_ptr error) { EXPECT_FALSE(error); });
  context.run();
  EXPECT_EQ(seen.work, seen.loop);
  EXPECT_EQ(seen.error, "no");
}

class Append final : public Worker::Job {
 public:
  Append(std::vector<int>& out, int value) : out_(out), value_(value) {}
  void run() override { out_.push_back(value_); }

 private:
  std::vector<int>& out_;
  int value_;
};

TEST(Worker, FinishesWhatWasPostedInOrderBeforeItEnds) {
  std::vector<int> out;
  {
    const auto worker = make_thread_worker("test");
    for (int i = 0; i < 1000; ++i)
      worker->post(std::make_unique<Append>(out, i));
  }
  ASSERT_EQ(out.size(), 1000u);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(out[static_cast<std::size_t>(i)], i);
}

TEST(Worker, DestroysWhatIsLeftToItOnItsThread) {
  std::thread::id destroyed;
  auto worker = make_thread_worker("test");
  {
    auto value = std::shared_ptr<int>(new int(1), [&destroyed](const int* gone) {
      destroyed = std::this_thread::get_id();
      delete gone;
    });
    dispose(*worker, std::move(value));
  }
  worker.reset();
  EXPECT_NE(destroyed, std::thread::id());
  EXPECT_NE(destroyed, std::this_thread::get_id());
}

TEST(Worker, TellsHowLongEachOfItsJobsTookOnItsThread) {
  std::vector<int> out;
  std::vector<std::chrono::nanoseconds> told;
  std::thread::id teller;
  {
    const auto worker = make_timed_worker(make_thread_worker("test"), [&](std::chrono::nanoseconds took) {
      told.push_back(took);
      teller = std::this_thread::get_id();
    });
    for (int i = 0; i < 3; ++i)
      worker->post(std::make_unique<Append>(out, i));
  }
  EXPECT_EQ(out, (std::vector{0, 1, 2}));
  ASSERT_EQ(told.size(), 3u);
  for (const auto took : told)
    EXPECT_GE(took.count(), 0);
  EXPECT_NE(teller, std::this_thread::get_id());
}

}  // namespace
}  // namespace stibee_sync::runtime
