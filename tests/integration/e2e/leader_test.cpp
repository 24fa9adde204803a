#include "integration/e2e/deployment.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <regex>

#include <gtest/gtest.h>

// Of several daemons with the same mirrors one works (database.leader_lock).

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

/// Another machine with the same configuration: a state of its own, and pages of its own.
class OtherHost {
 public:
  explicit OtherHost(Deployment& deployment) : config_(deployment.directory() / "other.yaml") {
    auto text = deployment.config_text();
    text = std::regex_replace(text, std::regex("directory: .*"),
                              "directory: " + (deployment.directory() / "other-state").string());
    text = std::regex_replace(text, std::regex("admin:\n  listen: .*"), "admin:\n  listen: 127.0.0.1:0");
    text = std::regex_replace(text, std::regex("webhook:\n  listen: .*"), "webhook:\n  listen: 127.0.0.1:0");
    text = std::regex_replace(text, std::regex("\ndatabase:\n"), "\ndatabase:\n  leader_lock: true\n");
    std::ofstream(config_) << text;
    daemon_ = std::make_unique<Process>(
        std::vector<std::string>{syncd_program(), "--config", config_.string(), "run"},
        std::map<std::string, std::string>{}, (deployment.directory() / "other").string());
    ready_ = eventually(120s, [&] { return daemon_->err().find("daemon.ready") != std::string::npos; });
  }

