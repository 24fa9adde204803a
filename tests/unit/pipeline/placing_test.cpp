// Where people of the queue stand when a life begins: as the last one left them, or found anew, some at a
// time.
#include "disk/temporary_directory.hpp"
#include "stibee_sync/ledger/transitions.hpp"
#include "stibee_sync/pipeline/dispatch.hpp"
#include "stibee_sync/pipeline/outbound_queue.hpp"
#include "stibee_sync/runtime/virtual_clock.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

namespace stibee_sync::pipeline {
namespace {

namespace asio = boost::asio;
using domain::EmailAddress;
using std::chrono::seconds;

/// Nobody is to be called.
class NoTransport final : public http::Transport {
 public:
  asio::awaitable<http::OpenResult> open() override {
    co_await asio::post(asio::use_awaitable);
    http::Failure failure(http::FailureKind::Connect, false, false, "nobody is there");
    co_return http::OpenResult(std::move(failure));
  }
};

/// Counts what it is given.
class CountingWorker final : public runtime::Worker {
 public:
  explicit CountingWorker(std::size_t& jobs) : jobs_(jobs) {}
  void post(std::unique_ptr<Job> job) override {
    ++jobs_;
    job->run();
  }

 private:
  std::size_t& jobs_;
};

constexpr std::size_t crowd = 2500;

class Placing : public ::testing::Test {
 protected:
  Placing() {
    const ledger::Policy unsubscribing;
    auto store = open();
    mirror_ = store->open_mirror("members", 1);
    auto people = store::in_transaction([&](store::Transaction& transaction) {
      for (std::size_t i = 0; i < crowd; ++i) {
        ledger::RemoteChange subscribed;
        subscribed.confirmed.emplace().status = domain::RemoteStatus::Subscribed;
        ledger::AddressDecision here;
        here.wanted.intent = domain::Intent::Subscribed;
        ledger::AddressDecision gone = here;
        gone.wanted.intent = domain::Intent::Absent;
        const ledger::Person nobody;
        auto person = ledger::after_decision(nobody, here, unsubscribing, now_);
        person = ledger::after_observation(person, subscribed, unsubscribing, now_);
        person = ledger::after_decision(person, gone, unsubscribing, now_);
        transaction.write(mirror_, address(i), nobody, person);
      }
    });
    people(*store);
    to_be_deleted_at_first_ = to_be_deleted(*store);
    store->set_placed_by(mirror_, "unsubscribe");
  }
  static EmailAddress address(std::size_t number) {
    return EmailAddress::from_normalised("person" + std::to_string(number) + "@example.com");
  }
  std::unique_ptr<store::Store> open() { return store::open_store(directory_.path(), report_); }
  std::size_t to_be_deleted(store::Store& store) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < crowd; ++i) {
      const auto row = store.find(mirror_, address(i)).row;
      if (row && row->lane == domain::Lane::Delete) ++count;
    }
    return count;
  }
  /// A life whose outbound loop runs for a while, of a mirror that is paused and deletes who leaves. How many
  /// are to be deleted then.
  std::size_t after_a_life(const std::string& placing) {
    jobs_ = 0;
    auto owned = open();
    auto& store = *owned;
    const auto key = store.key();
    asio::io_context context;
    runtime::VirtualClock clock(context, now_);
    auto log = telemetry::Log::to([](std::string_view) {}, telemetry::LogOptions{});
    telemetry::Metrics metrics{telemetry::MetricsOptions{"test", false, {}}};
    runtime::Confined<store::Store> confined(std::move(owned), std::make_unique<CountingWorker>(jobs_));
    NoTransport transport;
    const auto dialect = delivery::make_v1();
    MirrorPlan plan;
    plan.name = "members";
    plan.id = mirror_;
    plan.placing = placing;
    plan.policy.on_leave = ledger::OnLeave::Delete;
    CallerOptions options;
    options.limits = {{delivery::LimiterClass::All, delivery::Rate{10, seconds(1)}}};
    const Services services{clock, confined, key, log, metrics, [] { return 0.5; }};
    Dispatch dispatch(services, context.get_executor(), transport, *dialect, {plan}, std::move(options));
    dispatch.set_paused(0, true);
    asio::co_spawn(context, dispatch.run(), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    clock.run_until(clock.monotonic() + seconds(1));
    const auto count = to_be_deleted(store);
    dispatch.stop();
    clock.run_until(clock.monotonic() + seconds(1));
    return count;
  }

  test_disk::TemporaryDirectory directory_;
  store::OpenReport report_;
  store::MirrorId mirror_;
  runtime::UtcTime now_{std::chrono::hours(24 * 365 * 56)};
  std::size_t to_be_deleted_at_first_ = crowd;
  std::size_t jobs_ = 0;
};

TEST_F(Placing, IsNotDoneAgainWhereNothingCanHaveChanged) {
  ASSERT_EQ(to_be_deleted_at_first_, 0U);
  EXPECT_EQ(after_a_life("unsubscribe"), 0U);
  EXPECT_LT(jobs_, 6U) << "no row need be looked at";
}

TEST_F(Placing, IsDoneSomeAtATimeWhenThePolicyIsAnother) {
  EXPECT_EQ(after_a_life("delete"), crowd);
  EXPECT_GT(jobs_, 6U);
  EXPECT_EQ(after_a_life("delete"), crowd);
  EXPECT_LT(jobs_, 6U);
}

}  // namespace
}  // namespace stibee_sync::pipeline
