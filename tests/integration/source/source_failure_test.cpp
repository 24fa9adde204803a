#include "reading.hpp"

#include <chrono>
#include <fstream>
#include <future>
#include <signal.h>
#include <stdexcept>
#include <thread>

namespace stibee_sync::source {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

constexpr int many = 50'000;  // rows: far more than any buffer between the server and the sink holds

class SourceFailure : public SourceTest {
 protected:
  void fill(int rows = many) {
    sql("CREATE TABLE members (id int PRIMARY KEY, email text); INSERT INTO members SELECT i, repeat('x', "
        "90) || i "
        "FROM generate_series(1, " +
        std::to_string(rows) + ") i");
  }
  /// Statements of the reader's session, as the server sees it.
  std::string sessions(const std::string& what) {
    return cluster().value("SELECT " + what + " FROM pg_stat_activity WHERE datname = '" + database_ +
                           "' AND application_name = 'stibee-syncd'");
  }
};

TEST_F(SourceFailure, ABackendKilledInTheMiddleIsNeverATrueEnd) {
  fill();
  std::size_t rows = 0;
  const auto result = reader_->read(
      plan_for("members"), [](const ReadShape&) {},
      [&](std::string_view) {
        if (++rows == 10) sessions("pg_terminate_backend(pid, 10000)");
      });
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).kind, Kind::Unreachable);
  EXPECT_LT(rows, std::size_t{many});
  EXPECT_FALSE(reader_->connected());
  EXPECT_EQ(read(plan_for("members")).rows.size(), std::size_t{many});
}

TEST_F(SourceFailure, ABackendKilledBeforeItsFirstRowIsNoEmptyTable) {
  fill(10);
  const auto result = reader_->read(
      plan_for("members"), [&](const ReadShape&) { sessions("pg_terminate_backend(pid, 10000)"); },
      [](std::string_view) {});
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).kind, Kind::Unreachable);
}

TEST_F(SourceFailure, AServerThatCrashesInTheMiddleIsNeverATrueEnd) {
  PostgresCluster own;
  own.execute(
      "CREATE TABLE members AS SELECT i AS id, repeat('x', 90) AS email FROM generate_series(1, 50000) i");
  const auto reader = make_postgres_reader(connection_to(own.url()));
  std::size_t rows = 0;
  auto result = reader->read(
      plan_for("members"), [](const ReadShape&) {},
      [&](std::string_view) {
        if (++rows == 10) own.kill();
      });
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).kind, Kind::Unreachable);
  EXPECT_EQ(read_all(*reader, plan_for("members")).error().kind, Kind::Unreachable);
  own.start();
  EXPECT_EQ(read_all(*reader, plan_for("members")).rows.size(), 50'000U);
}

TEST_F(SourceFailure, AConnectionCutWithoutAWordIsNeverATrueEnd) {
  PostgresCluster own;
  own.execute(
      "CREATE TABLE members AS SELECT i AS id, repeat('x', 90) AS email FROM generate_series(1, 50000) i");
  const auto reader = make_postgres_reader(connection_to(own.url()));
  std::size_t rows = 0;
  const auto result = reader->read(
      plan_for("members"), [](const ReadShape&) {},
      [&](std::string_view) {
        if (++rows != 10) return;
        const auto backend =
            own.value("SELECT pid FROM pg_stat_activity WHERE application_name = 'stibee-syncd'");
        ASSERT_EQ(::kill(std::stoi(backend), SIGKILL), 0);
      });
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).kind, Kind::Unreachable);
  EXPECT_THAT(std::get<SourceError>(result).message, HasSubstr("was lost"));
}

TEST_F(SourceFailure, ARestartBetweenTwoReadsIsNotNoticed) {
  PostgresCluster own;
  own.execute("CREATE TABLE members AS SELECT 1 AS id, 'a'::text AS email");
  const auto reader = make_postgres_reader(connection_to(own.url()));
  ASSERT_TRUE(read_all(*reader, plan_for("members")).complete());
  own.restart();
  const auto delivered = read_all(*reader, plan_for("members"));
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
}

TEST_F(SourceFailure, TheStatementTimeOutEndsAReadAsUnreachable) {
  fill(10);
  auto connection = connection_to(cluster().url(database_));
  connection.statement_timeout = 1s;
  const auto reader = make_postgres_reader(connection);
  const auto delivered = read_all(*reader, plan_for_query("SELECT id, email FROM members, pg_sleep(60)"));
  ASSERT_FALSE(delivered.complete());
  EXPECT_EQ(delivered.error().kind, Kind::Unreachable);
  EXPECT_EQ(delivered.error().sqlstate, "57014");
  EXPECT_THAT(delivered.error().message, HasSubstr("time-out of 1 s"));
}

TEST_F(SourceFailure, AnAdministratorsCancelIsNoTrueEnd) {
  fill();
  std::size_t rows = 0;
  const auto result = reader_->read(
      plan_for("members"), [](const ReadShape&) {},
      [&](std::string_view) {
        if (++rows == 10) sessions("pg_cancel_backend(pid)");
      });
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).kind, Kind::Failed);
  EXPECT_EQ(std::get<SourceError>(result).sqlstate, "57014");
}