  bool ready() const { return ready_; }
  Process& daemon() { return *daemon_; }
  Finished syncd(std::vector<std::string> arguments) {
    std::vector<std::string> command{syncd_program(), "--config", config_.string()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(std::move(command));
  }
  std::string state() {
    const auto report = json::parse(syncd({"status", "--json"}).out);
    return report ? text(items(*report, "mirrors").front(), "state") : "no report";
  }
  bool has_read(std::int64_t people) {
    const auto report = json::parse(syncd({"status", "--json"}).out);
    return report && number(items(*report, "mirrors").front(), "source_members") == people;
  }
  /// What its metrics page says of one series.
  std::string metric(const std::string& series) {
    const auto page = http(port_of("admin"), "GET", "/metrics").body;
    const auto at = page.find("\n" + series + " ");
    if (at == std::string::npos) return "no such series";
    const auto from = at + 1 + series.size() + 1;
    return page.substr(from, page.find('\n', from) - from);
  }
  /// Where it listens.
  int port_of(const std::string& listener) const {
    const auto ready = event_lines(*daemon_, "daemon.ready").front();
    std::smatch port;
    if (!std::regex_search(ready, port, std::regex("\"" + listener + R"x(":"127\.0\.0\.1:(\d+)")x")))
      throw std::runtime_error("no " + listener + " in " + ready);
    return std::stoi(port[1]);
  }
  bool leads() const { return event_lines(*daemon_, "leader.acquired").size() > lost(); }
  std::size_t lost() const { return event_lines(*daemon_, "leader.lost").size(); }

 private:
  std::filesystem::path config_;
  std::unique_ptr<Process> daemon_;
  bool ready_ = false;
};

class Leader : public ::testing::Test {
 protected:
  explicit Leader(DeploymentOptions options = {}) : deployment_(std::move(options)) {}

  void SetUp() override {
    auto text = deployment_.config_text();
    text = std::regex_replace(text, std::regex("\ndatabase:\n"), "\ndatabase:\n  leader_lock: true\n");
    deployment_.write_config(text);
    deployment_.add_members(1, 60);
    deployment_.start_daemon();
    ASSERT_TRUE(eventually(60s, [&] { return leads(); }));
    ASSERT_TRUE(deployment_.converges());
    other_ = std::make_unique<OtherHost>(deployment_);
    ASSERT_TRUE(other_->ready()) << other_->daemon().err();
    ASSERT_TRUE(eventually(60s, [&] { return other_->has_read(60); }));
  }

  bool leads() { return deployment_.admin("/metrics").body.find("\nstibee_leader 1\n") != std::string::npos; }
  /// Ends the session that holds the lock, as a network does that is gone.
  void break_lock() {
    deployment_.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = "
        "1400138082");
  }
  bool reads_again() {
    const auto before = text(items(deployment_.report({"status"}), "mirrors").front(), "last_success");
    return eventually(30s, [&] {
      return text(items(deployment_.report({"status"}), "mirrors").front(), "last_success") != before;
    });
  }

  Deployment deployment_;
  std::unique_ptr<OtherHost> other_;
};

TEST_F(Leader, OneWorksAndTheOthersStandBy) {
  EXPECT_EQ(other_->state(), "standby");
  EXPECT_EQ(other_->syncd({"status"}).exit_code, 0) << "to stand by is no trouble";
  EXPECT_FALSE(other_->leads());
  deployment_.add_members(61, 70);
  ASSERT_TRUE(deployment_.converges());
  ASSERT_TRUE(eventually(60s, [&] { return other_->has_read(70); })) << "it keeps its state fresh";
  EXPECT_EQ(deployment_.stat("repeated_people"), 0);
  EXPECT_EQ(other_->metric("stibee_leader"), "0");
  EXPECT_EQ(other_->metric(R"(stibee_pending{lane="upsert",mirror="members"})"), "0")
      << "they wait for another one";

  const auto explained = other_->syncd({"explain", "p1@example.com"});
  EXPECT_NE(explained.out.find("not asked: another daemon leads"), std::string::npos) << explained.out;
  const auto sync = other_->syncd({"sync"});
  EXPECT_EQ(sync.exit_code, 75) << sync.err;
}

TEST_F(Leader, CommandsOnAStandbySayWhatTheyCouldNotAskAndAskNothing) {
  const auto calls = deployment_.stat("calls");
  const auto began = std::chrono::steady_clock::now();
  const auto checked = other_->syncd({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
  EXPECT_NE(checked.out.find("warn  stibee: warning: not asked: another daemon leads"), std::string::npos)
      << checked.out;
  EXPECT_NE(checked.out.find("run `stibee-syncd check` on the host that leads"), std::string::npos)
      << checked.out;
  const auto planned = other_->syncd({"plan"});
  EXPECT_EQ(planned.exit_code, 0) << planned.out << planned.err;
  EXPECT_NE(planned.out.find("UPPER BOUNDS: the list was not read: another daemon leads"), std::string::npos)
      << planned.out;
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20s) << "nobody waits for a slot that does not come";
  EXPECT_EQ(deployment_.stat("calls"), calls);

  const auto leader = deployment_.syncd({"check"});
  EXPECT_EQ(leader.exit_code, 0) << leader.out << leader.err;
  EXPECT_EQ(leader.out.find("not asked"), std::string::npos) << leader.out;
}

TEST_F(Leader, TheOtherTakesOverAfterACrashAndNeitherSendsAgainNorShrinksTheList) {
  deployment_.sql("UPDATE members SET email_opt_in = false WHERE id <= 5");
  deployment_.sql("UPDATE members SET name = 'new' WHERE id = 10");
  deployment_.sql("DELETE FROM members WHERE id = 60");
  ASSERT_TRUE(deployment_.converges());
  // No webhook: only the lists tells of it.
  deployment_.stibee_post("/_sim/people",
                          R"({"list":"1234","action":"unsubscribe","emails":["p20@example.com"]})");
  ASSERT_TRUE(eventually(60s, [&] { return other_->has_read(59); }));
  const auto subscribed = deployment_.subscribed();
  const auto dump = deployment_.dump();

  deployment_.daemon().send(SIGKILL);
  const auto crashed = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually(10s, [&] { return other_->leads(); })) << other_->daemon().err();
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - crashed).count();
  std::printf("took over within %.1f s\n", took);
  ASSERT_TRUE(eventually(60s, [&] { return other_->state() == "ok"; })) << other_->daemon().err();
  EXPECT_EQ(deployment_.subscribed(), subscribed);
  EXPECT_EQ(deployment_.dump(), dump) << "nobody is sent again";

  deployment_.add_members(71, 80);
  ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == subscribed + 10; }));
  EXPECT_EQ(deployment_.stat("violations"), 0);
  EXPECT_EQ(deployment_.stat("repeated_people"), 0) << other_->daemon().err();
  const auto status = json::parse(other_->syncd({"status", "--json"}).out);
  ASSERT_TRUE(status);
  EXPECT_GE(number(at(items(*status, "mirrors").front(), "people"), "opted_out"), 1);
}

