#include "integration/e2e/deployment.hpp"
#include "integration/pgbouncer.hpp"

#include <csignal>

#include <gtest/gtest.h>

// The daemon with a change feed, on a real PostgreSQL.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

DeploymentOptions with_feed() {
  DeploymentOptions options;
  options.mirror_extra = "    detect: changefeed\n";
  return options;
}

void install(Deployment& deployment) {
  const auto printed = deployment.syncd({"changefeed", "sql"});
  ASSERT_EQ(printed.exit_code, 0) << printed.err;
  deployment.sql(printed.out);
}

void remove(Deployment& deployment) {
  const auto printed = deployment.syncd({"changefeed", "sql", "--remove"});
  ASSERT_EQ(printed.exit_code, 0) << printed.err;
  deployment.sql(printed.out);
}

std::string feed_table(Deployment& deployment) {
  return deployment.value(
      "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'stibee_syncd'::regnamespace AND "
      "relkind "
      "= 'r'");
}

std::string feed_state(Deployment& deployment) {
  const auto report = deployment.report({"status"});
  const auto& feed = at(items(report, "mirrors").front(), "feed");
  return feed.is_null() ? "none" : text(feed, "state");
}

std::string state(Deployment& deployment) {
  const auto report = deployment.report({"status"});
  return text(items(report, "mirrors").front(), "state");
}

std::size_t reads(const Process& daemon) {
  return event_lines(daemon, "sync.started").size();
}

TEST(FeedDaemon, AChangeArrivesWithoutAReadOfTheTable) {
  Deployment deployment(with_feed());
  deployment.add_members(1, 50);
  install(deployment);
  const auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  ASSERT_TRUE(eventually(30s, [&] { return feed_state(deployment) == "live"; })) << daemon.err();
  const auto before = reads(daemon);
  deployment.add_members(51, 60);
  deployment.sql("UPDATE members SET name = '김철수', email_opt_in = id <> 3 WHERE id < 10");
  deployment.sql("DELETE FROM members WHERE id = 20");
  EXPECT_TRUE(deployment.converges()) << daemon.err();
  EXPECT_EQ(reads(daemon), before);
  EXPECT_TRUE(eventually(
      10s, [&] { return deployment.value("SELECT count(*) FROM " + feed_table(deployment)) == "0"; }));
  EXPECT_EQ(event_lines(daemon, "feed.lost").size(), 0U) << daemon.err();
}

TEST(FeedDaemon, ALostFeedIsSaidAndReadsTakeOverUntilItIsInstalledAgain) {
  Deployment deployment(with_feed());
  deployment.add_members(1, 50);
  install(deployment);
  const auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  ASSERT_TRUE(eventually(30s, [&] { return feed_state(deployment) == "live"; })) << daemon.err();
  remove(deployment);
  ASSERT_TRUE(eventually(30s, [&] { return event_lines(daemon, "feed.lost").size() == 1; })) << daemon.err();
  EXPECT_NE(event_lines(daemon, "feed.lost").front().find("changefeed sql"), std::string::npos);
  deployment.add_members(51, 60);
  EXPECT_TRUE(deployment.converges());
  EXPECT_EQ(feed_state(deployment), "lost");
  EXPECT_EQ(state(deployment), "ok");

  install(deployment);
  ASSERT_TRUE(eventually(30s, [&] { return event_lines(daemon, "feed.restored").size() == 1; }))
      << daemon.err();
  const auto before = reads(daemon);
  deployment.add_members(61, 70);
  EXPECT_TRUE(deployment.converges());
  EXPECT_EQ(reads(daemon), before);
  EXPECT_EQ(event_lines(daemon, "feed.lost").size(), 1U);
}

TEST(FeedDaemon, AKillBetweenOurCommitAndTheFeedLosesNothingAndRepeatsNothing) {
  Deployment deployment(with_feed());
  deployment.add_members(1, 50);
  install(deployment);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  ASSERT_TRUE(eventually(30s, [&] { return feed_state(deployment) == "live"; })) << daemon.err();
  deployment.sql(
      "CREATE FUNCTION wait_long() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(300); RETURN "
      "NULL; END'; CREATE TRIGGER wait_long BEFORE DELETE ON " +
      feed_table(deployment) + " EXECUTE FUNCTION wait_long()");
  deployment.add_members(51, 60);
  ASSERT_TRUE(eventually(30s, [&] {
    return deployment.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != "0";
  })) << daemon.err();
  daemon.send(SIGKILL);
  daemon.wait(10s);
  deployment.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'; DROP FUNCTION "
      "wait_long() CASCADE");
  const auto& next = deployment.start_daemon();
  EXPECT_TRUE(deployment.converges()) << next.err();
  EXPECT_TRUE(eventually(
      10s, [&] { return deployment.value("SELECT count(*) FROM " + feed_table(deployment)) == "0"; }));
}

