#include "reading.hpp"
#include "stibee_sync/source/writer.hpp"

#include <chrono>
#include <signal.h>
#include <thread>

// A server or a table that is away, and one that says nothing.

namespace stibee_sync::source {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SourceAway : public SourceTest {
 protected:
  Connection impatient() {
    auto connection = connection_to(cluster().url(database_));
    connection.longest_silence = 1s;
    connection.lock_timeout = 300ms;
    return connection;
  }
  /// The one value that the server tells of our session.
  std::string session(const std::string& what) {
    return cluster().value("SELECT " + what + " FROM pg_stat_activity WHERE datname = '" + database_ +
                           "' AND application_name = 'stibee-syncd'");
  }
};

/// Stops a backend until it goes out of scope.
class Stopped {
 public:
  explicit Stopped(const std::string& pid) : pid_(std::stoi(pid)) { EXPECT_EQ(::kill(pid_, SIGSTOP), 0); }
  ~Stopped() { ::kill(pid_, SIGCONT); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

 private:
  pid_t pid_;
};

TEST_F(SourceAway, ABackendThatHangsInTheMiddleOfAReadIsGivenUp) {
  sql("CREATE TABLE members AS SELECT i AS id, repeat('x', 90) || i AS email FROM generate_series(1, 200000) "
      "i");
  const auto reader = make_postgres_reader(impatient());
  std::size_t rows = 0;
  std::optional<Stopped> stopped;
  const auto start = steady_clock::now();
  const auto result = reader->read(
      plan_for("members"), [](const ReadShape&) {},
      [&](std::string_view) {
        if (++rows == 10) stopped.emplace(session("pid"));
      });
  EXPECT_LT(steady_clock::now() - start, 20s);
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).kind, Kind::Unreachable);
  EXPECT_THAT(std::get<SourceError>(result).message, HasSubstr("sent nothing for 1 s"));
  EXPECT_FALSE(reader->connected());
  stopped.reset();
  EXPECT_TRUE(read_all(*reader, plan_for("members")).complete());
}

TEST_F(SourceAway, ABackendThatHangsBetweenTwoReadsIsGivenUp) {
  sql("CREATE TABLE members AS SELECT 1 AS id, 'a'::text AS email");
  const auto reader = make_postgres_reader(impatient());
  ASSERT_TRUE(read_all(*reader, plan_for("members")).complete());
  const Stopped stopped(session("pid"));
  const auto described = reader->describe(plan_for("members"));
  ASSERT_TRUE(std::holds_alternative<SourceError>(described));
  EXPECT_EQ(std::get<SourceError>(described).kind, Kind::Unreachable);
  EXPECT_THAT(std::get<SourceError>(described).message, HasSubstr("sent nothing"));
  EXPECT_TRUE(read_all(*reader, plan_for("members")).complete()) << "on a connection of its own";
}

TEST_F(SourceAway, AWriteThatHangsIsGivenUp) {
  sql("CREATE TABLE members AS SELECT 1 AS id, 'a'::text AS email");
  const auto writer = make_postgres_writer(impatient());
  WriteStatement statement;
  statement.event = "unsubscribed";
  statement.sql = "UPDATE members SET email = email WHERE email = :email";
  ASSERT_TRUE(std::holds_alternative<std::size_t>(writer->execute(statement, {{"email", "a"}})));
  const Stopped stopped(session("pid"));
  const auto written = writer->execute(statement, {{"email", "a"}});
  ASSERT_TRUE(std::holds_alternative<WriteFailure>(written));
  EXPECT_EQ(std::get<WriteFailure>(written).scope, WriteFailure::Scope::Database);
  EXPECT_THAT(std::get<WriteFailure>(written).error.message, HasSubstr("sent nothing for 1 s"));
}

TEST_F(SourceAway, ASinkThatTakesLongIsNoSilenceOfTheServer) {
  sql("CREATE TABLE members AS SELECT i AS id, 'a'::text AS email FROM generate_series(1, 12) i");
  const auto reader = make_postgres_reader(impatient());
  std::size_t rows = 0;
  const auto start = steady_clock::now();
  const auto result = reader->read(
      plan_for("members"), [](const ReadShape&) {},
      [&](std::string_view) {
        // Longer than the server may be silent.
        while (rows == 5 && steady_clock::now() - start < 1500ms)
          std::this_thread::yield();
        ++rows;
      });
  EXPECT_TRUE(std::holds_alternative<ReadReport>(result));
  EXPECT_EQ(rows, 12U);
}