class LeaderWithoutComparison : public Leader {
 protected:
  LeaderWithoutComparison() : Leader(options()) {}
  static DeploymentOptions options() {
    DeploymentOptions options;
    options.mirror_extra = "    reconcile: {mode: off}\n";
    return options;
  }
};

TEST_F(LeaderWithoutComparison, WhoeverTakesOverReadsTheTableBeforeAnybodyIsSubscribed) {
  deployment_.stibee_post("/_sim/faults", R"({"rules":[{"kind":"503","probability":1}]})");
  deployment_.add_members(61, 65);
  ASSERT_TRUE(eventually(60s, [&] { return other_->has_read(65); }));
  deployment_.sql(
      "UPDATE members SET email_opt_in = false WHERE id > 62; ALTER TABLE members RENAME TO away");
  deployment_.daemon().send(SIGKILL);
  deployment_.stibee_post("/_sim/faults", R"({"rules":[]})");
  ASSERT_TRUE(eventually(60s, [&] { return other_->leads(); })) << other_->daemon().err();
  const auto explained = other_->syncd({"explain", "p61@example.com"});
  EXPECT_NE(explained.out.find("the table is read before anybody is subscribed"), std::string::npos)
      << explained.out;
  deployment_.sql("ALTER TABLE away RENAME TO members");
  ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 62; })) << other_->daemon().err();
  const auto dump = deployment_.dump();
  for (int i = 63; i <= 65; ++i)
    EXPECT_EQ(dump.find("p" + std::to_string(i) + "@"), std::string::npos) << i << " was sent";
}

TEST_F(Leader, AHolderWhoseConnectionBrokeSendsNothingBeforeItHoldsTheLockAgain) {
  break_lock();
  deployment_.add_members(61, 70);
  ASSERT_TRUE(eventually(30s, [&] { return !event_lines(deployment_.daemon(), "leader.lost").empty(); }));
  ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 70; }));
  EXPECT_NE(leads(), other_->leads()) << "one of them";
  EXPECT_EQ(deployment_.stat("repeated_people"), 0);
  EXPECT_EQ(deployment_.stat("violations"), 0);
}

TEST_F(Leader, AReloadIsNoReasonToGiveUp) {
  deployment_.daemon().send(SIGHUP);
  ASSERT_TRUE(eventually(30s, [&] { return !event_lines(deployment_.daemon(), "daemon.reload").empty(); }));
  ASSERT_TRUE(reads_again());
  EXPECT_TRUE(leads());
  EXPECT_EQ(event_lines(deployment_.daemon(), "leader.acquired").size(), 1U);
  EXPECT_FALSE(other_->leads());
}

TEST_F(Leader, AStopHandsOver) {
  deployment_.daemon().send(SIGTERM);
  EXPECT_EQ(deployment_.daemon().wait(30s).exit_code, 0);
  ASSERT_TRUE(eventually(10s, [&] { return other_->leads(); })) << other_->daemon().err();
}

/// Both take webhooks.
class HookedLeader : public Leader {
 protected:
  HookedLeader() : Leader(with_webhook()) {}

