#include "integration/source/feeding.hpp"
#include "source/interrupt.hpp"
#include "source/session.hpp"

#include <cstdlib>
#include <fstream>

namespace stibee_sync::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A transaction that stays open.
class OpenTransaction {
 public:
  OpenTransaction(const Connection& connection, const std::string& first) : session_(connection, interrupt_) {
    session_.run("BEGIN; " + first);
  }
  void run(const std::string& sql) { session_.run(sql); }

 private:
  Interrupt interrupt_;
  Interrupt::Call call_{interrupt_};
  Session session_;
};

TEST_F(FeedTest, TellsOfInsertsUpdatesAndDeletesWithTheirRows) {
  make_table();
  install();
  EXPECT_EQ(changes(), Changes());
  shop("INSERT INTO members VALUES (1, 'a@x', 'one'), (2, 'b@x', 'two')");
  EXPECT_EQ(changes(), (Changes{{"1", "1\ta@x"}, {"2", "2\tb@x"}}));
  shop("UPDATE members SET email = 'c@x' WHERE id = 2");
  EXPECT_EQ(changes(), (Changes{{"2", "2\tc@x"}}));
  shop("DELETE FROM members WHERE id = 1");
  EXPECT_EQ(changes(), (Changes{{"1", absent}}));
  EXPECT_EQ(changes(), Changes());
}

TEST_F(FeedTest, ReportsWhatAReadReports) {
  make_table();
  install();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  const auto drained = drain();
  ASSERT_TRUE(drained.whole()) << drained.message();
  const auto& report = drained.report();
  EXPECT_EQ(drained.shapes, 1);
  EXPECT_EQ(report.keys, 1U);
  EXPECT_EQ(report.feed.ids.size(), 1U);
  ASSERT_TRUE(report.shape.has_value());
  EXPECT_THAT(report.shape->types, ElementsAre(domain::ColumnType::Integer, domain::ColumnType::Text));
  EXPECT_TRUE(report.shape->wal_before.has_value());
  EXPECT_TRUE(report.shape->server_time.has_value());
  EXPECT_GE(report.feed.next_transaction, report.feed.oldest_running);
}

TEST_F(FeedTest, ADrainTakesNothingOut) {
  make_table();
  install();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  EXPECT_EQ(drain().rows, drain().rows);
  EXPECT_EQ(drain().rows.size(), 1U);
}

TEST_F(FeedTest, DiscardsExactlyWhatWasRead) {
  make_table();
  install();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  const auto first = drain();
  shop("UPDATE members SET email = 'b@x' WHERE id = 1");
  EXPECT_FALSE(feed_->discard("members", first.report().feed.ids));
  EXPECT_EQ(changes(), (Changes{{"1", "1\tb@x"}}));
}

