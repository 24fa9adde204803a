#include "reading.hpp"

namespace stibee_sync::source {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SourceMapping : public SourceTest {};

TEST_F(SourceMapping, EachNeedAcceptsItsTypesAndNamesACureForOthers) {
  sql("CREATE EXTENSION IF NOT EXISTS citext; CREATE TYPE grade AS ENUM ('gold', 'silver');"
      "CREATE TABLE members (id int, email text, ci citext, vc varchar(9), bp char(5), nu numeric, en grade, "
      "ens grade[],"
      " ta text[], va varchar[], ia int[], bo boolean, ts timestamp, tz timestamptz, da date, uu uuid, js "
      "jsonb, ba bytea)");
  struct Case {
    Needs needs;
    std::vector<const char*> fine;
    std::vector<const char*> refused;
    const char* cure;
  };
  const std::vector<Case> cases{
      {Needs::Key, {"id", "email", "vc", "uu"}, {"ci", "bp", "nu", "en", "tz", "js", "ta"}, "::text"},
      {Needs::Text, {"email", "vc", "ci", "bp"}, {"id", "nu", "js", "ta", "ba"}, "::text"},
      {Needs::Boolean, {"bo"}, {"id", "email", "en"}, "= 'Y'"},
      {Needs::TimestampTz, {"tz"}, {"ts", "da", "email"}, "`query`"},
      {Needs::Groups, {"email", "vc", "ci", "en", "ens", "ta", "va"}, {"id", "ia", "js", "bp"}, "`query`"},
      {Needs::Any, {"id", "bo", "ts", "da", "js", "ba", "nu", "ia", "en"}, {}, ""}};
  for (const auto& [needs, fine, refused, cure] : cases) {
    for (const auto* column : fine) {
      auto plan = plan_for("members");
      plan.columns.insert(plan.columns.begin() + (needs == Needs::Key ? 0 : 2), column);
      plan.needs.insert(plan.needs.begin() + (needs == Needs::Key ? 0 : 2), needs);
      EXPECT_TRUE(std::holds_alternative<ReadShape>(reader_->describe(plan)))
          << column << ": " << describe_error(plan).message;
    }
    for (const auto* column : refused) {
      const auto error = describe_error(plan_for("members", {{column, needs}}));
      EXPECT_EQ(error.kind, Kind::NotAsMapped) << column;
      EXPECT_THAT(error.message, AllOf(HasSubstr(std::string(column) + "\""), HasSubstr(cure)));
      EXPECT_LE(error.message.size(), 300U);
    }
  }
  EXPECT_THAT(describe_error(plan_for("members", {{"ts", Needs::TimestampTz}})).message,
              AllOf(HasSubstr("timestamp without time zone"), HasSubstr("\"ts\" AT TIME ZONE 'Asia/Seoul'")));
}

TEST_F(SourceMapping, AMissingTableIsNamedWithThoseNearIt) {
  sql("CREATE TABLE members (id int, email text); CREATE SCHEMA shop; CREATE TABLE shop.customers (id int, "
      "email text)");
  auto error = describe_error(plan_for("memebrs"));
  EXPECT_EQ(error.kind, Kind::NotAsMapped);
  EXPECT_THAT(error.message, AllOf(HasSubstr("memebrs"), HasSubstr("did you mean members?")));
  EXPECT_THAT(describe_error(plan_for("customers")).message, HasSubstr("there is shop.customers"));
  EXPECT_THAT(describe_error(plan_for("shop.customer")).message, HasSubstr("did you mean shop.customers?"));
  EXPECT_THAT(describe_error(plan_for("a.b.c")).message, HasSubstr("schema.table"));
  EXPECT_THAT(describe_error(plan_for("members; DROP TABLE members")).message, HasSubstr("does not exist"));
  EXPECT_THAT(describe_error(plan_for("pg_class; --")).message, HasSubstr("does not exist"));
}

TEST_F(SourceMapping, AMissingColumnIsNamedWithThoseNearIt) {
  sql("CREATE TABLE members (id int, email_address text, phone text)");
  auto plan = plan_for("members");
  plan.columns[1] = "emailaddress";
  auto error = describe_error(plan);
  EXPECT_EQ(error.kind, Kind::NotAsMapped);
  EXPECT_THAT(error.message, AllOf(HasSubstr("\"emailaddress\" does not exist in public.members"),
                                   HasSubstr("did you mean email_address?")));
  plan.columns[1] = "zzz";
  EXPECT_THAT(describe_error(plan).message, HasSubstr("it has id, email_address or phone"));
  plan.columns[1] = "email_address\" FROM members; DROP TABLE members; --";
  EXPECT_EQ(describe_error(plan).kind, Kind::NotAsMapped);
  EXPECT_THAT(describe_error(plan_for_query("SELECT id, phone FROM members")).message,
              HasSubstr("\"email\" does not exist in `query`"));
}

TEST_F(SourceMapping, AMissingPrivilegeComesWithTheGrantToPaste) {
  const auto role = "mirror_" + database_;
  sql("CREATE SCHEMA shop; CREATE TABLE shop.\"Members\" (id int, email text, phone text); CREATE ROLE " +
      role + " LOGIN");
  const auto reader = make_postgres_reader(connection_to(cluster().url(database_, role)));
  const auto error_of = [&](const ReadPlan& plan) {
    auto result = reader->describe(plan);
    return std::holds_alternative<SourceError>(result) ? std::get<SourceError>(result) : SourceError{};
  };
  const auto plan = plan_for("shop.Members", {{"phone", Needs::Any}});
  auto error = error_of(plan);
  EXPECT_EQ(error.kind, Kind::Refused);
  EXPECT_THAT(error.message, HasSubstr("GRANT USAGE ON SCHEMA shop TO " + role +
                                       "; GRANT SELECT ON shop.\"Members\" TO " + role + ";"));

  sql("GRANT USAGE ON SCHEMA shop TO " + role);
  error = error_of(plan);
  EXPECT_EQ(error.kind, Kind::Refused);
  EXPECT_EQ(error.sqlstate, "42501");
  EXPECT_THAT(error.message, HasSubstr("GRANT SELECT ON shop.\"Members\" TO " + role + ";"));
  EXPECT_EQ(error_of(plan_for_query("SELECT id, email FROM shop.\"Members\"")).kind, Kind::Refused);

  // Rights on the mapped columns are enough, until `where` looks at another.
  sql("GRANT SELECT (id, email) ON shop.\"Members\" TO " + role);
  EXPECT_THAT(error_of(plan).message, HasSubstr("\"phone\""));
  auto narrow = plan_for("shop.Members");
  EXPECT_TRUE(std::holds_alternative<ReadShape>(reader->describe(narrow)));
  narrow.where = "phone IS NOT NULL";
  EXPECT_EQ(error_of(narrow).kind, Kind::Refused);
  EXPECT_THAT(error_of(narrow).message, HasSubstr("GRANT SELECT"));
}

TEST_F(SourceMapping, ABrokenQueryIsReportedWithItsPlaceButNotItsData) {
  sql("CREATE TABLE members (id int, email text)");
  auto error =
      describe_error(plan_for_query("SELECT id, email\nFORM members WHERE email <> 'kim@example.com'"));
  EXPECT_EQ(error.kind, Kind::NotAsMapped);
  EXPECT_EQ(error.sqlstate, "42601");
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("line 2, column 6"), HasSubstr("syntax error"), Not(HasSubstr("kim"))));

  error = describe_error(plan_for_query("SELECT id, email FROM members WHERE 'kim@example.com'"));
  EXPECT_THAT(error.message, AllOf(HasSubstr("`query`"), Not(HasSubstr("kim"))));

  error = describe_error(plan_for_query("SELECT id, emial AS email FROM members"));
  EXPECT_EQ(error.sqlstate, "42703");
  EXPECT_THAT(error.message, AllOf(HasSubstr("\"emial\""), HasSubstr("line 1, column 12")));

  EXPECT_THAT(describe_error(plan_for_query("SELECT id, email, email FROM members")).message,
              HasSubstr("2 columns named \"email\""));
  EXPECT_THAT(describe_error(plan_for_query(" -- nothing")).message, HasSubstr("empty"));
}

