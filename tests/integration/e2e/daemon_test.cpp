#include "integration/e2e/deployment.hpp"

#include <csignal>
#include <fstream>

#include <gtest/gtest.h>

// The daemon beside a changing table.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

const json::Value& mirror_of(const json::Value& report) {
  return items(report, "mirrors").front();
}

TEST(Daemon, EveryKindOfChangeArrives) {
  Deployment deployment;
  deployment.add_members(1, 5'000);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges()) << deployment.differences().front();
  deployment.sql("INSERT INTO members VALUES (6001, 'New.Person@Example.COM ', true, 'new', NULL, 'gold')");
  deployment.sql("UPDATE members SET name = 'renamed', phone = NULL WHERE id = 10");
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 11");
  deployment.sql("UPDATE members SET email_opt_in = NULL WHERE id = 12");
  deployment.sql("DELETE FROM members WHERE id = 13");
  deployment.sql("UPDATE members SET grade = 'silver' WHERE id = 15");
  deployment.sql("UPDATE members SET grade = NULL WHERE id = 18");
  deployment.sql("UPDATE members SET email = 'moved@example.com' WHERE id = 14");
  // Two members swap addresses in one statement.
  deployment.sql(
      "UPDATE members SET email = CASE id WHEN 20 THEN 'p21@example.com' ELSE 'p20@example.com' END "
      "WHERE id IN (20, 21)");
  ASSERT_TRUE(deployment.converges()) << deployment.differences().front();
  deployment.sql("UPDATE members SET email_opt_in = true WHERE id = 11");
  ASSERT_TRUE(deployment.converges())
      << "an opt-out that is taken back: " << deployment.differences().front();
  EXPECT_EQ(deployment.stat("violations"), 0);
  EXPECT_EQ(deployment.stat("same_address_in_flight"), 0);
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 0);
}

TEST(Daemon, ServesItsPagesUnderTheNamesThatAreConfigured) {
  Deployment deployment;
  auto config = deployment.config_text();
  const std::string before = "admin:\n";
  config.insert(config.find(before) + before.size(), "  allowed_hosts: [Monitor.example.org]\n");
  deployment.write_config(config);
  deployment.start_daemon();
  EXPECT_EQ(deployment.admin("/metrics", "Host: monitor.example.org:9464\r\n").status, 200);
  EXPECT_EQ(deployment.admin("/livez").status, 200);
  const auto refused = deployment.admin("/metrics", "Host: evil.example\r\n");
  EXPECT_EQ(refused.status, 421);
  EXPECT_NE(refused.body.find("admin.allowed_hosts"), std::string::npos) << refused.body;
}

