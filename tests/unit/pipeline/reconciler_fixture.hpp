#pragma once

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

namespace asio = boost::asio;
using namespace std::chrono_literals;
using domain::Intent;
using domain::RemoteStatus;
using Phase = ReconcileReport::Phase;

inline domain::EmailAddress address(const std::string& text) {
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
      ledger::AddressDecision decision;
      if (touched.bearers.empty()) {
        decision.wanted.intent = Intent::Absent;
        scan.decide(decision, 0);
        continue;
      }
      const auto& first = touched.bearers.front();
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

}  // namespace stibee_sync::pipeline
