#include "integration/e2e/deployment.hpp"
#include "integration/fault_proxy.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

// Tables, roles and servers that break while the daemon reads them: nobody is removed or mailed for it, it is
// said, and when it is mended the list equals the table.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;
using stibee_sync::testing::Fault;
using stibee_sync::testing::FaultPoint;
using stibee_sync::testing::FaultProxy;
using stibee_sync::testing::PostgresCluster;
using stibee_sync::testing::Way;

const json::Value& mirror_in(const json::Value& report) {
  return items(report, "mirrors").front();
}

std::string with_url(std::string config, const std::string& url) {
  const auto from = config.find("  url: ") + 7;
  return config.replace(from, config.find('\n', from) - from, url);
}

/// How many reads have ended, however they did.
double reads(Deployment& deployment) {
  const auto page = deployment.admin("/metrics").body;
  const std::string series = "\nstibee_sync_cycles_total{";
  double sum = 0;
  for (auto at = page.find(series); at != std::string::npos; at = page.find(series, at + 1))
    sum += std::stod(page.substr(page.find("} ", at) + 2));
  return sum;
}

/// Calls that were made for people; reads of the list are none.
std::int64_t calls_for_people(Deployment& deployment) {
  std::int64_t sum = 0;
  const auto stats = deployment.stibee("/_sim/stats");
  for (const auto& [name, count] : *at(stats, "endpoints").if_object()) {
    if (name.ends_with(".read") || name.ends_with(".count") || name.ends_with("lists")) continue;
    sum += *count.if_integer();
  }
  return sum;
}

bool nobody_was_removed(Deployment& deployment) {
  const auto stats = deployment.stibee("/_sim/stats");
  for (const auto& [name, count] : *at(stats, "endpoints").if_object()) {
    if (name.find("unsubscribe") != std::string::npos || name.find("delete") != std::string::npos)
      return false;
  }
  return true;
}

/// One way in which a table breaks.
struct Break {
  std::string what;
  std::string breaks;
  std::string state;    // the word for it; "": none, since it is no trouble
  std::string problem;  // part of what is said
  std::string mends;
};

const std::string restored_role = "GRANT SELECT ON members TO e2e_faults";

std::vector<Break> breaks() {
  const std::string ends_sessions =
      "; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'e2e_faults'";
  return {
      {"renamed", "ALTER TABLE members RENAME TO elsewhere", "untrusted", "public.members does not exist",
       "ALTER TABLE elsewhere RENAME TO members"},
      {"dropped and made again", "CREATE TABLE keep AS TABLE members; DROP TABLE members", "untrusted",
       "public.members does not exist",
       "CREATE TABLE members (id bigint PRIMARY KEY, email text, email_opt_in boolean DEFAULT true, name "
       "text, phone "
       "text, grade text); INSERT INTO members TABLE keep; DROP TABLE keep; " +
           restored_role},
      {"a column dropped", "ALTER TABLE members RENAME name TO names", "untrusted", "name",
       "ALTER TABLE members RENAME names TO name"},
      {"the consent of another type",
       "ALTER TABLE members ALTER email_opt_in DROP DEFAULT, ALTER email_opt_in TYPE "
       "int USING email_opt_in::int",
       "untrusted", "email_opt_in",
       "ALTER TABLE members ALTER email_opt_in TYPE boolean USING email_opt_in::boolean"},
      {"the address of another type", "ALTER TABLE members ALTER email TYPE jsonb USING to_jsonb(email)",
       "untrusted", "email", "ALTER TABLE members ALTER email TYPE text USING email #>> '{}'"},
      {"no address anywhere",
       "ALTER TABLE members ADD was text; UPDATE members SET was = email, email = NULL", "held", "",
       "UPDATE members SET email = was; ALTER TABLE members DROP was"},
      {"no consent anywhere", "UPDATE members SET email_opt_in = NULL", "held", "",
       "UPDATE members SET email_opt_in = true"},
      {"no name anywhere", "ALTER TABLE members ADD was text; UPDATE members SET was = name, name = NULL",
       "held", "", "UPDATE members SET name = was; ALTER TABLE members DROP was"},
      {"truncated, and loaded in another transaction", "CREATE TABLE keep AS TABLE members; TRUNCATE members",
       "held", "no rows", "INSERT INTO members TABLE keep; DROP TABLE keep"},
      {"truncated and half loaded",
       "CREATE TABLE keep AS TABLE members; BEGIN; TRUNCATE members; INSERT INTO members "
       "SELECT * FROM keep WHERE id % 2 = 0; COMMIT",
       "held", "", "INSERT INTO members SELECT * FROM keep WHERE id % 2 = 1; DROP TABLE keep"},
      {"truncated and loaded in one transaction",
       "CREATE TABLE keep AS TABLE members; BEGIN; TRUNCATE members; INSERT INTO members TABLE keep; COMMIT",
       "", "", "DROP TABLE keep"},
      {"row level security hides all", "ALTER TABLE members ENABLE ROW LEVEL SECURITY", "held", "no rows",
       "ALTER TABLE members DISABLE ROW LEVEL SECURITY"},
      {"row level security hides some",
       "CREATE POLICY part ON members USING (id % 3 = 0); ALTER TABLE members ENABLE ROW LEVEL SECURITY",
       "held", "", "ALTER TABLE members DISABLE ROW LEVEL SECURITY; DROP POLICY part ON members"},
      {"the privilege taken away", "REVOKE SELECT ON members FROM e2e_faults", "failing", "GRANT SELECT",
       restored_role},
      {"the role may not log in any more", "ALTER ROLE e2e_faults NOLOGIN" + ends_sessions, "failing", "",
       "ALTER ROLE e2e_faults LOGIN"},
      {"a statement time-out of the role's own",
       "ALTER ROLE e2e_faults SET statement_timeout = '1ms'" + ends_sessions, "", "",
       "ALTER ROLE e2e_faults RESET statement_timeout" + ends_sessions},
      {"a lock time-out of the role's own", "ALTER ROLE e2e_faults SET lock_timeout = '1ms'" + ends_sessions,
       "", "", "ALTER ROLE e2e_faults RESET lock_timeout" + ends_sessions},
  };
}

