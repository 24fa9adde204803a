#include "integration/e2e/deployment.hpp"

#include <csignal>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What the log of a real daemon has, at which level.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<json::Value> lines_with(const std::string& log, const std::string& key,
                                    const std::string& value) {
  std::vector<json::Value> found;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    auto parsed = json::parse(line);
    const auto* member = parsed ? parsed->find(key) : nullptr;
    if (member != nullptr && member->if_string() != nullptr && *member->if_string() == value)
      found.push_back(std::move(*parsed));
  }
  return found;
}

TEST(LogLines, AReloadChangesTheLevelAndAtDebugEachCallHasALine) {
  DeploymentOptions options;
  options.log_level = "info";
  Deployment deployment(options);
  deployment.add_members(1, 30);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  EXPECT_THAT(lines_with(daemon.err(), "level", "debug"), IsEmpty());

  auto config = deployment.config_text();
  const std::string before = "level: info";
  deployment.write_config(config.replace(config.find(before), before.size(), "level: debug"));
  daemon.send(SIGHUP);
  ASSERT_TRUE(eventually(30s, [&] { return !event_lines(daemon, "daemon.reload").empty(); })) << daemon.err();
  deployment.add_members(31, 40);
  ASSERT_TRUE(deployment.converges());

  const auto is_there = [&] { return !lines_with(daemon.err(), "endpoint", "subscribe").empty(); };
  ASSERT_TRUE(eventually(10s, is_there)) << daemon.err();
  const auto calls = lines_with(daemon.err(), "endpoint", "subscribe");
  EXPECT_EQ(text(calls.front(), "level"), "debug");
  EXPECT_EQ(text(calls.front(), "mirror"), "members");
  EXPECT_EQ(number(calls.front(), "status"), 200);
  EXPECT_GE(number(calls.front(), "ms"), 0);
  std::int64_t people = 0;
  for (const auto& call : calls)
    people += number(call, "people");
  EXPECT_EQ(people, 10);
  EXPECT_THAT(daemon.err(), Not(HasSubstr("@example.com")));
}

TEST(LogLines, WhileNothingChangesNothingIsLogged) {
  DeploymentOptions options;
  options.log_level = "info";
  Deployment deployment(options);
  deployment.add_members(1, 30);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  ASSERT_TRUE(eventually(30s, [&] { return event_lines(daemon, "delivery.finished").size() == 1; }));

  const auto reads = [&] {
    const auto page = deployment.admin("/metrics").body;
    const std::string series = "stibee_sync_cycles_total{mirror=\"members\",result=\"ok\"} ";
    return std::stoll(page.substr(page.find(series) + series.size()));
  };
  const auto quiet = daemon.err();
  const auto began = reads();
  ASSERT_TRUE(eventually(60s, [&] { return reads() >= began + 20; })) << "reads go on";
  EXPECT_EQ(daemon.err(), quiet);

  deployment.sql("DELETE FROM members WHERE id = 7");
  ASSERT_TRUE(eventually(30s, [&] { return event_lines(daemon, "delivery.finished").size() == 2; }));
  const auto line = json::parse(event_lines(daemon, "delivery.finished").back());
  ASSERT_TRUE(line);
  EXPECT_EQ(number(*line, "people"), 1);
  EXPECT_EQ(number(*line, "unsubscribe"), 1);
  EXPECT_EQ(number(*line, "calls"), 1);
}

}  // namespace
}  // namespace stibee_sync::e2e