TEST_F(SourceMapping, SeveralStatementsAreRefusedHoweverTheyAreHidden) {
  sql("CREATE TABLE members (id int, email text)");
  EXPECT_THAT(
      describe_error(
          plan_for_query(
              "SELECT id, email FROM members) AS source; DROP TABLE members; SELECT * FROM (SELECT 1"))
          .message,
      HasSubstr("several statements"));
  for (const auto* query :
       {"SELECT id, email FROM members; DROP TABLE members", "DELETE FROM members RETURNING id, email",
        "WITH gone AS (DELETE FROM members RETURNING *) SELECT * FROM gone",
        "SELECT id, email FROM members) TO STDOUT; DROP TABLE members; --", "COPY members TO STDOUT",
        "SELECT id, email FROM members FOR UPDATE"}) {
    const auto error = describe_error(plan_for_query(query));
    EXPECT_EQ(error.kind, Kind::NotAsMapped) << query << ": " << error.message;
  }
  auto plan = plan_for("members");
  for (const auto* where : {"true); DROP TABLE members; --",
                            "true) TO STDOUT; DROP TABLE members; SELECT (true", "id = $1", "nope > 1"}) {
    plan.where = where;
    const auto error = describe_error(plan);
    EXPECT_EQ(error.kind, Kind::NotAsMapped) << where;
    EXPECT_THAT(error.message, HasSubstr("`where`")) << where;
  }
  EXPECT_EQ(cluster().value("SELECT count(*) FROM pg_class WHERE relname = 'members'", database_), "1");
}

