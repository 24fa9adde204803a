#include "integration/source/reading.hpp"
#include "stibee_sync/source/writer.hpp"

#include <future>
#include <thread>

namespace stibee_sync::source {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Scope = WriteFailure::Scope;

const std::string secret_address = "kim.secret@example.com";

class SourceWriteTest : public SourceTest {
 protected:
  SourceWriteTest() {
    sql("CREATE TABLE members (id bigint PRIMARY KEY, email text, email_opt_in boolean NOT NULL DEFAULT "
        "true, "
        "why varchar(40), who text, at timestamptz, local timestamp, name text)");
    sql("INSERT INTO members (id, email) VALUES (1, 'Kim.Secret@Example.com'), (2, 'lee@example.com'), "
        "(3, 'twin@example.com'), (4, 'twin@example.com')");
  }

  static WriteStatement statement(std::string text, std::string event = "unsubscribed") {
    WriteStatement result;
    result.event = std::move(event);
    result.sql = std::move(text);
    result.fields = {"name"};
    result.fields_known = result.event == "updated";
    return result;
  }
  static WriteValues values(const std::string& email, const std::string& key) {
    return {{"email", email},
            {"key", key},
            {"occurred_by", "subscriber"},
            {"reason", "너무 많아요 ' \" \\ :key $1"},
            {"occurred_at", "2025-03-04 05:06:07.089+00"}};
  }
  /// Rows, or -1 and the failure in `failure_`.
  int execute(const std::string& text, const WriteValues& bound, std::string event = "unsubscribed") {
    auto result = writer_->execute(statement(text, std::move(event)), bound);
    if (auto* failure = std::get_if<WriteFailure>(&result)) {
      failure_ = *failure;
      return -1;
    }
    return static_cast<int>(std::get<std::size_t>(result));
  }
  std::string value(const std::string& text) { return cluster().value(text, database_); }
  std::string prepare_error(const std::string& text, std::string event = "unsubscribed") {
    const auto error = writer_->prepare(statement(text, std::move(event)));
    if (!error) return "(fine)";
    failure_.error = *error;
    return error->message;
  }

