#include "contract/store_world.hpp"
#include "disk/state.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/pipeline/event_intake.hpp"
#include "stibee_sync/runtime/virtual_clock.hpp"

#include <exception>
#include <iostream>
#include <random>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

// An opt-out with a write-back goes to two files. Whatever dies or fails at whatever step of it: once Stibee
// has its 2xx (which it asks for until it gets it), the opt-out is on record and the member database is going
// to be told.

namespace stibee_sync::pipeline {
namespace {

namespace asio = boost::asio;
using domain::RemoteStatus;
using store_tests::email;
using store_tests::key;
using store_tests::start;
using test_disk::SimulatedDisk;
using Moment = SimulatedDisk::Moment;
using Trouble = SimulatedDisk::Trouble;

asio::awaitable<void> take(EventIntake& intake, std::shared_ptr<const webhook::ListEvent> event,
                           Intake* out) {
  *out = co_await intake.take(std::move(event));
}

class EventKill : public ::testing::Test {
 protected:
  EventKill() {
    plan_.name = "members";
    plan_.list_id = 1234;
    plan_.writeback["unsubscribed"] = "UPDATE …";
  }

  /// A state with three members who are subscribed; and nobody else.
  static const SimulatedDisk::Image& filled() {
    static const auto image = [] {
      const auto disk = test_disk::disk_with_state();
      auto store = test_disk::open_state(*disk);
      const auto mirror = store->open_mirror("members", 1234);
      auto scan = store->begin_scan(mirror);
      store_tests::ReadResult read;
      const store_tests::Table table{{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}, {key(3), {"c@x.kr"}}};
      store_tests::read_into(scan, table, start, read);
      store::in_transaction([&](store::Transaction& change) {
        apply_read(change, mirror, scan, {}, start);
        for (const auto* address : {"a@x.kr", "b@x.kr", "c@x.kr"}) {
          const auto person = change.find(mirror, email(address));
          auto there = ledger::with_observed(person.row->confirmed, person.row->wanted,
                                             RemoteStatus::Subscribed, start);
          there.fields = person.row->wanted.fields;
          Consequence seen;
          seen.confirmed = there;
          carry_out(change, mirror, email(address), person, seen, {}, start);
        }
      })(*store);
      {
        const auto ended = std::move(scan);
      }
      store.reset();
      return disk->image();
    }();
    return image;
  }

  void begin() {
    disk_ = std::make_unique<SimulatedDisk>();
    disk_->load(filled());
    open();
  }
  void open() {
    auto store = test_disk::open_state(*disk_);
    store_ = store.get();
    state_key_ = store->key();
    plan_.id = store->open_mirror("members", 1234);
    confined_ =
        std::make_unique<runtime::Confined<store::Store>>(std::move(store), runtime::make_inline_worker());
    Services services{clock_, *confined_, *state_key_, log_, metrics_, [] { return 0.5; }};
    intake_ = std::make_unique<EventIntake>(services, std::vector<MirrorPlan>{plan_});
  }
  void close() {
    intake_.reset();
    confined_.reset();
    store_ = nullptr;
  }
  void start_again() {
    close();
    disk_->restart(random_);
    open();
  }

