#include "integration/e2e/deployment.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <netinet/in.h>
#include <random>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace stibee_sync::e2e {
namespace {

testing::PostgresCluster& cluster() {
  return testing::PostgresCluster::shared();
}

void write_file(const std::filesystem::path& path, const std::string& content, mode_t mode) {
  std::ofstream(path) << content;
  ::chmod(path.c_str(), mode);
}

/// Below the ports that the kernel gives to whoever connects: it stays free until the daemon listens there,
/// and while it is down.
int free_port() {
  std::random_device random;
  std::uniform_int_distribution<int> ports(10'000, 32'000);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int port = 0;
  for (int tries = 0; tries < 1'000 && port == 0; ++tries) {
    const int candidate = ports(random);
    address.sin_port = htons(static_cast<std::uint16_t>(candidate));
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) port = candidate;
  }
  ::close(fd);
  if (port == 0) throw std::runtime_error("no free port");
  return port;
}

}  // namespace

std::vector<std::string> event_lines(const Process& daemon, const std::string& event) {
  std::istringstream log(daemon.err());
  std::vector<std::string> lines;
  for (std::string line; std::getline(log, line);) {
    if (line.find("\"event\":\"" + event + "\"") != std::string::npos) lines.push_back(line);
  }
  return lines;
}

const json::Value& at(const json::Value& value, const std::string& key) {
  const auto* member = value.find(key);
  if (member == nullptr) throw std::runtime_error("no member \"" + key + "\" in " + json::to_string(value));
  return *member;
}

std::int64_t number(const json::Value& value, const std::string& key) {
  const auto* found = at(value, key).if_integer();
  if (found == nullptr) throw std::runtime_error("\"" + key + "\" is no number in " + json::to_string(value));
  return *found;
}

std::string text(const json::Value& value, const std::string& key) {
  const auto* found = at(value, key).if_string();
  if (found == nullptr) throw std::runtime_error("\"" + key + "\" is no text in " + json::to_string(value));
  return *found;
}

const json::Value::Array& items(const json::Value& value, const std::string& key) {
  const auto* found = at(value, key).if_array();
  if (found == nullptr) throw std::runtime_error("\"" + key + "\" is no list in " + json::to_string(value));
  return *found;
}

std::string syncd_program() {
  const char* named = std::getenv("STIBEE_SYNCD");
  return named == nullptr ? STIBEE_SYNCD : named;
}

Deployment::Deployment(DeploymentOptions options) : options_(std::move(options)) {
  std::string pattern = "/tmp/stibee-deployment-XXXXXX";
  directory_ = ::mkdtemp(pattern.data());
  database_ = cluster().create_database();
  sql("CREATE TABLE members (id bigint PRIMARY KEY, email text, email_opt_in boolean DEFAULT true, name "
      "text, phone text, "
      "grade text)");
  write_file(directory_ / "key", "sim-key\n", 0600);
  write_file(directory_ / "webhook_secret", webhook_secret() + "\n", 0600);
  admin_port_ = free_port();
  webhook_port_ = free_port();
  start_stibee(options_.simulator_arguments);
  write_config(config_text());
}

