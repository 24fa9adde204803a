#include "integration/e2e/deployment.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// Debian's Prometheus beside the daemon, as ops have it: it asks by name, and evaluates the alerts that are
// installed.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* name_of_daemon = "stibee-syncd.example.test";

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

/// The shipped alerts, but that nobody has to wait for minutes: an opt-out may wait for 3 s instead of 300,
/// and an alert fires after a second of its trouble. Nothing else is changed.
std::string impatient(const std::string& alerts) {
  const auto sooner =
      std::regex_replace(alerts, std::regex("\n        for: [0-9]+[mh]\n"), "\n        for: 1s\n");
  return std::regex_replace(sooner, std::regex("(lane=\"optout\"\\} > 0\\)) > 300\n"), "$1 > 3\n");
}

/// A Prometheus that watches one daemon, by `name_of_daemon`. What it is called on this machine is told to
/// Prometheus alone, in a mount namespace of its own.
class Prometheus {
 public:
  Prometheus(const std::filesystem::path& folder, int daemon_port) {
    write(folder / "hosts", std::string("127.0.0.1 localhost ") + name_of_daemon + "\n");
    write(folder / "alerts.yml", impatient(file_text(STIBEE_ALERTS)));
    write(folder / "prometheus.yml",
          "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
          "rule_files: [alerts.yml]\n"
          "scrape_configs:\n"
          "  - job_name: stibee-syncd\n"
          "    static_configs: [{targets: [\"" +
              std::string(name_of_daemon) + ":" + std::to_string(daemon_port) + "\"]}]\n");
    std::vector<std::string> command{"/usr/bin/unshare", "--mount"};
    if (::geteuid() != 0) command.insert(command.end(), {"--user", "--map-root-user"});
    command.insert(command.end(), {"/bin/sh", "-ec", "mount --bind \"$1\" /etc/hosts; shift; exec \"$@\"",
                                   "sh", (folder / "hosts").string(), "/usr/bin/prometheus",
                                   "--config.file=" + (folder / "prometheus.yml").string(),
                                   "--storage.tsdb.path=" + (folder / "prometheus").string(),
                                   "--web.listen-address=127.0.0.1:0"});
    process_ = std::make_unique<Process>(std::move(command), std::map<std::string, std::string>{},
                                         (folder / "prometheus").string());
    const std::regex listening("msg=\"Listening on\" address=127\\.0\\.0\\.1:([0-9]+)");
    std::smatch found;
    std::string log;
    const auto listens = [&] {
      log = process_->err();
      return std::regex_search(log, found, listening) || !process_->running();
    };
    if (!eventually(60s, listens) || found.empty())
      throw std::runtime_error("Prometheus (Debian's package prometheus) does not start: " + log);
    address_ = "http://127.0.0.1:" + found[1].str();
    // It listens before it answers.
    const auto ready = [&] {
      return run({"/usr/bin/curl", "-sS", "--fail", address_ + "/-/ready"}).exit_code == 0;
    };
    if (!eventually(60s, ready)) throw std::runtime_error("Prometheus is not ready: " + process_->err());
  }

  /// `data` of what the API answers.
  json::Value ask(const std::string& path) {
    const auto answer = run({"/usr/bin/curl", "-sS", address_ + path});
    auto parsed = json::parse(answer.out);
    if (!parsed || text(*parsed, "status") != "success")
      throw std::runtime_error(path + ": " + answer.out + answer.err);
    return at(*parsed, "data");
  }

  /// The series that a query of the dashboard finds, with all that can be chosen chosen.
  json::Value::Array query(std::string expression) {
    for (const auto& [variable, chosen] :
         {std::pair("$mirror", ".*"), {"$instance", ".*"}, {"$__rate_interval", "1m"}}) {
      for (std::size_t found = 0; (found = expression.find(variable)) != std::string::npos;)
        expression.replace(found, std::string(variable).size(), chosen);
    }
    const auto answer =
        run({"/usr/bin/curl", "-sS", "--data-urlencode", "query=" + expression, address_ + "/api/v1/query"});
    const auto parsed = json::parse(answer.out);
    if (!parsed || text(*parsed, "status") != "success")
      throw std::runtime_error(expression + ": " + answer.out + answer.err);
    return items(at(*parsed, "data"), "result");
  }

  /// What fires, by name.
  std::map<std::string, json::Value> firing() {
    std::map<std::string, json::Value> alerts;
    const auto answer = ask("/api/v1/alerts");
    for (const auto& one : items(answer, "alerts")) {
      if (text(one, "state") == "firing") alerts.emplace(text(at(one, "labels"), "alertname"), one);
    }
    return alerts;
  }
  bool fires(const std::string& alert) { return firing().contains(alert); }

  /// Of those, what somebody would be woken for.
  std::vector<std::string> critical() {
    std::vector<std::string> names;
    for (const auto& [name, alert] : firing()) {
      if (text(at(alert, "labels"), "severity") == "critical") names.push_back(name);
    }
    return names;
  }

