#include "integration/e2e/deployment.hpp"

#include <csignal>

#include <gtest/gtest.h>

// Events at Stibee, carried into the member table by the real program.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

DeploymentOptions with_statements(const std::string& lines) {
  DeploymentOptions options;
  options.mirror_extra = "    writeback:\n" + lines;
  return options;
}

/// Events arrive, and what they say is written.
DeploymentOptions carrying() {
  auto options = with_statements(
      "      unsubscribed: UPDATE members SET email_opt_in = false, why = :reason WHERE lower(email) = "
      ":email\n"
      "      resubscribed: UPDATE members SET email_opt_in = true WHERE lower(email) = :email\n"
      "      updated: UPDATE members SET name = :field_name, phone = :field_phone WHERE id = :key\n"
      "      purged: UPDATE members SET email_opt_in = false, why = :occurred_by WHERE lower(email) = "
      ":email\n");
  options.webhook = true;
  return options;
}

class Carried {
 public:
  explicit Carried(int people) : deployment(carrying()) {
    deployment.sql("ALTER TABLE members ADD why text");
    deployment.add_members(1, people);
    deployment.start_daemon();
    EXPECT_TRUE(deployment.converges());
  }
  void edit(const std::string& action, int from, int to, const std::string& more = "") {
    std::string emails;
    for (int i = from; i <= to; ++i)
      emails += (emails.empty() ? "\"" : ",\"") + address(i) + "\"";
    deployment.stibee_post("/_sim/people", R"({"list":"1234","action":")" + action + R"(","emails":[)" +
                                               emails + "]" + more + "}");
  }
  static std::string address(int number) { return "p" + std::to_string(number) + "@example.com"; }
  bool becomes(const std::string& query, const std::string& value) {
    return eventually(30s, [&] { return deployment.value(query) == value; });
  }
  json::Value mirror() { return items(deployment.report({"status"}), "mirrors").front(); }
  /// The table was read after everything that has happened so far, and nothing waits to be sent.
  void reads_again() {
    const auto before = text(mirror(), "last_success");
    ASSERT_TRUE(eventually(20s, [&] {
      const auto now = mirror();
      const auto& pending = at(now, "pending");
      return text(now, "last_success") != before && number(now, "writebacks") == 0 &&
             number(pending, "upsert") + number(pending, "optout") + number(pending, "delete") == 0;
    }));
    const auto again = text(mirror(), "last_success");
    ASSERT_TRUE(eventually(20s, [&] { return text(mirror(), "last_success") != again; }));
  }

  Deployment deployment;
};

TEST(Writeback, OptOutAndReturnAtStibeeArriveInTheTableAndDoNotBounce) {
  Carried world(200);
  const auto calls = world.deployment.stat("calls");
  // 60 % of the list: as changes of the table the guard would hold them.
  world.edit("unsubscribe", 1, 120, R"(,"reason":"메일이 너무 많아요")");
  ASSERT_TRUE(world.becomes("SELECT count(*) FROM members WHERE NOT email_opt_in", "120"))
      << world.deployment.daemon().err();
  EXPECT_EQ(world.deployment.value("SELECT DISTINCT why FROM members WHERE NOT email_opt_in"),
            "메일이 너무 많아요");
  world.reads_again();
  EXPECT_EQ(text(world.mirror(), "state"), "ok");
  EXPECT_EQ(world.deployment.stat("calls"), calls);

  world.edit("resubscribe", 1, 120);
  ASSERT_TRUE(world.becomes("SELECT count(*) FROM members WHERE NOT email_opt_in", "0"));
  world.reads_again();
  EXPECT_EQ(text(world.mirror(), "state"), "ok");
  EXPECT_EQ(world.deployment.stat("calls"), calls);
  EXPECT_EQ(world.deployment.differences(), std::vector<std::string>{});

  // The mirror goes on as before for everybody.
  world.deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 5");
  EXPECT_TRUE(world.deployment.converges());
  EXPECT_EQ(world.deployment.stat("calls"), calls + 1);
  const auto log = world.deployment.daemon().err();
  EXPECT_NE(log.find("\"writeback.done\""), std::string::npos);
  EXPECT_EQ(log.find("너무"), std::string::npos);
  EXPECT_EQ(log.find("example.com"), std::string::npos);
}

TEST(Writeback, ValuesEditedAtStibeeArriveInTheTableAndDoNotBounce) {
  Carried world(20);
  const auto calls = world.deployment.stat("calls");
  world.edit("edit", 7, 7, R"(,"fields":{"name":"고길동","phone":""})");
  ASSERT_TRUE(world.becomes("SELECT name || '/' || phone FROM members WHERE id = 7", "고길동/"))
      << world.deployment.daemon().err();
  world.reads_again();
  EXPECT_EQ(world.deployment.stat("calls"), calls);
  world.edit("purge", 8, 9);
  ASSERT_TRUE(world.becomes("SELECT count(*) FROM members WHERE why = 'manual' AND NOT email_opt_in", "2"));
  world.reads_again();
  EXPECT_EQ(world.deployment.stat("calls"), calls);
}

