#include "integration/postgres_cluster.hpp"
#include "stibee_sync/source/source.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::source {
namespace {

using stibee_sync::testing::PostgresCluster;
using ::testing::ElementsAre;

/// The same table and the same mishaps for each kind of reader.
class World {
 public:
  virtual ~World() = default;
  /// The table's rows from now on: key and address.
  virtual void table(const std::vector<std::pair<int, std::optional<std::string>>>& rows) = 0;
  /// No table from now on.
  virtual void no_table() = 0;
  /// The next read fails after some of its rows.
  virtual void fail_in_the_middle() = 0;
  virtual Reader& reader() = 0;
};

ReadPlan members() {
  ReadPlan plan;
  plan.table = "members";
  plan.columns = {"id", "email"};
  plan.needs = {ReadPlan::Needs::Key, ReadPlan::Needs::Text};
  return plan;
}

SourceError error(SourceError::Kind kind) {
  SourceError made;
  made.kind = kind;
  made.message = "scripted";
  return made;
}

class ScriptedWorld final : public World {
 public:
  ScriptedWorld() {
    reader_.next = [this] {
      return std::exchange(script_.fails_after_rows, std::nullopt) ? failing() : script_;
    };
    script_.shape.types = {domain::ColumnType::Integer, domain::ColumnType::Text};
  }
  void table(const std::vector<std::pair<int, std::optional<std::string>>>& rows) override {
    script_.rows.clear();
    for (const auto& [key, email] : rows)
      script_.rows.push_back(std::to_string(key) + "\t" + email.value_or("\\N"));
  }
  void no_table() override {
    script_.rows.clear();
    failure_ = error(SourceError::Kind::NotAsMapped);
    script_.fails_after_rows = failure_;
  }
  void fail_in_the_middle() override {
    failure_ = error(SourceError::Kind::Failed);
    script_.fails_after_rows = failure_;
  }
  Reader& reader() override { return reader_; }

 private:
  ScriptedRead failing() const {
    auto script = script_;
    script.fails_after_rows = failure_;
    return script;
  }
  ScriptedReader reader_;
  ScriptedRead script_;
  SourceError failure_;
};

class PostgresWorld final : public World {
 public:
  PostgresWorld() : reader_(make_postgres_reader(connection())) {
    sql("CREATE TABLE rows (id int, email text); CREATE TABLE mishap (after int)");
  }
  void table(const std::vector<std::pair<int, std::optional<std::string>>>& rows) override {
    sql("DROP VIEW IF EXISTS members; TRUNCATE rows; TRUNCATE mishap;"
        "CREATE VIEW members AS SELECT id, CASE WHEN id = (SELECT max(after) FROM mishap) THEN (1 / (id - "
        "id))::text ELSE email END AS email FROM rows");
    for (const auto& [key, email] : rows) {
      sql("INSERT INTO rows VALUES (" + std::to_string(key) + ", " + (email ? "'" + *email + "'" : "NULL") +
          ")");
    }
  }
  void no_table() override { sql("DROP VIEW IF EXISTS members"); }
  void fail_in_the_middle() override { sql("INSERT INTO mishap SELECT max(id) FROM rows"); }
  Reader& reader() override { return *reader_; }