TEST(Daemon, EndsWithZeroOnSigtermAndLeavesNothingBehind) {
  Deployment deployment({{"--latency", "300ms"}, "", "", "100ms", "debug"});
  deployment.add_members(1, 20'000);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(2min, [&] { return deployment.stat("calls") > 0; }));
  const auto asked = std::chrono::steady_clock::now();
  daemon.send(SIGTERM);
  const auto finished = daemon.wait(10s);
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 5s);
  EXPECT_NE(finished.err.find("daemon.stopped"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(deployment.state() / "control.sock"));
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST(Daemon, ASecondInstanceIsTurnedAway) {
  Deployment deployment;
  deployment.start_daemon();
  for (const std::string command : {"run", "sync"}) {
    const auto finished = deployment.syncd({command});
    EXPECT_EQ(finished.exit_code, 75) << finished.err;
    EXPECT_NE(finished.err.find("in use"), std::string::npos);
  }
  EXPECT_EQ(deployment.syncd({"plan"}).exit_code, 0) << "plan works beside it";
}

TEST(Daemon, TruncateRemovesNobodyAndIsVisibleEverywhere) {
  Deployment deployment;
  deployment.add_members(1, 1'000);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.sql("TRUNCATE members");
  ASSERT_TRUE(
      eventually(2min, [&] { return !items(mirror_of(deployment.report({"status"})), "held").empty(); }));
  deployment.sql("INSERT INTO members VALUES (5000, 'fresh@example.com')");
  ASSERT_TRUE(
      eventually(2min, [&] { return deployment.dump().find("fresh@example.com") != std::string::npos; }));
  const auto endpoints = at(deployment.stibee("/_sim/stats"), "endpoints");
  EXPECT_EQ(endpoints.find("v1.unsubscribe"), nullptr);
  EXPECT_EQ(endpoints.find("v1.delete"), nullptr);
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
  EXPECT_EQ(text(mirror_of(deployment.report({"status"})), "state"), "held");
  const auto metrics = deployment.admin("/metrics").body;
  EXPECT_NE(metrics.find("stibee_guard_held{class=\"removals\",mirror=\"members\"} 1000"), std::string::npos)
      << metrics;
  EXPECT_NE(deployment.daemon().err().find("guard.held"), std::string::npos);
  // Approving while the daemon runs goes through its socket and needs no restart.
  const auto digest = text(items(deployment.report({"guard"}), "held").front(), "digest");
  EXPECT_EQ(deployment.syncd({"guard", "approve", "0123456789abcdef"}).exit_code, 66);
  EXPECT_EQ(deployment.syncd({"guard", "approve", digest}).exit_code, 0);
  EXPECT_TRUE(deployment.converges());
}

TEST(Daemon, PausesResumesAndSyncsOnRequest) {
  Deployment deployment({{}, "", "", "1h", "debug"});
  deployment.add_members(1, 10);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  EXPECT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  EXPECT_EQ(text(mirror_of(deployment.report({"status"})), "state"), "paused");
  deployment.add_members(11, 20);
  EXPECT_EQ(deployment.syncd({"sync-now"}).exit_code, 0);
  EXPECT_EQ(deployment.differences().size(), 10u);
  EXPECT_EQ(deployment.syncd({"pause", "nosuch"}).exit_code, 66);
  EXPECT_EQ(deployment.syncd({"resume"}).exit_code, 0);
  ASSERT_TRUE(deployment.converges());
  deployment.add_members(21, 30);
  EXPECT_EQ(deployment.syncd({"sync-now"}).exit_code, 0);
  EXPECT_TRUE(deployment.converges());
}

TEST(Daemon, ReloadsGoodSettingsAndKeepsTheOldOnesForABadFile) {
  Deployment deployment;
  deployment.add_members(1, 9);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  const auto good = deployment.config_text();
  deployment.write_config(good + "nonsense: 1\n");
  daemon.send(SIGHUP);
  ASSERT_TRUE(
      eventually(2min, [&] { return daemon.err().find("daemon.reload_failed") != std::string::npos; }));
  EXPECT_NE(daemon.err().find("config.invalid"), std::string::npos);
  EXPECT_NE(deployment.admin("/metrics").body.find("stibee_config_reload_success 0"), std::string::npos);
  deployment.sql("UPDATE members SET name = 'still here' WHERE id = 1");
  ASSERT_TRUE(deployment.converges()) << "the old settings stay in force";
  // Another mapping: the groups are released everywhere, which for nine people the guard lets pass.
  auto text = good;
  text.replace(text.find("groups: {gold: 11, silver: 12}"), 30, "groups: {gold: 12, silver: 11}");
  deployment.write_config(text);
  daemon.send(SIGHUP);
  ASSERT_TRUE(eventually(
      2min, [&] { return daemon.err().find("\"event\":\"daemon.reload\"") != std::string::npos; }));
  ASSERT_TRUE(eventually(2min, [&] {
    const auto dump = deployment.dump();
    return dump.find("\"email\":\"p3@example.com\",\"status\":\"subscribed\"") != std::string::npos &&
           deployment.differences().size() == 6;  // every graded member is now in the other group
  }));
}

TEST(Daemon, ARefusedKeyIsReplacedByAReload) {
  Deployment deployment;
  deployment.add_members(1, 20);
  std::ofstream(deployment.directory() / "key") << "an-old-key\n";
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(2min, [&] { return deployment.syncd({"status"}).exit_code == 1; }));
  EXPECT_NE(daemon.err().find("api.unauthorised"), std::string::npos);
  std::ofstream(deployment.directory() / "key") << "sim-key\n";
  daemon.send(SIGHUP);
  ASSERT_TRUE(deployment.converges());
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 0);
}

TEST(Daemon, AHoldOfAnEarlierDaemonIsClearedByTheNext) {
  Deployment deployment;
  deployment.add_members(1, 100);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("ALTER TABLE members RENAME TO away");
  deployment.sql("CREATE TABLE members (LIKE away)");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 76);
  deployment.sql("DROP TABLE members");
  deployment.sql("ALTER TABLE away RENAME TO members");
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(2min, [&] { return daemon.err().find("guard.cleared") != std::string::npos; }));
  EXPECT_NE(daemon.err().find("sync.started"), std::string::npos);
  EXPECT_EQ(daemon.err().find("guard.held"), std::string::npos);
}