TEST_F(SourceMapping, AQueryThatWritesIsRefused) {
  sql("CREATE TABLE members (id int, email text); INSERT INTO members VALUES (1, 'a'); CREATE TABLE audit (n "
      "int);"
      "CREATE FUNCTION noting(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (1); "
      "RETURN $1; END $$");
  const auto delivered = read(plan_for_query("SELECT id, noting(email) AS email FROM members"));
  ASSERT_FALSE(delivered.complete());
  EXPECT_EQ(delivered.error().kind, Kind::NotAsMapped);
  EXPECT_EQ(delivered.error().sqlstate, "25006");
  EXPECT_EQ(cluster().value("SELECT count(*) FROM audit", database_), "0");
}

TEST_F(SourceMapping, AFailingExpressionIsReportedWithoutTheRowsValue) {
  sql("CREATE TABLE members (id int, email text, born text); INSERT INTO members VALUES (1, 'a', '1990'), "
      "(2, 'b', 'kim@example.com');"
      "CREATE FUNCTION loud(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'bad row %', $1; "
      "END $$");
  auto delivered =
      read(plan_for_query("SELECT id, email, born::int AS born FROM members", {{"born", Needs::Any}}));
  EXPECT_EQ(delivered.error().kind, Kind::Failed);
  EXPECT_EQ(delivered.error().sqlstate, "22P02");
  EXPECT_THAT(delivered.error().message, Not(HasSubstr("kim")));
  delivered = read(plan_for_query("SELECT id, loud(born) AS email FROM members"));
  EXPECT_EQ(delivered.error().sqlstate, "P0001");
  EXPECT_THAT(delivered.error().message, Not(HasSubstr("1990")));
}

TEST_F(SourceMapping, AnUnknownOrMisleadingTimeZoneIsRefused) {
  sql("CREATE TABLE members (id int, email text)");
  auto plan = plan_for("members");
  for (const auto* zone :
       {"Asia/Seoull", "Seoul", "KST9", "UTC+9", "9", "+09:00", "", "Asia/Seoul'; DROP TABLE members; --"}) {
    plan.time_zone = zone;
    const auto error = describe_error(plan);
    EXPECT_EQ(error.kind, Kind::NotAsMapped) << zone;
    EXPECT_THAT(error.message, HasSubstr("Asia/Seoul")) << zone;
  }
  for (const auto* zone : {"UTC", "Etc/GMT-9", "ROK", "EST5EDT", "America/Argentina/Buenos_Aires"}) {
    plan.time_zone = zone;
    EXPECT_EQ(describe_error(plan).message, "(no error)") << zone;
  }
}

TEST_F(SourceMapping, AnAmbiguousPlanIsRefused) {
  auto plan = plan_for("members");
  plan.query = "SELECT 1";
  EXPECT_THAT(describe_error(plan).message, HasSubstr("either `table` or `query`"));
  plan.table = "";
  plan.where = "true";
  EXPECT_THAT(describe_error(plan).message, HasSubstr("put the condition into `query`"));
}

}  // namespace
}  // namespace stibee_sync::source
