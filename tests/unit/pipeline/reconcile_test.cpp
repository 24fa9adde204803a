#include "disk/state.hpp"
#include "simulated_asker.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/next_operation.hpp"
#include "stibee_sync/pipeline/apply_read.hpp"
#include "stibee_sync/pipeline/outbound_queue.hpp"
#include "stibee_sync/pipeline/reconciler.hpp"

#include <algorithm>
#include <exception>
#include <map>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

namespace stibee_sync::pipeline {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using domain::Intent;
using domain::RemoteStatus;
using Phase = ReconcileReport::Phase;

domain::EmailAddress address(const std::string& text) {
  return domain::EmailAddress::from_normalised(text);
}

/// A reconciler over a store and the simulated Stibee, on virtual time. `start` begins another life.
class ReconcilerTest : public ::testing::Test {
 protected:
  ReconcilerTest()
      : clock(context, runtime::UtcTime(std::chrono::hours(24 * 365 * 56))),
        worker(runtime::make_inline_worker()),
        log(telemetry::Log::to([this](std::string_view line) { log_text.append(line).append("\n"); })),
        metrics(telemetry::MetricsOptions{"test", false, {}}),
        asker(model, clock),
        dialect(delivery::make_v1()) {
    metrics.declare_mirror("members");
    plan.name = "members";
    plan.list_id = 1234;
    plan.id = store->open_mirror(plan.name, plan.list_id);
    plan.mapping.group_ids = {{"gold", 11}, {"silver", 12}};
    plan.mapping.fields = {{"name", 2}};
    plan.reconcile.mode = settings::ReconcileMode::Report;
    plan.reconcile.interval = 1h;
  }

  ~ReconcilerTest() override { end_life(); }

  void start() {
    Services services{clock, confined, key, log, metrics, [] { return 0.5; }};
    ReconcilerHooks hooks;
    hooks.plan = [this](std::size_t) -> const MirrorPlan& { return plan; };
    hooks.paused = [this](std::size_t) { return paused; };
    hooks.adopted = [this](std::size_t) { ++served; };
    hooks.changed = [this] {
      ++changed;
      if (deliver) deliver();
    };
    ReconcilerOptions options;
    options.writes_on_v1 = on_v1;
    reconciler =
        std::make_unique<Reconciler>(services, *worker, asker, *dialect,
                                     std::vector{state_of(*store, plan.id)}, options, std::move(hooks));
    spawn(reconciler->run(0));
  }
  void spawn(asio::awaitable<void> task) {
    ++running;
    asio::co_spawn(context, std::move(task), [this](std::exception_ptr error) {
      --running;
      if (error) std::rethrow_exception(error);
    });
  }
  void run_for(std::chrono::nanoseconds time) {
    clock.run_until(clock.monotonic() + time);
    context.restart();
  }
  void end_life() {
    if (!reconciler) return;
    reconciler->stop();
    run_for(10min);
    EXPECT_EQ(running, 0) << "stop() must end it";
    reconciler.reset();
  }

  void edit(const std::string& action, const std::string& email, const std::string& name = {},
            std::uint64_t group = 0) {
    stibee_sim::WebEdit wish;
    wish.list = "1234";
    wish.action = action;
    wish.emails = {email};
    wish.group = group;
    if (!name.empty()) wish.fields = {{"name", name}};
    model.edit(wish, sim_time(clock));
  }

  template <class Job>
  auto change(Job job) {
    return store::in_transaction(std::move(job))(*store);
  }