  static std::string event(const std::string& action, const std::string& actor, const std::string& email) {
    return R"({"id":"1234","action":")" + action + R"(","eventOccurredBy":")" + actor +
           R"(","subscribers":[{"email":")" + email + "\"}]}";
  }
  /// Brings the event to the other one, as Stibee does; the status of its answer.
  int post(const std::string& body) {
    return http(other_->port_of("webhook"), "POST", "/webhook/" + Deployment::webhook_secret(), body).status;
  }
  std::int64_t opted_out_there() {
    const auto report = json::parse(other_->syncd({"status", "--json"}).out);
    return report ? number(at(items(*report, "mirrors").front(), "people"), "opted_out") : -1;
  }
  /// The other one leads, and ours, which led before and knows the list, stands by.
  void change_places() {
    deployment_.daemon().send(SIGTERM);
    ASSERT_EQ(deployment_.daemon().wait(30s).exit_code, 0);
    ASSERT_TRUE(eventually(10s, [&] { return other_->leads(); })) << other_->daemon().err();
    deployment_.start_daemon();
    ASSERT_FALSE(leads());
  }
  std::int64_t rows_seen() {
    return number(items(deployment_.report({"status"}), "mirrors").front(), "source_members");
  }

 private:
  static DeploymentOptions with_webhook() {
    DeploymentOptions options;
    options.webhook = true;
    return options;
  }
};

// Only the one that sends can tell an echo of its calls: Stibee brings it again, to whoever leads.
TEST_F(HookedLeader, AStandbyTakesASubscribersOwnNoAndRefusesAllElse) {
  const std::vector<std::string> refused{
      event("UNSUBSCRIBED", "MANUAL", "p1@example.com"), event("SUBSCRIBED", "SUBSCRIBER", "p2@example.com"),
      event("UPDATED", "MANUAL", "p3@example.com"), event("DELETED", "MANUAL", "p4@example.com")};
  for (const auto& each : refused)
    EXPECT_EQ(post(each), 503) << each;
  EXPECT_EQ(other_->metric(R"(stibee_webhook_requests_total{outcome="failed"})"), "4");
  EXPECT_TRUE(event_lines(other_->daemon(), "webhook.applied").empty());
  ASSERT_FALSE(event_lines(other_->daemon(), "webhook.rejected").empty());
  EXPECT_NE(event_lines(other_->daemon(), "webhook.rejected").front().find("standby"), std::string::npos);
  EXPECT_EQ(opted_out_there(), 0);

  EXPECT_EQ(post(event("UNSUBSCRIBED", "SUBSCRIBER", "p5@example.com")), 200);
  EXPECT_EQ(opted_out_there(), 1);

  deployment_.daemon().send(SIGKILL);
  ASSERT_TRUE(eventually(10s, [&] { return other_->leads(); })) << other_->daemon().err();
  EXPECT_EQ(post(refused.front()), 200) << "whoever leads takes it";
  EXPECT_TRUE(eventually(30s, [&] { return opted_out_there() == 2; })) << other_->daemon().err();
}

TEST_F(HookedLeader, AStandbyForgetsWhomTheLeaderHasForgottenAndKeepsTheirNo) {
  change_places();
  // The simulator brings it to the one that stands by.
  deployment_.stibee_post(
      "/_sim/people",
      R"({"list":"1234","action":"unsubscribe","actor":"SUBSCRIBER","emails":["p20@example.com"]})");
  ASSERT_TRUE(eventually(30s, [&] {
    return event_lines(deployment_.daemon(), "suppression.added").size() == 1;
  })) << deployment_.daemon().err();
  deployment_.sql("DELETE FROM members WHERE id IN (20, 60)");
  ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 58 && rows_seen() == 58; }));

  for (const std::string person : {"p20@example.com", "p60@example.com"}) {
    const auto refused = deployment_.syncd({"forget", person});
    EXPECT_EQ(refused.exit_code, 75) << refused.err;
    EXPECT_NE(refused.err.find("run `forget` on its host"), std::string::npos) << refused.err;
    EXPECT_NE(refused.err.find("--forgotten-by-leader"), std::string::npos) << refused.err;
    EXPECT_TRUE(eventually(30s, [&] { return other_->syncd({"forget", person}).exit_code == 0; }));
    const auto forgotten = deployment_.syncd({"forget", "--forgotten-by-leader", person});
    EXPECT_EQ(forgotten.exit_code, 0) << forgotten.err;
    EXPECT_EQ(deployment_.syncd({"forget", person}).exit_code, 66);
  }

  // They come back with somebody new, and the one that knows of the no leads.
  other_->daemon().send(SIGKILL);
  ASSERT_TRUE(eventually(30s, [&] { return leads(); }));
  deployment_.add_members(20, 20);
  deployment_.add_members(61, 61);
  ASSERT_TRUE(eventually(30s, [&] { return deployment_.subscribed() == 59; })) << deployment_.daemon().err();
  const auto explained = deployment_.report({"explain", "p20@example.com"});
  EXPECT_EQ(text(items(explained, "mirrors").front(), "rule"), "opted_out");
}

