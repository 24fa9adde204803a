#include "reading.hpp"

// What is found out beside whether a table can be read: keys that are none, policies that hide rows, columns
// that nobody reads.

namespace stibee_sync::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SourceFindings : public SourceTest {
 protected:
  ReadShape described(const ReadPlan& plan) {
    auto result = reader_->describe(plan);
    if (auto* error = std::get_if<SourceError>(&result)) {
      ADD_FAILURE() << error->message;
      return {};
    }
    return std::get<ReadShape>(result);
  }
  std::string key_problem(const ReadPlan& plan) {
    const auto error = reader_->check_key(plan);
    return error ? error->message : "";
  }
};

TEST_F(SourceFindings, AColumnWithTheSameValueTwiceIsNoKey) {
  sql("CREATE TABLE members (id int, email text, gone boolean); INSERT INTO members VALUES (1, 'a', false), "
      "(2, 'b', true), (2, 'c', false)");
  EXPECT_THAT(key_problem(plan_for("members")),
              HasSubstr("column \"id\" has the same value in more than one row"));
  EXPECT_THAT(key_problem(plan_for_query("SELECT * FROM members")), HasSubstr("more than one row"));
  auto some = plan_for("members");
  some.where = "NOT gone -- those who left";
  EXPECT_EQ(key_problem(some), "");
  EXPECT_EQ(reader_->check_key(plan_for("members"))->kind, Kind::NotAsMapped);
}

TEST_F(SourceFindings, AColumnThatIsNullInOneRowIsNoKey) {
  sql("CREATE TABLE members (id int UNIQUE, email text); INSERT INTO members VALUES (1, 'a'), (NULL, 'b')");
  EXPECT_THAT(key_problem(plan_for("members")), HasSubstr("column \"id\" is NULL in some row"));
}

TEST_F(SourceFindings, AKeyThatIsOneIsFine) {
  sql("CREATE TABLE members (id int PRIMARY KEY, email text); INSERT INTO members VALUES (1, 'a'), (2, 'a')");
  EXPECT_EQ(key_problem(plan_for("members")), "");
  EXPECT_EQ(key_problem(plan_for_query("SELECT * FROM members")), "");
  EXPECT_THAT(key_problem(plan_for_query("SELECT m.* FROM members m, generate_series(1, 2)")),
              HasSubstr("more than one row"));
}

TEST_F(SourceFindings, AKeyThatNoIndexKeepsUniqueIsTold) {
  sql("CREATE TABLE good (id int PRIMARY KEY, email text); CREATE TABLE bare (id int NOT NULL, email text); "
      "CREATE TABLE nullable (id int UNIQUE, email text); CREATE TABLE half (id int NOT NULL, email text); "
      "CREATE UNIQUE INDEX ON half (id) WHERE email IS NOT NULL; CREATE VIEW shown AS SELECT * FROM bare");
  EXPECT_FALSE(described(plan_for("good")).lacks_unique_index);
  EXPECT_TRUE(described(plan_for("bare")).lacks_unique_index);
  EXPECT_TRUE(described(plan_for("nullable")).lacks_unique_index);
  EXPECT_TRUE(described(plan_for("half")).lacks_unique_index);
  EXPECT_FALSE(described(plan_for("shown")).lacks_unique_index) << "a view can have none";
  EXPECT_FALSE(described(plan_for_query("SELECT * FROM bare")).lacks_unique_index);
}

TEST_F(SourceFindings, BooleanColumnsAreToldWhetherTheyAreReadOrNot) {
  sql("CREATE TABLE members (id int, email text, email_opt_in boolean, active boolean, name text)");
  EXPECT_THAT(described(plan_for("members")).boolean_columns, ElementsAre("email_opt_in", "active"));
  EXPECT_THAT(described(plan_for("members", {{"email_opt_in", Needs::Boolean}})).boolean_columns,
              ElementsAre("email_opt_in", "active"));
  EXPECT_THAT(described(plan_for_query("SELECT id, email, email_opt_in AS ok FROM members")).boolean_columns,
              ElementsAre("ok"));
}

TEST_F(SourceFindings, RowLevelSecurityThatAppliesToTheRoleIsTold) {
  const auto role = "policed_" + database_;
  const auto boss = "boss_" + database_;
  sql("CREATE ROLE " + role + " LOGIN; CREATE ROLE " + boss +
      "; CREATE TABLE members (id int, email text); ALTER TABLE members ENABLE ROW LEVEL SECURITY; CREATE "
      "TABLE "
      "plain (id int, email text); CREATE VIEW open_view AS SELECT * FROM members; CREATE VIEW boss_view AS "
      "SELECT * FROM members; ALTER VIEW boss_view OWNER TO " +
      boss + "; GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role + ", " + boss);
  reader_ = make_postgres_reader(connection_to(cluster().url(database_, role)));
  EXPECT_THAT(described(plan_for("members")).row_secured, ElementsAre("public.members"));
  EXPECT_THAT(described(plan_for_query("SELECT * FROM Members m")).row_secured,
              ElementsAre("public.members"));
  EXPECT_THAT(described(plan_for("plain")).row_secured, IsEmpty());
  EXPECT_THAT(described(plan_for("open_view")).row_secured, IsEmpty()) << "its owner sees every row";
  EXPECT_THAT(described(plan_for("boss_view")).row_secured, ElementsAre("public.members"));
  sql("ALTER ROLE " + role + " BYPASSRLS");
  EXPECT_THAT(described(plan_for("members")).row_secured, IsEmpty());
  sql("ALTER ROLE " + role + " NOBYPASSRLS; ALTER TABLE members OWNER TO " + role);
  EXPECT_THAT(described(plan_for("members")).row_secured, IsEmpty());
  sql("ALTER TABLE members FORCE ROW LEVEL SECURITY");
  EXPECT_THAT(described(plan_for("members")).row_secured, ElementsAre("public.members"));
}

}  // namespace
}  // namespace stibee_sync::source