TEST_F(FeedTest, DiscardsMoreThanFitsIntoOneList) {
  make_table();
  install();
  shop("INSERT INTO members SELECT n, n || '@x' FROM generate_series(1, 25000) n");
  const auto drained = drain();
  EXPECT_EQ(drained.report().feed.ids.size(), 25'000U);
  EXPECT_EQ(drained.keys.size(), 25'000U);
  EXPECT_FALSE(feed_->discard("members", drained.report().feed.ids));
  EXPECT_EQ(value("SELECT count(*) FROM stibee_syncd.members"), "0");
}

TEST_F(FeedTest, AKeyThatChangedIsTwoKeys) {
  make_table();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL), (2, 'b@x', NULL)");
  install();
  shop("UPDATE members SET id = 3 WHERE id = 1");
  EXPECT_EQ(changes(), (Changes{{"1", absent}, {"3", "3\ta@x"}}));
}

TEST_F(FeedTest, KeysThatWereSwappedAreBothThere) {
  make_table("id bigint UNIQUE DEFERRABLE, email text, note text");
  shop("INSERT INTO members VALUES (1, 'a@x', NULL), (2, 'b@x', NULL)");
  install();
  shop("UPDATE members SET id = 3 - id");
  EXPECT_EQ(changes(), (Changes{{"1", "1\tb@x"}, {"2", "2\ta@x"}}));
}

TEST_F(FeedTest, HearsUpsertsCopiesAndWritesWithinAQuery) {
  make_table();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  install();
  shop(
      "INSERT INTO members VALUES (1, 'b@x'), (2, 'c@x') ON CONFLICT (id) DO UPDATE SET email = "
      "EXCLUDED.email");
  EXPECT_EQ(changes(), (Changes{{"1", "1\tb@x"}, {"2", "2\tc@x"}}));
  const auto file = "'" + cluster().directory() + "/" + database_ + ".copy'";
  sql("COPY (SELECT 3, 'd@x') TO " + file + "; COPY members (id, email) FROM " + file);
  EXPECT_EQ(changes(), (Changes{{"3", "3\td@x"}}));
  shop(
      "WITH gone AS (DELETE FROM members WHERE id = 3 RETURNING *) INSERT INTO members SELECT 4, email FROM "
      "gone");
  EXPECT_EQ(changes(), (Changes{{"3", absent}, {"4", "4\td@x"}}));
}

TEST_F(FeedTest, ForgetsWhatWasRolledBack) {
  make_table();
  install();
  sql("BEGIN; INSERT INTO members VALUES (1, 'a@x', NULL); ROLLBACK");
  EXPECT_EQ(changes(), Changes());
}

TEST_F(FeedTest, ATransactionThatCommitsLateIsSeenThen) {
  make_table();
  install();
  OpenTransaction early(connection("postgres"), "INSERT INTO members VALUES (1, 'a@x', NULL)");
  shop("INSERT INTO members VALUES (2, 'b@x', NULL)");
  EXPECT_EQ(changes(), (Changes{{"2", "2\tb@x"}}));
  early.run("COMMIT");
  EXPECT_EQ(changes(), (Changes{{"1", "1\ta@x"}}));
}

TEST_F(FeedTest, TruncateIsEverything) {
  make_table();
  install();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL); TRUNCATE members");
  const auto drained = drain();
  ASSERT_TRUE(drained.whole());
  EXPECT_TRUE(drained.report().feed.everything);
  EXPECT_EQ(drained.report().feed.ids.size(), 2U);
  EXPECT_FALSE(drained.report().shape.has_value());
  EXPECT_EQ(drained.shapes, 0);
  EXPECT_TRUE(drained.keys.empty());
}

TEST_F(FeedTest, MoreKeysThanWantedAreEverything) {
  make_table();
  install();
  shop("INSERT INTO members SELECT n, 'x' FROM generate_series(1, 3) n; UPDATE members SET note = 'x'");
  EXPECT_FALSE(drain(3).report().feed.everything);  // six changes, three keys
  EXPECT_TRUE(drain(2).report().feed.everything);
  EXPECT_EQ(drain(2).report().feed.ids.size(), 6U);
}

TEST_F(FeedTest, ARowThatLeavesTheConditionIsAbsent) {
  make_table("id bigint PRIMARY KEY, email text, key text, k text, f text");
  plan_.read.where = "key <> 'gone' -- a comment";
  shop("INSERT INTO members VALUES (1, 'a@x', 'here'), (2, 'b@x', 'here')");
  install();
  shop("UPDATE members SET key = 'gone' WHERE id = 1; UPDATE members SET key = 'still' WHERE id = 2");
  EXPECT_EQ(changes(), (Changes{{"1", absent}, {"2", "2\tb@x"}}));
}