TEST(Daemon, PagesAndHealth) {
  Deployment deployment;
  deployment.add_members(1, 10);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  EXPECT_EQ(deployment.admin("/livez").status, 200);
  EXPECT_EQ(deployment.admin("/readyz").status, 200);
  const auto page = deployment.admin("/status");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("<title>stibee-syncd</title>"), std::string::npos);
  EXPECT_NE(page.head.find("Content-Security-Policy"), std::string::npos);
  EXPECT_EQ(page.head.find("Set-Cookie"), std::string::npos);
  const auto report = json::parse(deployment.admin("/status", "Accept: application/json\r\n").body);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(text(mirror_of(*report), "name"), "members");
  EXPECT_EQ(deployment.admin("/nothing").status, 404);
  const auto metrics = deployment.admin("/metrics").body;
  for (const std::string family :
       {"stibee_build_info", "stibee_sync_cycles_total", "stibee_sync_last_success_timestamp_seconds",
        "stibee_pending", "stibee_api_requests_total", "stibee_db_up", "stibee_webhook_requests_total",
        "stibee_writeback_total", "stibee_reconcile_drift", "stibee_state_free_bytes"}) {
    EXPECT_NE(metrics.find(family), std::string::npos) << family;
  }
  EXPECT_NE(metrics.find("stibee_db_up 1"), std::string::npos);
  EXPECT_NE(metrics.find("stibee_config_reload_success 1"), std::string::npos);
}

TEST(Daemon, NoLineNamesAPersonOrASecret) {
  Deployment deployment({{}, "", "", "100ms", "trace"});
  deployment.add_members(1, 200);
  deployment.sql(
      "INSERT INTO members VALUES (900, 'bad address', true, '홍길동', '010-1234-5678', 'platinum')");
  deployment.stibee_post("/_sim/faults",
                         R"({"rules":[{"kind":"person","address":"p7@example.com","result":"failDeny"},
      {"kind":"503","probability":0.3,"times":5},{"kind":"ok_false","probability":0.2,"times":3,
       "message":"p9@example.com 010-9999-8888 is wrong"}]})");
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(2min, [&] { return deployment.differences().size() <= 1; }));
  const auto everything =
      daemon.err() + daemon.out() + deployment.admin("/metrics").body + deployment.admin("/status").body;
  EXPECT_NE(everything.find("person.parked"), std::string::npos);
  for (const std::string secret :
       {"example.com", "bad address", "이름", "홍길동", "010-", "sim-key", "platinum"}) {
    EXPECT_EQ(everything.find(secret), std::string::npos) << secret;
  }
}

}  // namespace
}  // namespace stibee_sync::e2e
