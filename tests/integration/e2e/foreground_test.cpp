#include "integration/e2e/deployment.hpp"

#include <csignal>

#include <gtest/gtest.h>

// Commands that do the daemon's work themselves, beside it and without it.

namespace stibee_sync::e2e {
namespace {

TEST(Foreground, ChecksBesideABusyDaemonStayWithinTheLimit) {
  Deployment deployment;
  deployment.add_members(1, 60'000);  // thirty calls at ten a second
  deployment.start_daemon();
  int checks = 0;
  while (deployment.subscribed() < 60'000 && checks < 100) {
    const auto checked = deployment.syncd({"check"});
    ASSERT_EQ(checked.exit_code, 0) << checked.err;
    ++checks;
  }
  EXPECT_GE(checks, 3);
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST(Foreground, ADaemonThatStartsAfterACheckStaysWithinTheLimit) {
  DeploymentOptions options;
  options.simulator_arguments = {"--rate", "1/s"};
  options.stibee_extra = "  rate_limit: 1/s\n";
  Deployment deployment(options);
  deployment.add_members(1, 10);
  for (int life = 0; life < 3; ++life) {
    const auto checked = deployment.syncd({"check"});
    ASSERT_EQ(checked.exit_code, 0) << checked.err;
    auto& daemon = deployment.start_daemon();
    const auto calls = deployment.stat("calls");
    deployment.add_members(100 + life, 100 + life);
    ASSERT_TRUE(eventually(std::chrono::seconds(30), [&] { return deployment.stat("calls") > calls; }));
    daemon.send(SIGTERM);
    EXPECT_EQ(daemon.wait(std::chrono::seconds(30)).exit_code, 0);
  }
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST(Foreground, ACheckOfAnotherApiNeedsNothingOfTheRunningDaemon) {
  DeploymentOptions options;
  options.api = "v2";
  Deployment deployment(options);
  deployment.add_members(1, 3);
  deployment.start_daemon();
  auto config = deployment.config_text();
  const std::string api = "api: v2";
  config.replace(config.find(api), api.size(), "api: v1");
  deployment.write_config(config);
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_NE(checked.out.find("Stibee accepts the API key"), std::string::npos) << checked.out;
}

TEST(Foreground, AnInterruptEndsSyncInTheMidstOfARead) {
  Deployment deployment;
  deployment.add_members(1, 10);
  auto config = deployment.config_text();
  const std::string table = "table: public.members";
  config.replace(config.find(table), table.size(),
                 "query: SELECT members.* FROM members CROSS JOIN pg_sleep(120) AS slow");
  deployment.write_config(config);
  Process sync({syncd_program(), "--config", deployment.config().string(), "sync"}, {},
               (deployment.directory() / "sync").string());
  const auto reads = [&](const std::string& count) {
    return deployment.value(
               // Not the look at the columns before it, during which an interrupt simply ends the program.
               "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "
               "'COPY%pg_sleep%'") == count;
  };
  ASSERT_TRUE(eventually(std::chrono::seconds(30), [&] { return reads("1"); })) << sync.err();
  sync.send(SIGINT);
  const auto ended = sync.wait(std::chrono::seconds(20));
  EXPECT_EQ(ended.exit_code, 75) << ended.err;
  EXPECT_TRUE(eventually(std::chrono::seconds(20), [&] { return reads("0"); })) << "PostgreSQL reads on";
}

}  // namespace
}  // namespace stibee_sync::e2e
