#include "integration/source/feeding.hpp"
#include "source/interrupt.hpp"
#include "source/session.hpp"

#include <thread>

namespace stibee_sync::source {
namespace {

using stibee_sync::testing::ClusterOptions;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(FeedTest, ThereIsNoneUntilItIsInstalled) {
  make_table();
  const auto drained = drain();
  EXPECT_EQ(drained.loss(), "not_installed");
  EXPECT_THAT(drained.message(), HasSubstr("stibee-syncd changefeed sql members"));
}

TEST_F(FeedTest, InstallingTwiceLeavesOneFeed) {
  make_table();
  install();
  const auto before = drain().report().feed.fingerprint;
  install();
  EXPECT_NE(drain().report().feed.fingerprint, before);
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  EXPECT_EQ(drain().report().feed.ids.size(), 1U);
  EXPECT_EQ(value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "4");
}

TEST_F(FeedTest, RemovalLeavesNothing) {
  make_table();
  install();
  shop(feed_removal_sql("members"));
  EXPECT_EQ(value("SELECT count(*) FROM pg_namespace WHERE nspname = 'stibee_syncd'"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM pg_proc WHERE proname LIKE '%changed'"), "0");
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  EXPECT_EQ(drain().loss(), "not_installed");
  shop(feed_removal_sql("members"));  // again: no harm
}

TEST_F(FeedTest, RemovalLeavesOtherFeeds) {
  make_table();
  install();
  auto other = plan_;
  other.mirror = "others";
  install(other);
  shop(feed_removal_sql("members"));
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  EXPECT_EQ(drain().loss(), "not_installed");
  EXPECT_EQ(source::drain(*feed_, other).keys.size(), 1U);
}

TEST_F(FeedTest, ASuperuserInstallsForTheOwner) {
  make_table();
  sql(feed_sql(site(plan_)));
  EXPECT_EQ(value("SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'members_changed'"), "shop");
  EXPECT_EQ(value("SELECT tableowner FROM pg_tables WHERE schemaname = 'stibee_syncd'"), "shop");
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  EXPECT_EQ(changes().size(), 1U);
}

TEST_F(FeedTest, AnotherOwnersFeedFindsItsPlace) {
  make_table();
  install();
  sql("SET client_min_messages = warning; DROP ROLE IF EXISTS branch; CREATE ROLE branch; CREATE SCHEMA "
      "branch "
      "AUTHORIZATION branch; SET ROLE branch; CREATE TABLE branch.staff (id bigint PRIMARY KEY, email text); "
      "GRANT USAGE ON SCHEMA branch TO mirror; GRANT SELECT ON branch.staff TO mirror");
  const FeedPlan staff{plan_for("branch.staff"), "staff"};
  sql(feed_sql(site(staff)));
  sql("SET ROLE branch; INSERT INTO branch.staff VALUES (1, 'a@x')");
  EXPECT_EQ(source::drain(*feed_, staff).keys, std::vector<std::string>{"1"});
}

TEST_F(FeedTest, ATriggerThatIsDisabledIsALoss) {
  make_table();
  install();
  shop("ALTER TABLE members DISABLE TRIGGER stibee_syncd_members_update");
  EXPECT_EQ(drain().loss(), "incomplete");
  EXPECT_THAT(drain().message(), HasSubstr("members"));
  shop("ALTER TABLE members ENABLE TRIGGER stibee_syncd_members_update");
  EXPECT_EQ(drain().loss(), "incomplete") << "it would not fire in a session that is a replica";
  shop("ALTER TABLE members ENABLE ALWAYS TRIGGER stibee_syncd_members_update");
  EXPECT_EQ(drain().loss(), "none");
}

TEST_F(FeedTest, ATriggerThatWasOffForAMomentShows) {
  make_table();
  install();
  const auto before = drain().report().feed.fingerprint;
  EXPECT_EQ(drain().report().feed.fingerprint, before);
  sql("SET ROLE shop; BEGIN; ALTER TABLE members DISABLE TRIGGER USER; "
      "INSERT INTO members VALUES (1, 'a@x', NULL); "
      "ALTER TABLE members ENABLE ALWAYS TRIGGER stibee_syncd_members_insert, "
      "ENABLE ALWAYS TRIGGER stibee_syncd_members_update, ENABLE ALWAYS TRIGGER stibee_syncd_members_delete, "
      "ENABLE ALWAYS TRIGGER stibee_syncd_members_truncate; COMMIT");
  const auto drained = drain();
  ASSERT_TRUE(drained.whole());
  EXPECT_TRUE(drained.keys.empty());
  EXPECT_NE(drained.report().feed.fingerprint, before);
}

TEST_F(FeedTest, ARewrittenColumnShows) {
  make_table();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  install();
  const auto before = drain().report().feed.fingerprint;
  shop("ALTER TABLE members ALTER COLUMN email TYPE text USING upper(email)");
  EXPECT_NE(drain().report().feed.fingerprint, before);
}

TEST_F(FeedTest, AFeedThatSomebodyTruncatedIsAnotherOne) {
  make_table();
  install();
  const auto before = drain().report().feed.fingerprint;
  shop("INSERT INTO members VALUES (1, 'a@x', NULL); TRUNCATE stibee_syncd.members");
  EXPECT_NE(drain().report().feed.fingerprint, before);
}

TEST_F(FeedTest, ATableThatIsSwappedByRenameHasNoFeed) {
  make_table();
  install();
  shop(
      "ALTER TABLE members RENAME TO members_before; CREATE TABLE members (LIKE members_before INCLUDING "
      "ALL); "
      "GRANT SELECT ON members TO mirror");
  EXPECT_EQ(drain().loss(), "not_installed");
}

TEST_F(FeedTest, AFeedThatIsDroppedHarmsNoWriter) {
  make_table();
  install();
  shop("DROP TABLE stibee_syncd.members; INSERT INTO members VALUES (1, 'a@x', NULL)");
  EXPECT_EQ(drain().loss(), "not_installed");
  sql("DROP SCHEMA stibee_syncd CASCADE; UPDATE members SET note = 'x'; TRUNCATE members");
  EXPECT_EQ(drain().loss(), "not_installed");
}

TEST_F(FeedTest, AFeedThatNobodyDrainsStopsGrowing) {
  make_table();
  install();
  sql("INSERT INTO stibee_syncd.members (key) SELECT 1 FROM generate_series(1, 1700000)");
  const auto count = value("SELECT count(*) FROM stibee_syncd.members");
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  EXPECT_EQ(value("SELECT count(*) FROM stibee_syncd.members"), count);
  EXPECT_EQ(drain().loss(), "overgrown");

  // A scan tells what waits all the same, so that it can be taken out.
  auto reader = make_postgres_reader(connection());
  auto plan = plan_.read;
  plan.feed = "members";
  const auto read = read_all(*reader, plan);
  ASSERT_TRUE(read.complete());
  EXPECT_EQ(read.report().feed->loss->kind, FeedLoss::Kind::Overgrown);
  EXPECT_TRUE(read.report().feed->everything);
  EXPECT_EQ(std::to_string(read.report().feed->ids.size()), count);

  sql("DELETE FROM stibee_syncd.members");
  sql("VACUUM stibee_syncd.members");
  EXPECT_EQ(drain().loss(), "none");
}

TEST_F(FeedTest, APartitionWithoutTriggersIsALoss) {
  make_table("id bigint, email text, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region");
  shop("CREATE TABLE east PARTITION OF members FOR VALUES IN ('east')");
  install();
  EXPECT_EQ(drain().loss(), "none");
  shop("CREATE TABLE west PARTITION OF members FOR VALUES IN ('west')");
  EXPECT_EQ(drain().loss(), "incomplete");
  EXPECT_THAT(drain().message(), HasSubstr("west"));
  install();
  EXPECT_EQ(drain().loss(), "none");
  const auto before = drain().report().feed.fingerprint;
  shop("ALTER TABLE members DETACH PARTITION west");
  EXPECT_EQ(drain().loss(), "none");
  EXPECT_NE(drain().report().feed.fingerprint, before);
  shop(feed_removal_sql("members"));
  EXPECT_EQ(value("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'stibee%'"), "0")
      << "detached ones, too";
}

TEST_F(FeedTest, ARoleThatMayNotReadItIsToldWhatToGrant) {
  make_table();
  install();
  shop("REVOKE DELETE ON stibee_syncd.members FROM mirror");
  EXPECT_EQ(drain().loss(), "refused");
  EXPECT_THAT(drain().message(), HasSubstr("GRANT SELECT, DELETE ON stibee_syncd.\"members\" TO mirror;"));
  shop("REVOKE USAGE ON SCHEMA stibee_syncd FROM mirror");
  EXPECT_EQ(drain().loss(), "refused");
}

TEST_F(FeedTest, RowLevelSecurityOfTheFeedIsALoss) {
  make_table();
  install();
  shop("ALTER TABLE stibee_syncd.members ENABLE ROW LEVEL SECURITY");
  EXPECT_EQ(drain().loss(), "refused");
}

TEST_F(FeedTest, AKeyOfAnotherTypeDoesNotFit) {
  make_table("id uuid PRIMARY KEY, email text");
  install();
  shop("ALTER TABLE members ALTER COLUMN id TYPE text");
  sql("INSERT INTO stibee_syncd.members (key) VALUES ('b0000000-0000-0000-0000-000000000000')");
  EXPECT_EQ(drain().loss(), "unfit");
}

TEST_F(FeedTest, ViewsAndQueriesHaveNone) {
  make_table();
  shop("CREATE VIEW everybody AS SELECT * FROM members; GRANT SELECT ON everybody TO mirror");
  plan_.read.table = "everybody";
  EXPECT_EQ(drain().loss(), "unfit");
  EXPECT_THAT(site(plan_).refusal, HasSubstr("view"));
  plan_.read = plan_for_query("SELECT id, email FROM members");
  EXPECT_EQ(drain().loss(), "unfit");
  EXPECT_THAT(site(plan_).refusal, HasSubstr("`query`"));
}

TEST_F(FeedTest, ATableThatIsReplicatedHasNone) {
  make_table();
  sql("INSERT INTO pg_subscription_rel VALUES (1, 'members'::regclass, 'r', NULL)");
  EXPECT_THAT(site(plan_).refusal, HasSubstr("replication"));
  EXPECT_EQ(drain().loss(), "unfit");
}

TEST_F(FeedTest, AMissingTableIsAnErrorAsOfARead) {
  const auto drained = drain();
  ASSERT_TRUE(std::holds_alternative<SourceError>(drained.result));
  EXPECT_EQ(std::get<SourceError>(drained.result).kind, Kind::NotAsMapped);
}

TEST_F(FeedTest, WhatASinkThrowsPassesThroughAndTheNextDrainWorks) {
  make_table();
  install();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  EXPECT_THROW(
      static_cast<void>(feed_->drain(
          plan_, plenty, [](const ReadShape&) {},
          [](std::string_view, std::optional<std::string_view>) { throw std::runtime_error("sink"); })),
      std::runtime_error);
  EXPECT_EQ(changes().size(), 1U);
}

/// Whoever waits for the table has its snapshot already; what was rewritten meanwhile looks empty to it.
TEST_F(FeedTest, ATableThatIsRewrittenMeanwhileIsNotTakenForEmpty) {
  make_table();
  install();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  auto reader = make_postgres_reader(connection());
  Interrupt interrupt;
  const Interrupt::Call call(interrupt);
  Session altering(connection("postgres"), interrupt);
  altering.run("BEGIN; ALTER TABLE members ALTER COLUMN note TYPE text USING upper(note)");
  FeedDelivered drained;
  Delivered read;
  std::thread draining([&] { drained = drain(); });
  std::thread scanning([&] { read = read_all(*reader, plan_.read); });
  while (value("SELECT count(*) FROM pg_locks WHERE NOT granted") != "2")
    std::this_thread::yield();
  altering.run("COMMIT");
  draining.join();
  scanning.join();
  EXPECT_THAT(drained.loss(), HasSubstr("rewritten"));
  EXPECT_THAT(read.error().message, HasSubstr("rewritten"));
  EXPECT_EQ(changes(), (Changes{{"1", "1\ta@x"}}));
}

/// Somebody waits for a table that only what is read names; it was reloaded meanwhile.
TEST_F(FeedTest, NorIsATableBelowAQueryAViewOrACondition) {
  make_table();
  shop(
      "INSERT INTO members VALUES (1, 'a@x', NULL); CREATE TABLE blocked (email text); INSERT INTO blocked "
      "VALUES ('a@x')");
  const std::string others = "NOT EXISTS (SELECT FROM blocked b WHERE b.email = members.email)";
  shop("CREATE VIEW let_in AS SELECT id, email FROM members WHERE " + others);
  shop("GRANT SELECT ON blocked, let_in TO PUBLIC");
  auto with_condition = plan_for("members");
  with_condition.where = others;
  for (const auto& plan : {plan_for_query("SELECT id, email FROM members WHERE " + others),
                           plan_for("let_in"), with_condition}) {
    SCOPED_TRACE(plan.query + plan.table + plan.where);
    auto reader = make_postgres_reader(connection());
    Interrupt interrupt;
    const Interrupt::Call call(interrupt);
    Session reloading(connection("postgres"), interrupt);
    reloading.run("BEGIN; TRUNCATE blocked; INSERT INTO blocked VALUES ('a@x')");
    Delivered read;
    std::thread scanning([&] { read = read_all(*reader, plan); });
    while (value("SELECT count(*) FROM pg_locks WHERE NOT granted") != "1")
      std::this_thread::yield();
    reloading.run("COMMIT");
    scanning.join();
    EXPECT_THAT(read.error().message, HasSubstr("rewritten"));
    EXPECT_TRUE(read_all(*reader, plan).rows.empty());
  }
}

/// So was a partition, exchanged for another one.
TEST_F(FeedTest, NorIsAPartitionThatTookAnothersPlace) {
  shop(
      "CREATE TABLE parted (id bigint, email text, shop text) PARTITION BY LIST (shop);"
      "CREATE TABLE west PARTITION OF parted FOR VALUES IN ('west'); INSERT INTO parted VALUES (1, 'a@x', "
      "'west')");
  shop("GRANT SELECT ON parted TO PUBLIC");
  auto reader = make_postgres_reader(connection());
  Interrupt interrupt;
  const Interrupt::Call call(interrupt);
  Session exchanging(connection("postgres"), interrupt);
  exchanging.run(
      "BEGIN; ALTER TABLE parted DETACH PARTITION west; CREATE TABLE west2 (LIKE west); ALTER TABLE west2 "
      "OWNER TO shop;"
      "INSERT INTO west2 SELECT * FROM west; ALTER TABLE parted ATTACH PARTITION west2 FOR VALUES IN "
      "('west')");
  Delivered read;
  std::thread scanning([&] { read = read_all(*reader, plan_for("parted")); });
  while (value("SELECT count(*) FROM pg_locks WHERE NOT granted") != "1")
    std::this_thread::yield();
  exchanging.run("COMMIT");
  scanning.join();
  EXPECT_THAT(read.error().message, HasSubstr("rewritten"));
  EXPECT_EQ(read_all(*reader, plan_for("parted")).rows.size(), 1U);
}

TEST(FeedOfStandby, IsNone) {
  PostgresCluster primary;
  primary.execute("CREATE TABLE members (id bigint PRIMARY KEY, email text)");
  const FeedPlan plan{plan_for("members"), "members"};
  auto there = make_postgres_change_feed(connection_to(primary.url()));
  primary.execute(feed_sql(std::get<FeedSite>(there->inspect(plan))));
  EXPECT_EQ(drain(*there, plan).loss(), "none");
  ClusterOptions options;
  options.standby_of = &primary;
  PostgresCluster standby(options);
  auto here = make_postgres_change_feed(connection_to(standby.url()));
  EXPECT_EQ(drain(*here, plan).loss(), "standby");
}

TEST(FeedBesideTwoPhaseCommits, SendsNoNotification) {
  ClusterOptions options;
  options.settings["max_prepared_transactions"] = "2";
  PostgresCluster cluster(options);
  cluster.execute("CREATE TABLE members (id bigint PRIMARY KEY, email text)");
  const FeedPlan plan{plan_for("members"), "members"};
  auto feed = make_postgres_change_feed(connection_to(cluster.url()));
  const auto site = std::get<FeedSite>(feed->inspect(plan));
  EXPECT_FALSE(site.notifies);
  cluster.execute(feed_sql(site));
  cluster.execute("BEGIN; INSERT INTO members VALUES (1, 'a@x'); PREPARE TRANSACTION 'two'");
  EXPECT_TRUE(drain(*feed, plan).keys.empty());
  cluster.execute("COMMIT PREPARED 'two'");
  EXPECT_THAT(drain(*feed, plan).keys, ElementsAre("1"));
}

}  // namespace
}  // namespace stibee_sync::source