TEST(FeedDaemon, AMassRemovalInSmallStepsIsHeldAndStaysSoOverARestart) {
  Deployment deployment(with_feed());
  deployment.add_members(1, 100);
  install(deployment);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  ASSERT_TRUE(eventually(30s, [&] { return feed_state(deployment) == "live"; })) << daemon.err();
  deployment.sql("DELETE FROM members WHERE id <= 15");
  ASSERT_TRUE(deployment.converges());
  daemon.send(SIGTERM);
  EXPECT_EQ(daemon.wait(20s).exit_code, 0);

  const auto& next = deployment.start_daemon();
  ASSERT_TRUE(eventually(30s, [&] { return feed_state(deployment) == "live"; })) << next.err();
  deployment.sql("DELETE FROM members WHERE id <= 30");
  EXPECT_TRUE(eventually(30s, [&] { return state(deployment) == "held"; })) << next.err();
  EXPECT_EQ(deployment.subscribed(), 85);
}

TEST(FeedDaemon, BehindAPoolerTheFeedIsLookedAtAndThatIsSaidOnce) {
  if (!testing::PgBouncer::installed()) GTEST_SKIP() << "pgbouncer (package pgbouncer) is missing";
  Deployment deployment(with_feed());
  deployment.add_members(1, 50);
  install(deployment);
  const testing::PgBouncer pooler(testing::PostgresCluster::shared());
  auto config = deployment.config_text();
  const auto url = config.find("  url: ") + 7;
  config.replace(url, config.find('\n', url) - url,
                 pooler.url(deployment.value("SELECT current_database()"), "postgres"));
  deployment.write_config(config);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges()) << daemon.err();
  ASSERT_TRUE(eventually(30s, [&] { return feed_state(deployment) == "polled"; })) << daemon.err();
  const auto before = reads(daemon);
  for (int id = 51; id <= 60; ++id) {
    deployment.add_members(id, id);
    ASSERT_TRUE(eventually(30s, [&] { return deployment.subscribed() == id; })) << daemon.err();
  }
  deployment.sql("DELETE FROM members WHERE id = 20");
  EXPECT_TRUE(deployment.converges()) << daemon.err();
  EXPECT_EQ(reads(daemon), before);
  std::size_t said = 0;
  for (const auto& line : event_lines(daemon, "source.connected"))
    said += line.find("a pooler in front of PostgreSQL") == std::string::npos ? 0 : 1;
  EXPECT_EQ(said, 1U) << daemon.err();
  for (const auto* trouble : {"feed.lost", "source.lost", "sync.failed"})
    EXPECT_EQ(event_lines(daemon, trouble).size(), 0U) << daemon.err();
  daemon.send(SIGTERM);
  EXPECT_EQ(daemon.wait(20s).exit_code, 0);
}

TEST(FeedDaemon, TheSqlOfAMirrorThatIsReadByScansComesWithAWord) {
  Deployment deployment;
  const auto unnamed = deployment.syncd({"changefeed", "sql"});
  EXPECT_EQ(unnamed.exit_code, 0) << unnamed.err;
  EXPECT_NE(unnamed.out.find("CREATE TRIGGER"), std::string::npos);
  EXPECT_NE(unnamed.err.find("`detect: changefeed`"), std::string::npos) << unnamed.err;
  const auto named = deployment.syncd({"changefeed", "sql", "members"});
  EXPECT_EQ(named.exit_code, 0);
  EXPECT_EQ(named.out, unnamed.out);
  EXPECT_EQ(named.err, "");
}

TEST(FeedDaemon, CheckSaysHowToInstallItAndWhetherItWorks) {
  Deployment deployment(with_feed());
  deployment.add_members(1, 5);
  const auto without = deployment.syncd({"check"});
  EXPECT_EQ(without.exit_code, 78) << without.err;
  EXPECT_NE(without.out.find("changefeed sql"), std::string::npos) << without.out;
  install(deployment);
  const auto with = deployment.syncd({"check"});
  EXPECT_EQ(with.exit_code, 0) << with.err;
  EXPECT_NE(with.out.find("the change feed is whole"), std::string::npos) << with.out;
}

}  // namespace
}  // namespace stibee_sync::e2e
