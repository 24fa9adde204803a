// What becomes of a loop when what it stands on fails under it.
#include "disk/temporary_directory.hpp"
#include "stibee_sync/pipeline/caller.hpp"
#include "stibee_sync/pipeline/ingest.hpp"
#include "stibee_sync/runtime/virtual_clock.hpp"

#include <deque>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>
#include <sqlite3.h>

namespace stibee_sync::pipeline {
namespace {

namespace asio = boost::asio;
using delivery::LimiterClass;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Does its jobs when it is told to.
class HeldWorker final : public runtime::Worker {
 public:
  explicit HeldWorker(bool& held) : held_(held) {}
  ~HeldWorker() override { release(); }
  void post(std::unique_ptr<Job> job) override {
    jobs_.push_back(std::move(job));
    if (!held_) release();
  }
  void release() {
    while (!jobs_.empty()) {
      const auto job = std::move(jobs_.front());
      jobs_.pop_front();
      job->run();
    }
  }

 private:
  bool& held_;
  std::deque<std::unique_ptr<Job>> jobs_;
};

/// Answers every call with an empty object, or breaks as only a bug does.
class FragileTransport final : public http::Transport {
 public:
  explicit FragileTransport(runtime::Clock& clock) : clock_(clock) {}

  asio::awaitable<http::OpenResult> open() override {
    if (opening_breaks) throw std::logic_error("opening broke");
    ++opened;
    std::unique_ptr<http::Channel> channel = std::make_unique<Channel>(*this);
    co_return http::OpenResult(std::move(channel));
  }

  bool opening_breaks = false;
  int opened = 0;  // each at once, as one that lies idle
  bool exchange_breaks = false;
  std::vector<runtime::MonotonicTime> calls;

 private:
  class Channel final : public http::Channel {
   public:
    explicit Channel(FragileTransport& transport) : transport_(transport) {}
    asio::awaitable<http::ExchangeResult> exchange(http::Request) override {
      if (transport_.exchange_breaks) throw std::logic_error("the exchange broke");
      transport_.calls.push_back(transport_.clock_.monotonic());
      http::Response response(200, {}, "{}");
      co_return http::ExchangeResult(std::move(response));
    }
    bool fresh() const override { return true; }

   private:
    FragileTransport& transport_;
  };