Deployment::~Deployment() {
  daemon_.reset();
  stibee_.reset();
  check_recording();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Deployment::check_recording() const {
  const char* document = std::getenv("STIBEE_OPENAPI");
  const auto recording = directory_ / "v2-calls";
  std::error_code ignored;
  if (document == nullptr || *document == '\0' || !std::filesystem::exists(recording, ignored)) return;
  const auto finished = run({"/usr/bin/env", "python3", STIBEE_OPENAPI_CHECK, document, recording.string()});
  EXPECT_TRUE(finished.exit_code == 0 || finished.exit_code == 77) << finished.out << finished.err;
}

std::string Deployment::config_text() const {
  return "stibee:\n"
         "  base_url: https://127.0.0.1:" +
         std::to_string(stibee_port_) +
         "\n"
         "  api_key_file: key\n"
         "  ca_file: ca.pem\n"
         "  api: " +
         options_.api + "\n" + options_.stibee_extra +
         (options_.webhook ? "webhook:\n  listen: 127.0.0.1:" + std::to_string(webhook_port_) +
                                 "\n  secret_file: webhook_secret\n  allow_from: [127.0.0.1/32]\n"
                           : std::string()) +
         "database:\n"
         "  url: " +
         cluster().url(database_) +
         "\n"
         "state:\n"
         "  directory: " +
         state().string() +
         "\n"
         "log:\n"
         "  level: " +
         options_.log_level +
         "\n"
         "admin:\n"
         "  listen: 127.0.0.1:" +
         std::to_string(admin_port_) +
         "\n"
         "mirrors:\n"
         "  - name: members\n"
         "    list_id: 1234\n"
         "    source:\n"
         "      table: public.members\n"
         "      key: id\n"
         "      email: email\n"
         "      subscribed: email_opt_in\n"
         "      groups: [grade]\n"
         "      fields: {name: name, phone: phone}\n"
         "    groups: {gold: 11, silver: 12}\n"
         "    poll_interval: " +
         options_.poll_interval + "\n" + options_.mirror_extra;
}

void Deployment::write_config(const std::string& content) {
  write_file(config(), content, 0644);
}

void Deployment::sql(const std::string& statement) {
  cluster().execute(statement, database_);
}

std::string Deployment::value(const std::string& query) {
  return cluster().value(query, database_);
}

void Deployment::add_members(int from, int to) {
  sql("INSERT INTO members SELECT i, 'p' || i || '@example.com', true, '이름 ' || i, '010-' || i, "
      "CASE i % 3 WHEN 0 THEN 'gold' WHEN 1 THEN 'silver' END FROM generate_series(" +
      std::to_string(from) + "," + std::to_string(to) + ") i");
}

void Deployment::start_stibee(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{STIBEE_SIM,
                                   "--write-ca",
                                   (directory_ / "ca.pem").string(),
                                   "--keep-ca",
                                   (directory_ / "authority.pem").string(),
                                   "--control-listen",
                                   "127.0.0.1:0",
                                   "--group",
                                   "1234:11:gold",
                                   "--group",
                                   "1234:12:silver",
                                   "--group",
                                   "1234:99:hand"};
  if (options_.webhook) {
    command.push_back("--webhook");
    command.push_back("1234=http://127.0.0.1:" + std::to_string(webhook_port_) + "/webhook/" +
                      webhook_secret());
  }
  if (std::getenv("STIBEE_OPENAPI") != nullptr) {
    command.push_back("--record");
    command.push_back((directory_ / "v2-calls").string());
  }
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.push_back("--listen");
  command.push_back("127.0.0.1:" + std::to_string(stibee_port_));
  stibee_ = std::make_unique<Process>(std::move(command), std::map<std::string, std::string>{},
                                      (directory_ / ("sim" + std::to_string(++simulators_))).string());
  if (!eventually(std::chrono::minutes(2),
                  [&] { return stibee_->out().find("\"ready\"") != std::string::npos; })) {
    throw std::runtime_error("stibee-sim did not start: " + stibee_->err());
  }
  const auto ready = json::parse(stibee_->out().substr(0, stibee_->out().find('\n')));
  if (!ready) throw std::runtime_error("stibee-sim's ready line is no JSON: " + stibee_->out());
  stibee_port_ = static_cast<int>(number(*ready, "port"));
  control_port_ = static_cast<int>(number(*ready, "control_port"));
}

void Deployment::stop_stibee() {
  stibee_.reset();
}
void Deployment::restart_stibee(std::vector<std::string> arguments) {
  stibee_.reset();
  start_stibee(arguments);
}

Finished Deployment::syncd(std::vector<std::string> arguments, std::chrono::milliseconds limit) {
  std::vector<std::string> command{syncd_program(), "--config", config().string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(std::move(command), {}, limit);
}

json::Value Deployment::report(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const auto finished = syncd(arguments);
  auto parsed = json::parse(finished.out);
  if (!parsed) throw std::runtime_error("no JSON: " + finished.out + finished.err);
  return std::move(*parsed);
}

Process& Deployment::start_daemon() {
  daemon_.reset();
  daemon_ = std::make_unique<Process>(
      std::vector<std::string>{syncd_program(), "--config", config().string(), "run"},
      std::map<std::string, std::string>{}, (directory_ / ("daemon" + std::to_string(++daemons_))).string());
  if (!eventually(
          std::chrono::minutes(2),
          [&] { return daemon_->err().find("daemon.ready") != std::string::npos || !daemon_->running(); }) ||
      !daemon_->running()) {
    throw std::runtime_error("the daemon is not ready: " + daemon_->err());
  }
  return *daemon_;
}

Page Deployment::admin(const std::string& path, const std::string& headers) {
  return http(admin_port_, "GET", path, {}, headers);
}

json::Value Deployment::stibee(const std::string& path) {
  auto parsed = json::parse(http(control_port_, "GET", path).body);
  if (!parsed) throw std::runtime_error("stibee-sim answered no JSON to " + path);
  return std::move(*parsed);
}

void Deployment::stibee_post(const std::string& path, const std::string& body) {
  const auto page = http(control_port_, "POST", path, body);
  if (page.status != 200) throw std::runtime_error(path + ": " + page.body);
}

std::string Deployment::dump() {
  return http(control_port_, "GET", "/_sim/dump?times=no").body;
}

std::int64_t Deployment::stat(const std::string& key) {
  return number(stibee("/_sim/stats"), key);
}

std::vector<std::string> Deployment::differences() {
  std::map<std::string, std::string> expected;
  for (const auto& row :
       cluster().execute("SELECT DISTINCT ON (lower(trim(email))) lower(trim(email)), coalesce(name, ''), "
                         "coalesce(phone, ''), "
                         "CASE grade WHEN 'gold' THEN '11' WHEN 'silver' THEN '12' ELSE '' END "
                         "FROM members WHERE email_opt_in AND email LIKE '%@%' ORDER BY 1, id",
                         database_)) {
    expected[row[0].value()] = row[1].value() + "|" + row[2].value() + "|" + row[3].value();
  }
  std::map<std::string, std::string> there;
  const auto dumped = json::parse(dump());
  if (!dumped) throw std::runtime_error("the dump is no JSON");
  for (const auto& person : items(at(at(*dumped, "lists"), "1234"), "people")) {
    if (text(person, "status") != "subscribed") continue;
    const auto& fields = at(person, "fields");
    std::string groups;
    for (const auto& group : items(person, "groups")) {
      if (*group.if_integer() == 99) continue;
      groups += (groups.empty() ? "" : ",") + std::to_string(*group.if_integer());
    }
    const auto field = [&](const char* tag) {
      return fields.find(tag) == nullptr ? std::string() : text(fields, tag);
    };
    there[text(person, "email")] = field("name") + "|" + field("phone") + "|" + groups;
  }
  std::vector<std::string> differences;
  for (const auto& [email, values] : expected) {
    const auto found = there.find(email);
    if (found == there.end()) {
      differences.push_back(email + " is missing");
    } else if (found->second != values) {
      differences.push_back(email + ": " + found->second + " instead of " + values);
    }
  }
  for (const auto& [email, values] : there) {
    if (!expected.contains(email)) differences.push_back(email + " is not in the table");
  }
  return differences;
}

std::int64_t Deployment::subscribed() {
  return number(at(at(stibee("/_sim/stats"), "lists"), "1234"), "subscribed");
}

bool Deployment::converges(std::chrono::milliseconds limit) {
  const auto wanted = [&] {
    const auto rows = cluster().execute(
        "SELECT count(DISTINCT lower(trim(email))) FROM members "
        "WHERE email_opt_in AND email LIKE '%@%'",
        database_);
    return std::stoll(rows.front()[0].value());
  };
  return eventually(limit, [&] { return subscribed() == wanted() && differences().empty(); });
}

bool Deployment::all_arrive() {
  const auto nobody_waits = [&] {
    const auto status = report({"status"});
    const auto& pending = at(items(status, "mirrors").front(), "pending");
    return number(pending, "optout") + number(pending, "delete") + number(pending, "upsert") == 0;
  };
  return eventually(std::chrono::minutes(5), [&] {
    if (converges(std::chrono::seconds(2)) && eventually(std::chrono::seconds(2), nobody_waits)) return true;
    syncd({"sync-now"});
    return false;
  });
}

}  // namespace stibee_sync::e2e
