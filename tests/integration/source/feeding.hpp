#pragma once

#include "integration/source/reading.hpp"
#include "stibee_sync/source/change_feed.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stibee_sync::source {

inline constexpr std::size_t plenty = 100'000;

/// What a drain delivered.
struct FeedDelivered {
  std::variant<FeedReport, FeedLoss, SourceError> result;
  std::vector<std::string> keys;                           // in the order in which they came
  std::map<std::string, std::optional<std::string>> rows;  // by key
  int shapes = 0;

  bool whole() const { return std::holds_alternative<FeedReport>(result); }
  const FeedReport& report() const { return std::get<FeedReport>(result); }
  /// The loss' kind, or what there was instead.
  std::string loss() const {
    if (const auto* loss = std::get_if<FeedLoss>(&result)) return std::string(label(loss->kind));
    if (const auto* error = std::get_if<SourceError>(&result)) return "error: " + error->message;
    return "none";
  }
  std::string message() const {
    if (const auto* loss = std::get_if<FeedLoss>(&result)) return loss->message;
    if (const auto* error = std::get_if<SourceError>(&result)) return error->message;
    return "";
  }
};

inline FeedDelivered drain(ChangeFeed& feed, const FeedPlan& plan, std::size_t most_keys = plenty) {
  FeedDelivered delivered;
  delivered.result = feed.drain(
      plan, most_keys, [&](const ReadShape&) { ++delivered.shapes; },
      [&](std::string_view key, std::optional<std::string_view> line) {
        delivered.keys.emplace_back(key);
        delivered.rows[std::string(key)] = line ? std::optional(std::string(*line)) : std::nullopt;
      });
  return delivered;
}

/// A database of the test's own with a table `members`, and the mirror `members` of it. The table belongs to
/// a role of its own, and another one reads it.
class FeedTest : public ::testing::Test {
 protected:
  FeedTest() {
    static bool once = [] {
      PostgresCluster::shared().execute("CREATE ROLE shop; CREATE ROLE mirror LOGIN; CREATE ROLE app LOGIN");
      return true;
    }();
    static_cast<void>(once);
    sql("GRANT CREATE ON DATABASE " + database_ + " TO shop; GRANT CREATE ON SCHEMA public TO shop");
  }

  PostgresCluster& cluster() { return PostgresCluster::shared(); }
  PostgresCluster::Rows sql(const std::string& text) { return cluster().execute(text, database_); }
  std::string value(const std::string& text) { return cluster().value(text, database_); }
  /// As the table's owner.
  void shop(const std::string& text) { sql("SET ROLE shop; " + text); }
  Connection connection(std::string_view role = "mirror") {
    return connection_to(cluster().url(database_, role));
  }
  void make_table(const std::string& columns = "id bigint PRIMARY KEY, email text, note text") {
    shop("CREATE TABLE members (" + columns + "); GRANT SELECT ON members TO mirror");
  }
  FeedSite site(const FeedPlan& plan) {
    auto found = feed_->inspect(plan);
    if (const auto* error = std::get_if<SourceError>(&found)) throw std::runtime_error(error->message);
    return std::get<FeedSite>(found);
  }
  /// As the table's owner does it.
  void install(const FeedPlan& plan) { shop(feed_sql(site(plan))); }
  void install() { install(plan_); }
  FeedDelivered drain(std::size_t most_keys = plenty) { return source::drain(*feed_, plan_, most_keys); }
  /// What has changed since the last call: drained and discarded.
  std::map<std::string, std::optional<std::string>> changes() {
    const auto drained = drain();
    if (!drained.whole()) throw std::runtime_error("feed lost: " + drained.message());
    if (const auto error = feed_->discard(plan_.mirror, drained.report().feed.ids))
      throw std::runtime_error(error->message);
    return drained.rows;
  }

  std::string database_ = cluster().create_database();
  FeedPlan plan_{plan_for("members"), "members"};
  std::unique_ptr<ChangeFeed> feed_ = make_postgres_change_feed(connection());
};

/// A key without a row, in `changes()`.
inline constexpr std::nullopt_t absent = std::nullopt;
using Changes = std::map<std::string, std::optional<std::string>>;

}  // namespace stibee_sync::source