  runtime::Clock& clock_;
};

delivery::ApiRequest some_request() {
  delivery::ApiRequest request;
  request.method = "GET";
  request.target = "/v1/lists";
  return request;
}

asio::awaitable<void> ask_once(Caller* caller, bool* answered) {
  auto request = some_request();
  const auto reply = co_await caller->ask(std::move(request));
  *answered = !reply.no_answer();
}

class LoopFault : public ::testing::Test {
 protected:
  CallerOptions ten_a_second() const {
    CallerOptions options;
    options.limits = {{LimiterClass::All, delivery::Rate{10, seconds(1)}}};
    options.boot_id = "this boot";
    return options;
  }
  void run_for(milliseconds time) { clock_.run_until(clock_.monotonic() + time); }
  void spawn(asio::awaitable<void> task) {
    asio::co_spawn(context_, std::move(task), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  }
  /// As another program that has the file open.
  void execute(const char* sql) {
    sqlite3* file = nullptr;
    ASSERT_EQ(sqlite3_open((directory_.path() / "state.sqlite").c_str(), &file), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(file, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(file);
    sqlite3_close(file);
  }

  test_disk::TemporaryDirectory directory_;
  asio::io_context context_;
  runtime::VirtualClock clock_{context_, runtime::UtcTime(std::chrono::hours(24 * 365 * 56))};
  store::OpenReport opened_;
  std::unique_ptr<store::Store> owned_ = store::open_store(directory_.path(), opened_);
  store::Store* store_ = owned_.get();
  const domain::StateKey key_ = owned_->key();
  bool worker_held_ = false;
  HeldWorker* worker_ = nullptr;
  std::unique_ptr<runtime::Worker> made_ = [this] {
    auto worker = std::make_unique<HeldWorker>(worker_held_);
    worker_ = worker.get();
    return worker;
  }();
  runtime::Confined<store::Store> confined_{std::move(owned_), std::move(made_)};
  std::string log_;
  telemetry::Log logger_ = telemetry::Log::to([this](std::string_view line) { (log_ += line) += '\n'; });
  telemetry::Metrics metrics_{telemetry::MetricsOptions{"test", false, {}}};
  Services services_{clock_, confined_, key_, logger_, metrics_, [] { return 0.5; }};
  FragileTransport transport_{clock_};
  Caller caller_{services_, context_.get_executor(), transport_, ten_a_second(), {}};
};

TEST_F(LoopFault, APlaceIsGivenUpWhenOpeningAConnectionBreaks) {
  transport_.opening_breaks = true;
  caller_.connect(2);
  run_for(seconds(1));
  EXPECT_NE(log_.find("opening broke"), std::string::npos) << log_;
  EXPECT_TRUE(caller_.quiet());

  transport_.opening_breaks = false;
  caller_.connect(2);
  run_for(seconds(1));
  EXPECT_TRUE(caller_.connected()) << "places that leaked would keep it from opening";
}

TEST_F(LoopFault, ConnectionsThatAreReadyAtOnceCount) {
  const auto connect = [](Caller* caller) -> asio::awaitable<void> {
    caller->connect(3);
    caller->connect(3);
    co_return;
  };
  spawn(connect(&caller_));
  run_for(milliseconds(0));
  EXPECT_EQ(transport_.opened, 3);
}

TEST_F(LoopFault, APlaceInFlightIsGivenUpWhenAnExchangeBreaks) {
  caller_.connect(1);
  run_for(seconds(1));
  ASSERT_TRUE(caller_.connected());
  transport_.exchange_breaks = true;
  const auto call = [](Caller* caller) -> asio::awaitable<void> {
    auto attempt = caller->begin(LimiterClass::All, false);
    auto request = some_request();
    const auto attempted = co_await caller->exchange(std::move(attempt), std::move(request));
    ADD_FAILURE() << attempted.trouble;
  };
  caller_.spawn(call(&caller_));
  run_for(seconds(1));
  EXPECT_NE(log_.find("the exchange broke"), std::string::npos) << log_;
  EXPECT_EQ(caller_.in_flight(), 0U);
}

TEST_F(LoopFault, ALogOfCallsThatCannotBeReadIsTakenForAFullWindow) {
  execute("ALTER TABLE limiter_attempt RENAME TO elsewhere");
  spawn(caller_.restore());
  run_for(milliseconds(0));
  EXPECT_NE(log_.find("store.failed"), std::string::npos) << log_;
  execute("ALTER TABLE elsewhere RENAME TO limiter_attempt");

  const auto began = clock_.monotonic();
  const auto ask = [](Caller* caller) -> asio::awaitable<void> {
    auto request = some_request();
    const auto reply = co_await caller->ask(std::move(request));
    EXPECT_FALSE(reply.no_answer().has_value());
  };
  spawn(ask(&caller_));
  run_for(seconds(5));
  ASSERT_EQ(transport_.calls.size(), 1U);
  EXPECT_GE(transport_.calls[0], began + seconds(1));
}

TEST_F(LoopFault, AStopWhileTheScanBeginsReadsNothing) {
  settings::Mirror mirror;
  mirror.name = "members";
  mirror.list_id = 1;
  mirror.source.table = "members";
  mirror.source.key = "id";
  mirror.source.email = "email";
  const auto dialect = delivery::make_v1();
  auto plan = make_mirror_plan(mirror, *dialect);
  plan.id = store_->open_mirror(plan.name, plan.list_id);
  const auto source_worker = runtime::make_inline_worker();
  source::ScriptedReader reader;
  int reads = 0;
  reader.next = [&reads] {
    ++reads;
    source::ScriptedRead read;
    read.shape.types = {domain::ColumnType::Integer, domain::ColumnType::Text};
    return read;
  };
  Ingest ingest(services_, *source_worker, reader, {plan}, [] {});
  std::optional<CycleOutcome> outcome;
  const auto cycle = [&] {
    asio::co_spawn(context_, ingest.cycle(0), [&](std::exception_ptr error, CycleOutcome result) {
      if (error) std::rethrow_exception(error);
      outcome = result;
    });
    run_for(milliseconds(0));
  };
  cycle();
  ASSERT_TRUE(outcome);
  ASSERT_EQ(reads, 1) << "it does read when nobody stops it";

  outcome.reset();
  worker_held_ = true;
  cycle();
  ASSERT_FALSE(outcome) << "the scan is being begun";
  ingest.stop();
  worker_held_ = false;
  worker_->release();
  run_for(milliseconds(0));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(reads, 1);
}

class LentSlot : public LoopFault {
 protected:
  /// When each of `count` was lent, of those that were.
  std::vector<milliseconds> lend(int count, milliseconds patience) {
    std::vector<milliseconds> lent;
    const auto began = clock_.monotonic();
    const auto borrow = [](Caller* caller, runtime::Clock* clock, milliseconds wait,
                           runtime::MonotonicTime since,
                           std::vector<milliseconds>* out) -> asio::awaitable<void> {
      const bool got = co_await caller->lend_slot(LimiterClass::All, clock->monotonic() + wait);
      if (got) out->push_back(std::chrono::floor<milliseconds>(clock->monotonic() - since));
    };
    for (int i = 0; i < count; ++i)
      spawn(borrow(&caller_, &clock_, patience, began, &lent));
    run_for(seconds(30));
    return lent;
  }
};

TEST_F(LentSlot, KeepsTheLimitAndIsLoggedBeforeItIsUsed) {
  const auto lent = lend(25, seconds(10));
  ASSERT_EQ(lent.size(), 25U);
  for (std::size_t i = 10; i < lent.size(); ++i)
    EXPECT_GE(lent[i] - lent[i - 10], seconds(1)) << i;
  EXPECT_GE(store_->logged_attempts().size(), 25U);
}

TEST_F(LentSlot, IsNotWaitedForWithoutEnd) {
  EXPECT_EQ(lend(12, milliseconds(500)).size(), 10U);
}

TEST_F(LentSlot, IsOfNoClassThatIsNotCalledHere) {
  bool lent = true;
  const auto borrow = [](Caller* caller, runtime::Clock* clock, bool* out) -> asio::awaitable<void> {
    *out = co_await caller->lend_slot(LimiterClass::Bulk, clock->monotonic() + seconds(10));
  };
  spawn(borrow(&caller_, &clock_, &lent));
  run_for(seconds(30));
  EXPECT_FALSE(lent);
}

TEST_F(LentSlot, EndsWithTheLoop) {
  (void)lend(10, seconds(1));
  bool lent = true;
  const auto borrow = [](Caller* caller, runtime::Clock* clock, bool* out) -> asio::awaitable<void> {
    *out = co_await caller->lend_slot(LimiterClass::All, clock->monotonic() + seconds(10));
  };
  caller_.stop();
  spawn(borrow(&caller_, &clock_, &lent));
  run_for(milliseconds(0));
  EXPECT_FALSE(lent);
  EXPECT_TRUE(caller_.quiet());
}

TEST_F(LoopFault, AnAnswerIsReadOffTheLoop) {
  bool held = true;
  auto services = services_;
  const auto compute = std::make_shared<HeldWorker>(held);
  services.compute = compute;
  Caller caller(services, context_.get_executor(), transport_, ten_a_second(), {});
  bool answered = false;
  spawn(ask_once(&caller, &answered));
  run_for(seconds(1));
  EXPECT_EQ(transport_.calls.size(), 1U);
  EXPECT_FALSE(answered) << "the loop goes on while somebody else reads";
  compute->release();
  run_for(seconds(1));
  EXPECT_TRUE(answered);
}

}  // namespace
}  // namespace stibee_sync::pipeline
