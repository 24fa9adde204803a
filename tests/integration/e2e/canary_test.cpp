#include "integration/e2e/canaries.hpp"
#include "integration/e2e/deployment.hpp"
#include "integration/http/scripted_server.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sys/resource.h>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// People and secrets with distinctive names, through all that a real daemon does and all that goes wrong for
// it: nothing of them may be where somebody could read it.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;

const std::string name = "카나리아김철수";
const std::string latin_name = "Zebulon Quagmire";
const std::string phone = "010-9753-1864";
const std::string local_part = "zq.canary.kim";
const std::string domain = "quagmire-canary.example";
const std::string address = local_part + "@" + domain;
const std::string reason = "까나리가 싫어요";
const std::string api_key = "canarykey0f1e2d3c4b5a6978";
const std::string password = "canary-db-pass-8675309";
const std::string notify_path = "/hooks/canary-notify-31415926";

const std::vector<Canary> secrets{{"API key", api_key},
                                  {"database password", password},
                                  {"webhook secret", Deployment::webhook_secret()},
                                  {"address of notices", notify_path}};
const std::vector<Canary> values{
    {"name", name},   {"latin name", latin_name},         {"last name", "Quagmire "},
    {"phone", phone}, {"phone in digits", "01097531864"}, {"phone abroad", "9753-1864"}};
const std::vector<Canary> local_parts{{"local part", local_part}};
const std::vector<Canary> domains{{"domain", domain}};