/// Both have the change feed of the one table. Reads of it are rare, so that only the feed tells in time.
class FedLeader : public Leader {
 protected:
  FedLeader() : Leader(with_feed()) {}

  void SetUp() override {
    const auto printed = deployment_.syncd({"changefeed", "sql"});
    ASSERT_EQ(printed.exit_code, 0) << printed.err;
    deployment_.sql(printed.out);
    Leader::SetUp();
    ASSERT_TRUE(eventually(30s, [&] { return feed_of(deployment_.report({"status"})) == "live"; }));
  }

  static std::string feed_of(const json::Value& report) {
    return text(at(items(report, "mirrors").front(), "feed"), "state");
  }
  /// One at a time, so that whoever drains has many chances to take one away.
  bool each_arrives(int first, int last) {
    for (int i = first; i <= last; ++i) {
      deployment_.add_members(i, i);
      if (!eventually(10s, [&] { return deployment_.subscribed() == i; })) return false;
    }
    return true;
  }

 private:
  static DeploymentOptions with_feed() {
    DeploymentOptions options;
    options.poll_interval = "10m";
    options.mirror_extra = "    detect: changefeed\n";
    return options;
  }
};

TEST_F(FedLeader, TheOtherTakesNothingOutOfTheFeed) {
  EXPECT_TRUE(each_arrives(61, 80)) << deployment_.daemon().err() << other_->daemon().err();
  const auto report = json::parse(other_->syncd({"status", "--json"}).out);
  ASSERT_TRUE(report);
  EXPECT_EQ(feed_of(*report), "standby");
  EXPECT_EQ(event_lines(deployment_.daemon(), "feed.lost").size(), 0U);
  EXPECT_EQ(event_lines(other_->daemon(), "feed.lost").size(), 0U);
}

TEST_F(FedLeader, WhoeverTakesOverReadsTheTableAndThenTheFeed) {
  ASSERT_TRUE(each_arrives(61, 62));
  deployment_.daemon().send(SIGKILL);
  deployment_.add_members(63, 63);
  ASSERT_TRUE(eventually(10s, [&] { return other_->leads(); })) << other_->daemon().err();
  ASSERT_TRUE(eventually(30s, [&] { return deployment_.subscribed() == 63; })) << other_->daemon().err();
  EXPECT_TRUE(each_arrives(64, 80)) << other_->daemon().err();
  EXPECT_EQ(deployment_.stat("repeated_people"), 0);
  EXPECT_EQ(event_lines(other_->daemon(), "feed.lost").size(), 0U);
  EXPECT_EQ(event_lines(other_->daemon(), "feed.restored").size(), 0U);
}

}  // namespace
}  // namespace stibee_sync::e2e
