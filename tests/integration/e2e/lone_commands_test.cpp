#include "integration/e2e/deployment.hpp"
#include "integration/e2e/scripted_daemon.hpp"
#include "integration/http/scripted_server.hpp"

#include <csignal>
#include <regex>

#include <gtest/gtest.h>

// `sync` and `reconcile` do a daemon's work without one: in its turn among others, with every mirror, and in
// both directions.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

void lock_leader(Deployment& deployment) {
  deployment.write_config(std::regex_replace(deployment.config_text(), std::regex("\ndatabase:\n"),
                                             "\ndatabase:\n  leader_lock: true\n"));
}

void edit(Deployment& deployment, const std::string& action, const std::string& email) {
  deployment.stibee_post("/_sim/people",
                         R"({"list":"1234","action":")" + action + R"(","emails":[")" + email + R"("]})");
}

// Another daemon may have worked since, and the state tells of a time before.
TEST(LoneCommands, SyncWithALeaderLockReadsTheListBeforeItSends) {
  Deployment deployment;
  lock_leader(deployment);
  deployment.add_members(1, 10);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 7");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  ASSERT_EQ(deployment.subscribed(), 9);
  // The other one brought them back, and they said no at Stibee.
  edit(deployment, "resubscribe", "p7@example.com");
  edit(deployment, "unsubscribe", "p7@example.com");
  deployment.sql("UPDATE members SET email_opt_in = true WHERE id = 7");
  const auto finished = deployment.syncd({"sync"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(deployment.subscribed(), 9) << "an opted-out person is not brought back";
  EXPECT_EQ(deployment.stat("repeated_people"), 0);
}

TEST(LoneCommands, ReconcileRepairsWithALeaderLockWhatTheListLacks) {
  Deployment deployment;
  lock_leader(deployment);
  deployment.add_members(1, 10);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.stibee_post(
      "/_sim/people",
      R"({"list":"1234","action":"edit","emails":["p3@example.com"],"fields":{"name":"by hand"}})");
  const auto looked = deployment.syncd({"reconcile"});
  EXPECT_EQ(looked.exit_code, 2) << looked.out << looked.err;
  const auto mended = deployment.syncd({"reconcile", "--repair"});
  EXPECT_EQ(mended.exit_code, 0) << mended.out << mended.err;
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST(LoneCommands, WhatHappenedAtStibeeIsWrittenToTheTable) {
  DeploymentOptions options;
  options.mirror_extra =
      "    writeback:\n      unsubscribed: \"UPDATE members SET email_opt_in = false WHERE id = :key\"\n";
  Deployment deployment(options);
  deployment.add_members(1, 10);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  edit(deployment, "unsubscribe", "p4@example.com");
  const auto looked = deployment.syncd({"reconcile"});
  EXPECT_TRUE(looked.exit_code == 0 || looked.exit_code == 2) << looked.err;
  EXPECT_EQ(deployment.value("SELECT email_opt_in FROM members WHERE id = 4"), "f") << looked.err;
}

TEST(LoneCommands, AReloadThatSwitchesTheLeaderLockOnGainsIt) {
  Deployment deployment;
  deployment.add_members(1, 10);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  lock_leader(deployment);
  ASSERT_EQ(deployment.syncd({"reload"}).exit_code, 0);
  deployment.add_members(11, 20);
  EXPECT_TRUE(eventually(30s, [&] { return deployment.subscribed() == 20; })) << deployment.daemon().err();
}

TEST(LoneCommands, WhoeverGotNoSlotWaitsASecondBeforeAskingAgain) {
  Deployment deployment;
  deployment.add_members(1, 10);
  constexpr int busy = 3;
  ScriptedDaemon daemon(deployment.state() / "control.sock", [](const std::string&, int number) {
    return number < busy ? http::test::answer(503, R"({"error":"no call is free"})")
                         : http::test::answer(409, R"({"error":"another daemon leads"})");
  });
  const auto began = std::chrono::steady_clock::now();
  const auto planned = deployment.syncd({"plan"});
  EXPECT_EQ(planned.exit_code, 0) << planned.err;
  EXPECT_EQ(daemon.requests(), busy + 1) << "each after a pause, and none after a last word";
  EXPECT_GE(std::chrono::steady_clock::now() - began, busy * 1s);
  EXPECT_NE(planned.out.find("the list was not read: another daemon leads"), std::string::npos)
      << planned.out;
}

}  // namespace
}  // namespace stibee_sync::e2e
