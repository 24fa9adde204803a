#include "integration/e2e/deployment.hpp"

#include <csignal>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

// What a running daemon is told to do, and by whom.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

const json::Value& mirror_of(const json::Value& report) {
  return items(report, "mirrors").front();
}

std::string with(std::string config, const std::string& old, const std::string& fresh) {
  const auto at = config.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return config.replace(at, old.size(), fresh);
}

TEST(Steering, ReloadWaitsUntilTheNewSettingsAreInForce) {
  DeploymentOptions options;
  options.log_level = "info";
  Deployment deployment(options);
  deployment.start_daemon();
  deployment.write_config(with(deployment.config_text(), "level: info", "level: debug"));
  const auto reloaded = deployment.syncd({"reload"});
  EXPECT_EQ(reloaded.exit_code, 0) << reloaded.err;
  EXPECT_NE(reloaded.out.find("the new settings are in force"), std::string::npos) << reloaded.out;
  EXPECT_EQ(event_lines(deployment.daemon(), "daemon.reload").size(), 1u);
  EXPECT_TRUE(eventually(20s, [&] {
    return deployment.daemon().err().find("\"level\":\"debug\"") != std::string::npos;
  })) << "the level is another one now";
}

TEST(Steering, ReloadSaysWhatIsWrongAndWhere) {
  Deployment deployment;
  deployment.start_daemon();
  const auto good = deployment.config_text();
  deployment.write_config(with(good, "poll_interval: 100ms", "poll_interval: soon"));
  const auto bad = deployment.syncd({"reload"});
  EXPECT_EQ(bad.exit_code, 78);
  EXPECT_NE(bad.err.find("poll_interval"), std::string::npos) << bad.err;
  EXPECT_NE(bad.err.find("config.yaml:"), std::string::npos) << bad.err;
  EXPECT_NE(bad.err.find("the old settings stay in force"), std::string::npos) << bad.err;

  deployment.write_config(with(good, "api: v1", "api: v2"));
  const auto restart = deployment.syncd({"reload", "--json"});
  EXPECT_EQ(restart.exit_code, 78);
  EXPECT_NE(restart.err.find("stibee.api"), std::string::npos) << restart.err;
  EXPECT_EQ(event_lines(deployment.daemon(), "daemon.reload_failed").size(), 2u);

  deployment.write_config(good);
  EXPECT_EQ(text(deployment.report({"reload"}), "message"), "the new settings are in force");
}

TEST(Steering, ReloadNeedsADaemon) {
  Deployment deployment;
  EXPECT_EQ(deployment.syncd({"reload"}).exit_code, 69);
}

TEST(Steering, APauseForAWhileEndsByItself) {
  Deployment deployment;
  deployment.add_members(1, 3);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  const auto paused = deployment.syncd({"pause", "--for", "2s"});
  ASSERT_EQ(paused.exit_code, 0) << paused.err;
  EXPECT_NE(paused.out.find("paused until "), std::string::npos) << paused.out;
  const auto status = deployment.report({"status"});
  EXPECT_EQ(text(mirror_of(status), "state"), "paused");
  EXPECT_FALSE(at(mirror_of(status), "paused_until").is_null());
  deployment.add_members(4, 6);
  EXPECT_TRUE(deployment.converges()) << "nobody resumed it";
  const auto resumed = event_lines(deployment.daemon(), "mirror.resumed");
  ASSERT_EQ(resumed.size(), 1u);
  EXPECT_NE(resumed[0].find("the pause is over"), std::string::npos) << resumed[0];
  EXPECT_TRUE(at(mirror_of(deployment.report({"status"})), "paused_until").is_null());
}

TEST(Steering, APauseForAWhileEndsAfterARestartToo) {
  Deployment deployment;
  deployment.add_members(1, 3);
  ASSERT_EQ(deployment.syncd({"pause", "--for", "1s"}).exit_code, 0);
  deployment.start_daemon();
  EXPECT_TRUE(deployment.converges());
}

TEST(Steering, APauseCanBeMadeLongerAndEndsOnceForAll) {
  Deployment deployment;
  deployment.start_daemon();
  ASSERT_EQ(deployment.syncd({"pause", "--for", "1h"}).exit_code, 0);
  const auto first = text(mirror_of(deployment.report({"status"})), "paused_until");
  ASSERT_EQ(deployment.syncd({"pause", "--for", "2h"}).exit_code, 0);
  EXPECT_GT(text(mirror_of(deployment.report({"status"})), "paused_until"), first);
  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  EXPECT_TRUE(at(mirror_of(deployment.report({"status"})), "paused_until").is_null()) << "until `resume`";
  ASSERT_EQ(deployment.syncd({"resume"}).exit_code, 0);
  EXPECT_NE(text(mirror_of(deployment.report({"status"})), "state"), "paused");
  for (const std::string time : {"0s", "-1h", "soon", "5"})
    EXPECT_EQ(deployment.syncd({"pause", "--for", time}).exit_code, 64) << time;
}

/// Stibee takes nobody any more, while ten more join.
void refuse_ten_of_twenty(Deployment& deployment) {
  deployment.add_members(1, 10);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.stibee_post("/_sim/faults", R"({"rules":[{"kind":"503","probability":1}]})");
  deployment.add_members(11, 20);
}