std::vector<Canary> operator+(std::vector<Canary> left, const std::vector<Canary>& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// All but what was learnt of them at Stibee; that comes with the person.
const std::vector<Canary> all =
    secrets + values + local_parts + domains + std::vector<Canary>{{"reason", reason}};
/// Of a command that tells people apart by masked addresses: the domain stays.
const std::vector<Canary> all_but_domains =
    secrets + values + local_parts + std::vector<Canary>{{"reason", reason}};

DeploymentOptions options() {
  DeploymentOptions options;
  options.log_level = "trace";
  options.webhook = true;
  options.simulator_arguments = {"--key", api_key};
  options.mirror_extra =
      "    on_leave: delete\n"
      "    writeback:\n"
      "      unsubscribed: UPDATE members SET email_opt_in = false, why = :reason WHERE lower(email) = "
      ":email\n"
      "      updated: UPDATE members SET name = :field_name, phone = :field_phone WHERE id = :key\n";
  return options;
}

void write_secret(const std::filesystem::path& file, const std::string& secret) {
  std::ofstream(file) << secret << "\n";
  ::chmod(file.c_str(), 0600);
}

class CanaryTest : public ::testing::Test {
 protected:
  CanaryTest()
      : receiver_([this](http::test::Peer& peer, int) { take_letters(peer); }), deployment_(options()) {
    write_secret(deployment_.directory() / "key", api_key);
    write_secret(deployment_.directory() / "password", password);
    write_secret(deployment_.directory() / "notify_url",
                 "http://127.0.0.1:" + std::to_string(receiver_.port()) + notify_path);
    std::filesystem::create_directory(temporary_);
    // What it would leave behind: temporary files, and a core if one can be made.
    old_temporary_ = std::getenv("TMPDIR") == nullptr ? "" : std::getenv("TMPDIR");
    ::setenv("TMPDIR", temporary_.c_str(), 1);
    std::filesystem::current_path(temporary_);
    ::getrlimit(RLIMIT_CORE, &old_core_);
    const rlimit core{old_core_.rlim_max, old_core_.rlim_max};
    ::setrlimit(RLIMIT_CORE, &core);
    good_config_ = "notify:\n  url_file: notify_url\n" + deployment_.config_text();
    const std::string before = "\nstate:\n";
    good_config_.insert(good_config_.find(before), "\n  password_file: password");
    deployment_.write_config(good_config_);
    deployment_.sql("ALTER TABLE members ADD why text");
  }
  ~CanaryTest() override {
    std::filesystem::current_path("/");
    if (old_temporary_.empty()) {
      ::unsetenv("TMPDIR");
    } else {
      ::setenv("TMPDIR", old_temporary_.c_str(), 1);
    }
    ::setrlimit(RLIMIT_CORE, &old_core_);
  }

  void take_letters(http::test::Peer& peer) {
    for (auto request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      {
        const std::lock_guard lock(mutex_);
        // Where it is sent to is in its first line.
        letters_ += request.substr(request.find("\r\n"));
      }
      peer.send(http::test::answer(200, "ok"));
    }
  }
  std::string letters() {
    const std::lock_guard lock(mutex_);
    return letters_;
  }

  /// Row ID of the person.
  void insert(int id, const std::string& email, const std::string& more = "true") {
    deployment_.sql("INSERT INTO members (id, email, email_opt_in, name, phone) VALUES (" +
                    std::to_string(id) + ", '" + email + "', " + more + ", '" + name + "', '" + phone + "')");
  }
  bool logs(const std::string& event, std::size_t times = 1) {
    return eventually(30s, [&] { return event_lines(deployment_.daemon(), event).size() >= times; });
  }
  void expect_nothing(const std::string& place, const std::string& text,
                      const std::vector<Canary>& canaries = all) {
    EXPECT_THAT(found_in(canaries, text), IsEmpty()) << place;
  }
  void expect_commands_to_say_nothing(const std::vector<std::vector<std::string>>& commands) {
    for (auto command : commands) {
      for (const bool json : {false, true}) {
        if (json) command.emplace_back("--json");
        const auto finished = deployment_.syncd(command);
        EXPECT_FALSE((finished.out + finished.err).empty()) << command.front();
        expect_nothing(command.front(), finished.out + "\n" + finished.err, all_but_domains);
      }
    }
  }
  /// Of a daemon that runs.
  void look_around(const std::string& when) {
    SCOPED_TRACE(when);
    const auto process = "/proc/" + std::to_string(deployment_.daemon().pid());
    for (const auto* file : {"/cmdline", "/environ"}) {
      std::ifstream stream(process + file, std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(stream), {}};
      EXPECT_FALSE(text.empty());
      expect_nothing(file, text);
    }
    for (const auto* page :
         {"/status", "/status?lang=ko", "/metrics", "/livez", "/readyz", "/nothing?email=x"})
      expect_nothing(page, deployment_.admin(page).body);
    expect_nothing("status as JSON", deployment_.admin("/status", "Accept: application/json\r\n").body);
    expect_commands_to_say_nothing(
        {{"status"}, {"failures"}, {"guard"}, {"check"}, {"explain", "--key", "1"}});
    expect_nothing("log", deployment_.daemon().err() + deployment_.daemon().out());
    expect_nothing("notices", letters());
    EXPECT_THAT(found_below(all, temporary_), IsEmpty());
  }
  void fault(const std::string& rules) {
    deployment_.stibee_post("/_sim/faults", R"({"rules":[)" + rules + "]}");
  }

  std::mutex mutex_;
  std::string letters_;
  http::test::ScriptedServer receiver_;
  Deployment deployment_;
  std::filesystem::path temporary_ = deployment_.directory() / "temporary";
  std::string old_temporary_;
  rlimit old_core_{};
  std::string good_config_;
};

/// An answer of Stibee that quotes somebody.
std::string quoting(const std::string& more) {
  return R"({"kind":"status","message":"이메일 )" + address + " 전화 " + phone +
         R"( 오류","code":"Errors.Odd",)" + more + "}";
}

