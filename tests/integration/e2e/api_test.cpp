#include "integration/e2e/deployment.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

// API v2, and that it does what API v1 does.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

// A tenth of what a minute allows, each tenth of a minute.
const char* const scaled_limits = "  rate_limits: {bulk: 10/6s, list: 100/6s, other: 1000/6s}\n";
const std::vector<std::string> scaled_simulator = {"--v2-bulk-rate", "10/6s",           "--v2-list-rate",
                                                   "100/6s",         "--v2-other-rate", "1000/6s"};

DeploymentOptions on(const std::string& api) {
  DeploymentOptions options;
  options.api = api;
  if (api == "v2") {
    options.stibee_extra = std::string("  resubscribe_via: v1\n") + scaled_limits;
    options.simulator_arguments = scaled_simulator;
  }
  return options;
}

// Milliseconds since midnight.
double time_of(const json::Value& call) {
  const auto time = text(call, "time");
  const auto at = time.find('T') + 1;
  const auto number = [&](std::size_t from, std::size_t length) {
    return std::stod(time.substr(from, length));
  };
  return ((number(at, 2) * 60 + number(at + 3, 2)) * 60 + number(at + 6, time.size() - at - 7)) * 1000;
}

json::Value::Array calls_to(Deployment& deployment, const std::string& endpoint) {
  const auto journal = deployment.stibee("/_sim/journal?addresses=no&limit=100000");
  json::Value::Array found;
  for (const auto& call : items(journal, "calls")) {
    if (endpoint.empty() || text(call, "endpoint") == endpoint) found.push_back(call);
  }
  return found;
}

// Address, status, values and groups of everybody, one a line.
std::string final_list(Deployment& deployment) {
  std::string all;
  const auto dumped = json::parse(deployment.dump());
  if (!dumped) throw std::runtime_error("the dump is no JSON");
  for (const auto& person : items(at(at(*dumped, "lists"), "1234"), "people")) {
    all += text(person, "email") + " " + text(person, "status") + " " +
           json::to_string(at(person, "fields")) + " " + json::to_string(at(person, "groups")) + "\n";
  }
  return all;
}

// The same changes and faults, whatever the API.
std::string story(const std::string& api) {
  Deployment deployment(on(api));
  deployment.add_members(1, 600);
  deployment.stibee_post("/_sim/faults", R"({"seed":5,"rules":[
      {"kind":"503","probability":0.1,"times":4},{"kind":"html","probability":0.1,"times":4},
      {"kind":"drop_after","probability":0.1,"times":4},{"kind":"cut_body","probability":0.1,"times":4},
      {"kind":"status","status":429,"probability":0.1,"times":3}]})");
  deployment.start_daemon();
  EXPECT_TRUE(deployment.converges(120s)) << api << ": " << deployment.differences().front();
  deployment.sql("UPDATE members SET name = 'new ' || id WHERE id BETWEEN 1 AND 40");
  deployment.sql("UPDATE members SET grade = 'gold' WHERE id BETWEEN 30 AND 50");
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id BETWEEN 60 AND 75");
  deployment.sql("DELETE FROM members WHERE id BETWEEN 80 AND 85");
  deployment.sql("UPDATE members SET email = 'moved' || id || '@example.com' WHERE id BETWEEN 90 AND 93");
  EXPECT_TRUE(deployment.converges(120s)) << api << ": " << deployment.differences().front();
  deployment.sql("UPDATE members SET email_opt_in = true WHERE id BETWEEN 60 AND 65");
  deployment.sql("UPDATE members SET phone = NULL WHERE id = 100");
  EXPECT_TRUE(deployment.converges(120s)) << api << ": " << deployment.differences().front();
  EXPECT_TRUE(eventually(60s, [&] {
    return deployment.report({"status"}).find("mirrors") != nullptr &&
           deployment.admin("/metrics").body.find("stibee_pending{lane=\"upsert\",mirror=\"members\"} 0") !=
               std::string::npos;
  }));
  EXPECT_EQ(deployment.stat("violations"), 0) << api;
  EXPECT_EQ(deployment.stat("same_address_in_flight"), 0) << api;
  return final_list(deployment);
}

TEST(Api, TheSameTableChangesAndFaultsEndInTheSameListOnBoth) {
  const auto v1 = story("v1");
  const auto v2 = story("v2");
  EXPECT_EQ(v1, v2);
  EXPECT_NE(v1.find("p70@example.com unsubscribed"), std::string::npos);
}

TEST(Api, AnImportByV2UsesBothBudgets) {
  auto options = on("v2");
  options.simulator_arguments.insert(options.simulator_arguments.end(), {"--latency", "10ms"});
  options.log_level = "info";
  Deployment deployment(std::move(options));
  deployment.add_members(1, 20'000);
  deployment.sql("UPDATE members SET grade = NULL");  // a group is a single call for each person
  const auto plan = items(deployment.report({"plan"}), "mirrors").front();
  const auto synced = deployment.syncd({"sync"});
  ASSERT_EQ(synced.exit_code, 0) << synced.err;
  EXPECT_EQ(deployment.differences(), std::vector<std::string>{});
  EXPECT_EQ(deployment.stat("violations"), 0);
  const auto calls = calls_to(deployment, "");
  const double took = (time_of(calls.back()) - time_of(calls.front())) / 1000;
  // Ten bulk calls and a thousand single ones at once, and again as soon as the window turns: 22,000 people.
  const double best = 6.0;
  const auto bulk = calls_to(deployment, "v2.bulk").size();
  std::printf(
      "%zu calls, %zu of them bulk, in %.3f s: %.3f of the best schedule; planned %lld calls, %.1f s\n",
      calls.size(), bulk, took, took / best, static_cast<long long>(number(plan, "calls")),
      *at(plan, "seconds_at_limit").if_double());
  EXPECT_LE(bulk, 20U);
  EXPECT_GE(calls.size() - bulk, 500U) << "the single slots help";
}

}  // namespace
}  // namespace stibee_sync::e2e