  /// Whether Stibee gets its 2xx.
  bool send() {
    auto parsed = webhook::parse_event(
        R"({"id":1234,"action":"UNSUBSCRIBED","eventOccurredBy":"SUBSCRIBER","subscribers":[{"email":")" +
        who_ + R"(","$unsubscribe_reason":"too many mails"}]})");
    auto event = std::make_shared<const webhook::ListEvent>(std::get<webhook::ListEvent>(std::move(parsed)));
    Intake out;
    out.kind = Intake::Kind::Failed;
    std::exception_ptr failure;
    context_.restart();
    asio::co_spawn(context_, take(*intake_, std::move(event), &out),
                   [&](std::exception_ptr error) { failure = error; });
    context_.run();
    return !failure && out.kind == Intake::Kind::OnDisk;
  }

  void expect_taken(const std::string& when) {
    const auto person = store_->find(plan_.id, email(who_));
    EXPECT_TRUE(person.suppression) << "no opt-out on record: " << when;
    if (person.row) {
      EXPECT_EQ(person.row->confirmed.status, RemoteStatus::OptedOut) << when;
    }
    std::size_t waiting = 0;
    for (const auto& one :
         store_->writebacks(plan_.id, clock_.utc(), clock_.utc() + std::chrono::minutes(5), 100)) {
      if (one.email != email(who_)) continue;
      ++waiting;
      EXPECT_EQ(one.request.event, "unsubscribed") << when;
      EXPECT_EQ(one.key, key_) << when;
    }
    EXPECT_GE(waiting, 1U) << "the member database is never told: " << when;
  }

  /// Until the event passes by without an accident. Returns how many points were tried.
  template <class Accident>
  std::size_t try_every_step(const std::string& what, Accident accident) {
    for (std::size_t step = 1; step < 1000; ++step) {
      begin();
      const auto when = what + " at step " + std::to_string(step);
      const bool met = accident(step, when);
      if (HasFailure()) return step;
      close();
      if (!met) return step - 1;
    }
    ADD_FAILURE() << what << ": no end";
    return 0;
  }

  std::size_t die_at_every(Moment moment, const std::string& what) {
    return try_every_step(what, [&](std::size_t step, const std::string& when) {
      disk_->die_at(moment, step);
      const bool answered = send();
      const bool died = disk_->dead();
      disk_->never_die();
      start_again();
      EXPECT_TRUE(answered || send()) << when;
      expect_taken(when);
      start_again();
      expect_taken(when + ", and after another start");
      return died;
    });
  }

  /// `restarts`: somebody starts the daemon again before Stibee repeats the event.
  std::size_t fail_at_every(Trouble trouble, std::size_t times, bool restarts, const std::string& what) {
    return try_every_step(what, [&](std::size_t step, const std::string& when) {
      const auto before = disk_->failed();
      disk_->fail(trouble, step - 1, times);
      const bool answered = send();
      const bool met = disk_->failed() > before;
      disk_->end_trouble();
      if (restarts) start_again();
      EXPECT_TRUE(answered || send()) << when;
      expect_taken(when);
      start_again();
      expect_taken(when + ", and after another start");
      return met;
    });
  }

  void try_everything(const std::string& who, std::optional<domain::MemberKey> key) {
    who_ = who;
    key_ = std::move(key);
    std::size_t points = 0;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      random_.seed(seed);  // what of the last writes is left
      for (const auto& [moment, name] :
           {std::pair{Moment::Operation, "killed"}, std::pair{Moment::BeforeSync, "killed before a sync"},
            std::pair{Moment::AfterSync, "killed after a sync"}}) {
        points += die_at_every(moment, name + (" with seed " + std::to_string(seed)));
      }
    }
    for (const bool restarts : {false, true}) {
      for (const std::size_t times : {1, 1000}) {
        const auto more =
            (times == 1 ? ", once" : ", for a while") + std::string(restarts ? ", restarted" : "");
        points += fail_at_every(Trouble::Full, times, restarts, "the disk is full" + more);
        points += fail_at_every(Trouble::Broken, times, restarts, "the disk fails" + more);
      }
    }
    RecordProperty("points", static_cast<int>(points));
    std::cout << points << " points tried\n";
    EXPECT_GT(points, 100U);
  }

  asio::io_context context_{1};
  runtime::VirtualClock clock_{context_, start};
  telemetry::Log log_ = telemetry::Log::to([](std::string_view) {});
  telemetry::Metrics metrics_{telemetry::MetricsOptions{"0", false, {}}};
  MirrorPlan plan_;
  std::unique_ptr<SimulatedDisk> disk_ = std::make_unique<SimulatedDisk>();
  std::mt19937_64 random_{1};
  store::Store* store_ = nullptr;
  std::optional<domain::StateKey> state_key_;
  std::unique_ptr<runtime::Confined<store::Store>> confined_;
  std::unique_ptr<EventIntake> intake_;
  std::string who_;
  std::optional<domain::MemberKey> key_;
};

TEST_F(EventKill, TheMemberDatabaseIsToldOfEveryOptOutOfAMember) {
  try_everything("b@x.kr", key(2));
}

TEST_F(EventKill, AndOfSomebodyWhoseRowWasNotReadYet) {
  try_everything("new@x.kr", std::nullopt);
}

}  // namespace
}  // namespace stibee_sync::pipeline
