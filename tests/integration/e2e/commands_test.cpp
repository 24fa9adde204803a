#include "integration/e2e/deployment.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

// The program as ops use it: commands, messages, exit codes.

namespace stibee_sync::e2e {
namespace {

const json::Value& mirror_of(const json::Value& report) {
  return items(report, "mirrors").front();
}

/// "config.yaml:LINE:" of the first line that has `word`.
std::string place_of(const std::string& config, const std::string& word) {
  const auto before = config.substr(0, config.find(word));
  return "config.yaml:" + std::to_string(std::count(before.begin(), before.end(), '\n') + 1) + ":";
}

TEST(Commands, PlanBeforeAnyStateNeedsAPlaceForTemporaryFilesAndLeavesNothingThere) {
  Deployment deployment;
  deployment.add_members(1, 3);
  const auto scratch = deployment.directory() / "scratch";
  const char* given = std::getenv("TMPDIR");
  const std::string before = given == nullptr ? "" : given;
  ::setenv("TMPDIR", scratch.c_str(), 1);
  const auto refused = deployment.syncd({"plan"});
  std::filesystem::create_directory(scratch);
  const auto planned = deployment.syncd({"plan"});
  if (given == nullptr) {
    ::unsetenv("TMPDIR");
  } else {
    ::setenv("TMPDIR", before.c_str(), 1);
  }
  EXPECT_EQ(refused.exit_code, 74) << refused.err;
  EXPECT_NE(refused.err.find("set TMPDIR"), std::string::npos) << refused.err;
  EXPECT_EQ(planned.exit_code, 0) << planned.err;
  EXPECT_TRUE(std::filesystem::is_empty(scratch));
  EXPECT_FALSE(std::filesystem::exists(deployment.state() / "state.sqlite"));
}

TEST(Commands, CheckNamesTheProxyThatDoesNotLetItThrough) {
  DeploymentOptions options;
  options.stibee_extra = "  proxy: http://127.0.0.1:1\n";
  Deployment deployment(options);
  deployment.add_members(1, 3);
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 69);
  EXPECT_NE(checked.out.find("through the proxy 127.0.0.1:1"), std::string::npos) << checked.out;
}

TEST(Commands, SyncBringsTheListInStepAndSaysSo) {
  Deployment deployment;
  deployment.add_members(1, 3'000);
  const auto finished = deployment.syncd({"sync"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_NE(finished.out.find("3,000 people"), std::string::npos) << finished.out;
  EXPECT_EQ(deployment.differences(), std::vector<std::string>{});
  EXPECT_EQ(deployment.stat("violations"), 0);
  EXPECT_EQ(deployment.stat("same_address_in_flight"), 0);

  const auto calls = deployment.stat("calls");
  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(deployment.stat("calls"), calls) << "an unchanged table needs no call";
}

TEST(Commands, PlanTellsWhatWouldBeSentAndSendsAndStoresNothing) {
  Deployment deployment;
  deployment.add_members(1, 2'500);
  deployment.sql("INSERT INTO members VALUES (9001, 'broken address'), (9002, NULL)");
  const auto report = deployment.report({"plan"});
  const auto& mirror = mirror_of(report);
  EXPECT_EQ(number(report, "version"), 1);
  EXPECT_EQ(number(at(mirror, "operations"), "subscribe"), 2'500);
  EXPECT_EQ(number(at(mirror, "rejected"), "null_email"), 1);
  EXPECT_EQ(number(mirror, "calls"), 3) << "three shapes: two groups and none";
  EXPECT_TRUE(items(mirror, "held").empty());
  EXPECT_EQ(deployment.syncd({"plan", "--detailed-exitcode"}).exit_code, 2);
  EXPECT_EQ(deployment.subscribed(), 0) << "it only looks at the list";
  EXPECT_FALSE(std::filesystem::exists(deployment.state() / "state.sqlite"));

  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(deployment.syncd({"plan", "--detailed-exitcode"}).exit_code, 0);
  const auto calls = deployment.stat("calls");
  deployment.sql("UPDATE members SET name = 'x' WHERE id = 5");
  EXPECT_EQ(number(at(mirror_of(deployment.report({"plan"})), "operations"), "update"), 1);
  EXPECT_EQ(deployment.syncd({"plan", "--detailed-exitcode"}).exit_code, 2);
  EXPECT_EQ(deployment.stat("calls"), calls);
}

TEST(Commands, CheckNamesTheColumnTheLineAndTheCure) {
  Deployment deployment;
  EXPECT_EQ(deployment.syncd({"check"}).exit_code, 0) << deployment.syncd({"check"}).err;
  auto text = deployment.config_text();
  text.replace(text.find("email: email\n"), 13, "email: emial\n");
  deployment.write_config(text);
  const auto wrong = deployment.syncd({"check"});
  EXPECT_EQ(wrong.exit_code, 78);
  EXPECT_NE(wrong.out.find(place_of(text, "emial")), std::string::npos) << wrong.out;
  EXPECT_NE(wrong.out.find("emial"), std::string::npos);
  EXPECT_NE(wrong.out.find("email"), std::string::npos) << "the nearest column is named";
  EXPECT_NE(wrong.out.find("FAIL  mirror members: "), std::string::npos) << wrong.out;
  EXPECT_EQ(wrong.err, "") << "all of it is on one stream";
  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 78);
}

TEST(Commands, WhatPostgresqlFindsWrongIsShownAtItsLine) {
  Deployment deployment;
  const auto good = deployment.config_text();
  const auto refused = [&](const std::string& old, const std::string& fresh, const std::string& line) {
    auto text = good;
    text.replace(text.find(old), old.size(), fresh);
    deployment.write_config(text);
    const auto finished = deployment.syncd({"check"});
    EXPECT_EQ(finished.exit_code, 78) << finished.err;
    const auto place = place_of(text, line);
    EXPECT_NE(finished.out.find(place), std::string::npos) << "wanted " << place << " in " << finished.out;
  };
  refused("key: id", "key: id\n      where: nosuch IS NULL", "where: nosuch");
  refused("key: id", "key: id\n      time_zone: Mars/Olympus", "time_zone:");
  refused("key: id", "key: id\n      consented_at: name", "consented_at:");
  refused("key: id", "key: nosuch", "key: nosuch");
  refused("groups: [grade]", "groups: [id]", "groups: [id]");
  refused("public.members", "public.nobody", "public.nobody");
  refused("@/test_", "@/nosuch_", "@/nosuch_");
}

TEST(Commands, ABadConfigurationOfTheDaemonIsALogEvent) {
  Deployment deployment;
  const auto text_of_file = deployment.config_text() + "nonsense: 1\n";
  deployment.write_config(text_of_file);
  const auto finished = deployment.syncd({"run"});
  EXPECT_EQ(finished.exit_code, 78);
  const auto line = json::parse(finished.err.substr(0, finished.err.find('\n')));
  ASSERT_TRUE(line.has_value()) << finished.err;
  EXPECT_EQ(text(*line, "event"), "config.invalid");
  EXPECT_EQ(text(*line, "level"), "error");
  EXPECT_EQ("config.yaml:" + std::to_string(number(*line, "line")) + ":", place_of(text_of_file, "nonsense"));
  EXPECT_EQ(number(*line, "column"), 1);
}

TEST(Commands, CheckTellsARefusedKeyFromAnUnreachableHost) {
  Deployment deployment;
  std::ofstream(deployment.directory() / "key") << "another-key\n";
  const auto refused = deployment.syncd({"check"});
  EXPECT_EQ(refused.exit_code, 77) << refused.err;
  EXPECT_EQ((refused.out + refused.err).find("another-key"), std::string::npos);
  deployment.stop_stibee();
  EXPECT_EQ(deployment.syncd({"check"}).exit_code, 69);
}

TEST(Commands, TheKeyIsSentToNobodyWhoseCertificateDoesNotVerify) {
  Deployment deployment;
  deployment.add_members(1, 10);
  for (const std::string kind : {"wrong-host", "expired", "untrusted"}) {
    deployment.restart_stibee({"--certificate", kind});
    deployment.write_config(deployment.config_text());
    const auto finished = deployment.syncd({"check"});
    EXPECT_EQ(finished.exit_code, 69) << kind << ": " << finished.err;
    EXPECT_EQ(deployment.stat("calls"), 0) << kind;
  }
}

TEST(Commands, ABadConfigurationIsRefusedWithItsPlace) {
  Deployment deployment;
  const auto good = deployment.config_text();
  const auto refused = [&](const std::string& text, const std::string& place, const std::string& word) {
    deployment.write_config(text);
    for (const std::string command : {"check", "plan", "sync", "run"}) {
      const auto finished = deployment.syncd({command});
      EXPECT_EQ(finished.exit_code, 78) << command << word;
      EXPECT_NE(finished.err.find(place), std::string::npos) << finished.err;
      EXPECT_NE(finished.err.find(word), std::string::npos) << finished.err;
    }
  };
  auto text = good;
  text.replace(text.find("poll_interval:"), 14, "poll_intervall:");
  refused(text, place_of(text, "poll_intervall") + "5", "poll_interval");
  text = good;
  text.replace(text.find("poll_interval: 100ms"), 20, "poll_interval: 15   ");
  refused(text, place_of(text, "poll_interval"), "15s");
  ::chmod((deployment.directory() / "key").c_str(), 0644);
  refused(good, place_of(good, "api_key_file"), "read");
}

TEST(Commands, StatusWorksWithAndWithoutADaemon) {
  Deployment deployment;
  deployment.add_members(1, 100);
  const auto before = deployment.syncd({"status"});
  EXPECT_EQ(before.exit_code, 1);
  EXPECT_NE(before.out.find("not running"), std::string::npos) << before.out;
  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  auto report = deployment.report({"status"});
  EXPECT_EQ(number(mirror_of(report), "source_members"), 100);
  EXPECT_EQ(number(at(mirror_of(report), "people"), "subscribed"), 100);
  EXPECT_EQ(*at(report, "running").if_bool(), false);
  EXPECT_EQ(*at(report, "healthy").if_bool(), false) << "nothing is read or sent";
  EXPECT_NE(text(report, "problem").find("not running"), std::string::npos);
  deployment.start_daemon();
  report = deployment.report({"status"});
  EXPECT_EQ(*at(report, "running").if_bool(), true);
  EXPECT_EQ(*at(report, "healthy").if_bool(), true);
  EXPECT_EQ(text(report, "circuit"), "closed");
  EXPECT_EQ(number(items(report, "limiter").front(), "limit"), 10);
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 0);
}

TEST(Commands, StatusSaysThatNoDaemonRunsThoughTheStateCannotBeRead) {
  Deployment deployment;
  deployment.add_members(1, 10);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  std::ofstream(deployment.state() / "state.sqlite", std::ios::trunc) << "no database at all";
  const auto status = deployment.syncd({"status"});
  EXPECT_EQ(status.exit_code, 1) << status.err;
  EXPECT_NE(status.out.find("not running"), std::string::npos) << status.out;
  EXPECT_NE(status.err.find("state.sqlite"), std::string::npos) << status.err;
  EXPECT_EQ(deployment.syncd({"failures"}).exit_code, 74);
}

TEST(Commands, WhoeverMayNotReadTheStateIsNotToldThatAllIsWell) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be somebody else";
  Deployment deployment;
  deployment.add_members(1, 10);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  ::chmod(deployment.directory().c_str(), 0755);
  for (const std::string command : {"status", "failures", "guard"}) {
    const auto finished = run({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               syncd_program(), "--config", deployment.config().string(), command});
    EXPECT_EQ(finished.exit_code, 77) << command << finished.out << finished.err;
    EXPECT_NE(finished.err.find("permission"), std::string::npos) << finished.err;
  }
}

TEST(Commands, StatusIsUnhealthyWhileAPausedMirrorHoldsSomething) {
  Deployment deployment;
  deployment.add_members(1, 100);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("DELETE FROM members WHERE id <= 60");
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 76);
  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
}

TEST(Commands, FailuresShowTheRowAndRetrySendsItAgain) {
  Deployment deployment;
  deployment.add_members(1, 20);
  deployment.stibee_post(
      "/_sim/faults",
      R"({"rules":[{"kind":"person","address":"p7@example.com","result":"failWrongEmail"}]})");
  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 0) << "parked people do not keep sync from being done";
  const auto report = deployment.report({"failures"});
  const auto& people = items(report, "people");
  ASSERT_EQ(people.size(), 1u);
  EXPECT_EQ(text(people[0], "email"), "p***@example.com");
  EXPECT_EQ(text(people[0], "key"), "7");
  EXPECT_EQ(text(people[0], "reason"), "wrong_email");
  EXPECT_EQ(text(people[0], "mirror"), "members");
  EXPECT_EQ(deployment.syncd({"retry", "nobody@example.com"}).exit_code, 66);
  deployment.stibee_post("/_sim/faults", R"({"rules":[]})");
  EXPECT_EQ(deployment.syncd({"retry", "wrong_email"}).exit_code, 0);
  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(deployment.differences(), std::vector<std::string>{});
}

TEST(Commands, TheGuardHoldsAMassRemovalUntilThatDigestIsApproved) {
  Deployment deployment;
  deployment.add_members(1, 500);
  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  deployment.sql("DELETE FROM members WHERE id <= 200");
  deployment.sql("UPDATE members SET name = 'still flows' WHERE id = 300");
  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 76);
  EXPECT_NE(deployment.dump().find("still flows"), std::string::npos);
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
  const auto report = deployment.report({"guard"});
  const auto& held = items(report, "held");
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(text(held[0], "class"), "removals");
  EXPECT_EQ(number(held[0], "count"), 200);
  EXPECT_EQ(number(held[0], "of"), 500);
  EXPECT_FALSE(items(held[0], "refs").empty());
  EXPECT_EQ(deployment.syncd({"guard", "approve", "feedfeedfeedfeed"}).exit_code, 66);
  EXPECT_EQ(deployment.syncd({"guard", "approve", text(held[0], "digest")}).exit_code, 0);
  EXPECT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(deployment.differences(), std::vector<std::string>{});
  EXPECT_TRUE(items(deployment.report({"guard"}), "held").empty());
}