  /// Commits a table in which exactly these people are, all subscribed.
  void commit(const std::map<std::string, std::string>& names) {
    auto scan = store->begin_scan(plan.id);
    std::vector<store::StagedRow> rows;
    std::int64_t number = 0;
    for (const auto& [email, person_name] : names) {
      store::StagedRow row;
      row.key = domain::MemberKey(++number);
      row.fingerprint = store->key().fingerprint(email + person_name);
      row.email = address(email);
      domain::Member member;
      member.email = address(email);
      member.fields = {{"name", person_name}};
      row.member = member;
      rows.push_back(std::move(row));
    }
    store::SnapshotRow known;
    while (scan.next(known)) {
    }
    for (const auto& row : rows)
      scan.stage(row);
    store::TouchedAddress touched;
    while (scan.next_address(touched)) {
      const auto& first = touched.bearers.front();
      ledger::AddressDecision decision;
      decision.wanted.intent = Intent::Subscribed;
      decision.wanted.fields = domain::fingerprint_of(first.member->fields, store->key());
      decision.values = first.member->fields;
      decision.key = first.key;
      scan.decide(decision, 0);
    }
    change([&](store::Transaction& transaction) {
      apply_read(transaction, plan.id, scan, plan.policy, clock.utc());
      store::SourceFacts facts;
      facts.last_success = clock.utc();
      transaction.set_facts(plan.id, facts);
    });
    if (reconciler) reconciler->table_was_read(0);
  }
  std::optional<Claimed> claim_next() {
    return change([&](store::Transaction& transaction) -> std::optional<Claimed> {
      constexpr std::size_t most = 1000;
      const store::Due due{clock.utc(), true};
      const auto line =
          most_urgent(transaction, {plan.id}, due, [](const store::QueueLine&) { return most; });
      if (!line) return std::nullopt;
      return claim(transaction, *line, transaction.waiting(*line, due, most), most);
    });
  }
  /// As if the person's call had been sent, and Stibee had applied it.
  ledger::Settlement delivered(const ClaimedPerson& person) {
    const auto next = ledger::next_operation(person.wanted, person.confirmed, plan.policy, clock.utc());
    const auto& operation = std::get<domain::Operation>(next);
    const bool unsubscribe = operation.kind == domain::OperationKind::Unsubscribe;
    const auto name = person.values.empty() ? std::string() : person.values.front().value;
    edit(unsubscribe ? "unsubscribe" : "add", person.email.text(), name);
    if (!unsubscribe) edit("edit", person.email.text(), name);
    domain::Outcome outcome;
    outcome.kind = domain::OutcomeKind::Delivered;
    ledger::Settlement one;
    one.email = person.email;
    one.confirmed = ledger::confirmed_after(person.confirmed, operation, person.wanted, outcome, clock.utc());
    return one;
  }
  /// The same of everybody who waits.
  void deliver_all() {
    while (const auto claimed = claim_next()) {
      std::vector<ledger::Settlement> settled;
      for (const auto& person : claimed->people)
        settled.push_back(delivered(person));
      change([&](store::Transaction& transaction) {
        settle(transaction, plan.id, settled, plan.policy, clock.utc());
      });
    }
  }
  /// As a webhook tells it.
  void opts_out(const std::string& email) {
    change([&](store::Transaction& transaction) {
      const auto person = transaction.find(plan.id, address(email));
      Consequence consequence;
      consequence.confirmed = ledger::with_observed(person.row->confirmed, person.row->wanted,
                                                    RemoteStatus::OptedOut, clock.utc());
      carry_out(transaction, plan.id, address(email), person, consequence, plan.policy, clock.utc());
    });
  }
  std::size_t pending() const { return store->pending(plan.id, clock.utc()); }
  RemoteStatus status_of(const std::string& email) {
    const auto row = store->find(plan.id, address(email)).row;
    return row ? row->confirmed.status : RemoteStatus::Unknown;
  }
  /// In step with the list, and adopted.
  void in_step(int people) {
    std::map<std::string, std::string> names;
    for (int i = 1; i <= people; ++i)
      names["p" + std::to_string(i) + "@example.com"] = "N" + std::to_string(i);
    commit(names);
    deliver_all();
    start();
    run_for(10s);
    ASSERT_TRUE(reconciler->adopted(0));
    asker.calls = 0;
    log_text.clear();
  }
  const ReconcileReport& compared(bool repair) {
    EXPECT_TRUE(reconciler->request(repair, {0}));
    EXPECT_TRUE(reconciler->running(0));
    run_for(5min);
    EXPECT_FALSE(reconciler->running(0));
    return reconciler->report(0);
  }
  static std::size_t count(const ReconcileReport& report, DriftKind kind) {
    return report.counts[static_cast<std::size_t>(kind)];
  }
  std::size_t logged(const std::string& text) const {
    std::size_t count = 0;
    for (auto at = log_text.find(text); at != std::string::npos; at = log_text.find(text, at + 1))
      ++count;
    return count;
  }