TEST(Steering, AfterAPauseTheTableIsReadBeforeAnythingIsSent) {
  Deployment deployment;
  ASSERT_NO_FATAL_FAILURE(refuse_ten_of_twenty(deployment));
  ASSERT_TRUE(eventually(30s, [&] {
    const auto mirror = items(deployment.report({"status"}), "mirrors").front();
    return number(at(mirror, "pending"), "upsert") == 10;
  }));
  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  deployment.stibee_post("/_sim/faults", R"({"rules":[]})");
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id > 15");
  ASSERT_EQ(deployment.syncd({"resume"}).exit_code, 0);
  ASSERT_TRUE(eventually(90s, [&] { return deployment.subscribed() == 15; })) << deployment.daemon().err();
  const auto dump = deployment.dump();
  for (int i = 16; i <= 20; ++i)
    EXPECT_EQ(dump.find("p" + std::to_string(i) + "@"), std::string::npos) << i << " was sent";
}

TEST(Steering, AfterAStartTheTableIsReadBeforeAnybodyIsSubscribedAndWhoLeavesGoes) {
  Deployment deployment;
  ASSERT_NO_FATAL_FAILURE(refuse_ten_of_twenty(deployment));
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 1");
  ASSERT_TRUE(eventually(30s, [&] {
    const auto mirror = items(deployment.report({"status"}), "mirrors").front();
    return number(at(mirror, "pending"), "upsert") == 10 && number(at(mirror, "pending"), "optout") == 1;
  }));
  deployment.daemon().send(SIGTERM);
  ASSERT_EQ(deployment.daemon().wait(30s).exit_code, 0);
  deployment.stibee_post("/_sim/faults", R"({"rules":[]})");
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id > 15; ALTER TABLE members RENAME TO away");
  deployment.start_daemon();
  ASSERT_TRUE(eventually(90s, [&] { return deployment.subscribed() == 9; })) << deployment.daemon().err();
  const auto explained = deployment.syncd({"explain", "p11@example.com"});
  EXPECT_NE(explained.out.find("the table is read before anybody is subscribed"), std::string::npos)
      << explained.out;
  deployment.sql("ALTER TABLE away RENAME TO members");
  ASSERT_TRUE(eventually(90s, [&] { return deployment.subscribed() == 14; })) << deployment.daemon().err();
  const auto dump = deployment.dump();
  for (int i = 16; i <= 20; ++i)
    EXPECT_EQ(dump.find("p" + std::to_string(i) + "@"), std::string::npos) << i << " was sent";
}

TEST(Steering, SyncNowCanWaitUntilEverythingIsThere) {
  DeploymentOptions options;
  options.poll_interval = "1h";
  Deployment deployment(options);
  deployment.add_members(1, 500);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.add_members(501, 520);
  const auto done = deployment.syncd({"sync-now", "--wait"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(deployment.differences(), std::vector<std::string>{});

  deployment.sql("DELETE FROM members WHERE id <= 300");
  const auto held = deployment.syncd({"sync-now", "--wait"});
  EXPECT_EQ(held.exit_code, 76) << held.err;
  EXPECT_NE(held.err.find("the guard holds"), std::string::npos) << held.err;
}

TEST(Steering, SyncNowDoesNotWaitForEver) {
  DeploymentOptions options;
  options.poll_interval = "1h";
  Deployment deployment(options);
  deployment.add_members(1, 5);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.stop_stibee();
  deployment.add_members(6, 7);
  const auto waited = deployment.syncd({"sync-now", "--wait", "--timeout", "1s"});
  EXPECT_EQ(waited.exit_code, 75) << waited.err;
  EXPECT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  EXPECT_EQ(deployment.syncd({"sync-now", "--wait"}).exit_code, 75) << "who is paused is not waited for";
}

/// Puts the socket where others get at it, for a group of theirs.
void open_to(Deployment& deployment, const std::string& group) {
  ::chmod(deployment.directory().c_str(), 0755);
  deployment.write_config(deployment.config_text() + "control:\n  socket: " +
                          (deployment.directory() / "control.sock").string() + "\n  group: " + group + "\n");
}

Finished as_nobody(const Deployment& deployment, const std::string& groups) {
  return run({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", groups, syncd_program(), "--config",
              deployment.config().string(), "status"});
}

TEST(Steering, MembersOfTheGroupMayAskAndOthersMayNot) {
  ASSERT_EQ(::geteuid(), 0u) << "takes root, to become somebody else";
  Deployment deployment;
  open_to(deployment, "adm");
  deployment.add_members(1, 3);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  struct stat info{};
  ASSERT_EQ(::stat((deployment.directory() / "control.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0660u);
  EXPECT_EQ(info.st_gid, 4u) << "adm";
  const auto member = as_nobody(deployment, "--groups=4");
  EXPECT_EQ(member.exit_code, 0) << member.err;
  const auto stranger = as_nobody(deployment, "--clear-groups");
  EXPECT_EQ(stranger.exit_code, 77) << stranger.out;
  EXPECT_NE(stranger.err.find("permission"), std::string::npos) << stranger.err;
}

TEST(Steering, AGroupThatIsNotThereIsAWrongConfiguration) {
  Deployment deployment;
  open_to(deployment, "no-such-group");
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 78);
  EXPECT_NE(checked.err.find("no-such-group"), std::string::npos) << checked.err;
}

TEST(Steering, AWrongWordIsAnsweredWithTheNearestCommand) {
  Deployment deployment;
  const auto answer = deployment.syncd({"statsu"});
  EXPECT_EQ(answer.exit_code, 64);
  EXPECT_NE(answer.err.find("`stibee-syncd status`"), std::string::npos) << answer.err;
  const auto nothing_near = deployment.syncd({"frobnicate"});
  EXPECT_EQ(nothing_near.err.find("did you mean"), std::string::npos) << nothing_near.err;
}

}  // namespace
}  // namespace stibee_sync::e2e
