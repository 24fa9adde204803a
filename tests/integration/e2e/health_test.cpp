#include "integration/e2e/deployment.hpp"

#include <csignal>
#include <sstream>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// Nothing looks healthy that is not: `status`, the page, the metrics and systemd say the same word.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

json::Value mirror_of(const json::Value& report) {
  return items(report, "mirrors").front();
}

/// Of all series that begin like this.
double sum_of(Deployment& deployment, const std::string& family, const std::string& label) {
  std::istringstream page(deployment.admin("/metrics").body);
  double sum = 0;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with(family + "{") && line.find(label) != std::string::npos)
      sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  return sum;
}

/// The lines of an event, parsed.
std::vector<json::Value> lines_of(const Process& daemon, const std::string& event) {
  std::vector<json::Value> lines;
  for (const auto& line : event_lines(daemon, event)) {
    if (auto parsed = json::parse(line)) lines.push_back(std::move(*parsed));
  }
  return lines;
}

std::int64_t total_of(const std::vector<json::Value>& lines, const std::string& key) {
  std::int64_t sum = 0;
  for (const auto& line : lines) {
    const auto* member = line.find(key);
    if (member != nullptr && member->if_integer() != nullptr) sum += *member->if_integer();
  }
  return sum;
}

/// What systemd hears, while this is there.
class Listener {
 public:
  explicit Listener(const std::filesystem::path& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const timeval wait{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot listen for what systemd hears");
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~Listener() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// The next state of the mirrors; "" if none comes within 10 s.
  std::string next_state() {
    char message[4096];
    for (;;) {
      const auto length = ::recv(fd_, message, sizeof message, 0);
      if (length < 0) return "";
      const std::string text(message, static_cast<std::size_t>(length));
      if (text.starts_with("STATUS=members: ")) return text.substr(7);
    }
  }

 private:
  int fd_;
};

/// The same word at all four places. It may change in between, so that a few rounds are made.
void expect_everywhere(Deployment& deployment, Listener& systemd, const std::string& word,
                       const std::string& problem) {
  ASSERT_TRUE(eventually(40s, [&] {
    return text(mirror_of(deployment.report({"status"})), "state") == word;
  })) << deployment.syncd({"status"}).out;
  EXPECT_THAT(text(mirror_of(deployment.report({"status"})), "problem"), HasSubstr(problem));
  EXPECT_THAT(deployment.syncd({"status"}).out, HasSubstr("members -> list 1234: " + word + "\n"));
  EXPECT_THAT(deployment.admin("/status").body,
              HasSubstr("<span class=\"state " + word + "\">" + word + "</span>"));
  EXPECT_THAT(deployment.admin("/metrics").body,
              HasSubstr("stibee_mirror_state{mirror=\"members\",state=\"" + word + "\"} 1\n"));
  EXPECT_TRUE(eventually(20s, [&] {
    const auto heard = systemd.next_state();
    return heard.starts_with("members: " + word) && heard.find(problem) != std::string::npos;
  })) << word;
}

TEST(Health, WhoWaitsForAStibeeThatIsAwayIsSeenAtOnceAndAgainAfterARestart) {
  Deployment deployment;
  deployment.add_members(1, 100);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 0);
  EXPECT_EQ(sum_of(deployment, "stibee_api_requests_total", "outcome=\"unreachable\""), 0);

  deployment.stop_stibee();
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id IN (3, 4)");
  deployment.add_members(101, 119);
  ASSERT_TRUE(eventually(10s, [&] {
    const auto waiting = at(mirror_of(deployment.report({"status"})), "pending");
    return number(waiting, "optout") == 2 && number(waiting, "upsert") == 19;
  }));
  ASSERT_TRUE(eventually(20s, [&] { return deployment.syncd({"status"}).exit_code == 1; }));
  auto report = deployment.report({"status"});
  EXPECT_EQ(*at(report, "healthy").if_bool(), false);
  EXPECT_EQ(text(mirror_of(report), "state"), "failing");
  EXPECT_THAT(text(mirror_of(report), "problem"), StartsWith("2 opt-outs wait, the first for "));
  EXPECT_THAT(text(mirror_of(report), "problem"), HasSubstr("Stibee cannot be reached: "));
  EXPECT_THAT(text(mirror_of(report), "problem"), HasSubstr("Connection refused"));
  EXPECT_EQ(text(report, "circuit"), "closed") << "nobody waited for ten failures";
  EXPECT_THAT(deployment.admin("/status").body, HasSubstr("needs attention"));
  EXPECT_GE(sum_of(deployment, "stibee_api_requests_total", "outcome=\"unreachable\""), 2);
  EXPECT_EQ(deployment.admin("/readyz").status, 200) << "it accepts work";

  deployment.daemon().send(SIGTERM);
  ASSERT_EQ(deployment.daemon().wait(10s).exit_code, 0);
  deployment.start_daemon();
  report = deployment.report({"status"});
  EXPECT_EQ(text(mirror_of(report), "state"), "failing") << "the waiting times outlive a restart";
  EXPECT_THAT(text(mirror_of(report), "problem"), HasSubstr("2 opt-outs wait"));
  EXPECT_TRUE(
      eventually(5s, [&] { return sum_of(deployment, "stibee_api_requests_total", "unreachable") > 0; }));

  deployment.restart_stibee({});
  ASSERT_TRUE(eventually(2min, [&] { return deployment.syncd({"status"}).exit_code == 0; }));
  EXPECT_EQ(text(mirror_of(deployment.report({"status"})), "problem"), "");
}

TEST(Health, AFirstStartWhileStibeeIsAwayIsNoImport) {
  Deployment deployment;
  deployment.add_members(1, 10);
  deployment.stop_stibee();
  deployment.start_daemon();
  ASSERT_TRUE(eventually(30s, [&] {
    return text(mirror_of(deployment.report({"status"})), "state") == "failing";
  })) << deployment.syncd({"status"}).out;
  EXPECT_THAT(text(mirror_of(deployment.report({"status"})), "problem"),
              HasSubstr("Stibee cannot be reached: "));
  deployment.restart_stibee({});
  ASSERT_TRUE(deployment.converges(2min));
  EXPECT_TRUE(
      eventually(10s, [&] { return text(mirror_of(deployment.report({"status"})), "state") == "ok"; }));
}

TEST(Health, IsTheSameWordInStatusPageMetricsAndSystemd) {
  Deployment deployment;
  Listener systemd(deployment.directory() / "notify.sock");
  deployment.add_members(1, 200);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  expect_everywhere(deployment, systemd, "ok", "");

  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  expect_everywhere(deployment, systemd, "paused", "paused until `stibee-syncd resume`");
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 0) << "a human said so";
  EXPECT_THAT(deployment.admin("/metrics").body, HasSubstr("stibee_paused{mirror=\"members\"} 1\n"));
  const auto since = text(mirror_of(deployment.report({"status"})), "paused_since");
  EXPECT_THAT(since, StartsWith("20"));
  ASSERT_EQ(deployment.syncd({"pause"}).exit_code, 0);
  EXPECT_EQ(text(mirror_of(deployment.report({"status"})), "paused_since"), since) << "since the first time";
  ASSERT_EQ(deployment.syncd({"resume"}).exit_code, 0);
  EXPECT_TRUE(at(mirror_of(deployment.report({"status"})), "paused_since").is_null());