  /// Of the daemon: "up", "down", "unknown"; "": it knows of none.
  std::string health() {
    const auto targets = ask("/api/v1/targets");
    const auto& active = items(targets, "activeTargets");
    return active.size() == 1 ? text(active.front(), "health") : "";
  }

  /// Rules that could not be evaluated, with the reason; and how many could.
  std::vector<std::string> broken_rules(std::size_t& sound) {
    std::vector<std::string> broken;
    sound = 0;
    const auto answer = ask("/api/v1/rules");
    for (const auto& group : items(answer, "groups")) {
      for (const auto& rule : items(group, "rules")) {
        const auto health = text(rule, "health");
        if (health == "ok") ++sound;
        if (health == "err") broken.push_back(text(rule, "name") + ": " + text(rule, "lastError"));
      }
    }
    return broken;
  }

  Finished stop() {
    process_->send(SIGTERM);
    return process_->wait(30s);
  }

 private:
  std::unique_ptr<Process> process_;
  std::string address_;
};

/// All queries of the dashboard, by the titles of their panels.
std::multimap<std::string, std::string> queries_of_dashboard() {
  const auto dashboard = json::parse(file_text(STIBEE_DASHBOARD));
  std::multimap<std::string, std::string> queries;
  for (const auto& panel : items(dashboard.value(), "panels")) {
    if (text(panel, "type") == "row") continue;
    for (const auto& target : items(panel, "targets"))
      queries.emplace(text(panel, "title"), text(target, "expr"));
  }
  return queries;
}

TEST(Prometheus, IsTheOneWhoSaysThatAnOptOutDoesNotGetThroughAndThatItDoesAgain) {
  Deployment deployment;
  auto config = deployment.config_text();
  const std::string before = "admin:\n";
  config.insert(config.find(before) + before.size(),
                std::string("  allowed_hosts: [") + name_of_daemon + "]\n");
  deployment.write_config(config);
  deployment.add_members(1, 50);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  ASSERT_THAT(impatient(file_text(STIBEE_ALERTS)), HasSubstr("lane=\"optout\"} > 0) > 3\n"));

  Prometheus prometheus(deployment.directory(), deployment.admin_port());
  ASSERT_TRUE(eventually(30s, [&] { return prometheus.health() == "up"; })) << prometheus.health();
  std::size_t sound = 0;
  ASSERT_TRUE(eventually(30s, [&] { return prometheus.broken_rules(sound).empty() && sound >= 20; }))
      << ::testing::PrintToString(prometheus.broken_rules(sound));
  EXPECT_THAT(prometheus.critical(), ::testing::IsEmpty()) << "all is well";
  for (const auto& [panel, expression] : queries_of_dashboard())
    EXPECT_NO_THROW(prometheus.query(expression)) << panel;
  for (const char* panel :
       {"State", "First opt-out that waits", "Table last read", "Last delivery", "Running for"})
    EXPECT_EQ(prometheus.query(queries_of_dashboard().find(panel)->second).size(), 1U) << panel;

  deployment.stibee_post("/_sim/faults",
                         R"({"rules":[{"kind":"503","endpoint":"v1.unsubscribe","probability":1}]})");
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 7");
  ASSERT_TRUE(eventually(30s, [&] { return prometheus.fires("StibeeOptOutWaiting"); }))
      << deployment.syncd({"status"}).out;
  const auto alert = prometheus.firing().at("StibeeOptOutWaiting");
  EXPECT_EQ(text(at(alert, "labels"), "mirror"), "members");
  EXPECT_EQ(text(at(alert, "labels"), "severity"), "critical");
  EXPECT_THAT(text(at(alert, "labels"), "instance"), StartsWith(name_of_daemon));
  EXPECT_THAT(text(at(alert, "annotations"), "description"),
              StartsWith("1 people who said no are still on the list of members; the first has waited for "));
  EXPECT_EQ(text(at(alert, "annotations"), "runbook_url"), "docs/runbook.md#stibeeoptoutwaiting");
  EXPECT_FALSE(prometheus.fires("StibeeDown"));

  deployment.stibee_post("/_sim/faults", R"({"rules":[]})");
  ASSERT_TRUE(deployment.converges());
  EXPECT_TRUE(eventually(30s, [&] { return prometheus.critical().empty(); }));
  std::size_t still = 0;
  EXPECT_THAT(prometheus.broken_rules(still), ::testing::IsEmpty());

  deployment.daemon().send(SIGTERM);
  EXPECT_EQ(deployment.daemon().wait(10s).exit_code, 0);
  EXPECT_TRUE(eventually(30s, [&] { return prometheus.fires("StibeeDown"); }));
  EXPECT_EQ(prometheus.stop().exit_code, 0);
}

}  // namespace
}  // namespace stibee_sync::e2e