// One long life: each step costs a daemon that has met all that came before.
TEST_F(CanaryTest, NothingOfAnybodyAndNoSecretIsShownWhateverGoesWrong) {
  deployment_.add_members(2, 60);
  insert(1, address);
  insert(901, address);                               // somebody else's address
  insert(902, "no " + local_part + " at " + domain);  // no address
  insert(903, "refused." + address);
  const std::string wrong =
      R"({"kind":"person","address":"refused.)" + address + R"(","result":"failWrongEmail"})";
  fault(quoting(R"("status":400,"times":2)") + "," + quoting(R"("status":500,"times":1)") + "," + wrong);
  auto& daemon = deployment_.start_daemon();
  ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 60; })) << daemon.err();
  ASSERT_TRUE(logs("person.parked")) << daemon.err();
  look_around("after an import with refusals");

  // A change, a move to another address, and strangers at the webhook's door.
  deployment_.sql("UPDATE members SET name = '" + latin_name + "' WHERE id = 1");
  deployment_.sql("UPDATE members SET email = 'moved." + address + "' WHERE id = 1");
  deployment_.sql("DELETE FROM members WHERE id = 901");
  const auto hook = deployment_.webhook_port();
  const auto at_door = "/webhook/" + Deployment::webhook_secret();
  http(hook, "POST", "/webhook/" + local_part, R"({"email":")" + address + "\"}");
  http(hook, "POST", at_door,
       R"({"id":"1234","action":")" + name + R"(","subscribers":[{"email":")" + address + R"("}]})");
  http(hook, "POST", at_door, R"({"id":"1234","subscribers":")" + address + phone);
  http(hook, "POST", at_door,
       R"({"id":"99","action":"UPDATED","subscribers":[{"email":")" + address + "\"}]}");
  ASSERT_TRUE(logs("webhook.rejected"));
  ASSERT_TRUE(
      eventually(60s, [&] { return deployment_.dump().find("moved." + address) != std::string::npos; }));

  // A write-back of which the database quotes the row.
  deployment_.sql("ALTER TABLE members ADD CONSTRAINT odd CHECK (id <> 1 OR email_opt_in)");
  deployment_.stibee_post("/_sim/people", R"({"list":"1234","action":"unsubscribe","emails":["moved.)" +
                                              address + R"("],"reason":")" + reason + "\"}");
  ASSERT_TRUE(logs("writeback.failed")) << daemon.err();
  look_around("with a write-back that fails");
  expect_commands_to_say_nothing({{"explain", "moved." + address}});
  deployment_.sql("ALTER TABLE members DROP CONSTRAINT odd");

  // A read of which the database quotes a value.
  deployment_.sql(
      "ALTER TABLE members RENAME TO people; CREATE VIEW members AS SELECT id, email, name::int > 0 AS "
      "email_opt_in, name, phone, grade FROM people");
  ASSERT_TRUE(logs("sync.failed")) << daemon.err();
  look_around("with a view that fails");
  deployment_.sql("DROP VIEW members; ALTER TABLE people RENAME TO members");

  // A mass change, a refused key, and a list that somebody edits.
  deployment_.sql("DELETE FROM members WHERE id BETWEEN 10 AND 60");
  ASSERT_TRUE(logs("guard.held"));
  const auto digest = text(items(deployment_.report({"guard"}), "held").front(), "digest");
  expect_commands_to_say_nothing({{"guard", "show", digest}, {"plan"}});
  fault(quoting(R"("status":401)"));
  deployment_.sql("UPDATE members SET phone = '" + phone + "' WHERE id = 2");
  ASSERT_TRUE(logs("api.unauthorised")) << daemon.err();
  look_around("with a refused key");
  fault("");

  // Files that are refused: whatever is in them could be a secret.
  for (const auto& bad : {"database:\n  url: postgresql://" + local_part + ":" + password + "@127.0.0.1/x\n",
                          "stibee:\n  api_key: " + api_key + "\n", api_key + ": [" + password + "\n"}) {
    deployment_.write_config(bad);
    const auto reload = deployment_.syncd({"reload"});
    EXPECT_NE(reload.exit_code, 0);
    expect_nothing("reload", reload.out + reload.err);
    // The command does not find the daemon by such a file.
    const auto refused = event_lines(daemon, "daemon.reload_failed").size();
    daemon.send(SIGHUP);
    ASSERT_TRUE(
        eventually(30s, [&] { return event_lines(daemon, "daemon.reload_failed").size() > refused; }));
  }
  deployment_.write_config(good_config_);
  look_around("after files that were refused");

  // A crash leaves nothing either, though a core may be as large as it likes.
  daemon.send(SIGABRT);
  EXPECT_EQ(daemon.wait(30s).exit_code, 128 + SIGABRT);
  EXPECT_TRUE(std::filesystem::is_empty(temporary_)) << "no core, no temporary file";
  expect_nothing("log", daemon.err());
}