  deployment.sql("DELETE FROM members WHERE id <= 60");
  expect_everywhere(deployment, systemd, "held", "the guard holds the changes of 60 people; see `guard`");
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
  EXPECT_EQ(number(at(mirror_of(deployment.report({"status"})), "progress"), "done"), 0)
      << "what is held is not done";
  deployment.sql(
      "INSERT INTO members SELECT i, 'p' || i || '@example.com', true, '이름 ' || i, '010-' || i, "
      "CASE i % 3 WHEN 0 THEN 'gold' WHEN 1 THEN 'silver' END FROM generate_series(1, 60) i");
  expect_everywhere(deployment, systemd, "ok", "");

  deployment.stop_stibee();
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 100");
  expect_everywhere(deployment, systemd, "failing", "Stibee cannot be reached: ");
}

TEST(Health, MoreThanATenthOfTheRowsThatCannotBeSentIsUnhealthy) {
  Deployment deployment;
  deployment.add_members(1, 20);
  deployment.sql("UPDATE members SET email = 'nobody-' || id WHERE id <= 15");
  deployment.start_daemon();
  ASSERT_TRUE(eventually(1min, [&] { return deployment.subscribed() == 5; }));
  const auto report = deployment.report({"status"});
  EXPECT_EQ(text(mirror_of(report), "state"), "failing");
  EXPECT_EQ(text(mirror_of(report), "problem"), "15 of 20 rows cannot be sent; see `failures`");
  EXPECT_EQ(deployment.syncd({"status"}).exit_code, 1);
  deployment.sql("UPDATE members SET email = 'p' || id || '@example.com' WHERE id <= 13");
  EXPECT_TRUE(eventually(1min, [&] { return deployment.syncd({"status"}).exit_code == 0; }))
      << "a tenth is no alarm";
}

