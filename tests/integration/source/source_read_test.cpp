#include "reading.hpp"

#include <algorithm>

namespace stibee_sync::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SourceRead : public SourceTest {};

TEST_F(SourceRead, IntegerKeysComeInNumericOrderIncludingNegativeOnes) {
  for (const auto* type : {"smallint", "integer", "bigint"}) {
    sql(std::string("DROP TABLE IF EXISTS members; CREATE TABLE members (id ") + type +
        " PRIMARY KEY, email text); INSERT INTO members VALUES "
        "(10,'j'),(-5,'m'),(9,'i'),(0,'z'),(-32768,'n')");
    const auto delivered = read(plan_for("members"));
    ASSERT_TRUE(delivered.complete()) << delivered.error().message;
    EXPECT_THAT(delivered.rows, ElementsAre("-32768\tn", "-5\tm", "0\tz", "9\ti", "10\tj")) << type;
    EXPECT_TRUE(delivered.report().shape.integer_key);
    EXPECT_EQ(delivered.report().shape.types[0], domain::ColumnType::Integer);
  }
}

TEST_F(SourceRead, TextKeysComeInByteOrderWhateverTheCollation) {
  sql("CREATE COLLATION korean (provider = icu, locale = 'ko-KR');"
      "CREATE TABLE members (id text COLLATE korean, email varchar(99));"
      "INSERT INTO members SELECT k, 'x' FROM "
      "unnest(ARRAY['b','B','a','A','가','나','한','Z','z','10','9','','é','😀','a b','a-b']) k");
  const auto delivered = read(plan_for("members"));
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
  ASSERT_EQ(delivered.rows.size(), 16U);
  EXPECT_TRUE(std::is_sorted(delivered.rows.begin(), delivered.rows.end()));
  EXPECT_EQ(delivered.rows.front(), "\tx");
  EXPECT_FALSE(delivered.report().shape.integer_key);
}

TEST_F(SourceRead, UuidKeysComeInTheByteOrderOfTheirText) {
  sql("CREATE TABLE members (id uuid PRIMARY KEY, email text);"
      "INSERT INTO members SELECT gen_random_uuid(), 'x' FROM generate_series(1, 500)");
  const auto delivered = read(plan_for("members"));
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
  EXPECT_EQ(delivered.rows.size(), 500U);
  EXPECT_TRUE(std::is_sorted(delivered.rows.begin(), delivered.rows.end()));
  EXPECT_EQ(delivered.report().shape.types[0], domain::ColumnType::Uuid);
}

TEST_F(SourceRead, ADomainCountsAsItsBaseType) {
  sql("CREATE DOMAIN member_id AS bigint; CREATE DOMAIN address AS text CHECK (value <> '');"
      "CREATE TABLE members (id member_id, email address); INSERT INTO members VALUES (1, 'a')");
  const auto delivered = read(plan_for("members"));
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
  EXPECT_TRUE(delivered.report().shape.integer_key);
  EXPECT_EQ(delivered.report().shape.types[1], domain::ColumnType::Text);
}

TEST_F(SourceRead, RowsAreRawCopyLinesWithNullsEscapesAndArrays) {
  sql(R"(CREATE TABLE members (id int, email text, ok boolean, tags text[], note text);
         INSERT INTO members VALUES (1, 'a@example.com', true, '{gold,"a b",NULL}', E'tab\there\nand \\back'),
                                    (2, NULL, NULL, '{}', NULL))");
  const auto delivered =
      read(plan_for("members", {{"ok", Needs::Boolean}, {"tags", Needs::Groups}, {"note", Needs::Any}}));
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
  EXPECT_THAT(delivered.rows,
              ElementsAre("1\ta@example.com\tt\t{gold,\"a b\",NULL}\ttab\\there\\nand \\\\back",
                          "2\t\\N\t\\N\t{}\t\\N"));
  EXPECT_THAT(delivered.report().shape.types,
              ElementsAre(domain::ColumnType::Integer, domain::ColumnType::Text, domain::ColumnType::Boolean,
                          domain::ColumnType::TextArray, domain::ColumnType::Text));
}

