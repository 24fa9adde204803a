#include "fault/world.hpp"

#include "stibee_sync/json/value.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <random>
#include <sstream>
#include <stdexcept>

namespace stibee_sync::fault {
namespace {

using namespace std::chrono_literals;
using e2e::at;
using e2e::items;
using e2e::number;
using e2e::text;
namespace fs = std::filesystem;

e2e::DeploymentOptions options(const std::string& mirror_extra) {
  e2e::DeploymentOptions options;
  options.simulator_arguments = {"--host",   "stibee.test",         "--rate",   "50/s",
                                 "--switch", "webhook_retries=200", "--switch", "webhook_retry_ms=50"};
  options.stibee_extra = "  rate_limit: 50/s\n";
  options.mirror_extra = mirror_extra;
  options.webhook = true;
  options.log_level = "info";
  return options;
}

json::Value parsed(const std::string& text) {
  auto value = json::parse(text);
  if (!value) throw std::runtime_error("no JSON: " + text);
  return std::move(*value);
}

std::string quoted(const std::string& words) {
  return json::to_string(json::Value(words));
}

/// Without the sockets that whoever was killed left behind.
void copy_files(const fs::path& from, const fs::path& to) {
  if (!fs::exists(from)) return;
  fs::create_directories(to);
  fs::permissions(to, fs::perms::owner_all);
  for (const auto& entry : fs::directory_iterator(from)) {
    if (entry.is_regular_file()) fs::copy_file(entry.path(), to / entry.path().filename());
  }
}

}  // namespace

bool is_long() {
  const char* said = std::getenv("STIBEE_LONG");
  return said != nullptr && *said != '\0' && std::string_view(said) != "0";
}

std::vector<std::uint64_t> chosen(std::uint64_t all, std::size_t some, std::uint64_t seed) {
  std::vector<std::uint64_t> numbers;
  if (is_long() || all <= some + 2) {
    for (std::uint64_t n = 1; n <= all; ++n)
      numbers.push_back(n);
    return numbers;
  }
  std::mt19937_64 random(seed);
  std::set<std::uint64_t> picked{1, all};
  while (picked.size() < some + 2)
    picked.insert(1 + random() % all);
  return {picked.begin(), picked.end()};
}

World::World(const std::string& mirror_extra)
    : deployment_(options(mirror_extra)),
      faults_(deployment_.directory() / "faults", {deployment_.state(), deployment_.directory() / "backup"}) {
}

void World::remember() {
  const auto kept = deployment_.directory() / "kept";
  fs::remove_all(kept);
  copy_files(deployment_.state(), kept);
  people_.clear();
  const auto add = [&](const std::string& edit) { people_ += (people_.empty() ? "[" : ",") + edit; };
  const auto dump = parsed(deployment_.dump());
  for (const auto& person : items(at(at(dump, "lists"), "1234"), "people")) {
    const auto who = R"("list":"1234","emails":[)" + quoted(text(person, "email")) + "]";
    add("{" + who + R"(,"action":"add","fields":)" + json::to_string(at(person, "fields")) + "}");
    for (const auto& group : items(person, "groups")) {
      add("{" + who + R"(,"action":"assign_group","group":)" + std::to_string(*group.if_integer()) + "}");
    }
    if (text(person, "status") == "unsubscribed") add("{" + who + R"(,"action":"unsubscribe"})");
  }
  if (!people_.empty()) people_ += "]";
  rows_ = deployment_.value(
      "SELECT coalesce(string_agg(format('INSERT INTO members VALUES (%L,%L,%L,%L,%L,%L)', id, email, "
      "email_opt_in, "
      "name, phone, grade), ';' ORDER BY id), 'SELECT 1') FROM members");
}

void World::forget_state() {
  fs::remove_all(deployment_.state());
}

void World::begin(bool keeps_synced) {
  daemon_.reset();
  for (const char* left : {"backup", "restored", "looked-at"})
    fs::remove_all(deployment_.directory() / left);
  forget_state();
  copy_files(deployment_.directory() / "kept", deployment_.state());
  deployment_.write_config(deployment_.config_text());
  deployment_.sql("TRUNCATE members; " + rows_);
  const auto hook = "http://127.0.0.1:" + std::to_string(deployment_.webhook_port()) + "/webhook/" +
                    e2e::Deployment::webhook_secret();
  deployment_.stibee_post("/_sim/webhooks", R"({"1234":""})");
  deployment_.stibee_post("/_sim/reset", R"({"only":["people","journal","stats","faults"]})");
  if (!people_.empty()) deployment_.stibee_post("/_sim/people", people_);
  deployment_.stibee_post("/_sim/webhooks", R"({"1234":")" + hook + R"("})");
  faults_.reset();
  keeps_synced_ = keeps_synced;
  deaths_ = 0;
  in_flight_people_ = 0;
  after_log_.clear();
  after_death_ = {};
  out_.clear();
}

void World::start() {
  std::map<std::string, std::string> environment;
  if (deaths_ == 0) environment = faults_.environment(keeps_synced_);
  daemon_ = std::make_unique<e2e::Process>(
      std::vector<std::string>{e2e::syncd_program(), "--config", deployment_.config().string(), "run"},
      environment, (deployment_.directory() / ("run" + std::to_string(++starts_))).string());
}

void World::note_death() {
  ++deaths_;
  // A power failure ends whoever else runs, too.
  const bool others = after_death_ && daemon_ && daemon_->running();
  if (others) {
    daemon_->send(SIGKILL);
    daemon_->wait(10s);
  }
  if (after_death_) after_death_();
  for (const auto& call : calls_in_flight(deployment_.state()))
    in_flight_people_ += call.size();
  if (others) start();
}

void World::tend() {
  if (!daemon_ || daemon_->running()) return;
  const auto ended = daemon_->wait(1s);
  if (ended.exit_code != 128 + SIGKILL || deaths_ > 0) {
    throw std::runtime_error("the daemon ended with " + std::to_string(ended.exit_code) + ": " + ended.err);
  }
  note_death();
  start();
}

bool World::until(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  return e2e::eventually(limit, [&] {
    tend();
    return done();
  });
}

void World::stop() {
  for (;;) {
    // Before it handles signals, it would die of one.
    until([&] { return daemon_->err().find("daemon.ready") != std::string::npos; });
    daemon_->send(SIGTERM);
    const auto ended = daemon_->wait(30s);
    if (deaths_ > 0) after_log_ += ended.err;
    if (ended.exit_code == 0) break;
    if (ended.exit_code != 128 + SIGKILL || deaths_ > 0)
      throw std::runtime_error("the daemon ended with " + std::to_string(ended.exit_code) + ": " + ended.err);
    note_death();
    start();
  }
  daemon_.reset();
}

e2e::Finished World::command(const std::vector<std::string>& arguments, Again again) {
  std::vector<std::string> words{e2e::syncd_program(), "--config", deployment_.config().string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (deaths_ == 0) {
    const auto finished = e2e::run(words, faults_.environment(keeps_synced_));
    if (finished.exit_code != 128 + SIGKILL) return finished;
    note_death();
    if (again == Again::No) return finished;
  }
  return e2e::run(words);
}

bool World::settles(std::chrono::milliseconds limit) {
  return until(
      [&] {
        try {
          const auto report = parsed(deployment_.admin("/status", "Accept: application/json\r\n").body);
          const auto& mirror = items(report, "mirrors").front();
          const auto& pending = at(mirror, "pending");
          // What costs little is asked first.
          return number(pending, "upsert") + number(pending, "optout") + number(pending, "delete") == 0 &&
                 number(report, "in_flight") == 0 && number(mirror, "writebacks") == 0 &&
                 *at(report, "healthy").if_bool() && differences().empty();
        } catch (const std::runtime_error&) {
          return false;  // nobody answers, or no JSON yet
        }
      },
      limit);
}

std::vector<std::string> World::differences() {
  auto all = deployment_.differences();
  // Who opted out is missing there, and may be so.
  std::erase_if(all, [&](const std::string& difference) {
    return out_.contains(difference.substr(0, difference.find(' '))) && difference.ends_with(" is missing");
  });
  return all;
}

void World::opted_out(const std::string& email) {
  const auto journal = deployment_.stibee("/_sim/journal?limit=1000000&addresses=no");
  const auto& calls = items(journal, "calls");
  // A call that is on its way may still name them; it changes nobody's status.
  const std::int64_t last = calls.empty() ? 0 : number(calls.back(), "number");
  out_[email] = {last + 1 + deployment_.stat("in_flight")};
}

std::string World::status_at_stibee(const std::string& email) {
  const auto dump = parsed(deployment_.dump());
  for (const auto& person : items(at(at(dump, "lists"), "1234"), "people")) {
    if (text(person, "email") == email) return text(person, "status");
  }
  return "absent";
}

std::size_t World::repeated_people() {
  return static_cast<std::size_t>(deployment_.stat("repeated_people"));
}

std::vector<std::string> World::wrongs(std::size_t usually_repeated) {
  std::vector<std::string> wrongs;
  for (const auto& [email, opt_out] : out_) {
    if (status_at_stibee(email) == "subscribed") wrongs.push_back(email + " opted out and is subscribed");
  }
  const auto journal = deployment_.stibee("/_sim/journal?limit=1000000");
  for (const auto& call : items(journal, "calls")) {
    if (text(call, "endpoint") != "v1.subscribe") continue;
    for (const auto& named : items(call, "addresses")) {
      const auto found = out_.find(*named.if_string());
      if (found != out_.end() && number(call, "number") >= found->second.from)
        wrongs.push_back(found->first + " opted out and is named in call " +
                         std::to_string(number(call, "number")));
    }
  }
  if (const auto violations = deployment_.stat("violations"); violations != 0)
    wrongs.push_back(std::to_string(violations) + " calls too many");
  if (const auto repeated = repeated_people(); repeated > usually_repeated + in_flight_people_) {
    wrongs.push_back(std::to_string(repeated) + " people repeated, " + std::to_string(in_flight_people_) +
                     " were on their way");
  }
  return wrongs;
}

std::vector<std::string> World::errors_after_death() const {
  std::istringstream log(after_log_);
  std::vector<std::string> lines;
  for (std::string line; std::getline(log, line);) {
    if (line.find("\"level\":\"error\"") != std::string::npos ||
        line.find("please report") != std::string::npos)
      lines.push_back(line);
  }
  return lines;
}

}  // namespace stibee_sync::fault
