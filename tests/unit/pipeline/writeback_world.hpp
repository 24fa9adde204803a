#pragma once

#include "disk/state.hpp"
#include "stibee_sync/pipeline/consequence.hpp"
#include "stibee_sync/pipeline/ingest.hpp"
#include "stibee_sync/pipeline/writeback.hpp"
#include "stibee_sync/runtime/virtual_clock.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

namespace stibee_sync::pipeline {

/// A member table, a writer that changes it, a store, and the loops between them on virtual time. What
/// happens at Stibee is told to the store as the webhook does it.
class WritebackWorld : public ::testing::Test {
 protected:
  struct Row {
    std::string email;
    bool subscribed = true;
    std::string name = "Kim";
  };
  struct Executed {
    std::string event;
    source::WriteValues values;
    runtime::MonotonicTime at;
  };
  using Answer = std::variant<std::size_t, source::WriteFailure>;

  WritebackWorld() { begin_life(); }
  ~WritebackWorld() override { end_life(); }

  /// What comes out of `run_for` when the disk dies.
  struct Killed {};

  /// Another life of the daemon with the same disk.
  void begin_life() { life_ = std::make_unique<Life>(*this); }
  void end_life() {
    if (life_) now_ = life_->clock.monotonic();
    disk_->die();
    life_.reset();
    disk_->restart(random_);
  }
  test_disk::SimulatedDisk& disk() { return *disk_; }
  void run_for(std::chrono::milliseconds time) { life_->clock.run_until(life_->clock.monotonic() + time); }
  void stop_loop() {
    life_->writeback->stop();
    run_for(std::chrono::seconds(1));
  }

  /// Reads the table once.
  CycleOutcome read() {
    CycleOutcome outcome = CycleOutcome::Failed;
    auto take = [&outcome](std::exception_ptr error, CycleOutcome result) {
      if (error) std::rethrow_exception(error);
      outcome = result;
    };
    boost::asio::co_spawn(life_->context, life_->ingest->cycle(0), take);
    run_for(std::chrono::seconds(1));
    return outcome;
  }

  /// The list is as the table: everybody who is wanted is there.
  void everybody_is_delivered() {
    for (const auto& [key, row] : table_) {
      observe(row.email, [](const ledger::RemoteView& view) {
        Consequence change;
        change.confirmed = view.ledger->confirmed;
        change.confirmed->fields = view.ledger->wanted.fields;
        change.confirmed->status = view.ledger->wanted.intent == domain::Intent::Subscribed
                                       ? domain::RemoteStatus::Subscribed
                                       : domain::RemoteStatus::Unsubscribed;
        return change;
      });
    }
  }

  void observe(const std::string& email,
               const std::function<Consequence(const ledger::RemoteView&)>& decide) {
    const auto address = domain::EmailAddress::from_normalised(email);
    store::in_transaction([&](store::Transaction& transaction) {
      const auto person = transaction.find(plan().id, address);
      carry_out(transaction, plan().id, address, person, decide(ledger::view_of(person)), plan().policy,
                utc());
    })(store());
  }
  /// A write-back is asked for, and nothing else changes.
  void ask_for(const std::string& email, const std::string& event,
               std::map<std::string, std::string> fields = {}, const std::string& new_email = {}) {
    observe(email, [&](const ledger::RemoteView&) {
      Consequence change;
      change.writeback = request(event, std::move(fields));
      change.writeback->new_email = new_email;
      return change;
    });
    life_->writeback->wake();
  }
  store::WritebackRequest request(const std::string& event, std::map<std::string, std::string> fields = {}) {
    store::WritebackRequest made;
    made.event = event;
    made.occurred_by = "subscriber";
    made.reason = "too many secrets";
    made.occurred_at = domain::UtcTime(std::chrono::milliseconds(1'741'064'767'089));
    made.fields = std::move(fields);
    return made;
  }
  static source::WriteFailure failure(source::WriteFailure::Scope scope, const std::string& message = "why") {
    source::WriteFailure made;
    made.scope = scope;
    made.error.message = message;
    made.error.kind = scope == source::WriteFailure::Scope::Database ? source::SourceError::Kind::Unreachable
                                                                     : source::SourceError::Kind::Failed;
    return made;
  }

  store::Store& store() { return *life_->store; }
  const MirrorPlan& plan() const { return life_->plan; }
  Writeback& writeback() { return *life_->writeback; }
  domain::UtcTime utc() const { return life_->clock.utc(); }
  std::size_t waiting() { return store().summary(plan().id, utc()).writebacks; }
  std::size_t pending() { return store().pending(plan().id, utc()); }
  std::string metric(const std::string& result) const {
    const auto text = life_->metrics.text();
    const auto name = "stibee_writeback_total{result=\"" + result + "\"} ";
    const auto at = text.find(name);
    return at == std::string::npos ? ""
                                   : text.substr(at + name.size(), text.find('\n', at) - at - name.size());
  }
  std::size_t lines(const std::string& word) const {
    std::size_t count = 0;
    for (auto at = log_.find(word); at != std::string::npos; at = log_.find(word, at + 1))
      ++count;
    return count;
  }
  std::vector<std::string> executed() const {
    std::vector<std::string> out;
    for (const auto& one : executed_)
      out.push_back(one.event + " " + *one.values.at("email"));
    return out;
  }