TEST_F(SourceRead, TimesAreWrittenInTheMirrorsZoneWhateverTheServerPrefers) {
  sql("ALTER DATABASE " + database_ + " SET DateStyle = 'SQL, DMY'; ALTER DATABASE " + database_ +
      " SET TimeZone = 'America/New_York'; ALTER DATABASE " + database_ +
      " SET IntervalStyle = 'iso_8601';"
      "CREATE TABLE members (id int, email text, at timestamptz, local timestamp, day date, span interval);"
      "INSERT INTO members VALUES (1, 'a', '2024-02-29 23:30:00+00', '2024-02-29 23:30', '2024-03-01', '1 "
      "day 2 hours')");
  auto plan = plan_for(
      "members",
      {{"at", Needs::TimestampTz}, {"local", Needs::Any}, {"day", Needs::Any}, {"span", Needs::Any}});
  auto delivered = read(plan);
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
  EXPECT_THAT(delivered.rows,
              ElementsAre("1\ta\t2024-03-01 08:30:00+09\t2024-02-29 23:30:00\t2024-03-01\t1 day 02:00:00"));
  EXPECT_THAT(
      delivered.report().shape.types,
      ElementsAre(domain::ColumnType::Integer, domain::ColumnType::Text, domain::ColumnType::TimestampTz,
                  domain::ColumnType::Timestamp, domain::ColumnType::Date, domain::ColumnType::Other));
  // Another mirror on the same connection.
  plan.time_zone = "America/New_York";
  delivered = read(plan);
  ASSERT_TRUE(delivered.complete());
  EXPECT_THAT(delivered.rows[0], HasSubstr("2024-02-29 18:30:00-05"));
}

TEST_F(SourceRead, NamesAreTakenAsWrittenAndOtherwiseFolded) {
  sql(R"(CREATE SCHEMA "My Shop"; CREATE TABLE "My Shop"."Mem.bers" ("ID" int, "eMail" text, "select" boolean, plain text);
         INSERT INTO "My Shop"."Mem.bers" VALUES (1, 'a', true, 'p');
         CREATE TABLE "Members" (id int, email text); INSERT INTO "Members" VALUES (2, 'b');)");
  auto plan = plan_for(R"("My Shop"."Mem.bers")", {{"select", Needs::Boolean}, {"PLAIN", Needs::Any}});
  plan.columns[0] = "ID";
  plan.columns[1] = "\"eMail\"";
  EXPECT_THAT(read(plan).rows, ElementsAre("1\ta\tt\tp"));
  EXPECT_THAT(read(plan_for("Members")).rows, ElementsAre("2\tb"));
  EXPECT_THAT(read(plan_for("PUBLIC.\"Members\"")).rows, ElementsAre("2\tb"));
  EXPECT_THAT(read(plan_for("members")).error().message, HasSubstr("Members"));
}

TEST_F(SourceRead, WhereFiltersAndMayEndInAComment) {
  sql("CREATE TABLE members (id int, email text, gone timestamptz);"
      "INSERT INTO members VALUES (1,'a',NULL),(2,'b',now()),(3,'c',NULL)");
  auto plan = plan_for("members");
  plan.where = "gone IS NULL OR members.id < 0 -- only those who are here";
  EXPECT_THAT(read(plan).rows, ElementsAre("1\ta", "3\tc"));
}

TEST_F(SourceRead, AQueryIsReadLikeATable) {
  sql("CREATE TABLE members (id int, email text); CREATE TABLE grades (member int, grade text);"
      "INSERT INTO members VALUES (3,'c'),(1,'a'); INSERT INTO grades VALUES (1,'gold')");
  const auto plan = plan_for_query(
      "WITH g AS (SELECT * FROM grades) SELECT m.id, upper(m.email) AS email, g.grade FROM members m LEFT "
      "JOIN g ON g.member = m.id "
      "ORDER BY m.email DESC; -- done\n",
      {{"grade", Needs::Groups}});
  const auto delivered = read(plan);
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
  EXPECT_THAT(delivered.rows, ElementsAre("1\tA\tgold", "3\tC\t\\N"));
}

