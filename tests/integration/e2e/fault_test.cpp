#include "integration/e2e/deployment.hpp"

#include <csignal>
#include <fstream>
#include <random>

#include <gtest/gtest.h>

// What goes wrong in the night.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

TEST(Fault, KilledTenTimesDuringAnImportItStillArrivesWhole) {
  Deployment deployment({{"--latency", "50ms"}, "  rate_limit: 10/s\n", "", "100ms", "info"});
  deployment.add_members(1, 60'000);
  std::mt19937 random(20261122);
  for (int i = 0; i < 10; ++i) {
    auto& daemon = deployment.start_daemon();
    // Not by the clock but by the work done: after so many more calls.
    const auto target = deployment.stat("calls") + 1 + static_cast<std::int64_t>(random() % 4);
    ASSERT_TRUE(eventually(
        2min, [&] { return deployment.stat("calls") >= target || deployment.subscribed() == 60'000; }));
    daemon.send(SIGKILL);
    daemon.wait(5s);
  }
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges(120s)) << deployment.differences().front();
  EXPECT_EQ(deployment.stat("violations"), 0);
  EXPECT_LE(deployment.stat("repeated_people"), 10 * 8 * 2'000) << "at most what was in flight at each kill";
}

TEST(Fault, StibeeAwayAndBackLosesNothing) {
  Deployment deployment;
  deployment.add_members(1, 100);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.stop_stibee();
  deployment.add_members(101, 200);
  ASSERT_TRUE(eventually(2min, [&] { return daemon.err().find("api.request_failed") != std::string::npos; }));
  EXPECT_TRUE(daemon.running());
  deployment.restart_stibee({});  // an empty list: only what is sent from now on is in it
  ASSERT_TRUE(
      eventually(2min, [&] { return deployment.dump().find("p200@example.com") != std::string::npos; }));
}

TEST(Fault, TheDatabaseAwayAndBackRemovesNobody) {
  Deployment deployment;
  deployment.add_members(1, 100);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  testing::PostgresCluster::shared().kill();
  ASSERT_TRUE(eventually(2min, [&] { return daemon.err().find("source.lost") != std::string::npos; }))
      << daemon.err();
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
  EXPECT_NE(deployment.admin("/metrics").body.find("stibee_db_up 0"), std::string::npos);
  EXPECT_EQ(deployment.admin("/livez").status, 200) << "liveness depends on nothing outside";
  testing::PostgresCluster::shared().start();
  deployment.add_members(101, 120);
  ASSERT_TRUE(deployment.converges(90s));
  EXPECT_EQ(at(deployment.stibee("/_sim/stats"), "endpoints").find("v1.unsubscribe"), nullptr);
}

TEST(Fault, AColumnDroppedWhileRunningMakesTheSourceUntrusted) {
  Deployment deployment;
  deployment.add_members(1, 100);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.sql("ALTER TABLE members RENAME COLUMN email_opt_in TO opted");
  ASSERT_TRUE(eventually(2min, [&] { return daemon.err().find("source.untrusted") != std::string::npos; }));
  const auto report = deployment.report({"status"});
  EXPECT_EQ(text(items(report, "mirrors").front(), "state"), "untrusted");
  EXPECT_EQ(*at(report, "healthy").if_bool(), false);
  deployment.sql("ALTER TABLE members RENAME COLUMN opted TO email_opt_in");
  deployment.add_members(101, 102);
  EXPECT_TRUE(deployment.converges());
  EXPECT_EQ(at(deployment.stibee("/_sim/stats"), "endpoints").find("v1.unsubscribe"), nullptr);
}

TEST(Fault, ADamagedStateIsSetAsideAndSaid) {
  Deployment deployment;
  deployment.add_members(1, 500);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  {
    std::fstream file(deployment.state() / "state.sqlite", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(0);
    file << std::string(8192, 'x');
  }
  auto& daemon = deployment.start_daemon();
  EXPECT_NE(daemon.err().find("store.failed"), std::string::npos);
  EXPECT_NE(daemon.err().find("set aside"), std::string::npos);
  ASSERT_TRUE(eventually(2min, [&] { return deployment.syncd({"status"}).exit_code == 0; }));
  EXPECT_TRUE(deployment.converges());
  bool kept = false;
  for (const auto& entry : std::filesystem::directory_iterator(deployment.state())) {
    kept = kept || entry.path().filename().string().find("damaged") != std::string::npos;
  }
  EXPECT_TRUE(kept);
}

TEST(Fault, EveryKindOfBadAnswerEndsInAnEqualList) {
  Deployment deployment({{"--seed", "7"}, "", "", "100ms", "info"});
  deployment.add_members(1, 4'000);
  deployment.stibee_post("/_sim/faults", R"({"seed":7,"rules":[
      {"kind":"503","probability":0.3,"times":2},{"kind":"html","probability":0.3,"times":2},
      {"kind":"drop_after","probability":0.3,"times":2},{"kind":"drop_before","probability":0.3,"times":2},
      {"kind":"cut_body","probability":0.3,"times":2},{"kind":"garbage_body","probability":0.3,"times":2},
      {"kind":"ok_false","probability":0.3,"times":2}]})");
  deployment.start_daemon();
  ASSERT_TRUE(deployment.all_arrive()) << deployment.differences().front();
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST(Fault, AFullPlanIsSaidEverywhereKeepsNoOptOutAndEndsByItself) {
  Deployment deployment;
  deployment.add_members(1, 50);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.stibee_post("/_sim/switches", R"({"plan_people":"50"})");
  deployment.add_members(51, 80);
  const auto mirror = [&] { return items(deployment.report({"status"}), "mirrors").front(); };
  ASSERT_TRUE(eventually(30s, [&] { return text(mirror(), "state") == "failing"; })) << daemon.err();
  EXPECT_NE(text(mirror(), "problem").find("limit of people"), std::string::npos);
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
  EXPECT_NE(deployment.admin("/status").body.find("limit of people"), std::string::npos);
  EXPECT_NE(deployment.admin("/metrics").body.find(R"(stibee_mirror_refused{mirror="members"} 1)"),
            std::string::npos);
  EXPECT_NE(daemon.err().find(R"("event":"api.request_failed")"), std::string::npos);
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 7");
  ASSERT_TRUE(eventually(10s, [&] { return deployment.subscribed() == 49; }));
  deployment.stibee_post("/_sim/switches", R"({"plan_people":"0"})");
  ASSERT_TRUE(deployment.converges(90s));
  EXPECT_TRUE(at(mirror(), "parked").if_object()->empty());
  EXPECT_EQ(text(mirror(), "state"), "ok");
  EXPECT_NE(daemon.err().find(R"("event":"api.recovered")"), std::string::npos);
  EXPECT_NE(deployment.admin("/metrics").body.find(R"(stibee_mirror_refused{mirror="members"} 0)"),
            std::string::npos);
}

}  // namespace
}  // namespace stibee_sync::e2e