  /// The statements do to the table what their names say.
  Answer apply(const std::string& event, const source::WriteValues& values) {
    const auto found = std::find_if(table_.begin(), table_.end(), [&](const auto& entry) {
      return entry.second.email == *values.at("email");
    });
    if (found == table_.end()) return std::size_t{0};
    if (event == "unsubscribed") found->second.subscribed = false;
    if (event == "resubscribed") found->second.subscribed = true;
    if (const auto name = values.find("field_name"); event == "updated" && name != values.end())
      found->second.name = *name->second;
    return std::size_t{1};
  }

  std::map<std::int64_t, Row> table_;
  std::map<std::string, std::string> statements_{
      {"unsubscribed", "UPDATE members SET subscribed = false WHERE email = :email"},
      {"resubscribed", "UPDATE members SET subscribed = true WHERE email = :email"},
      {"updated", "UPDATE members SET name = :field_name WHERE email = :email"}};
  std::function<Answer(const std::string& event, const source::WriteValues& values)> answer_ =
      [this](const std::string& event, const source::WriteValues& values) { return apply(event, values); };
  std::vector<Executed> executed_;
  std::size_t cancels_ = 0;
  std::string log_;

 private:
  class TableWriter final : public source::Writer {
   public:
    explicit TableWriter(WritebackWorld& world) : world_(world) {}
    std::optional<source::SourceError> prepare(const source::WriteStatement&) override {
      return std::nullopt;
    }
    Answer execute(const source::WriteStatement& statement, const source::WriteValues& values) override {
      world_.executed_.push_back({statement.event, values, world_.life_->clock.monotonic()});
      return world_.answer_(statement.event, values);
    }
    void cancel() override { ++world_.cancels_; }

   private:
    WritebackWorld& world_;
  };

  struct Life {
    explicit Life(WritebackWorld& world)
        : clock(context, runtime::UtcTime(std::chrono::hours(24 * 365 * 56)), world.now_),
          worker(runtime::make_inline_worker()),
          owned(test_disk::open_state(*world.disk_)),
          log(telemetry::Log::to(
              [&world](std::string_view line) { (world.log_ += line) += '\n'; },
              telemetry::LogOptions{telemetry::Level::Debug, telemetry::LineFormat::Json})),
          metrics(telemetry::MetricsOptions{"test", false, {}}),
          dialect(delivery::make_v1()),
          writer(world) {
      settings::Mirror mirror;
      mirror.name = "members";
      mirror.list_id = 1234;
      mirror.source.table = "members";
      mirror.source.key = "id";
      mirror.source.email = "email";
      mirror.source.subscribed = "subscribed";
      mirror.source.fields = {{"name", "name"}};
      mirror.writeback = world.statements_;
      plan = make_mirror_plan(mirror, *dialect);
      plan.id = store->open_mirror(plan.name, plan.list_id);
      Services services{clock, confined, key, log, metrics, [] { return 0.5; }};
      reader.next = [&world] { return world.read_table(); };
      ingest = std::make_unique<Ingest>(services, *worker, reader, std::vector{plan}, [] {});
      writeback = std::make_unique<Writeback>(services, *worker, writer, std::vector{plan});
      world.disk_->on_death([this] { boost::asio::post(context, [] { throw Killed{}; }); });
      boost::asio::co_spawn(context, writeback->run(), [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
      });
    }
    boost::asio::io_context context;
    runtime::VirtualClock clock;
    std::unique_ptr<runtime::Worker> worker;
    std::unique_ptr<store::Store> owned;
    store::Store* store = owned.get();  // a way of the test's own
    const domain::StateKey key = store->key();
    runtime::Confined<store::Store> confined{std::move(owned), runtime::make_inline_worker()};
    telemetry::Log log;
    telemetry::Metrics metrics;
    std::unique_ptr<delivery::Dialect> dialect;
    TableWriter writer;
    source::ScriptedReader reader;
    MirrorPlan plan;
    std::unique_ptr<Ingest> ingest;
    std::unique_ptr<Writeback> writeback;
  };

  source::ScriptedRead read_table() const {
    using Type = domain::ColumnType;
    source::ScriptedRead read;
    read.shape.types = {Type::Integer, Type::Text, Type::Boolean, Type::Text};
    read.shape.integer_key = true;
    for (const auto& [key, row] : table_)
      read.rows.push_back(std::to_string(key) + "\t" + row.email + (row.subscribed ? "\tt\t" : "\tf\t") +
                          row.name);
    return read;
  }

  std::unique_ptr<test_disk::SimulatedDisk> disk_ = test_disk::disk_with_state();
  std::mt19937_64 random_{1};
  runtime::MonotonicTime now_{std::chrono::hours(1)};
  std::unique_ptr<Life> life_;
};

}  // namespace stibee_sync::pipeline