  std::unique_ptr<Writer> writer_ = make_postgres_writer(connection_to(cluster().url(database_)));
  WriteFailure failure_;
};

TEST_F(SourceWriteTest, StatementRunsWithItsValuesBound) {
  EXPECT_EQ(execute("UPDATE members SET email_opt_in = false, why = :reason, who = :occurred_by, at = "
                    ":occurred_at, local = :occurred_at WHERE lower(email) = :email AND id = :key",
                    values(secret_address, "1")),
            1)
      << failure_.error.message;
  EXPECT_EQ(value("SELECT concat_ws('|', email_opt_in, why, who, at AT TIME ZONE 'UTC', local) FROM members "
                  "WHERE id = 1"),
            "f|너무 많아요 ' \" \\ :key $1|subscriber|2025-03-04 05:06:07.089|2025-03-04 14:06:07.089")
      << "a time without zone is that of source.time_zone";
  EXPECT_EQ(value("SELECT count(*) FROM members WHERE NOT email_opt_in"), "1");
}

TEST_F(SourceWriteTest, KeyTakesTheTypeOfItsColumn) {
  sql("CREATE TABLE u (id uuid PRIMARY KEY, tag varchar(10) UNIQUE, n int DEFAULT 0)");
  sql("INSERT INTO u VALUES ('6f1a2b9c-0000-4000-8000-000000000001', 'a1')");
  auto bound = values("x@example.com", "6F1A2B9C-0000-4000-8000-000000000001");
  EXPECT_EQ(execute("UPDATE u SET n = n + 1 WHERE id = :key", bound), 1) << failure_.error.message;
  bound["key"] = "a1";
  EXPECT_EQ(execute("UPDATE u SET n = n + 1 WHERE tag = :key", bound), 1) << failure_.error.message;
  EXPECT_EQ(execute("UPDATE u SET tag = :key WHERE tag = :key", bound), 1) << "each place its own type";
  bound["key"] = std::nullopt;
  EXPECT_EQ(execute("UPDATE u SET n = n + 1 WHERE id = :key", bound), 0) << "NULL equals nothing";
  bound["key"] = "no number";
  EXPECT_EQ(execute("UPDATE members SET who = 'x' WHERE id = :key", bound), -1);
  EXPECT_EQ(failure_.scope, Scope::Statement);
  EXPECT_THAT(failure_.error.message, Not(HasSubstr("no number")));
}

TEST_F(SourceWriteTest, FieldsOfAnUpdateAreBoundAndMissingOnesAreNull) {
  auto bound = values("lee@example.com", "2");
  bound["field_name"] = std::string("Lee\0 Han", 8);
  const auto text = "UPDATE members SET name = coalesce(:field_name, name) WHERE email = :email";
  EXPECT_EQ(execute(text, bound, "updated"), 1) << failure_.error.message;
  EXPECT_EQ(value("SELECT name FROM members WHERE id = 2"), "Lee Han") << "a NUL does not end the value";
  bound.erase("field_name");
  EXPECT_EQ(execute(text, bound, "updated"), 1);
  EXPECT_EQ(value("SELECT name FROM members WHERE id = 2"), "Lee Han");
}

TEST_F(SourceWriteTest, NoRowIsNoErrorAndManyRowsAreUndone) {
  const auto text = "UPDATE members SET email_opt_in = false WHERE email = :email";
  EXPECT_EQ(execute(text, values("nobody@example.com", "9")), 0);
  EXPECT_EQ(execute(text, values("twin@example.com", "3")), -1);
  EXPECT_EQ(failure_.scope, Scope::ManyRows);
  EXPECT_THAT(failure_.error.message, HasSubstr("matches 2 rows"));
  EXPECT_EQ(value("SELECT count(*) FROM members WHERE NOT email_opt_in"), "0");
  EXPECT_EQ(execute(text, values("lee@example.com", "2")), 1) << "the next one is not disturbed";
}

TEST_F(SourceWriteTest, InsertsFunctionsAndCallsCountAsWell) {
  sql("CREATE TABLE log (email text, reason text)");
  sql("CREATE FUNCTION note(e text) RETURNS int LANGUAGE sql AS 'INSERT INTO log VALUES (e, ''f''); SELECT "
      "1'");
  sql("CREATE PROCEDURE noted(e text) LANGUAGE sql AS 'INSERT INTO log VALUES (e, ''p'')'");
  const auto bound = values("lee@example.com", "2");
  EXPECT_EQ(execute("INSERT INTO log VALUES (:email, :reason)", bound), 1) << failure_.error.message;
  EXPECT_EQ(execute("SELECT note(:email)", bound), 1) << failure_.error.message;
  EXPECT_EQ(execute("CALL noted(:email)", bound), 1) << failure_.error.message;
  EXPECT_EQ(execute("WITH gone AS (DELETE FROM log RETURNING 1) UPDATE members SET who = (SELECT count(*) "
                    "FROM gone)::text WHERE id = :key",
                    bound),
            1)
      << "what counts is the statement itself: " << failure_.error.message;
  EXPECT_EQ(value("SELECT who FROM members WHERE id = 2"), "3");
}

TEST_F(SourceWriteTest, PreparingRunsNothing) {
  sql("CREATE FUNCTION burn() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''ran''; END'");
  EXPECT_EQ(prepare_error("UPDATE members SET who = burn()::text WHERE email = :email"), "(fine)");
  EXPECT_EQ(prepare_error("SELECT burn(), :email"), "(fine)");
  EXPECT_EQ(prepare_error("DELETE FROM members WHERE email = :email;  -- gone"), "(fine)");
  sql("CREATE PROCEDURE p(e text) LANGUAGE sql AS 'DELETE FROM members WHERE email = e'");
  EXPECT_EQ(prepare_error("CALL p(:email)"), "(fine)");
  EXPECT_EQ(value("SELECT count(*) FROM members"), "4");
}

TEST_F(SourceWriteTest, PreparingNamesWhatIsWrongAndWhere) {
  EXPECT_THAT(
      prepare_error("UPDATE members SET a = 1\nWHERE emial = :email"),
      HasSubstr("the statement of `unsubscribed` does not work at line 2, column 7: column \"emial\""));
  EXPECT_EQ(failure_.error.kind, Kind::NotAsMapped);
  EXPECT_THAT(prepare_error("UPDATE members SET at = :occurred_at\nWHERE emial = :email"),
              HasSubstr("line 2, column 7: column \"emial\" does not exist"));
  EXPECT_THAT(prepare_error("UPDATE membres SET who = 'x' WHERE id = :key"), HasSubstr("\"membres\""));
  EXPECT_THAT(prepare_error("UPDATE members SET who = 1; SELECT :key"), HasSubstr("several statements"));
  EXPECT_THAT(prepare_error("SELECT count(:reason IS NULL)"), HasSubstr(":reason"));
  EXPECT_THAT(prepare_error("UPDATE members SET who = 1 WHERE id = :kye"), HasSubstr("did you mean :key?"));
  EXPECT_THAT(prepare_error("UPDATE members SET who = 'x'"), HasSubstr("names no parameter"));
  EXPECT_EQ(failure_.error.kind, Kind::NotAsMapped);
}

TEST_F(SourceWriteTest, MissingPrivilegesAreFoundByPreparing) {
  sql("DROP ROLE IF EXISTS write_reader");
  sql("CREATE ROLE write_reader LOGIN");
  sql("GRANT SELECT ON members TO write_reader");
  writer_ = make_postgres_writer(connection_to(cluster().url(database_, "write_reader")));
  const auto text = "UPDATE members SET email_opt_in = false WHERE email = :email";
  EXPECT_THAT(prepare_error(text), HasSubstr("GRANT"));
  EXPECT_EQ(failure_.error.kind, Kind::Refused);
  EXPECT_EQ(execute(text, values("lee@example.com", "2")), -1);
  EXPECT_EQ(failure_.scope, Scope::Statement);
  EXPECT_EQ(failure_.error.kind, Kind::Refused);
  sql("GRANT UPDATE (email_opt_in) ON members TO write_reader");
  EXPECT_EQ(prepare_error(text), "(fine)");
  EXPECT_EQ(execute(text, values("lee@example.com", "2")), 1) << failure_.error.message;
  sql("DROP OWNED BY write_reader; DROP ROLE write_reader");
}

TEST_F(SourceWriteTest, ErrorsRepeatNothingOfTheRow) {
  sql("CREATE UNIQUE INDEX ON members (who); UPDATE members SET who = 'lee.han@example.com' WHERE id = 2");
  sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN RAISE EXCEPTION ''no % here'', NEW.email; END'");
  sql("CREATE TRIGGER refuse BEFORE UPDATE ON members FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION "
      "refuse()");
  for (const auto* text : {"UPDATE members SET who = 'lee.han@example.com' WHERE id = 3 AND :email = :email",
                           "UPDATE members SET who = 'x' WHERE id = 1 AND :email = :email",
                           "UPDATE members SET why = repeat(:email, 9) WHERE id = 2",
                           "UPDATE members SET at = :email::timestamptz WHERE id = 2"}) {
    EXPECT_EQ(execute(text, values(secret_address, "1")), -1) << text;
    EXPECT_EQ(failure_.scope, Scope::Statement) << failure_.error.message;
    EXPECT_THAT(failure_.error.message, Not(HasSubstr("@")));
    EXPECT_THAT(failure_.error.message, Not(HasSubstr("secret")));
    EXPECT_THAT(failure_.error.message, HasSubstr("SQLSTATE"));
  }
}

TEST_F(SourceWriteTest, DeferredConstraintFailsTheCommitAndNothingIsKept) {
  sql("CREATE TABLE grades (id int PRIMARY KEY); ALTER TABLE members ADD grade int REFERENCES grades "
      "DEFERRABLE INITIALLY DEFERRED");
  EXPECT_EQ(execute("UPDATE members SET grade = 7 WHERE id = :key", values("lee@example.com", "2")), -1);
  EXPECT_EQ(failure_.scope, Scope::Statement);
  EXPECT_EQ(failure_.error.sqlstate, "23503");
  EXPECT_EQ(value("SELECT count(grade) FROM members"), "0");
}

TEST_F(SourceWriteTest, SlowStatementEndsInATimeOutOfItsOwn) {
  auto connection = connection_to(cluster().url(database_));
  connection.statement_timeout = std::chrono::seconds(1);
  writer_ = make_postgres_writer(connection);
  EXPECT_EQ(execute("UPDATE members SET who = pg_sleep(60)::text WHERE id = :key", values("", "2")), -1);
  EXPECT_EQ(failure_.scope, Scope::Statement);
  EXPECT_EQ(failure_.error.sqlstate, "57014");
  EXPECT_EQ(execute("UPDATE members SET who = 'x' WHERE id = :key", values("", "2")), 1);
}

TEST_F(SourceWriteTest, RoleThatIsReadOnlyByDefaultWritesAllTheSame) {
  writer_ = make_postgres_writer(
      connection_to(cluster().url(database_) + "&options=-c%20default_transaction_read_only%3Don"));
  EXPECT_EQ(execute("UPDATE members SET who = 'x' WHERE id = :key", values("", "2")), 1)
      << failure_.error.message;
}

TEST_F(SourceWriteTest, ServerThatIsGoneIsTheDatabasesTroubleAndComesBack) {
  PostgresCluster own;
  const auto database = own.create_database();
  own.execute("CREATE TABLE m (id int); INSERT INTO m VALUES (1)", database);
  writer_ = make_postgres_writer(connection_to(own.url(database)));
  const auto text = "UPDATE m SET id = id WHERE id = :key";
  EXPECT_EQ(execute(text, values("", "1")), 1) << failure_.error.message;
  own.stop();
  EXPECT_EQ(execute(text, values("", "1")), -1);
  EXPECT_EQ(failure_.scope, Scope::Database);
  EXPECT_EQ(failure_.error.kind, Kind::Unreachable);
  EXPECT_EQ(execute(text, values("", "1")), -1);
  own.start();
  EXPECT_EQ(execute(text, values("", "1")), 1) << failure_.error.message;
  own.restart();
  EXPECT_EQ(execute(text, values("", "1")), 1) << "a session that ended while idle is replaced";
}

TEST_F(SourceWriteTest, CancelEndsARunningStatement) {
  auto running = std::async(std::launch::async, [&] {
    return execute("UPDATE members SET who = pg_sleep(60)::text WHERE id = :key", values("", "2"));
  });
  // Until it runs there is nothing to cancel.
  while (
      value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)::text WHERE id = $1' AND "
            "state = 'active'") == "0")
    std::this_thread::yield();
  writer_->cancel();
  EXPECT_EQ(running.get(), -1);
  EXPECT_EQ(failure_.scope, Scope::Cancelled);
  EXPECT_EQ(execute("UPDATE members SET who = 'after' WHERE id = :key", values("", "1")), 1);
}

}  // namespace
}  // namespace stibee_sync::source