TEST(DatabaseFault, NoKindOfBrokenTableOrRoleRemovesOrMailsAnybodyAndEachIsSaidAndEnds) {
  DeploymentOptions options;
  options.log_level = "info";
  Deployment deployment(options);
  deployment.add_members(1, 300);
  deployment.sql("DROP ROLE IF EXISTS e2e_faults; CREATE ROLE e2e_faults LOGIN; " + restored_role);
  auto config = deployment.config_text();
  const auto user = std::min(config.find("postgres@"), config.find("user=postgres"));
  ASSERT_NE(user, std::string::npos) << config;
  config.replace(config.find("postgres", user), 8, "e2e_faults");
  deployment.write_config(config);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges()) << daemon.err();
  int next = 301;
  for (const auto& each : breaks()) {
    SCOPED_TRACE(each.what);
    const auto mirror = [&] { return mirror_in(deployment.report({"status"})); };
    ASSERT_TRUE(eventually(60s, [&] { return text(mirror(), "state") == "ok"; })) << daemon.err();
    const auto calls = calls_for_people(deployment);
    deployment.sql(each.breaks);
    if (!each.state.empty()) {
      // What breaks between a read's look at the table and its rows is said in PostgreSQL's words at first.
      ASSERT_TRUE(eventually(20s,
                             [&] {
                               const auto seen = mirror();
                               return text(seen, "state") == each.state &&
                                      text(seen, "problem").find(each.problem) != std::string::npos;
                             }))
          << json::to_string(mirror()) << daemon.err();
      EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
    }
    const auto before = reads(deployment);
    ASSERT_TRUE(eventually(60s, [&] { return reads(deployment) >= before + 3; }));
    EXPECT_EQ(calls_for_people(deployment), calls) << "somebody was sent";
    EXPECT_EQ(deployment.subscribed(), next - 1);
    EXPECT_EQ(deployment.admin("/livez").status, 200);
    deployment.sql(each.mends);
    deployment.add_members(next, next);
    ++next;
    ASSERT_TRUE(deployment.converges(60s)) << deployment.differences().front() << daemon.err();
    EXPECT_TRUE(nobody_was_removed(deployment));
  }
  // And the other way round: ten times the rows are people who came; that they go again is held.
  deployment.add_members(next, 10 * next);
  ASSERT_TRUE(deployment.converges(120s));
  deployment.sql("DELETE FROM members WHERE id >= " + std::to_string(next));
  ASSERT_TRUE(
      eventually(60s, [&] { return text(mirror_in(deployment.report({"status"})), "state") == "held"; }));
  EXPECT_EQ(deployment.subscribed(), 10 * next);
  EXPECT_TRUE(nobody_was_removed(deployment));
  EXPECT_EQ(deployment.stat("violations"), 0);
  daemon.send(SIGTERM);
  EXPECT_EQ(daemon.wait(20s).exit_code, 0);
  deployment.sql("DROP OWNED BY e2e_faults; DROP ROLE e2e_faults");
}