TEST_F(FeedTest, ForeignKeysCascade) {
  sql("SET ROLE shop; CREATE TABLE shops (id int PRIMARY KEY)");
  make_table(
      "id bigint PRIMARY KEY, email text, shop int REFERENCES shops ON DELETE CASCADE ON UPDATE CASCADE");
  shop("INSERT INTO shops VALUES (1), (2); INSERT INTO members VALUES (1, 'a@x', 1), (2, 'b@x', 2)");
  install();
  shop("DELETE FROM shops WHERE id = 1; UPDATE shops SET id = 3");
  EXPECT_EQ(changes(), (Changes{{"1", absent}, {"2", "2\tb@x"}}));
  shop("TRUNCATE shops CASCADE");
  EXPECT_TRUE(drain().report().feed.everything);
}

TEST_F(FeedTest, HearsWritersThatAreReplicas) {
  make_table();
  install();
  sql("SET session_replication_role = replica; INSERT INTO members VALUES (1, 'a@x', NULL)");
  EXPECT_EQ(changes().size(), 1U);
}

TEST_F(FeedTest, HearsPartitionsHoweverTheyAreWrittenTo) {
  make_table("id bigint, email text, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region");
  shop(
      "CREATE TABLE east PARTITION OF members FOR VALUES IN ('east');"
      "CREATE TABLE west PARTITION OF members FOR VALUES IN ('west') PARTITION BY LIST (region);"
      "CREATE TABLE far_west PARTITION OF west FOR VALUES IN ('west')");
  install();
  shop("INSERT INTO members VALUES (1, 'a@x', 'east'), (2, 'b@x', 'west')");
  EXPECT_EQ(drain().report().feed.ids.size(), 2U);  // each once
  EXPECT_EQ(changes().size(), 2U);
  shop("INSERT INTO far_west VALUES (3, 'c@x', 'west')");
  EXPECT_EQ(changes(), (Changes{{"3", "3\tc@x"}}));
  shop("UPDATE members SET region = 'east' WHERE id = 3");
  EXPECT_EQ(changes(), (Changes{{"3", "3\tc@x"}}));
  shop("TRUNCATE west");
  EXPECT_TRUE(drain().report().feed.everything);
}

TEST_F(FeedTest, HearsChildrenOfInheritance) {
  make_table();
  shop("CREATE TABLE old_members () INHERITS (members)");
  install();
  shop("INSERT INTO old_members VALUES (1, 'a@x', NULL)");
  EXPECT_EQ(changes(), (Changes{{"1", "1\ta@x"}}));
}

TEST_F(FeedTest, KeysComeInTheOrderOfARead) {
  make_table("id text PRIMARY KEY, email text");
  install();
  shop(
      "INSERT INTO members VALUES ('b', '1'), ('B', '2'), ('a', '3'), ('가', '4'), (E'a\\tb', '5'), "
      "(E'\\\\', '6')");
  const auto drained = drain();
  auto reader = make_postgres_reader(connection());
  std::vector<std::string> keys;
  for (const auto& row : read_all(*reader, plan_.read).rows) {
    const auto key = row.substr(0, row.find('\t'));
    keys.push_back(key);
    EXPECT_EQ(drained.rows.at(key), row);
  }
  EXPECT_EQ(drained.keys, keys);
}

TEST_F(FeedTest, IntegersAreOrderedAsNumbers) {
  make_table("id int PRIMARY KEY, email text");
  install();
  shop("INSERT INTO members VALUES (10, 'a'), (9, 'b'), (-1, 'c')");
  EXPECT_THAT(drain().keys, ElementsAre("-1", "9", "10"));
}

TEST_F(FeedTest, KeysMayBeUuids) {
  make_table("id uuid PRIMARY KEY, email text");
  install();
  shop("INSERT INTO members VALUES ('b0000000-0000-0000-0000-000000000000', 'a@x')");
  EXPECT_EQ(changes().begin()->first, "b0000000-0000-0000-0000-000000000000");
}