TEST(Commands, WhatIsDoneIsReportedAsJsonToo) {
  Deployment deployment;
  deployment.add_members(1, 30);
  ASSERT_EQ(deployment.syncd({"sync"}).exit_code, 0);
  EXPECT_EQ(number(deployment.report({"retry"}), "retried"), 0);
  const auto paused = deployment.report({"pause"});
  EXPECT_EQ(number(paused, "version"), 1);
  EXPECT_EQ(number(paused, "paused"), 1);
  EXPECT_EQ(number(deployment.report({"resume"}), "version"), 1);
  deployment.start_daemon();
  EXPECT_EQ(number(deployment.report({"sync-now"}), "version"), 1);
  EXPECT_EQ(number(deployment.report({"retry"}), "version"), 1);
  EXPECT_NE(deployment.syncd({"retry"}).out.find("nobody is parked"), std::string::npos);
}

TEST(Commands, SyncLeavesAPausedMirrorAlone) {
  Deployment deployment;
  deployment.add_members(1, 10);
  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  const auto finished = deployment.syncd({"sync"}, std::chrono::seconds(20));
  EXPECT_EQ(finished.exit_code, 75);
  EXPECT_NE(finished.err.find("members is paused"), std::string::npos) << finished.err;
  EXPECT_EQ(deployment.stat("calls"), 0);
}