  asio::io_context context;
  runtime::VirtualClock clock;
  std::unique_ptr<runtime::Worker> worker;
  std::unique_ptr<test_disk::SimulatedDisk> disk = test_disk::disk_with_state();
  std::unique_ptr<store::Store> owned = test_disk::open_state(*disk);
  store::Store* store = owned.get();  // a way of the test's own
  const domain::StateKey key = store->key();
  runtime::Confined<store::Store> confined{std::move(owned), runtime::make_inline_worker()};
  std::string log_text;
  telemetry::Log log;
  telemetry::Metrics metrics;
  stibee_sim::StibeeModel model{one_list()};
  SimulatedAsker asker;
  std::unique_ptr<delivery::Dialect> dialect;
  MirrorPlan plan;
  bool paused = false;
  bool on_v1 = true;
  int served = 0;
  int changed = 0;
  int running = 0;
  std::function<void()> deliver;
  std::unique_ptr<Reconciler> reconciler;
};

TEST_F(ReconcilerTest, TakesAListOverOnceTheTableWasCommitted) {
  edit("add", "same@example.com", "Same");
  edit("add", "other@example.com", "Old");
  edit("add", "gone@example.com", "No");
  edit("unsubscribe", "gone@example.com");
  edit("add", "stray@example.com", "S");
  start();
  run_for(1min);
  EXPECT_FALSE(reconciler->adopted(0)) << "there are no rows yet that it could settle";
  commit({{"same@example.com", "Same"},
          {"other@example.com", "New"},
          {"gone@example.com", "No"},
          {"new@example.com", "N"}});
  run_for(1s);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(served, 1);
  EXPECT_TRUE(store->adopted(plan.id).has_value());
  EXPECT_EQ(status_of("same@example.com"), RemoteStatus::Subscribed);
  EXPECT_EQ(status_of("gone@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(store->suppressed(plan.id), 1U);
  EXPECT_EQ(pending(), 2U) << "who is new, and whose name differs";
  EXPECT_FALSE(store->find(plan.id, address("stray@example.com")).row);
  EXPECT_EQ(logged("the list was taken over"), 1U);
}

TEST_F(ReconcilerTest, AListThatIsNeverStillIsNotTakenForAnEmptyOne) {
  edit("add", "same@example.com", "Same");
  int next = 0;
  asker.before = [&](int) -> std::optional<Reply> {
    edit("add", "q" + std::to_string(next++) + "@example.com");
    return std::nullopt;
  };
  start();
  run_for(1min);
  EXPECT_EQ(logged("the list is taken over as it was seen last"), 1U);
  EXPECT_EQ(served, 0);
  EXPECT_FALSE(store->adopted(plan.id));
  commit({{"same@example.com", "Same"}});
  run_for(1s);
  EXPECT_EQ(served, 1);
  EXPECT_EQ(status_of("same@example.com"), RemoteStatus::Subscribed);
}

TEST_F(ReconcilerTest, LetsAnEmptyListBeServedAtOnceAndTakesItOverWithTheTable) {
  start();
  run_for(2s);
  EXPECT_EQ(served, 1) << "there is nobody that a row could settle";
  EXPECT_FALSE(store->adopted(plan.id)) << "before the table is read, a restart is to look again";
  commit({{"new@example.com", "N"}});
  run_for(2s);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(asker.calls, 1);
  EXPECT_EQ(pending(), 1U);
}

TEST_F(ReconcilerTest, TakesAListOverOnlyOnce) {
  commit({{"new@example.com", "N"}});
  start();
  run_for(2s);
  end_life();
  start();
  run_for(2s);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(asker.calls, 1);
}

TEST_F(ReconcilerTest, WaitsWithEverythingWhileStibeeCannotBeAsked) {
  commit({{"new@example.com", "N"}});
  bool down = true;
  asker.before = [&](int) -> std::optional<Reply> {
    if (down) return Reply(503, "", std::nullopt);
    return std::nullopt;
  };
  start();
  run_for(30min);
  EXPECT_FALSE(reconciler->adopted(0));
  EXPECT_EQ(logged("nothing is sent before the list was read once"), 1U) << "said once, not over and over";
  down = false;
  run_for(10min);
  EXPECT_TRUE(reconciler->adopted(0));
}

// Found by a simulated day: three odd answers within a second, and everybody was sent over the opt-outs in
// the list.
TEST_F(ReconcilerTest, WaitsWhileAnswersAreOddForMinutes) {
  commit({{"new@example.com", "N"}});
  bool odd = true;
  asker.before = [&](int) -> std::optional<Reply> {
    if (odd) return Reply(200, "<html>Please wait</html>", std::nullopt);
    return std::nullopt;
  };
  start();
  run_for(8min);
  EXPECT_FALSE(reconciler->adopted(0));
  EXPECT_EQ(logged("nothing is sent before the list was read once"), 1U) << "said once, not over and over";
  odd = false;
  run_for(1min);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(logged("cannot be read back"), 0U);
}

TEST_F(ReconcilerTest, GoesOnWithoutAListThatHasOnlyOddAnswers) {
  commit({{"new@example.com", "N"}});
  asker.before = [](int) { return std::optional<Reply>(Reply(404, "", std::nullopt)); };
  start();
  run_for(9min);
  EXPECT_FALSE(reconciler->adopted(0));
  run_for(3min);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(logged("cannot be read back"), 1U);
}

TEST_F(ReconcilerTest, GoesOnWithoutTheListWhereTheKeyWorksOnV1Only) {
  commit({{"new@example.com", "N"}});
  model.set_switch("v2_key", "too_old");
  start();
  run_for(1min);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(asker.targets.back(), "/v1/lists");
  EXPECT_EQ(logged("cannot be read back"), 1U);
}

TEST_F(ReconcilerTest, WaitsForAKeyThatWorksWhereItWorksNowhere) {
  commit({{"p@example.com", "N"}});
  edit("add", "p@example.com", "N");
  asker.key = "wrong";
  start();
  run_for(1h);
  EXPECT_FALSE(reconciler->adopted(0)) << "the list would be sent over what is there";
  asker.key = "sim-key";
  run_for(1min);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(pending(), 0U);
}

TEST_F(ReconcilerTest, DoesNotAskWhileTheMirrorIsPausedOrReadingBackIsOff) {
  paused = true;
  start();
  run_for(1h);
  EXPECT_EQ(asker.calls, 0);
  end_life();
  paused = false;
  plan.reconcile.mode = settings::ReconcileMode::Off;
  start();
  run_for(24h * 7);
  EXPECT_TRUE(reconciler->adopted(0));
  EXPECT_EQ(asker.calls, 0);
}

TEST_F(ReconcilerTest, ReportsDriftAndChangesNothingButThatOptOutsAreOnRecord) {
  in_step(20);
  edit("purge", "p1@example.com");
  edit("edit", "p2@example.com", "By Hand");
  edit("unsubscribe", "p3@example.com");
  edit("auto_delete", "p4@example.com");
  edit("add", "stray@example.com", "S");
  edit("assign_group", "p5@example.com", "", 11);
  const auto& report = compared(false);
  EXPECT_TRUE(report.problem.empty()) << report.problem;
  EXPECT_EQ(report.compared, 21U);
  for (const auto kind : {DriftKind::MissingThere, DriftKind::FieldsDiffer, DriftKind::OptedOutThere,
                          DriftKind::AutoDeleted, DriftKind::StrayThere, DriftKind::GroupsDiffer})
    EXPECT_EQ(count(report, kind), 1U) << telemetry::name(kind);
  EXPECT_EQ(report.remaining(), 5U);
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(status_of("p3@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(store->suppressed(plan.id), 1U);
  EXPECT_EQ(logged("suppression.added"), 1U);
  EXPECT_EQ(changed, 1);
  EXPECT_EQ(logged("reconcile.drift"), 7U) << "one a kind, and that so many were sent lately";
  EXPECT_EQ(logged("@"), 0U) << log_text;
  EXPECT_NE(metrics.text().find(R"(stibee_reconcile_drift{kind="stray_there",mirror="members"} 1)"),
            std::string::npos)
      << metrics.text();
}

TEST_F(ReconcilerTest, RepairsUntilWhatWasMendedIsDelivered) {
  in_step(20);
  edit("purge", "p1@example.com");
  edit("unsubscribe", "p3@example.com");
  edit("add", "stray@example.com", "S");
  deliver = [this] {
    std::map<std::string, std::string> names;
    for (int i = 1; i <= 20; ++i)
      names["p" + std::to_string(i) + "@example.com"] = "N" + std::to_string(i);
    commit(names);  // the values come with the next read
    deliver_all();
  };
  const auto& report = compared(true);
  EXPECT_TRUE(report.problem.empty()) << report.problem;
  EXPECT_EQ(report.remaining(), 1U);
  for (const auto& difference : report.differences)
    EXPECT_EQ(difference.done, difference.drift.kind != DriftKind::StrayThere) << difference.drift.cause;
  EXPECT_TRUE(model.find("1234", "p1@example.com").has_value());
  EXPECT_EQ(status_of("p3@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(store->suppressed(plan.id), 1U);
  const auto& again = compared(false);
  EXPECT_EQ(again.all(), 1U);
}

TEST_F(ReconcilerTest, GivesUpWaitingForWhatIsNotDelivered) {
  in_step(5);
  edit("purge", "p1@example.com");
  EXPECT_TRUE(reconciler->request(true, {0}));
  run_for(30s);
  EXPECT_EQ(reconciler->report(0).phase, Phase::Delivering);
  run_for(15min);
  EXPECT_FALSE(reconciler->running(0));
  EXPECT_EQ(reconciler->report(0).remaining(), 1U);
  EXPECT_TRUE(reconciler->report(0).differences.front().mended);
}

TEST_F(ReconcilerTest, CountsNobodyWhoseRowChangedWhileTheListWasRead) {
  in_step(20);
  edit("purge", "p1@example.com");
  edit("unsubscribe", "p2@example.com");
  asker.before = [&](int call) -> std::optional<Reply> {
    if (call != 3) return std::nullopt;
    // Meanwhile a webhook told of the one, and the other left the table.
    opts_out("p2@example.com");
    opts_out("p1@example.com");
    return std::nullopt;
  };
  const auto& report = compared(true);
  EXPECT_EQ(report.all(), 0U);
  EXPECT_EQ(changed, 0);
}

TEST_F(ReconcilerTest, ComparesOnScheduleAcrossRestarts) {
  in_step(3);
  run_for(50min);
  EXPECT_EQ(logged("the list was compared"), 0U) << "first one interval after taking over";
  run_for(11min);
  EXPECT_EQ(logged("the list was compared"), 1U);
  end_life();
  start();
  run_for(40min);
  EXPECT_EQ(logged("the list was compared"), 1U) << "a restart is no reason to read again";
  run_for(20min);
  EXPECT_EQ(logged("the list was compared"), 2U);
}

TEST_F(ReconcilerTest, TriesAgainSoonAfterAComparisonThatFailed) {
  in_step(3);
  asker.before = [](int) -> std::optional<Reply> { return Reply(404, "", std::nullopt); };
  run_for(61min);
  EXPECT_EQ(logged("could not be compared"), 1U);
  EXPECT_EQ(reconciler->report(0).failed, ListReadEnd::NoSuchList);
  asker.before = nullptr;
  run_for(16min);
  EXPECT_EQ(logged("the list was compared"), 1U);
}

TEST_F(ReconcilerTest, AnOptOutIsPutOnRecordThoughSomethingWaitsToBeSentToThem) {
  in_step(3);
  edit("unsubscribe", "p2@example.com");
  commit({{"p1@example.com", "N1"}, {"p2@example.com", "Renamed"}, {"p3@example.com", "N3"}});
  EXPECT_EQ(pending(), 1U);
  const auto& report = compared(false);
  EXPECT_EQ(count(report, DriftKind::OptedOutThere), 1U);
  EXPECT_EQ(status_of("p2@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(store->suppressed(plan.id), 1U);
  EXPECT_EQ(pending(), 0U);
}

TEST_F(ReconcilerTest, AMissedEventMakesTheListBeReadWithinAMinute) {
  in_step(5);
  edit("unsubscribe", "p2@example.com");
  reconciler->event_missed(0);
  reconciler->event_missed(0);  // Stibee tries it again
  run_for(1min);
  EXPECT_EQ(status_of("p2@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(store->suppressed(plan.id), 1U);
  const auto calls = asker.calls;
  run_for(30min);
  EXPECT_EQ(asker.calls, calls) << "once";
}

TEST_F(ReconcilerTest, AfterAMissedEventTheListIsReadOnceThoughThatIsOff) {
  plan.reconcile.mode = settings::ReconcileMode::Off;
  in_step(5);
  edit("unsubscribe", "p2@example.com");
  edit("edit", "p3@example.com", "By Hand");
  reconciler->event_missed(0);
  run_for(1min);
  EXPECT_EQ(status_of("p2@example.com"), RemoteStatus::OptedOut);
  EXPECT_EQ(pending(), 0U) << "nothing else is mended";
  const auto calls = asker.calls;
  run_for(48h);
  EXPECT_EQ(asker.calls, calls);
}

TEST_F(ReconcilerTest, WhatIsMissedWhileTheListIsReadIsLookedForOnceMore) {
  in_step(5);
  reconciler->event_missed(0);
  bool missed = false;
  asker.before = [&](int) -> std::optional<Reply> {
    if (!std::exchange(missed, true)) reconciler->event_missed(0);
    return std::nullopt;
  };
  run_for(2min);
  EXPECT_EQ(logged("the list was compared"), 2U);
}

TEST_F(ReconcilerTest, AMissedEventIsNotForgottenWhileStibeeCannotBeAsked) {
  in_step(5);
  edit("unsubscribe", "p2@example.com");
  bool down = true;
  asker.before = [&](int) -> std::optional<Reply> {
    if (down) return Reply(503, "", std::nullopt);
    return std::nullopt;
  };
  reconciler->event_missed(0);
  run_for(10min);
  EXPECT_TRUE(reconciler->misses_event(0));
  down = false;
  run_for(5min);
  EXPECT_EQ(status_of("p2@example.com"), RemoteStatus::OptedOut);
}

TEST_F(ReconcilerTest, AMissedEventMakesNobodyAskForAListThatTheKeyMayNotRead) {
  in_step(5);
  asker.key = "wrong";
  plan.reconcile.mode = settings::ReconcileMode::Off;
  reconciler->event_missed(0);
  run_for(1h);
  EXPECT_EQ(asker.calls, 1);
}

TEST_F(ReconcilerTest, APausedMirrorLooksForAMissedEventWhenThePauseEnds) {
  in_step(5);
  edit("unsubscribe", "p2@example.com");
  paused = true;
  reconciler->event_missed(0);
  run_for(10min);
  EXPECT_EQ(asker.calls, 0);
  paused = false;
  reconciler->wake();
  run_for(10s);
  EXPECT_EQ(status_of("p2@example.com"), RemoteStatus::OptedOut);
}

TEST_F(ReconcilerTest, RunsOneComparisonAtATime) {
  in_step(3);
  EXPECT_TRUE(reconciler->request(false, {0}));
  EXPECT_FALSE(reconciler->request(true, {0}));
  run_for(5s);
  EXPECT_TRUE(reconciler->request(true, {0}));
  run_for(5s);
}

TEST_F(ReconcilerTest, SaysThatAListIsNotTakenOverYet) {
  start();
  run_for(5s);
  EXPECT_TRUE(reconciler->request(false, {0}));
  EXPECT_FALSE(reconciler->running(0));
  EXPECT_FALSE(reconciler->report(0).problem.empty());
}

TEST_F(ReconcilerTest, CountsAllAndKeepsTheFirstTenThousand) {
  in_step(3);
  stibee_sim::WebEdit wish;
  wish.list = "1234";
  wish.action = "add";
  for (int i = 0; i < 10'500; ++i)
    wish.emails.push_back("s" + std::to_string(i) + "@example.com");
  model.edit(wish, sim_time(clock));
  const auto& report = compared(false);
  EXPECT_EQ(count(report, DriftKind::StrayThere), 10'500U);
  EXPECT_EQ(report.differences.size(), most_differences_kept);
  EXPECT_EQ(report.remaining(), 10'500U);
}

TEST_F(ReconcilerTest, StopsInTheMiddleOfAList) {
  in_step(3);
  for (int i = 0; i < 5; ++i)
    edit("add", "s" + std::to_string(i) + "@example.com");
  EXPECT_TRUE(reconciler->request(true, {0}));
  run_for(800ms);
  end_life();
}

}  // namespace
}  // namespace stibee_sync::pipeline