TEST(Writeback, OutageOfTheDatabaseAndAKillLoseNothing) {
  Carried world(50);
  auto& cluster = testing::PostgresCluster::shared();
  cluster.stop();
  world.edit("unsubscribe", 1, 10);
  ASSERT_TRUE(eventually(20s, [&] { return number(world.mirror(), "writebacks") == 10; }))
      << world.deployment.daemon().err();
  world.deployment.daemon().send(SIGKILL);
  world.deployment.daemon().wait(5s);
  cluster.start();
  EXPECT_EQ(world.deployment.value("SELECT count(*) FROM members WHERE NOT email_opt_in"), "0");
  EXPECT_EQ(number(world.mirror(), "writebacks"), 10) << "on disk";
  const auto calls = world.deployment.stat("calls");
  world.deployment.start_daemon();
  ASSERT_TRUE(world.becomes("SELECT count(*) FROM members WHERE NOT email_opt_in", "10"))
      << world.deployment.daemon().err();
  world.reads_again();
  EXPECT_EQ(world.deployment.stat("calls"), calls);
}

TEST(Writeback, RowsThatCannotBeToldApartAreReportedAndHoldUpNobody) {
  Carried world(10);
  world.deployment.sql("INSERT INTO members SELECT 900, 'P3@Example.com', true");
  world.edit("unsubscribe", 3, 4);
  ASSERT_TRUE(world.becomes("SELECT string_agg(id::text, ',') FROM members WHERE NOT email_opt_in", "4"))
      << world.deployment.daemon().err();
  ASSERT_TRUE(eventually(20s, [&] {
    return world.deployment.admin("/metrics").body.find("stibee_writeback_total{result=\"many_rows\"} 0") ==
           std::string::npos;
  }));
  EXPECT_NE(world.deployment.daemon().err().find("\"writeback.failed\""), std::string::npos);
  EXPECT_EQ(number(world.mirror(), "writebacks"), 1);
  world.deployment.sql("DELETE FROM members WHERE id = 900");
  EXPECT_TRUE(world.becomes(
      "SELECT string_agg(id::text, ',' ORDER BY id) FROM members WHERE NOT email_opt_in", "3,4"));
}

TEST(Writeback, CheckPreparesEachStatementAndRunsNone) {
  Deployment deployment(with_statements(
      "      unsubscribed: UPDATE members SET email_opt_in = false WHERE lower(email) = :email\n"
      "      purged: DELETE FROM members WHERE id = :key\n"
      "      updated: UPDATE members SET name = coalesce(:field_name, name) WHERE id = :key\n"));
  deployment.add_members(1, 3);
  const auto finished = deployment.syncd({"check"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_NE(finished.out.find("writeback"), std::string::npos) << finished.out;
  EXPECT_EQ(deployment.value("SELECT count(*) FROM members WHERE email_opt_in"), "3");
}

TEST(Writeback, StatementThatCannotWorkIsRefusedAtItsLine) {
  const auto refused = [](const std::string& statement, const std::string& word) {
    Deployment deployment(with_statements("      deleted: " + statement + "\n"));
    const auto finished = deployment.syncd({"check"});
    EXPECT_EQ(finished.exit_code, 78) << statement;
    const auto said =
        finished.out + finished.err;  // what no database need be asked for is told before anything else
    EXPECT_NE(said.find("config.yaml:27:"), std::string::npos) << said;
    EXPECT_NE(said.find(word), std::string::npos) << said;
  };
  refused("UPDATE members SET bounced = true WHERE lower(email) = :email", "bounced");
  refused("UPDATE members SET name = 'x' WHERE email = :emial", "did you mean :email?");
  refused("UPDATE members SET name = :key WHERE lower(email) = :emial", "did you mean :email?");
  refused("UPDATE members SET name = ':email'", "names no parameter");
  refused("UPDATE members SET name = :field_name WHERE id = :key", "`updated`");
  refused("UPDATE members SET name = 'x'; DELETE FROM members WHERE id = :key", "several statements");
}

TEST(Writeback, StatementThatCannotWorkIsToldByTheDaemonWhichGoesOn) {
  Deployment deployment(
      with_statements("      deleted: UPDATE members SET bounced = true WHERE id = :key\n"));
  deployment.add_members(1, 3);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  EXPECT_TRUE(eventually(std::chrono::seconds(30), [&] {
    const auto log = daemon.err();
    const auto event = log.find("\"config.invalid\"");
    return event != std::string::npos && log.find("config.yaml:27:") != std::string::npos &&
           log.find("bounced") != std::string::npos;
  })) << daemon.err();
  EXPECT_TRUE(daemon.running());
}

TEST(Writeback, MissingPrivilegeIsExit77) {
  Deployment deployment(with_statements("      purged: DELETE FROM secrets WHERE id = :key::int\n"));
  deployment.sql("CREATE TABLE secrets (id int)");
  deployment.sql("DROP ROLE IF EXISTS e2e_mirror");
  deployment.sql("CREATE ROLE e2e_mirror LOGIN");
  deployment.sql("GRANT SELECT ON members, secrets TO e2e_mirror");
  auto text = deployment.config_text();
  const auto at =
      text.find("postgres@") != std::string::npos ? text.find("postgres@") : text.find("user=postgres");
  ASSERT_NE(at, std::string::npos) << text;
  text.replace(text.find("postgres", at), 8, "e2e_mirror");
  deployment.write_config(text);
  const auto finished = deployment.syncd({"check"});
  EXPECT_EQ(finished.exit_code, 77) << finished.err;
  EXPECT_NE(finished.out.find("config.yaml:27:"), std::string::npos) << finished.out;
  EXPECT_NE(finished.out.find("GRANT"), std::string::npos) << finished.out;
  deployment.sql("DROP OWNED BY e2e_mirror; DROP ROLE e2e_mirror");
}

}  // namespace
}  // namespace stibee_sync::e2e