TEST_F(SourceFailure, AFailureOnTheLastRowIsNoTrueEnd) {
  fill(1000);
  const auto delivered =
      read(plan_for_query("SELECT id, email, 1 / (1000 - id) AS n FROM members", {{"n", Needs::Any}}));
  ASSERT_FALSE(delivered.complete());
  EXPECT_EQ(delivered.error().kind, Kind::Failed);
  EXPECT_EQ(delivered.error().sqlstate, "22012");
}

TEST_F(SourceFailure, CancelFromAnotherThreadEndsAReadThatWaitsForTheServer) {
  fill(10);
  std::promise<void> streaming;
  std::thread canceller([&, begun = streaming.get_future()] {
    begun.wait();
    reader_->cancel();
  });
  const auto start = steady_clock::now();
  const auto result = reader_->read(
      plan_for_query("SELECT id, email FROM members, pg_sleep(60)"),
      [&](const ReadShape&) { streaming.set_value(); }, [](std::string_view) {});
  canceller.join();
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).kind, Kind::Cancelled);
  EXPECT_LT(steady_clock::now() - start, 10s);
  // Neither does the server go on: it ends the session as soon as its sleep is cancelled.
  const auto deadline = steady_clock::now() + 10s;
  while (sessions("count(*)") != "0" && steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(sessions("count(*)"), "0");
}

TEST_F(SourceFailure, CancelWithoutARunningReadHasNoEffect) {
  fill(10);
  reader_->cancel();
  EXPECT_TRUE(read(plan_for("members")).complete());
  reader_->cancel();
  EXPECT_TRUE(read(plan_for("members")).complete());
}

TEST_F(SourceFailure, WhatTheSinkThrowsPassesThroughAtOnce) {
  fill();
  std::size_t rows = 0;
  const auto start = steady_clock::now();
  EXPECT_THROW(reader_->read(
                   plan_for("members"), [](const ReadShape&) {},
                   [&](std::string_view) {
                     if (++rows == 10) throw std::runtime_error("enough");
                   }),
               std::runtime_error);
  EXPECT_EQ(rows, 10U);
  EXPECT_LT(steady_clock::now() - start, 5s);
  EXPECT_FALSE(reader_->connected());
  EXPECT_THROW(
      reader_->read(plan_for("members"), [](const ReadShape&) { throw 7; }, [](std::string_view) {}), int);
  EXPECT_EQ(read(plan_for("members")).rows.size(), std::size_t{many});
}

TEST_F(SourceFailure, ATableThatChangesBetweenReadsIsNoticed) {
  fill(10);
  ASSERT_TRUE(read(plan_for("members")).complete());
  sql("ALTER TABLE members RENAME COLUMN email TO mail");
  const auto renamed = read(plan_for("members"));
  EXPECT_EQ(renamed.error().kind, Kind::NotAsMapped);
  EXPECT_THAT(renamed.error().message, HasSubstr("did you mean mail?"));
  sql("ALTER TABLE members RENAME COLUMN mail TO email; ALTER TABLE members ALTER COLUMN email TYPE jsonb "
      "USING to_jsonb(email)");
  EXPECT_THAT(read(plan_for("members")).error().message, HasSubstr("is jsonb"));
}

TEST_F(SourceFailure, AStandbySaysThatItIsOne) {
  PostgresCluster own;
  own.execute("CREATE TABLE members AS SELECT 1 AS id, 'a'::text AS email");
  const auto reader = make_postgres_reader(connection_to(own.url()));
  const auto before = read_all(*reader, plan_for("members"));
  ASSERT_TRUE(before.complete()) << before.error().message;

  own.stop();
  std::ofstream(own.directory() + "/data/standby.signal").close();
  own.start();
  auto delivered = read_all(*reader, plan_for("members"));
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
  EXPECT_TRUE(delivered.report().shape.in_recovery);
  EXPECT_EQ(delivered.report().shape.server_identity, before.report().shape.server_identity);

  // Promoted, it is another timeline; the open connection notices too.
  own.execute("SELECT pg_promote()");
  delivered = read_all(*reader, plan_for("members"));
  ASSERT_TRUE(delivered.complete()) << delivered.error().message;
  EXPECT_FALSE(delivered.report().shape.in_recovery);
  EXPECT_TRUE(delivered.report().shape.server_identity.ends_with("/2"));
}

TEST_F(SourceFailure, AStandbyThatFellBehindIsUntrusted) {
  PostgresCluster own;
  // A clock that a test can set: what was replayed last is an hour old.
  own.execute(
      "CREATE TABLE members AS SELECT 1 AS id, 'a'::text AS email;"
      "CREATE OR REPLACE FUNCTION pg_catalog.pg_last_xact_replay_timestamp() RETURNS timestamptz LANGUAGE "
      "sql AS "
      "$$ SELECT now() - interval '1 hour' $$");
  const auto reader = make_postgres_reader(connection_to(own.url()));
  EXPECT_TRUE(read_all(*reader, plan_for("members")).complete());
  own.stop();
  std::ofstream(own.directory() + "/data/standby.signal").close();
  own.start();
  const auto delivered = read_all(*reader, plan_for("members"));
  EXPECT_EQ(delivered.error().kind, Kind::Untrusted);
  EXPECT_THAT(delivered.error().message, HasSubstr("60 minutes behind"));
  EXPECT_TRUE(delivered.rows.empty());
}

}  // namespace
}  // namespace stibee_sync::source