 private:
  Connection connection() const {
    Connection made;
    made.url = PostgresCluster::shared().url(database_);
    return made;
  }
  void sql(const std::string& text) { PostgresCluster::shared().execute(text, database_); }
  std::string database_ = PostgresCluster::shared().create_database();
  std::unique_ptr<Reader> reader_;
};

struct Kind {
  const char* name;
  std::function<std::unique_ptr<World>()> make;
};

class SourceContract : public ::testing::TestWithParam<Kind> {
 protected:
  std::variant<ReadReport, SourceError> read() {
    rows_.clear();
    shapes_ = 0;
    return world_->reader().read(
        members(), [this](const ReadShape&) { ++shapes_; },
        [this](std::string_view line) { rows_.emplace_back(line); });
  }
  std::unique_ptr<World> world_ = GetParam().make();
  std::vector<std::string> rows_;
  int shapes_ = 0;
};

TEST_P(SourceContract, ReportsTheRowsItDeliveredAfterTheShape) {
  world_->table({{-2, "b@example.com"}, {1, std::nullopt}, {10, "a@example.com"}});
  const auto result = read();
  ASSERT_TRUE(std::holds_alternative<ReadReport>(result));
  EXPECT_THAT(rows_, ElementsAre("-2\tb@example.com", "1\t\\N", "10\ta@example.com"));
  EXPECT_EQ(shapes_, 1);
  const auto& report = std::get<ReadReport>(result);
  EXPECT_EQ(report.rows, 3U);
  EXPECT_TRUE(report.shape.integer_key);
  EXPECT_THAT(report.shape.types, ElementsAre(domain::ColumnType::Integer, domain::ColumnType::Text));
}

TEST_P(SourceContract, AnEmptyTableIsACompleteRead) {
  world_->table({});
  const auto result = read();
  ASSERT_TRUE(std::holds_alternative<ReadReport>(result));
  EXPECT_EQ(std::get<ReadReport>(result).rows, 0U);
  EXPECT_EQ(shapes_, 1);
}

TEST_P(SourceContract, DescribesWithoutReading) {
  world_->table({{1, "a"}});
  const auto result = world_->reader().describe(members());
  ASSERT_TRUE(std::holds_alternative<ReadShape>(result));
  EXPECT_THAT(std::get<ReadShape>(result).types,
              ElementsAre(domain::ColumnType::Integer, domain::ColumnType::Text));
}

TEST_P(SourceContract, AMissingTableIsNotAsMappedAndDeliversNothing) {
  world_->no_table();
  const auto described = world_->reader().describe(members());
  ASSERT_TRUE(std::holds_alternative<SourceError>(described));
  EXPECT_EQ(std::get<SourceError>(described).kind, SourceError::Kind::NotAsMapped);
  world_->no_table();
  const auto result = read();
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).kind, SourceError::Kind::NotAsMapped);
  EXPECT_EQ(shapes_, 0);
  EXPECT_TRUE(rows_.empty());
}

TEST_P(SourceContract, AFailureInTheMiddleIsNeverAReportAndTheNextReadIsWhole) {
  world_->table({{1, "a"}, {2, "b"}, {3, "c"}});
  world_->fail_in_the_middle();
  const auto result = read();
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).kind, SourceError::Kind::Failed);
  world_->table({{1, "a"}, {2, "b"}, {3, "c"}});
  ASSERT_TRUE(std::holds_alternative<ReadReport>(read()));
  EXPECT_THAT(rows_, ElementsAre("1\ta", "2\tb", "3\tc"));
}

TEST_P(SourceContract, WhatASinkThrowsPassesThroughAndTheNextReadIsWhole) {
  world_->table({{1, "a"}, {2, "b"}});
  EXPECT_THROW(
      world_->reader().read(
          members(), [](const ReadShape&) {}, [](std::string_view) { throw std::runtime_error("enough"); }),
      std::runtime_error);
  ASSERT_TRUE(std::holds_alternative<ReadReport>(read()));
  EXPECT_EQ(rows_.size(), 2U);
}

TEST_P(SourceContract, CancelEndsTheRunningReadAndNoOther) {
  world_->table({{1, "a"}, {2, "b"}, {3, "c"}});
  world_->reader().cancel();
  ASSERT_TRUE(std::holds_alternative<ReadReport>(read()));
  std::size_t rows = 0;
  const auto result = world_->reader().read(
      members(), [](const ReadShape&) {},
      [&](std::string_view) {
        ++rows;
        world_->reader().cancel();
      });
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).kind, SourceError::Kind::Cancelled);
  EXPECT_EQ(rows, 1U);
  ASSERT_TRUE(std::holds_alternative<ReadReport>(read()));
}

INSTANTIATE_TEST_SUITE_P(Readers, SourceContract,
                         ::testing::Values(Kind{"Scripted", [] { return std::make_unique<ScriptedWorld>(); }},
                                           Kind{"Postgres",
                                                [] { return std::make_unique<PostgresWorld>(); }}),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace stibee_sync::source
