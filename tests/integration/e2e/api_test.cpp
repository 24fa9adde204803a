#include "integration/e2e/deployment.hpp"

#include <algorithm>
#include <csignal>
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
  EXPECT_TRUE(deployment.all_arrive()) << api << ": " << deployment.daemon().err();
  deployment.sql("UPDATE members SET name = 'new ' || id WHERE id BETWEEN 1 AND 40");
  deployment.sql("UPDATE members SET grade = 'gold' WHERE id BETWEEN 30 AND 50");
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id BETWEEN 60 AND 75");
  deployment.sql("DELETE FROM members WHERE id BETWEEN 80 AND 85");
  deployment.sql("UPDATE members SET email = 'moved' || id || '@example.com' WHERE id BETWEEN 90 AND 93");
  EXPECT_TRUE(deployment.all_arrive()) << api << ": " << deployment.daemon().err();
  deployment.sql("UPDATE members SET email_opt_in = true WHERE id BETWEEN 60 AND 65");
  deployment.sql("UPDATE members SET phone = NULL WHERE id = 100");
  EXPECT_TRUE(deployment.all_arrive()) << api << ": " << deployment.daemon().err();
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
  EXPECT_EQ(number(plan, "calls"), 10 + 1000 + 9);
  const auto synced = deployment.syncd({"sync"});
  ASSERT_EQ(synced.exit_code, 0) << synced.err;
  EXPECT_EQ(deployment.differences(), std::vector<std::string>{});
  EXPECT_EQ(deployment.stat("violations"), 0);
  const auto singles = calls_to(deployment, "v2.add").size();
  const auto bulk = calls_to(deployment, "v2.bulk").size();
  EXPECT_LE(bulk, 20U);
  EXPECT_GT(singles, 0U) << "the single slots help";
  // Ten bulk calls and a thousand single ones at once, and again as soon as the window turns: 22,000 people.
  // From the first call that carries people: before it the list is counted and the table read.
  const double best = 6.0;
  const auto calls = calls_to(deployment, "");
  const double took = (time_of(calls.back()) - time_of(calls_to(deployment, "v2.bulk").front())) / 1000;
  std::printf("%zu bulk and %zu single calls in %.3f s: %.3f of the best schedule\n", bulk, singles, took,
              took / best);
}

TEST(Api, CheckOnV2AsksForTheKeyAndEachList) {
  Deployment deployment(on("v2"));
  deployment.add_members(1, 3);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  const auto fine = deployment.syncd({"check"});
  EXPECT_EQ(fine.exit_code, 0) << fine.err;
  EXPECT_NE(fine.out.find("list 1234 has 3 people"), std::string::npos) << fine.out;

  auto text = deployment.config_text();
  const auto at = text.find("list_id: 1234");
  text.replace(at, 13, "list_id: 4321");
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  deployment.write_config(text);
  const auto unknown = deployment.syncd({"check"});
  EXPECT_EQ(unknown.exit_code, 78);
  EXPECT_NE(unknown.out.find("config.yaml:" + std::to_string(line) + ":"), std::string::npos) << unknown.out;

  deployment.write_config(deployment.config_text());
  std::ofstream(deployment.directory() / "key") << "another-key\n";
  const auto refused = deployment.syncd({"check"});
  EXPECT_EQ(refused.exit_code, 77) << refused.err;
  EXPECT_EQ((refused.out + refused.err).find("another-key"), std::string::npos);
  deployment.stop_stibee();
  EXPECT_EQ(deployment.syncd({"check"}).exit_code, 69);
}

TEST(Api, AListThatTheKeyMayNotUseStopsItsOwnMirrorOnly) {
  for (const std::string api : {"v1", "v2"}) {
    SCOPED_TRACE(api);
    Deployment deployment(on(api));
    deployment.add_members(1, 20);
    auto text_of_config = deployment.config_text();
    auto other = text_of_config.substr(text_of_config.find("  - name: members"));
    other.replace(other.find("members"), 7, "another");
    other.replace(other.find("1234"), 4, "4321");
    deployment.write_config(text_of_config + other);

    const auto synced = deployment.syncd({"sync"}, 60s);
    EXPECT_EQ(synced.exit_code, 75);
    EXPECT_NE(synced.err.find("another: Stibee does not let this key use list 4321"), std::string::npos)
        << synced.err;
    EXPECT_EQ(deployment.differences(), std::vector<std::string>{});

    deployment.start_daemon();
    deployment.sql("INSERT INTO members VALUES (900, 'late@example.com')");
    EXPECT_TRUE(deployment.converges());
    EXPECT_TRUE(eventually(20s, [&] {
      const auto now = deployment.report({"status"});
      return text(items(now, "mirrors").at(1), "state") == "failing";
    }));
    const auto status = deployment.report({"status"});
    EXPECT_EQ(text(items(status, "mirrors").at(0), "state"), "ok");
    EXPECT_EQ(
        text(items(status, "mirrors").at(1), "problem").find("Stibee does not let this key use list 4321"),
        0u);
    EXPECT_EQ(text(status, "circuit"), "closed");
    EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
    EXPECT_NE(deployment.daemon().err().find("\"event\":\"api.unauthorised\""), std::string::npos);
  }
}

