#pragma once

#include "integration/postgres_cluster.hpp"
#include "stibee_sync/source/source.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::source {

using Needs = ReadPlan::Needs;
using Kind = SourceError::Kind;
using stibee_sync::testing::PostgresCluster;

/// A plan for `table` with id and email first.
inline ReadPlan plan_for(std::string table, std::vector<std::pair<std::string, Needs>> more = {}) {
  ReadPlan plan;
  plan.table = std::move(table);
  plan.columns = {"id", "email"};
  plan.needs = {Needs::Key, Needs::Text};
  for (auto& [column, needs] : more) {
    plan.columns.push_back(std::move(column));
    plan.needs.push_back(needs);
  }
  return plan;
}

inline ReadPlan plan_for_query(std::string query, std::vector<std::pair<std::string, Needs>> more = {}) {
  auto plan = plan_for("", std::move(more));
  plan.query = std::move(query);
  return plan;
}

inline Connection connection_to(std::string url) {
  Connection connection;
  connection.url = std::move(url);
  return connection;
}

/// What a read delivered.
struct Delivered {
  std::variant<ReadReport, SourceError> result;
  std::vector<std::string> rows;
  int shapes = 0;

  bool complete() const { return std::holds_alternative<ReadReport>(result); }
  /// The error, or one that says that there was none.
  SourceError error() const {
    if (const auto* error = std::get_if<SourceError>(&result)) return *error;
    SourceError none;
    none.message = "(no error)";
    return none;
  }
  const ReadReport& report() const { return std::get<ReadReport>(result); }
};

inline Delivered read_all(Reader& reader, const ReadPlan& plan) {
  Delivered delivered;
  delivered.result = reader.read(
      plan, [&](const ReadShape&) { ++delivered.shapes; },
      [&](std::string_view line) { delivered.rows.emplace_back(line); });
  if (delivered.complete()) {
    EXPECT_EQ(delivered.shapes, 1);
    EXPECT_EQ(delivered.report().rows, delivered.rows.size());
  }
  return delivered;
}

/// A database of the test's own in the program's cluster, and a reader for it.
class SourceTest : public ::testing::Test {
 protected:
  PostgresCluster& cluster() { return PostgresCluster::shared(); }
  void sql(const std::string& text) { cluster().execute(text, database_); }
  Delivered read(const ReadPlan& plan) { return read_all(*reader_, plan); }
  SourceError describe_error(const ReadPlan& plan) {
    auto result = reader_->describe(plan);
    if (auto* error = std::get_if<SourceError>(&result)) return *error;
    SourceError none;
    none.message = "(no error)";
    return none;
  }

  std::string database_ = cluster().create_database();
  std::unique_ptr<Reader> reader_ = make_postgres_reader(connection_to(cluster().url(database_)));
};

}  // namespace stibee_sync::source
