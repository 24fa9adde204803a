#include "integration/e2e/deployment.hpp"

#include <csignal>

#include <gtest/gtest.h>

// A server is believed as far as it has seen what was read before.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;
using stibee_sync::testing::ClusterOptions;
using stibee_sync::testing::PostgresCluster;

/// 60 members in a primary with a standby; `database.url` names both.
class Standby : public ::testing::Test {
 protected:
  void SetUp() override {
    primary_.execute(
        "CREATE TABLE members (id bigint PRIMARY KEY, email text, email_opt_in boolean DEFAULT true, name "
        "text, phone text, grade text); INSERT INTO members (id, email, name) SELECT n, 'p' || n || "
        "'@example.com', 'n' FROM generate_series(1, 60) n");
    ClusterOptions options;
    options.standby_of = &primary_;
    standby_ = std::make_unique<PostgresCluster>(options);
    auto text = deployment_.config_text();
    const auto from = text.find("  url: ") + 7;
    text.replace(from, text.find('\n', from) - from,
                 "postgresql://postgres@/postgres?host=" + primary_.directory() + "," +
                     standby_->directory() + "&port=5432,5432");
    deployment_.write_config(text);
    deployment_.start_daemon();
    ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 60; }));
  }

  /// The standby has all that the primary has by now.
  void catch_up() {
    const auto position = primary_.value("SELECT pg_current_wal_lsn()");
    ASSERT_TRUE(eventually(30s, [&] {
      return standby_->value("SELECT pg_last_wal_replay_lsn() >= '" + position + "'") == "t";
    }));
  }
  json::Value mirror() { return items(deployment_.report({"status"}), "mirrors").front(); }
  bool problem_has(const std::string& part) {
    return text(mirror(), "problem").find(part) != std::string::npos;
  }
  /// Whoever is sent, is sent by then: some reads have ended since.
  void let_it_read() {
    const auto before = reads();
    ASSERT_TRUE(eventually(30s, [&] { return reads() > before + 3; }));
  }
  double reads() {
    const auto page = deployment_.admin("/metrics").body;
    double sum = 0;
    for (const char* result : {"ok", "held", "untrusted"}) {
      const std::string series =
          std::string("stibee_sync_cycles_total{mirror=\"members\",result=\"") + result + "\"} ";
      const auto found = page.find("\n" + series);
      if (found != std::string::npos) sum += std::stod(page.substr(found + 1 + series.size()));
    }
    return sum;
  }

  PostgresCluster primary_{};
  std::unique_ptr<PostgresCluster> standby_;
  Deployment deployment_;
};

TEST_F(Standby, OneThatLacksWhatWasReadIsUntrustedUntilItsDifferencesAreApproved) {
  catch_up();
  standby_->cut_replication();
  primary_.execute(
      "UPDATE members SET email_opt_in = false WHERE id <= 10; DELETE FROM members WHERE id = 60; "
      "UPDATE members SET name = 'new' WHERE id = 20");
  ASSERT_TRUE(eventually(30s, [&] { return deployment_.subscribed() == 49; }));
  primary_.stop();
  ASSERT_TRUE(eventually(30s, [&] { return problem_has("has not seen all that was read before"); }));
  EXPECT_EQ(text(mirror(), "state"), "untrusted");
  let_it_read();
  EXPECT_EQ(deployment_.subscribed(), 49);

  // Promoted, it never will.
  standby_->promote();
  ASSERT_TRUE(eventually(30s, [&] { return problem_has("may lack what was read before"); }));
  let_it_read();
  EXPECT_EQ(deployment_.subscribed(), 49);
  EXPECT_EQ(deployment_.syncd({"status"}).exit_code, 1);
  // Nor by writing on.
  standby_->execute("CREATE TABLE filler AS SELECT n FROM generate_series(1, 10000) n");
  let_it_read();
  EXPECT_EQ(deployment_.subscribed(), 49);
  // Who says no there is heard.
  standby_->execute("UPDATE members SET email_opt_in = false WHERE id = 50");
  EXPECT_TRUE(eventually(30s, [&] { return deployment_.subscribed() == 48; }));

  const auto held = items(mirror(), "held");
  ASSERT_EQ(held.size(), 2U);
  for (const auto& each : held)
    EXPECT_EQ(deployment_.syncd({"guard", "approve", text(each, "digest")}).exit_code, 0);
  EXPECT_TRUE(eventually(30s, [&] { return deployment_.subscribed() == 59; }));
  EXPECT_TRUE(eventually(30s, [&] { return text(mirror(), "state") == "ok"; }));
}