TEST(Health, TheEndOfAnImportAndOfEachBurstIsToldOnce) {
  Deployment deployment({{"--rate", "2/s"}, "  rate_limit: 2/s\n", "", "100ms", "debug"});
  deployment.add_members(1, 20'000);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(1min, [&] { return deployment.subscribed() >= 12'000; }));
  auto mirror = mirror_of(deployment.report({"status"}));
  EXPECT_EQ(text(mirror, "state"), "importing") << "to the end";
  EXPECT_EQ(number(at(mirror, "progress"), "total"), 20'000);
  EXPECT_GE(number(at(mirror, "progress"), "done"), 10'000);
  ASSERT_TRUE(deployment.converges());
  ASSERT_TRUE(eventually(10s, [&] { return !lines_of(daemon, "delivery.finished").empty(); }));
  auto lines = lines_of(daemon, "delivery.finished");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(*at(lines[0], "first_import").if_bool(), true);
  EXPECT_EQ(text(lines[0], "level"), "info");
  EXPECT_EQ(number(lines[0], "people"), 20'000);
  EXPECT_EQ(number(lines[0], "subscribe"), 20'000);
  EXPECT_GE(number(lines[0], "calls"), 10);

  mirror = mirror_of(deployment.report({"status"}));
  EXPECT_EQ(text(mirror, "state"), "ok");
  EXPECT_EQ(number(at(mirror, "progress"), "total"), 0) << "no stale progress";
  const auto imported = text(mirror, "last_delivery");
  EXPECT_THAT(imported, StartsWith("20"));
  EXPECT_GT(sum_of(deployment, "stibee_last_delivery_timestamp_seconds", "mirror=\"members\""), 1.7e9);

  deployment.sql("UPDATE members SET email_opt_in = false WHERE id = 7");
  ASSERT_TRUE(
      eventually(20s, [&] { return total_of(lines_of(daemon, "delivery.finished"), "unsubscribe") == 1; }));
  lines = lines_of(daemon, "delivery.finished");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].find("first_import"), nullptr);
  EXPECT_EQ(number(lines[1], "people"), 1);
  EXPECT_NE(text(mirror_of(deployment.report({"status"})), "last_delivery"), imported);
  EXPECT_EQ(sum_of(deployment, "stibee_source_members", "mirror=\"members\""), 20'000);
  EXPECT_EQ(sum_of(deployment, "stibee_mirrored_members", "status=\"subscribed\""), 19'999);
  EXPECT_EQ(sum_of(deployment, "stibee_api_limiter_calls", "class=\"v1\""), 2);
}

TEST(Health, ABurstThatTheLimitsExplainIsNoFailure) {
  // On v2 each unsubscribe is a call: 350 of them, 100 each 20 s.
  Deployment deployment({{},
                         "  rate_limits: {bulk: 10/min, list: 100/min, other: 100/20s}\n",
                         "    guard: {max_optout_percent: 100}\n",
                         "100ms",
                         "info",
                         "v2"});
  deployment.sql("INSERT INTO members SELECT i, 'p' || i || '@example.com' FROM generate_series(1, 500) i");
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges(2min));
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id <= 350");
  bool importing = false;
  ASSERT_TRUE(eventually(2min, [&] {
    const auto report = deployment.report({"status"});
    const auto word = text(mirror_of(report), "state");
    importing = importing || word == "importing";
    EXPECT_TRUE(word == "ok" || word == "importing") << word << ": " << text(mirror_of(report), "problem");
    return deployment.subscribed() == 150;
  }));
  EXPECT_TRUE(importing) << "who waits for more than 15 s is seen";
}

TEST(Health, AnImportOnV2WithGroupsOfTheirOwnCallsIsImportingToItsEnd) {
  // A call for the group of each, besides the one for all of them: 200 calls, 100 each 20 s.
  Deployment deployment(
      {{}, "  rate_limits: {bulk: 10/min, list: 100/min, other: 100/20s}\n", "", "100ms", "info", "v2"});
  deployment.sql(
      "INSERT INTO members SELECT i, 'p' || i || '@example.com', true, 'name', '010', 'gold' FROM "
      "generate_series(1, 200) i");
  deployment.start_daemon();
  ASSERT_TRUE(eventually(2min, [&] {
    const auto mirror = mirror_of(deployment.report({"status"}));
    const auto word = text(mirror, "state");
    EXPECT_TRUE(word == "ok" || word == "importing") << word << ": " << text(mirror, "problem");
    const bool there = deployment.subscribed() == 200 && deployment.differences().empty();
    EXPECT_TRUE(there || number(at(mirror, "pending"), "upsert") == 0 || word == "importing");
    return there;
  }));
}

}  // namespace
}  // namespace stibee_sync::e2e