TEST_F(SourceAway, AForeignServerThatIsAwayIsNamedAsAway) {
  sql("CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host "
      "'127.0.0.1', port '1', dbname 'shop'); CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'u', "
      "password 'p'); CREATE FOREIGN TABLE members (id int, email text) SERVER far OPTIONS (table_name "
      "'members'); CREATE VIEW v AS SELECT * FROM members");
  for (auto plan : {plan_for("members"), plan_for("v"), plan_for_query("SELECT * FROM members")}) {
    for (const bool with_condition : {false, true}) {
      if (with_condition && plan.table.empty()) continue;
      if (with_condition) plan.where = "email <> ''";
      const auto described = describe_error(plan);
      EXPECT_EQ(described.kind, Kind::Unreachable) << described.message;
      EXPECT_THAT(described.message,
                  AllOf(HasSubstr("foreign server"), HasSubstr("cannot be reached"), Not(HasSubstr("$1"))));
      const auto delivered = read(plan);
      EXPECT_EQ(delivered.error().kind, Kind::Unreachable);
      EXPECT_THAT(delivered.error().message, HasSubstr("foreign server"));
    }
  }
}

TEST_F(SourceAway, AParameterInAQueryIsStillNamed) {
  sql("CREATE TABLE members (id int, email text)");
  EXPECT_THAT(describe_error(plan_for_query("SELECT * FROM members WHERE id = $1")).message,
              HasSubstr("it holds a parameter such as $1"));
}

TEST_F(SourceAway, ATableThatSomebodyAltersIsNotWaitedForLongAndReadAfterwards) {
  sql("CREATE TABLE members AS SELECT 1 AS id, 'a'::text AS email");
  const auto reader = make_postgres_reader(impatient());
  std::thread alter([this] {
    try {
      cluster().execute("BEGIN; ALTER TABLE members ADD COLUMN name text; SELECT pg_sleep(60)", database_);
    } catch (const std::runtime_error&) {
      // Ended from outside.
    }
  });
  const auto locks = [this](const std::string& what) {
    return cluster().value("SELECT " + what +
                               " FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = "
                               "'members'::regclass",
                           database_);
  };
  while (locks("count(*)") == "0")
    std::this_thread::yield();
  const auto start = steady_clock::now();
  const auto described = reader->describe(plan_for("members"));
  const auto delivered = read_all(*reader, plan_for("members"));
  EXPECT_LT(steady_clock::now() - start, 20s);
  locks("pg_terminate_backend(pid)");
  alter.join();
  ASSERT_TRUE(std::holds_alternative<SourceError>(described));
  for (const auto& error : {std::get<SourceError>(described), delivered.error()}) {
    EXPECT_EQ(error.kind, Kind::Unreachable);
    EXPECT_THAT(error.message, HasSubstr("locked by another session"));
  }
  EXPECT_TRUE(read_all(*reader, plan_for("members")).complete());
}

TEST_F(SourceAway, AMaterialisedViewThatWasNeverFilledIsNamedWithTheCure) {
  sql("CREATE TABLE people (id int, email text); CREATE MATERIALIZED VIEW members AS SELECT * FROM people "
      "WITH NO DATA");
  const auto error = describe_error(plan_for("members"));
  EXPECT_EQ(error.kind, Kind::NotAsMapped);
  EXPECT_THAT(error.message, AllOf(HasSubstr("public.members"), HasSubstr("has never been filled"),
                                   HasSubstr("REFRESH MATERIALIZED VIEW public.members")));
  const auto of_query = describe_error(plan_for_query("SELECT * FROM members"));
  EXPECT_EQ(of_query.kind, Kind::NotAsMapped);
  EXPECT_THAT(of_query.message, HasSubstr("REFRESH MATERIALIZED VIEW"));
  sql("REFRESH MATERIALIZED VIEW members");
  EXPECT_TRUE(read(plan_for("members")).complete());
}

}  // namespace
}  // namespace stibee_sync::source
