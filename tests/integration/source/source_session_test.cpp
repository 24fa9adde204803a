#include "reading.hpp"
#include "source/failure.hpp"
#include "source/session.hpp"

// What libpqxx runs, and what it does not tell by itself.

namespace stibee_sync::source {
namespace {

using namespace std::chrono_literals;

class SourceSession : public SourceTest {
 protected:
  Connection impatient() {
    auto connection = connection_to(cluster().url(database_));
    connection.longest_silence = 1s;
    return connection;
  }

  Interrupt interrupt_;
};

TEST_F(SourceSession, ARefusalThatSoundsLikeALostConnectionIsARefusal) {
  Session session(connection_to(cluster().url(database_)), interrupt_);
  const auto answer = session.execute("DO $$ BEGIN RAISE 'far away' USING ERRCODE = '08006'; END $$");
  EXPECT_FALSE(answer.succeeded);
  EXPECT_EQ(answer.sqlstate, "08006");
  EXPECT_EQ(answer.text, "far away");
  EXPECT_FALSE(answer.fatal);
  EXPECT_TRUE(session.usable());
}

TEST_F(SourceSession, WhatPostgresqlSaysBeforeItEndsTheConnectionIsHeard) {
  Session session(connection_to(cluster().url(database_)), interrupt_);
  const auto answer = session.execute("SELECT pg_terminate_backend(pg_backend_pid())", {});
  EXPECT_FALSE(answer.succeeded);
  EXPECT_EQ(answer.sqlstate, "57P01");
  EXPECT_TRUE(answer.fatal);
  const auto next = session.execute("SELECT 1");
  EXPECT_FALSE(next.succeeded) << "a lost connection stays lost";
  EXPECT_EQ(next.sqlstate, "");
}

TEST_F(SourceSession, CommandsOfWhichTheLastIsNotAnsweredHaveNotSucceeded) {
  Session session(impatient(), interrupt_);
  // The long answer pushes the one before it out of the server's buffer.
  EXPECT_THROW(session.execute("SELECT 1; SELECT repeat('x', 100000); SELECT pg_sleep(60)"), Failure);
  EXPECT_FALSE(session.usable());
}

TEST_F(SourceSession, AnAnswerHasItsCommandItsCountAndItsRows) {
  Session session(connection_to(cluster().url(database_)), interrupt_);
  session.run("BEGIN; CREATE TABLE t AS SELECT generate_series(1, 3) AS i");
  const auto updated = session.execute("UPDATE t SET i = i + $1::int RETURNING i", {"1"});
  EXPECT_EQ(updated.command, "UPDATE 3");
  EXPECT_EQ(updated.rows, 3U);
  EXPECT_EQ(updated.table.size(), 3U);
  EXPECT_EQ(session.prepare("SELECT $1 ||").position, 13U);
  const auto committed = session.execute("COMMIT");
  EXPECT_TRUE(committed.succeeded);
  EXPECT_EQ(committed.command, "ROLLBACK") << "of a transaction that has failed";
  EXPECT_EQ(committed.rows, std::nullopt);
}

}  // namespace
}  // namespace stibee_sync::source
