#pragma once

#include "integration/e2e/process.hpp"
#include "integration/postgres_cluster.hpp"
#include "stibee_sync/json/value.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace stibee_sync::e2e {

/// The daemon under test: the one built with these tests, or the one that the environment's STIBEE_SYNCD
/// names.
std::string syncd_program();

/// How a deployment is set up; every text is YAML or SQL as it stands.
struct DeploymentOptions {
  std::vector<std::string> simulator_arguments;
  std::string stibee_extra;  // lines under `stibee:`, two spaces indented
  std::string mirror_extra;  // lines of the mirror, four spaces indented
  std::string poll_interval = "100ms";
  std::string log_level = "debug";
  std::string api = "v1";
  bool webhook = false;  // the listener, with webhook_secret() and 127.0.0.1 allowed; stibee-sim sends to it
};

/// A real PostgreSQL database with a member table, stibee-sim behind TLS, and a configuration for
/// stibee-syncd, in a directory that is gone with the object. What ops have.
class Deployment {
 public:
  explicit Deployment(DeploymentOptions options = {});
  ~Deployment();

  /// members(id, email, email_opt_in, name, phone, grade): adds people p<from>…p<to>@example.com.
  void add_members(int from, int to);
  void sql(const std::string& statement);
  std::string value(const std::string& query);  // the only value of the only row

  /// Runs one command of stibee-syncd to its end.
  Finished syncd(std::vector<std::string> arguments,
                 std::chrono::milliseconds limit = std::chrono::minutes(2));
  json::Value report(std::vector<std::string> arguments);
  /// Starts `run` and waits until it is ready.
  Process& start_daemon();
  Process& daemon() { return *daemon_; }
  int admin_port() const { return admin_port_; }
  int webhook_port() const { return webhook_port_; }
  int control_port() const { return control_port_; }  // of the simulator
  static std::string webhook_secret() { return "hook-secret-0123456789"; }
  Page admin(const std::string& path, const std::string& headers = {});

  /// The simulator.
  json::Value stibee(const std::string& path);
  void stibee_post(const std::string& path, const std::string& body);
  void restart_stibee(std::vector<std::string> arguments);
  void stop_stibee();
  std::string dump();
  std::int64_t stat(const std::string& key);  // "calls", "violations", "repeated_people", …

  /// What differs between list and table; empty: they are equal.
  std::vector<std::string> differences();
  /// How many are subscribed there. Costs the simulator nothing, unlike a dump, during which a large list
  /// takes no calls: those then count later than they were sent, and more of them in one window than the
  /// limit allows.
  std::int64_t subscribed();
  /// Waits until they are equal.
  bool converges(std::chrono::milliseconds limit = std::chrono::seconds(60));
  /// Waits until they are equal and nobody waits in the daemon, after faults: whoever met several in a row
  /// waits up to five minutes, as chance has it, so backoffs are ended by `sync-now`. What is left to wait
  /// for is the budget of retries, ten a minute.
  bool all_arrive();

  void write_config(const std::string& text);
  std::string config_text() const;
  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path config() const { return directory_ / "config.yaml"; }
  std::filesystem::path state() const { return directory_ / "state"; }

 private:
  void start_stibee(const std::vector<std::string>& arguments);
  /// With STIBEE_OPENAPI set, holds what was said on v2 against that document (tests/openapi).
  void check_recording() const;

  DeploymentOptions options_;
  std::filesystem::path directory_;
  std::string database_;
  std::unique_ptr<Process> stibee_;
  std::unique_ptr<Process> daemon_;
  int stibee_port_ = 0;
  int control_port_ = 0;
  int admin_port_ = 0;
  int webhook_port_ = 0;
  int daemons_ = 0;
  int simulators_ = 0;
};

/// What a daemon logged of an event, in order, each as its line.
std::vector<std::string> event_lines(const Process& daemon, const std::string& event);

/// Members of JSON values by path, for assertions: throws std::runtime_error naming what is missing.
const json::Value& at(const json::Value& value, const std::string& key);
std::int64_t number(const json::Value& value, const std::string& key);
std::string text(const json::Value& value, const std::string& key);
const json::Value::Array& items(const json::Value& value, const std::string& key);

}  // namespace stibee_sync::e2e