TEST(Commands, UsageErrorsHelpAndVersion) {
  Deployment deployment;
  EXPECT_EQ(deployment.syncd({}).exit_code, 64);
  EXPECT_EQ(deployment.syncd({"frobnicate"}).exit_code, 64);
  EXPECT_EQ(deployment.syncd({"guard", "approve"}).exit_code, 64);
  for (const std::string timeout : {"soon", "10", "0s", "-1s"}) {
    EXPECT_EQ(deployment.syncd({"sync", "--timeout", timeout}).exit_code, 64) << timeout;
  }
  EXPECT_NE(deployment.syncd({"frobnicate", "x"}).err.find("unknown command `frobnicate`"),
            std::string::npos);
  EXPECT_EQ(deployment.syncd({"--help"}).exit_code, 0);
  for (const std::string command : {"run", "check", "plan", "sync", "status", "failures", "retry", "guard",
                                    "explain", "forget", "pause", "resume", "sync-now", "version"}) {
    const auto help = deployment.syncd({command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_GT(help.out.size(), 50u) << command;
  }
  EXPECT_EQ(text(deployment.report({"version"}), "program"), "stibee-syncd");
  EXPECT_EQ(deployment.syncd({"sync-now"}).exit_code, 69);
  EXPECT_EQ(run({syncd_program(), "--config", "/nowhere.yaml", "check"}).exit_code, 78);
}

TEST(Commands, SyncGivesUpAfterItsTimeoutWithoutProgress) {
  Deployment deployment;
  deployment.add_members(1, 10);
  deployment.stop_stibee();
  const auto finished = deployment.syncd({"sync", "--timeout", "1s"});
  EXPECT_EQ(finished.exit_code, 75) << finished.err;
  EXPECT_NE(finished.err.find("nothing is lost"), std::string::npos) << finished.err;
}

TEST(Commands, ChangefeedSqlInstallsAndRemovesTriggers) {
  Deployment deployment;
  const auto installation = deployment.syncd({"changefeed", "sql"});
  ASSERT_EQ(installation.exit_code, 0) << installation.err;
  EXPECT_EQ(deployment.syncd({"changefeed", "sql", "members"}).out, installation.out);
  deployment.sql(installation.out);
  deployment.add_members(1, 3);
  EXPECT_EQ(deployment.value("SELECT count(*) FROM stibee_syncd.members"), "3");
  const auto removal = deployment.syncd({"changefeed", "sql", "--remove"});
  ASSERT_EQ(removal.exit_code, 0) << removal.err;
  deployment.sql(removal.out);
  EXPECT_EQ(deployment.value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "0");
  EXPECT_EQ(deployment.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'stibee_syncd'"), "0");
}

TEST(Commands, ChangefeedSqlSaysWhatItCannotDo) {
  Deployment deployment;
  const auto unknown = deployment.syncd({"changefeed", "sql", "member"});
  EXPECT_EQ(unknown.exit_code, 66);
  EXPECT_NE(unknown.err.find("there is no mirror `member`"), std::string::npos) << unknown.err;
  EXPECT_EQ(unknown.out, "");
  EXPECT_EQ(deployment.syncd({"changefeed"}).exit_code, 64);

  auto config = deployment.config_text();
  const std::string table = "table: public.members";
  const auto at = config.find(table);
  ASSERT_NE(at, std::string::npos) << config;
  deployment.write_config(config.replace(at, table.size(), "query: SELECT * FROM members"));
  const auto query = deployment.syncd({"changefeed", "sql"});
  EXPECT_EQ(query.exit_code, 78);
  EXPECT_NE(query.err.find("a `query` can have no change feed"), std::string::npos) << query.err;
  EXPECT_EQ(query.out, "");
}

}  // namespace
}  // namespace stibee_sync::e2e