TEST_F(SourceRead, ViewsPartitionsAndTheSameColumnTwiceAreFine) {
  sql("CREATE TABLE all_members (id int, email text) PARTITION BY RANGE (id);"
      "CREATE TABLE low PARTITION OF all_members FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE high PARTITION OF all_members FOR VALUES FROM (10) TO (20);"
      "INSERT INTO all_members VALUES (12,'b'),(3,'a'); CREATE VIEW members AS SELECT * FROM all_members");
  EXPECT_THAT(read(plan_for("members", {{"email", Needs::Any}, {"id", Needs::Any}})).rows,
              ElementsAre("3\ta\ta\t3", "12\tb\tb\t12"));
  EXPECT_THAT(read(plan_for("all_members")).rows, ElementsAre("3\ta", "12\tb"));
}

TEST_F(SourceRead, AnEmptyTableHasAShapeAndATrueEnd) {
  sql("CREATE TABLE members (id int, email text)");
  const auto delivered = read(plan_for("members"));
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
  EXPECT_EQ(delivered.report().rows, 0U);
  EXPECT_EQ(delivered.shapes, 1);
}

TEST_F(SourceRead, SeesOneSnapshotWhileOthersWrite) {
  sql("CREATE TABLE members (id int PRIMARY KEY, email text); INSERT INTO members SELECT i, 'x' FROM "
      "generate_series(1, 1000) i");
  std::size_t rows = 0;
  const auto result = reader_->read(
      plan_for("members"),
      [&](const ReadShape&) {
        sql("DELETE FROM members WHERE id > 500; INSERT INTO members VALUES (0, 'new')");
      },
      [&](std::string_view line) {
        ++rows;
        EXPECT_TRUE(line.ends_with("\tx"));
      });
  ASSERT_TRUE(std::holds_alternative<ReadReport>(result));
  EXPECT_EQ(rows, 1000U);
  EXPECT_EQ(read(plan_for("members")).rows.size(), 501U);
}

TEST_F(SourceRead, TellsWhoTheServerIs) {
  sql("CREATE TABLE members (id int, email text)");
  const auto shape = read(plan_for("members")).report().shape;
  EXPECT_EQ(shape.server_identity,
            cluster().value("SELECT system_identifier FROM pg_control_system()") + "/1");
  EXPECT_FALSE(shape.in_recovery);
  EXPECT_THAT(shape.server_version, HasSubstr("15"));
  EXPECT_TRUE(reader_->connected());

  // A role that may not see it still reads.
  sql("CREATE ROLE blind_" + database_ + " LOGIN; GRANT SELECT ON members TO blind_" + database_ +
      "; REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
  const auto reader = make_postgres_reader(connection_to(cluster().url(database_, "blind_" + database_)));
  const auto blind = read_all(*reader, plan_for("members"));
  ASSERT_TRUE(blind.complete()) << blind.error().message;
  EXPECT_EQ(blind.report().shape.server_identity, "");
}

TEST_F(SourceRead, LeavesNoTransactionOpenAndReusesItsConnection) {
  sql("CREATE TABLE members (id int, email text)");
  ASSERT_TRUE(read(plan_for("members")).complete());
  const auto sessions =
      "SELECT count(*) || ' ' || max(state) || ' ' || max(application_name) FROM pg_stat_activity WHERE "
      "datname = '" +
      database_ + "' AND pid <> pg_backend_pid()";
  EXPECT_EQ(cluster().value(sessions), "1 idle stibee-syncd");
  ASSERT_TRUE(std::holds_alternative<ReadShape>(reader_->describe(plan_for("members"))));
  EXPECT_EQ(cluster().value(sessions), "1 idle stibee-syncd");
}

TEST_F(SourceRead, GivesNullAndEqualKeysToTheCallerLastAndSideBySide) {
  sql("CREATE TABLE members (id text, email text); INSERT INTO members VALUES "
      "('b','1'),(NULL,'2'),('a','3'),('b','4')");
  const auto delivered = read(plan_for("members"));
  ASSERT_EQ(delivered.rows.size(), 4U);
  EXPECT_EQ(delivered.rows[0], "a\t3");
  EXPECT_EQ(delivered.rows[1].substr(0, 2), "b\t");
  EXPECT_EQ(delivered.rows[2].substr(0, 2), "b\t");
  EXPECT_EQ(delivered.rows[3], "\\N\t2");
}

}  // namespace
}  // namespace stibee_sync::source