/// A server of its own, and a network that can be stopped in the midst of a read.
class ServerEnds : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.execute(
        "CREATE TABLE members (id bigint PRIMARY KEY, email text, email_opt_in boolean DEFAULT true, name "
        "text, phone "
        "text, grade text); INSERT INTO members (id, email, name) SELECT n, 'p' || n || '@example.com', "
        "repeat('x', "
        "50) FROM generate_series(1, 3000) n");
    deployment_.write_config(with_url(deployment_.config_text(),
                                      "postgresql://postgres@127.0.0.1:" + std::to_string(network_.port()) +
                                          "/postgres?sslmode=disable&gssencmode=disable"));
    deployment_.start_daemon();
    ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 3000; }))
        << deployment_.daemon().err();
  }
  /// The next connection is stopped in the midst of its rows.
  void stop_in_the_midst() {
    FaultPoint point;
    point.way = Way::ToClient;
    point.after = 60'000;
    point.fault = Fault::Stall;
    point.connection = network_.connections();
    network_.set(point);
    network_.reset_all();
    ASSERT_TRUE(eventually(60s, [&] { return network_.struck(); }));
  }
  json::Value mirror() { return mirror_in(deployment_.report({"status"})); }
  /// One comes and one goes, and both are seen at Stibee.
  void expect_it_works() {
    ++rounds_;
    server_.execute("INSERT INTO members (id, email, name) VALUES (" + std::to_string(3000 + rounds_) +
                    ", 'q" + std::to_string(rounds_) + "@example.com', 'n')");
    EXPECT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 3000 + rounds_; }))
        << deployment_.subscribed() << deployment_.daemon().err();
    EXPECT_TRUE(eventually(30s, [&] { return text(mirror(), "state") == "ok"; }))
        << json::to_string(mirror());
    EXPECT_TRUE(nobody_was_removed(deployment_));
  }

  PostgresCluster server_{};
  FaultProxy network_{server_.directory() + "/.s.PGSQL." + std::to_string(server_.port())};
  Deployment deployment_{{{}, "", "", "100ms", "info"}};
  int rounds_ = 0;
};

TEST_F(ServerEnds, InTheMidstOfAReadHoweverItDoesNobodyIsRemoved) {
  // Not by its log, which says the same trouble once a minute.
  const auto lost = [&] {
    return deployment_.admin("/metrics").body.find("stibee_db_up 0") != std::string::npos;
  };
  const std::vector<std::pair<std::string, std::function<void()>>> ends{
      {"fast", [this] { server_.stop(); }},
      {"immediate", [this] { server_.kill(); }},
  };
  for (const auto& [name, end] : ends) {
    SCOPED_TRACE(name);
    stop_in_the_midst();
    end();
    network_.release();
    ASSERT_TRUE(eventually(60s, lost)) << deployment_.daemon().err();
    EXPECT_EQ(deployment_.syncd({"status"}).exit_code, 1);
    EXPECT_EQ(deployment_.subscribed(), 3000 + rounds_);
    server_.start();
    expect_it_works();
  }
  // A session that is terminated, and a table that is emptied and filled while its rows are on their way.
  stop_in_the_midst();
  server_.execute(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = "
      "'stibee-syncd'");
  network_.release();
  expect_it_works();
  stop_in_the_midst();
  server_.execute(
      "DELETE FROM members; INSERT INTO members (id, email, name) SELECT n, 'p' || n || '@example.com', "
      "repeat('x', 50) FROM generate_series(1, 3000) n; INSERT INTO members (id, email, name) SELECT 3000 "
      "+ n, 'q' || n || '@example.com', 'n' FROM generate_series(1, " +
      std::to_string(rounds_) + ") n");
  network_.release();
  expect_it_works();
  EXPECT_EQ(deployment_.stat("violations"), 0);
}

TEST_F(ServerEnds, ANetworkThatSaysNothingMoreIsGivenUpAfterAMinute) {
  const char* wanted = std::getenv("STIBEE_LONG");
  if (wanted == nullptr || *wanted == '\0') GTEST_SKIP() << "takes a minute: with STIBEE_LONG";
  stop_in_the_midst();
  ASSERT_TRUE(eventually(100s, [&] {
    return deployment_.daemon().err().find("sent nothing for 60 s") != std::string::npos;
  })) << deployment_.daemon().err();
  EXPECT_EQ(deployment_.subscribed(), 3000);
  // The network stays as it is for that connection; another one is made.
  expect_it_works();
}

}  // namespace
}  // namespace stibee_sync::e2e