TEST(Api, StatusShowsEveryLimiterInUse) {
  Deployment deployment(on("v2"));
  deployment.start_daemon();
  std::vector<std::string> classes;
  const auto report = deployment.report({"status"});
  for (const auto& limiter : items(report, "limiter"))
    classes.push_back(text(limiter, "class") + " " + std::to_string(number(limiter, "limit")));
  EXPECT_EQ(classes, (std::vector<std::string>{"v1 10", "bulk 10", "list 100", "other 1000"}));
  EXPECT_NE(deployment.admin("/metrics").body.find("stibee_api_requests_total{endpoint=\"subscribe_bulk\""),
            std::string::npos);
}

TEST(Api, MissingGroupsAreMadeByName) {
  for (const auto* api : {"v1", "v2"}) {
    Deployment deployment(on(api));
    auto config = deployment.config_text();
    config.replace(config.find("groups: {gold: 11, silver: 12}"), 30, "groups: create_missing");
    deployment.write_config(config);
    deployment.add_members(1, 12);
    deployment.sql("UPDATE members SET grade = 'platinum' WHERE id > 6");
    ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
    const auto dump = json::parse(deployment.dump());
    const auto& listed = at(at(*dump, "lists"), "1234");
    std::map<std::string, std::string> names;
    for (const auto& [id, name] : *at(listed, "groups").if_object())
      names[id] = *name.if_string();
    std::size_t in_platinum = 0;
    for (const auto& person : items(listed, "people")) {
      for (const auto& group : items(person, "groups"))
        in_platinum += names[std::to_string(*group.if_integer())] == "platinum" ? 1 : 0;
    }
    EXPECT_EQ(in_platinum, 6U) << api;
    EXPECT_EQ(calls_to(deployment, "v2.group_create").size(), 1U) << api;
    const auto calls = calls_to(deployment, "v1.subscribe").size() + calls_to(deployment, "v2.add").size();
    deployment.sql("INSERT INTO members VALUES (99, 'late@example.com', true, 'x', 'y', 'platinum')");
    ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
    EXPECT_EQ(calls_to(deployment, "v2.group_create").size(), 1U) << api;
    EXPECT_EQ(calls_to(deployment, "v1.subscribe").size() + calls_to(deployment, "v2.add").size(), calls + 1)
        << api;
  }
}

TEST(Api, ConfirmationMailsGoOutOncePerPersonThoughTheDaemonIsKilled) {
  for (const auto* api : {"v1", "v2"}) {
    auto options = on(api);
    options.mirror_extra = "    confirm_email: true\n";
    options.simulator_arguments.insert(options.simulator_arguments.end(), {"--latency", "100ms"});
    Deployment deployment(std::move(options));
    deployment.add_members(1, 200);
    for (int life = 1; life <= 3; ++life) {
      auto& daemon = deployment.start_daemon();
      const auto before = deployment.stat("confirmation_mails");
      ASSERT_TRUE(eventually(30s, [&] { return deployment.stat("confirmation_mails") >= before + 10; }));
      daemon.send(SIGKILL);
      daemon.wait(5s);
    }
    deployment.start_daemon();
    std::int64_t ready = 0;
    std::int64_t in_doubt = 0;
    const auto settled = [&] {
      const auto mirror = items(deployment.report({"status"}), "mirrors").front();
      ready = number(at(mirror, "people"), "ready");
      const auto* parked = at(mirror, "parked").find("confirmation_in_doubt");
      in_doubt = parked == nullptr ? 0 : *parked->if_integer();
      return ready + in_doubt == 200;
    };
    EXPECT_TRUE(eventually(60s, settled)) << api << ": " << ready << " ready, " << in_doubt << " in doubt";
    EXPECT_EQ(deployment.stat("repeated_confirmation_mails"), 0) << api;
    EXPECT_GE(ready, 200 - 3 * 8 * 10) << api;
    EXPECT_EQ(number(at(at(deployment.stibee("/_sim/stats"), "lists"), "1234"), "subscribed"), 0) << api;
  }
}

}  // namespace
}  // namespace stibee_sync::e2e
