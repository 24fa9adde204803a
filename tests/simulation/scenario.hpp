#pragma once

#include "simulation/simulated_daemon.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace stibee_sync::simulation {

using namespace std::chrono_literals;

inline constexpr const char* list = "1234";
inline constexpr const char* other_list = "5678";

struct Row {
  std::string email;
  bool subscribed = true;
  std::string name = "n";
  std::string grade = {};
  std::optional<domain::UtcTime> consented_at = {};
};

/// A member table, Stibee with one list, and a daemon between them.
class Scenario : public ::testing::Test {
 protected:
  Scenario() : far_end_{stibee_sim::StibeeModel(setup()), {}}, disk_(test_disk::disk_with_state()) {
    mirror_.name = "members";
    mirror_.list_id = 1234;
    mirror_.source.table = "members";
    mirror_.source.key = "id";
    mirror_.source.email = "email";
    mirror_.source.subscribed = "subscribed";
    mirror_.source.fields = {{"name", "name"}};
    mirror_.poll_interval = 1s;
  }

  static stibee_sim::Setup setup() {
    stibee_sim::Setup made;
    stibee_sim::ListSetup one;
    one.id = list;
    one.groups = {{11, "gold"}, {12, "silver"}};
    made.lists.push_back(one);
    one.id = other_list;
    made.lists.push_back(one);
    return made;
  }

  void fill(std::int64_t people) {
    for (std::int64_t i = 1; i <= people; ++i)
      rows_[i].email = "p" + std::to_string(i) + "@example.com";
  }

  void start(const std::string& key = "sim-key", bool sends = true) {
    Surroundings around{far_end_, *disk_, [this] { return read(); }, mirror_, 3, now_, {}, key,
                        api_,     limits_};
    around.sends = sends;
    around.leads = [this] { return leads_; };
    around.first_part = first_part_;
    around.more_mirrors = more_mirrors_;
    daemon_ = std::make_unique<SimulatedDaemon>(std::move(around));
  }
  void kill() {
    now_ = daemon_->clock().monotonic();
    disk_->die();
    daemon_.reset();
    disk_->restart(random_);
    far_end_.client_gone(FarEnd::instant(now_));
  }

  source::ScriptedRead read() {
    if (const auto meanwhile = std::exchange(while_read_, nullptr)) meanwhile();
    source::ScriptedRead made;
    using Type = domain::ColumnType;
    made.shape.types = {Type::Integer, Type::Text, Type::Boolean};
    made.shape.server_time = daemon_->clock().true_utc();
    // Columns in the order in which the plan names them.
    const bool has_consents = mirror_.source.consented_at.has_value();
    if (has_consents) made.shape.types.push_back(Type::TimestampTz);
    const bool graded = !mirror_.source.groups.empty();
    if (graded) made.shape.types.push_back(Type::Text);
    made.shape.types.push_back(Type::Text);
    for (const auto& [key, row] : rows_) {
      const auto consent = row.consented_at ? text::timestamptz(*row.consented_at) : std::string("\\N");
      made.rows.push_back(
          std::to_string(key) + "\t" + row.email + "\t" + (row.subscribed ? "t" : "f") +
          (has_consents ? "\t" + consent : std::string()) +
          (graded ? "\t" + (row.grade.empty() ? std::string("\\N") : row.grade) : std::string()) + "\t" +
          row.name);
    }
    if (database_error_) {
      made.rows.resize(made.rows.size() / 2);
      made.fails_after_rows = database_error_;
    }
    return made;
  }

  std::size_t subscribed() const {
    std::size_t count = 0;
    far_end_.model.each_person(list, [&](const stibee_sim::Person& person) {
      if (person.status == stibee_sim::Status::Subscribed) ++count;
    });
    return count;
  }
  stibee_sim::Status status_of(std::int64_t key) const {
    const auto person = far_end_.model.find(list, rows_.at(key).email);
    EXPECT_TRUE(person.has_value());
    return person ? person->status : stibee_sim::Status::Archived;
  }
  std::size_t calls() const { return far_end_.model.journal().size(); }
  std::size_t calls_to(const std::string& endpoint) const {
    std::size_t count = 0;
    for (const auto& call : far_end_.model.journal())
      count += call.endpoint == endpoint ? 1 : 0;
    return count;
  }
  std::size_t calls_to_list(const std::string& id) const {
    std::size_t count = 0;
    for (const auto& call : far_end_.model.journal())
      count += call.list == id ? 1 : 0;
    return count;
  }
  std::size_t pending() { return daemon_->pending(); }
  std::uint64_t violations() const {
    std::uint64_t sum = 0;
    for (const auto& limit : far_end_.model.limits())
      sum += limit.violations;
    return sum;
  }
  domain::UtcTime utc() { return daemon_->clock().utc(); }

  std::function<void()> while_read_;  // happens once, after the next read has begun
  Api api_ = Api::V1;
  delivery::Limits limits_;
  bool leads_ = true;
  std::size_t first_part_ = pipeline::ReadTakeover::first_part;
  FarEnd far_end_;
  std::unique_ptr<test_disk::SimulatedDisk> disk_;
  std::mt19937_64 random_{1};
  settings::Mirror mirror_;
  std::vector<settings::Mirror> more_mirrors_;
  std::map<std::int64_t, Row> rows_;
  std::optional<source::SourceError> database_error_;
  runtime::MonotonicTime now_{1h};
  std::unique_ptr<SimulatedDaemon> daemon_;
};

}  // namespace stibee_sync::simulation