TEST_F(CanaryTest, NothingIsLeftInTheFilesOfWhoeverIsSettledAndForgotten) {
  deployment_.add_members(2, 30);
  insert(1, address);
  insert(903, "refused." + address);
  fault(R"({"kind":"person","address":"refused.)" + address + R"(","result":"failWrongEmail"})");
  auto& daemon = deployment_.start_daemon();
  ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 30; })) << daemon.err();
  ASSERT_TRUE(logs("person.parked"));
  deployment_.sql("UPDATE members SET name = '" + latin_name + "' WHERE id = 1");
  ASSERT_TRUE(eventually(30s, [&] { return deployment_.dump().find(latin_name) != std::string::npos; }));
  deployment_.sql("UPDATE members SET email = 'moved." + address + "' WHERE id = 1");
  ASSERT_TRUE(
      eventually(30s, [&] { return deployment_.dump().find("moved." + address) != std::string::npos; }));
  deployment_.sql("DELETE FROM members WHERE id = 903");
  deployment_.stibee_post("/_sim/people", R"({"list":"1234","action":"unsubscribe","emails":["moved.)" +
                                              address + R"("],"reason":")" + reason + "\"}");
  ASSERT_TRUE(logs("writeback.done")) << daemon.err();

  // Settled: what was sent is not kept, nor is what was written back.
  EXPECT_TRUE(eventually(30s, [&] { return found_below(secrets + values, deployment_.state()).empty(); }))
      << ::testing::PrintToString(found_below(secrets + values, deployment_.state()));

  deployment_.sql("DELETE FROM members WHERE id = 1");
  for (const auto& who : {address, "moved." + address, "refused." + address}) {
    EXPECT_TRUE(eventually(60s, [&] {
      const auto forgotten = deployment_.syncd({"forget", who});
      return forgotten.exit_code == 0 || forgotten.exit_code == 66;  // 66: nothing was kept
    })) << who;
  }
  const auto backup = deployment_.directory() / "copy";
  EXPECT_EQ(deployment_.syncd({"backup", backup.string()}).exit_code, 0);
  daemon.send(SIGTERM);
  EXPECT_EQ(daemon.wait(30s).exit_code, 0);
  const auto no_words = secrets + values + local_parts + domains;  // a reason stays with its opt-out
  EXPECT_THAT(found_below(no_words, deployment_.state()), IsEmpty());
  EXPECT_THAT(found_below(no_words, backup), IsEmpty());
  expect_nothing("log", daemon.err());
}

TEST(Canary, IsFoundHoweverItIsWritten) {
  const Canary person("name", name);
  const Canary mail("address", address);
  EXPECT_TRUE(person.is_in("msg: " + name + "!"));
  EXPECT_TRUE(person.is_in("%EC%B9%B4%EB%82%98%EB%A6%AC%EC%95%84%EA%B9%80%EC%B2%A0%EC%88%98"));
  EXPECT_TRUE(person.is_in(R"(\uCE74\uB098\uB9AC\uC544\uAE40\uCCA0\uC218)"));
  EXPECT_TRUE(mail.is_in("ZQ.Canary.Kim@QUAGMIRE-canary.example"));
  EXPECT_TRUE(mail.is_in("zq.canary.kim%40quagmire-canary.example"));
  EXPECT_TRUE(mail.is_in("enEuY2FuYXJ5LmtpbUBxdWFnbWlyZS1jYW5hcnkuZXhhbXBsZQ=="));
  EXPECT_TRUE(mail.is_in("YTp6cS5jYW5hcnkua2ltQHF1YWdtaXJlLWNhbmFyeS5leGFtcGxl")) << "behind `a:`";
  EXPECT_FALSE(mail.is_in("somebody@example.com"));
}

}  // namespace
}  // namespace stibee_sync::e2e