TEST_F(Standby, OneThatHasAllOfItTakesOverWithoutAWord) {
  primary_.execute("UPDATE members SET email_opt_in = false WHERE id <= 10");
  ASSERT_TRUE(eventually(30s, [&] { return deployment_.subscribed() == 50; }));
  catch_up();
  primary_.stop();
  let_it_read();
  EXPECT_EQ(text(mirror(), "state"), "ok");
  standby_->promote();
  standby_->execute("INSERT INTO members (id, email, name) VALUES (61, 'p61@example.com', 'n')");
  EXPECT_TRUE(eventually(30s, [&] { return deployment_.subscribed() == 51; }));
  EXPECT_EQ(text(mirror(), "state"), "ok");
}

TEST_F(Standby, APrimaryThatWasKilledIsTheSameServer) {
  primary_.execute("UPDATE members SET email_opt_in = false WHERE id <= 10");
  ASSERT_TRUE(eventually(30s, [&] { return deployment_.subscribed() == 50; }));
  catch_up();
  primary_.kill();
  let_it_read();
  primary_.start();
  primary_.execute("INSERT INTO members (id, email, name) VALUES (61, 'p61@example.com', 'n')");
  EXPECT_TRUE(eventually(30s, [&] { return deployment_.subscribed() == 51; }));
}

/// A change feed, and an address that is one server's now and another one's later, at once.
TEST(StandbyWithFeed, APromotedOneIsNoticedThoughNoDrainFailsAndNothingIsInItsFeed) {
  PostgresCluster primary;
  primary.execute(
      "CREATE TABLE members (id bigint PRIMARY KEY, email text, email_opt_in boolean DEFAULT true, name "
      "text, phone text, grade text); INSERT INTO members (id, email, name) SELECT n, 'p' || n || "
      "'@example.com', 'n' FROM generate_series(1, 60) n");
  DeploymentOptions options;
  options.mirror_extra = "    detect: changefeed\n";
  options.poll_interval = "1s";
  Deployment deployment(options);
  const auto address = deployment.directory() / "address";
  std::filesystem::create_directory_symlink(primary.directory(), address);
  auto text_of_config = deployment.config_text();
  const auto from = text_of_config.find("  url: ") + 7;
  text_of_config.replace(from, text_of_config.find('\n', from) - from,
                         "postgresql://postgres@/postgres?host=" + address.string() + "&port=5432");
  deployment.write_config(text_of_config);
  const auto printed = deployment.syncd({"changefeed", "sql"});
  ASSERT_EQ(printed.exit_code, 0) << printed.err;
  primary.execute(printed.out);
  ClusterOptions of_primary;
  of_primary.standby_of = &primary;
  PostgresCluster standby(of_primary);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(60s, [&] { return deployment.subscribed() == 60; })) << daemon.err();

  standby.cut_replication();
  primary.execute("UPDATE members SET email_opt_in = false WHERE id <= 10");
  ASSERT_TRUE(eventually(30s, [&] { return deployment.subscribed() == 50; })) << daemon.err();
  standby.promote();
  std::filesystem::remove(address);
  std::filesystem::create_directory_symlink(standby.directory(), address);
  primary.execute(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name LIKE "
      "'stibee-syncd%'");
  const auto mirror = [&] { return items(deployment.report({"status"}), "mirrors").front(); };
  EXPECT_TRUE(eventually(
      30s,
      [&] { return text(mirror(), "problem").find("may lack what was read before") != std::string::npos; }))
      << json::to_string(mirror()) << daemon.err();
  EXPECT_EQ(deployment.subscribed(), 50);
  EXPECT_TRUE(event_lines(daemon, "sync.failed").empty()) << event_lines(daemon, "sync.failed").front();
}

}  // namespace
}  // namespace stibee_sync::e2e