TEST_F(FeedTest, KeysThatACollationTakesForEqualAreTwo) {
  sql("CREATE COLLATION public.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
  make_table("id varchar(20) COLLATE public.loose PRIMARY KEY, email text");
  shop("INSERT INTO members VALUES ('a', 'a@x')");
  install();
  shop("UPDATE members SET id = 'A'");
  EXPECT_EQ(changes(), (Changes{{"A", "A\ta@x"}, {"a", absent}}));
}

TEST_F(FeedTest, NamesMayBeOdd) {
  sql("CREATE SCHEMA \"Shop's\"; GRANT ALL ON SCHEMA \"Shop's\" TO shop; GRANT USAGE ON SCHEMA \"Shop's\" TO "
      "mirror");
  shop(
      "CREATE TABLE \"Shop's\".\"회원 \"\"표\"\"\" (\"feed_table\" bigint PRIMARY KEY, \"메일's\" text);"
      "GRANT SELECT ON \"Shop's\".\"회원 \"\"표\"\"\" TO mirror");
  plan_.read.table = "\"Shop's\".\"회원 \"\"표\"\"\"";
  plan_.read.columns = {"feed_table", "메일's"};
  plan_.mirror = "members-of_7";
  install();
  shop("INSERT INTO \"Shop's\".\"회원 \"\"표\"\"\" VALUES (1, 'a@x')");
  EXPECT_EQ(changes(), (Changes{{"1", "1\ta@x"}}));
}

/// As a name in SQL.
std::string quoted(std::string name) {
  for (auto at = name.find('"'); at != std::string::npos; at = name.find('"', at + 2))
    name.insert(at, 1, '"');
  return "\"" + name + "\"";
}

/// As people do it, in a session that reads backslashes and bytes in its own way.
void run_by_psql(const std::string& url, const std::string& sql, const std::string& file) {
  std::ofstream(file) << sql;
  const auto command =
      "PGCLIENTENCODING=UHC PGOPTIONS='-c standard_conforming_strings=off -c client_min_messages=warning' "
      "psql -q -v "
      "ON_ERROR_STOP=1 -f '" +
      file + "' '" + url + "'";
  ASSERT_EQ(std::system(command.c_str()), 0) << sql;
}

TEST_F(FeedTest, NoNameIsTooNastyAndNoSessionTooOdd) {
  const std::string nasty = "$stibee$ $stibee_$ Ä'\"\\가\n--;";
  const auto schema = quoted("S" + nasty);
  const auto table = schema + "." + quoted("T" + nasty);
  const auto child = schema + "." + quoted("C" + nasty);
  const auto key = quoted("K" + nasty);
  const auto owner = quoted("O" + nasty);
  const auto reader = quoted("R" + nasty);
  sql("CREATE ROLE " + owner + "; CREATE ROLE " + reader + " LOGIN; GRANT CREATE ON DATABASE " + database_ +
      " TO " + owner + "; CREATE SCHEMA " + schema + " AUTHORIZATION " + owner + "; SET ROLE " + owner +
      "; CREATE TABLE " + table + " (" + key + " text PRIMARY KEY, email text); CREATE TABLE " + child +
      " () INHERITS (" + table + "); GRANT USAGE ON SCHEMA " + schema + " TO " + reader +
      "; GRANT SELECT ON " + table + " TO " + reader);
  plan_.read.table = table;
  plan_.read.columns = {key, "email"};
  plan_.read.where = key + " <> '$stibee$''\\' AND $stibee$\\'$stibee$ <> '' -- it's \"over\"\n";
  feed_ = make_postgres_change_feed(connection_to(
      cluster().url(database_, "R%24stibee%24%20%24stibee_%24%20%C3%84%27%22%5C%EA%B0%80%0A--%3B")));
  const auto file = cluster().directory() + "/" + database_ + ".sql";
  run_by_psql(cluster().url(database_), feed_sql(site(plan_)), file);
  sql("INSERT INTO " + table + " VALUES ('a', 'a@x'), ('$stibee$''\\', 'b@x'); INSERT INTO " + child +
      " VALUES ('$stibee$', 'c@x')");
  EXPECT_EQ(changes(), (Changes{{"a", "a\ta@x"}, {"$stibee$'\\\\", absent}, {"$stibee$", "$stibee$\tc@x"}}));
  run_by_psql(cluster().url(database_), feed_removal_sql("members"), file);
  EXPECT_EQ(value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "0");
  sql("DROP OWNED BY " + owner + ", " + reader + "; DROP ROLE " + owner + ", " + reader);
}

TEST_F(FeedTest, WritersNeedNoRightAndNoSearchPath) {
  make_table();
  shop("GRANT INSERT ON members TO app");
  install();
  cluster().execute(
      "SET ROLE app; CREATE TEMP TABLE members (id bigint); SET search_path = pg_temp; "
      "INSERT INTO public.members VALUES (1, 'a@x', NULL)",
      database_);
  EXPECT_EQ(changes().size(), 1U);
  EXPECT_THROW(sql("SET ROLE app; SELECT * FROM stibee_syncd.members"), std::runtime_error);
}

TEST_F(FeedTest, TheRoleMayReadAndDrainItsFeedAndNothingElse) {
  make_table();
  install();
  const auto may = [&](const std::string& statement) {
    try {
      sql("SET ROLE mirror; " + statement);
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  };
  EXPECT_TRUE(may("SELECT * FROM stibee_syncd.members"));
  EXPECT_TRUE(may("DELETE FROM stibee_syncd.members WHERE id = 1"));
  EXPECT_FALSE(may("INSERT INTO stibee_syncd.members (key) VALUES (1)"));
  EXPECT_FALSE(may("UPDATE stibee_syncd.members SET key = 1"));
  EXPECT_FALSE(may("TRUNCATE stibee_syncd.members"));
  EXPECT_FALSE(may("CREATE TABLE stibee_syncd.mine ()"));
  EXPECT_FALSE(
      may("CREATE TRIGGER t AFTER INSERT ON stibee_syncd.members EXECUTE PROCEDURE "
          "stibee_syncd.members_changed()"));
  EXPECT_FALSE(may("DELETE FROM members"));
  EXPECT_EQ(value("SELECT has_function_privilege('mirror', 'stibee_syncd.members_changed()', 'EXECUTE')"),
            "f");
  EXPECT_EQ(value("SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'members_changed'"), "shop");
}

TEST_F(FeedTest, AScanKnowsWhatTheFeedHadSeen) {
  make_table();
  install();
  shop(
      "INSERT INTO members VALUES (1, 'a@x', NULL), (10, 'b@x', NULL), (9, 'c@x', NULL); "
      "UPDATE members SET note = 'x' WHERE id = 1");
  auto reader = make_postgres_reader(connection());
  auto plan = plan_.read;
  EXPECT_FALSE(read_all(*reader, plan).report().feed.has_value());
  plan.feed = "members";
  const auto read = read_all(*reader, plan);
  ASSERT_TRUE(read.complete()) << read.error().message;
  ASSERT_TRUE(read.report().feed.has_value());
  const auto& seen = *read.report().feed;
  EXPECT_FALSE(seen.loss.has_value());
  EXPECT_EQ(seen.ids.size(), 4U);
  EXPECT_THAT(seen.keys, ElementsAre("1", "10", "9"));
  EXPECT_EQ(seen.fingerprint, drain().report().feed.fingerprint);
  EXPECT_FALSE(seen.everything);
}

TEST_F(FeedTest, AScanGoesOnWithoutAFeed) {
  make_table();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  auto reader = make_postgres_reader(connection());
  auto plan = plan_.read;
  plan.feed = "members";
  const auto read = read_all(*reader, plan);
  ASSERT_TRUE(read.complete()) << read.error().message;
  EXPECT_EQ(read.rows.size(), 1U);
  EXPECT_EQ(read.report().feed->loss->kind, FeedLoss::Kind::NotInstalled);
}

TEST_F(FeedTest, ALookForKeysSeesOnlyWhetherSomethingWaits) {
  make_table();
  install();
  ASSERT_TRUE(drain().whole());
  plan_.look = FeedLook::ForKeys;
  auto drained = drain();
  ASSERT_TRUE(drained.whole());
  EXPECT_FALSE(drained.report().looked_closely);
  EXPECT_EQ(drained.report().feed.fingerprint, "");
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  drained = drain();
  ASSERT_TRUE(drained.whole());
  EXPECT_TRUE(drained.report().looked_closely) << "who reads has asked in the snapshot of the read";
  EXPECT_NE(drained.report().feed.fingerprint, "");
  EXPECT_EQ(drained.keys, std::vector<std::string>{"1"});
}

TEST_F(FeedTest, ALookOverAnotherConnectionIsACloseOneSinceThatMayBeToAnotherServer) {
  make_table();
  install();
  plan_.look = FeedLook::ForKeys;
  const auto first = drain();
  ASSERT_TRUE(first.whole());
  EXPECT_TRUE(first.report().looked_closely);
  EXPECT_FALSE(drain().report().looked_closely);
  sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = "
      "'stibee-syncd'");
  const auto over_another = drain();
  ASSERT_TRUE(over_another.whole()) << over_another.message();
  EXPECT_TRUE(over_another.report().looked_closely);
  EXPECT_EQ(over_another.report().feed.fingerprint, first.report().feed.fingerprint)
      << "it is the same server";
  EXPECT_FALSE(drain().report().looked_closely);
}

TEST_F(FeedTest, ALookForKeysThatFailsBecomesACloserOne) {
  make_table();
  install();
  plan_.look = FeedLook::ForKeys;
  ASSERT_TRUE(drain().whole());
  shop("REVOKE SELECT ON stibee_syncd.members FROM mirror");
  EXPECT_EQ(drain().loss(), "refused");
  shop("DROP TABLE stibee_syncd.members");
  EXPECT_EQ(drain().loss(), "not_installed");
  install();
  EXPECT_EQ(drain().loss(), "none");
}

TEST_F(FeedTest, WhatIsExpectedAndNotThereIsAnEmptyDrain) {
  make_table();
  install();
  const auto closely = drain();
  plan_.look = FeedLook::Expecting;
  const auto drained = drain();
  ASSERT_TRUE(drained.whole()) << drained.message();
  EXPECT_TRUE(drained.report().looked_closely);
  EXPECT_EQ(drained.report().feed.fingerprint, closely.report().feed.fingerprint);
  EXPECT_TRUE(drained.report().feed.ids.empty());
  EXPECT_FALSE(drained.report().shape);
  shop("ALTER TABLE members DISABLE TRIGGER stibee_syncd_members_insert");
  EXPECT_EQ(drain().loss(), "incomplete");
}

TEST_F(FeedTest, WhatTheMappingMeansIsAskedAnewWhenTheTableIsAnother) {
  make_table();
  install();
  shop("INSERT INTO members VALUES (1, 'a@x', NULL)");
  EXPECT_EQ(changes(), (Changes{{"1", "1\ta@x"}}));
  shop("INSERT INTO members VALUES (2, 'b@x', NULL)");
  EXPECT_EQ(changes(), (Changes{{"2", "2\tb@x"}}));
  shop("ALTER TABLE members RENAME COLUMN email TO mail; INSERT INTO members VALUES (3, 'c@x', NULL)");
  EXPECT_THAT(drain().loss(), HasSubstr("email"));
  shop("ALTER TABLE members RENAME COLUMN mail TO email");
  EXPECT_EQ(changes(), (Changes{{"3", "3\tc@x"}}));
}

}  // namespace
}  // namespace stibee_sync::source
