#include "integration/e2e/deployment.hpp"

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <random>
#include <thread>

#include <gtest/gtest.h>

// What happens at Stibee comes back.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

DeploymentOptions with_webhook(std::vector<std::string> simulator_arguments = {}) {
  DeploymentOptions options;
  options.webhook = true;
  options.simulator_arguments = std::move(simulator_arguments);
  return options;
}

std::string address(int number) {
  return "p" + std::to_string(number) + "@example.com";
}

/// An edit in Stibee's web page, or of the readers themselves.
void edit(Deployment& deployment, const std::string& action, const std::string& email,
          const std::string& more = {}) {
  deployment.stibee_post("/_sim/people", R"({"list":"1234","action":")" + action + R"(","emails":[")" +
                                             email + "\"]" + more + "}");
}

std::string event(const std::string& action, const std::string& email, const std::string& list = "1234") {
  return R"({"id":")" + list + R"(","action":")" + action +
         R"(","eventOccurredBy":"SUBSCRIBER","subscribers":[{"email":")" + email + "\"}]}";
}

/// Posts to the webhook listener as Stibee does.
Page post(Deployment& deployment, const std::string& body,
          const std::string& secret = Deployment::webhook_secret()) {
  return http(deployment.webhook_port(), "POST", "/webhook/" + secret, body);
}

std::int64_t people(Deployment& deployment, const std::string& status) {
  return number(at(items(deployment.report({"status"}), "mirrors").front(), "people"), status);
}

bool people_become(Deployment& deployment, const std::string& status, std::int64_t count) {
  return eventually(20s, [&] { return people(deployment, status) == count; });
}

bool nothing_waits(Deployment& deployment) {
  const auto report = deployment.report({"status"});
  const auto& mirror = items(report, "mirrors").front();
  const auto& pending = at(mirror, "pending");
  return number(pending, "upsert") + number(pending, "optout") + number(pending, "delete") == 0 &&
         number(report, "in_flight") == 0 && number(mirror, "source_members") > 0;
}

/// How many calls from `first` on name that person.
int calls_naming(Deployment& deployment, const std::string& email, std::int64_t first) {
  const auto journal = deployment.stibee("/_sim/journal?from=" + std::to_string(first) + "&limit=100000");
  int count = 0;
  for (const auto& call : items(journal, "calls")) {
    for (const auto& named : items(call, "addresses"))
      count += *named.if_string() == email ? 1 : 0;
  }
  return count;
}

std::string status_at_stibee(Deployment& deployment, const std::string& email) {
  const auto dump = json::parse(deployment.dump());
  for (const auto& person : items(at(at(*dump, "lists"), "1234"), "people")) {
    if (text(person, "email") == email) return text(person, "status");
  }
  return "absent";
}

double metric(Deployment& deployment, const std::string& line) {
  const auto metrics = deployment.admin("/metrics").body;
  const auto found = metrics.find("\n" + line + " ");
  EXPECT_NE(found, std::string::npos) << line;
  return found == std::string::npos ? -1 : std::stod(metrics.substr(found + line.size() + 2));
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto found = text.find(part); found != std::string::npos; found = text.find(part, found + 1))
    ++count;
  return count;
}

TEST(Webhook, WhoOptsOutDuringAnImportIsNotNamedAgain) {
  Deployment deployment(with_webhook({"--latency", "30ms"}));
  // The last ones of the import, whom the list has already: by hand, with other values.
  const std::vector<int> leaving{99'901, 99'950, 99'999};
  for (const int number : leaving)
    edit(deployment, "add", address(number));
  deployment.add_members(1, 100'000);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(eventually(60s, [&] { return deployment.stat("calls") >= 3; }));
  for (const int number : leaving)
    edit(deployment, "unsubscribe", address(number), R"(,"reason":"too much mail")");
  ASSERT_TRUE(eventually(20s, [&] {
    return number(at(deployment.stibee("/_sim/stats"), "webhooks"), "given_up") == 0 &&
           count_of(daemon.err(), "\"suppression.added\"") == leaving.size();
  })) << daemon.err();
  const auto answered = deployment.stat("calls");
  ASSERT_LT(answered, 45) << "the import is still under way";
  ASSERT_TRUE(eventually(240s, [&] { return nothing_waits(deployment); }));
  for (const int number : leaving) {
    EXPECT_EQ(calls_naming(deployment, address(number), answered), 0);
    EXPECT_EQ(status_at_stibee(deployment, address(number)), "unsubscribed");
  }
  EXPECT_EQ(deployment.differences().size(), leaving.size()) << "nobody else is missing";
  EXPECT_EQ(people(deployment, "opted_out"), 3);
  EXPECT_EQ(deployment.stat("violations"), 0);
  EXPECT_EQ(metric(deployment, R"(stibee_webhook_events_total{action="unsubscribed",effect="applied"})"), 3);
  EXPECT_EQ(metric(deployment, "stibee_suppressed_people"), 3);
  EXPECT_EQ(daemon.err().find("too much mail"), std::string::npos);
  EXPECT_EQ(daemon.err().find("example.com"), std::string::npos);
  EXPECT_EQ(daemon.err().find(Deployment::webhook_secret()), std::string::npos);
  EXPECT_LT(count_of(daemon.err(), "\"webhook.accepted\""), 100u) << "a thousand echoes are a few lines";
}

TEST(Webhook, AnAnsweredOptOutSurvivesAKillInTheSameMoment) {
  Deployment deployment(with_webhook({"--latency", "30ms"}));
  deployment.add_members(1, 60'000);
  std::vector<std::pair<int, std::int64_t>> left;
  for (int round = 0; round < 5; ++round) {
    auto& daemon = deployment.start_daemon();
    const auto before = deployment.stat("calls");
    ASSERT_TRUE(eventually(30s, [&] { return deployment.stat("calls") > before; }));
    const int number = 59'990 + round;
    ASSERT_EQ(post(deployment, event("UNSUBSCRIBED", address(number))).status, 200);
    daemon.send(SIGKILL);
    daemon.wait(5s);
    left.emplace_back(number, deployment.stat("calls"));
  }
  deployment.start_daemon();
  ASSERT_TRUE(eventually(120s, [&] { return nothing_waits(deployment); }));
  for (const auto& [number, calls] : left)
    EXPECT_EQ(calls_naming(deployment, address(number), calls), 0) << number;
  EXPECT_EQ(people(deployment, "opted_out"), 5);
  EXPECT_EQ(deployment.stat("violations"), 0);
}

TEST(Webhook, KilledAtAnyMomentNoOptOutIsLost) {
  Deployment deployment(
      with_webhook({"--switch", "webhook_retries=100", "--switch", "webhook_retry_ms=200"}));
  deployment.add_members(1, 200);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  std::mt19937 random(20261123);
  for (int round = 0; round < 10; ++round) {
    edit(deployment, "unsubscribe", address(round + 1));
    // Anywhere between the event's arrival and its answer: so many questions to the daemon later.
    for (auto questions = random() % 4; questions > 0; --questions)
      deployment.admin("/livez");
    deployment.daemon().send(SIGKILL);
    deployment.daemon().wait(5s);
    deployment.start_daemon();
  }
  ASSERT_TRUE(people_become(deployment, "opted_out", 10));
  deployment.sql("UPDATE members SET name = 'renamed' WHERE id <= 20");
  ASSERT_TRUE(eventually(60s, [&] { return deployment.differences().size() == 10; }));
  for (int round = 0; round < 10; ++round)
    EXPECT_EQ(status_at_stibee(deployment, address(round + 1)), "unsubscribed");
}

TEST(Webhook, EverySpellingIsUnderstood) {
  Deployment deployment(with_webhook({}));
  deployment.add_members(1, 20);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  int next = 0;
  for (const std::string key : {"eventOccurredBy", "eventOccuredBy", "actionType"}) {
    for (const std::string id : {"string", "number"}) {
      for (const std::string actor : {"SUBSCRIBER", "MANUAL"}) {
        deployment.stibee_post("/_sim/switches",
                               R"({"webhook_actor_key":")" + key + R"(","webhook_id":")" + id + "\"}");
        edit(deployment, "unsubscribe", address(++next), R"(,"actor":")" + actor + "\"");
        ASSERT_TRUE(people_become(deployment, "opted_out", next)) << key << ' ' << id << ' ' << actor;
      }
    }
  }
  EXPECT_EQ(metric(deployment, R"(stibee_webhook_requests_total{outcome="malformed"})"), 0);
}

TEST(Webhook, SeveralPeopleTwiceAndShuffledComeOutRight) {
  Deployment deployment(with_webhook({"--switch", "webhook_duplicate_percent=50", "--switch",
                                      "webhook_order=shuffled", "--switch", "webhook_people=7"}));
  deployment.add_members(1, 300);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  std::string emails = "\"" + address(1) + "\"";
  for (int i = 2; i <= 100; ++i)
    emails += ",\"" + address(i) + "\"";
  deployment.stibee_post("/_sim/people",
                         R"({"list":"1234","action":"unsubscribe","emails":[)" + emails + "]}");
  ASSERT_TRUE(people_become(deployment, "opted_out", 100));
  EXPECT_EQ(metric(deployment, "stibee_suppressed_people"), 100);
}

TEST(Webhook, OurOwnCallsComeBackAndChangeNothing) {
  Deployment deployment(with_webhook());
  deployment.add_members(1, 500);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  deployment.sql("UPDATE members SET email_opt_in = false WHERE id <= 10");
  deployment.sql("UPDATE members SET name = 'renamed' WHERE id BETWEEN 11 AND 20");
  ASSERT_TRUE(deployment.converges());
  ASSERT_TRUE(eventually(20s, [&] {
    return metric(deployment, R"(stibee_webhook_events_total{action="unsubscribed",effect="echo"})") == 10;
  }));
  EXPECT_EQ(people(deployment, "opted_out"), 0);
  EXPECT_EQ(people(deployment, "unsubscribed"), 10);
  deployment.sql("UPDATE members SET email_opt_in = true WHERE id <= 10");
  ASSERT_TRUE(deployment.converges())
      << "an unsubscribe of ours is no opt-out: " << deployment.differences().front();
  ASSERT_TRUE(eventually(20s, [&] {
    return metric(deployment, R"(stibee_webhook_events_total{action="resubscribed",effect="echo"})") == 10;
  }));
  for (const std::string action :
       {"subscribed", "updated", "unsubscribed", "resubscribed", "deleted", "purged"}) {
    EXPECT_EQ(
        metric(deployment, R"(stibee_webhook_events_total{action=")" + action + R"(",effect="applied"})"), 0)
        << action;
  }
}

TEST(Webhook, EachEventDoesWhatItSays) {
  Deployment deployment(with_webhook());
  deployment.add_members(1, 50);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  edit(deployment, "unsubscribe", address(1));
  edit(deployment, "auto_delete", address(2));
  ASSERT_TRUE(people_become(deployment, "opted_out", 1));
  ASSERT_TRUE(people_become(deployment, "auto_deleted", 1));
  edit(deployment, "resubscribe", address(1));
  ASSERT_TRUE(people_become(deployment, "opted_out", 0));
  EXPECT_NE(daemon.err().find("\"suppression.lifted\""), std::string::npos);
  edit(deployment, "purge", address(3));
  ASSERT_TRUE(people_become(deployment, "subscribed", 48));
  edit(deployment, "change_email", address(4), R"(,"new_email":"moved@example.com")");
  edit(deployment, "edit", address(5), R"(,"fields":{"name":"by hand"})");
  ASSERT_TRUE(eventually(20s, [&] {
    return metric(deployment, R"(stibee_webhook_events_total{action="updated",effect="applied"})") == 1;
  }));
  EXPECT_EQ(post(deployment, event("OPENED", address(6))).status, 200);
  EXPECT_EQ(post(deployment, event("UNSUBSCRIBED", address(6), "999")).status, 200);
  EXPECT_EQ(metric(deployment, R"(stibee_webhook_events_total{action="other",effect="ignored"})"), 1);
  EXPECT_EQ(metric(deployment, R"(stibee_webhook_requests_total{outcome="ignored"})"), 1);
  EXPECT_EQ(people(deployment, "opted_out"), 0);
}

TEST(Webhook, AnOptOutFollowsTheAddressAndOutlivesTheRow) {
  Deployment deployment(with_webhook());
  deployment.add_members(1, 50);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  edit(deployment, "unsubscribe", address(1));
  ASSERT_TRUE(people_become(deployment, "opted_out", 1));
  edit(deployment, "change_email", address(1), R"(,"new_email":"moved@example.com")");
  ASSERT_TRUE(eventually(20s, [&] { return metric(deployment, "stibee_suppressed_people") == 2; }));
  // Nobody knows the new address yet; then the table learns it, and later a row with the old one appears.
  deployment.sql("UPDATE members SET email = 'moved@example.com' WHERE id = 1");
  deployment.sql("DELETE FROM members WHERE id = 2");
  ASSERT_TRUE(
      eventually(20s, [&] { return people(deployment, "subscribed") == 48 && nothing_waits(deployment); }));
  deployment.sql("INSERT INTO members VALUES (100, 'p1@example.com', true)");
  ASSERT_TRUE(people_become(deployment, "opted_out", 2));
  const auto calls = deployment.stat("calls");
  deployment.sql("UPDATE members SET name = 'renamed' WHERE id IN (1, 3, 100)");
  ASSERT_TRUE(eventually(20s, [&] { return deployment.stat("calls") > calls && nothing_waits(deployment); }));
  EXPECT_EQ(calls_naming(deployment, "moved@example.com", 0), 0);
  EXPECT_EQ(calls_naming(deployment, address(1), calls), 0);
}

TEST(Webhook, AReloadChangesTheSecret) {
  Deployment deployment(with_webhook());
  deployment.add_members(1, 5);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  ASSERT_EQ(post(deployment, event("UNSUBSCRIBED", address(1))).status, 200);
  std::ofstream(deployment.directory() / "webhook_secret") << "another-secret-4711\n";
  daemon.send(SIGHUP);
  ASSERT_TRUE(
      eventually(20s, [&] { return daemon.err().find("\"event\":\"daemon.reload\"") != std::string::npos; }));
  EXPECT_EQ(post(deployment, event("UNSUBSCRIBED", address(2))).status, 404);
  EXPECT_EQ(post(deployment, event("UNSUBSCRIBED", address(3)), "another-secret-4711").status, 200);
  EXPECT_EQ(people(deployment, "opted_out"), 2);
  EXPECT_EQ(daemon.err().find("another-secret"), std::string::npos);
}

/// Does something again and again beside the test, from construction to `end`, which says how often it went
/// well and how often not.
class Load {
 public:
  explicit Load(std::function<bool()> turn)
      : thread_([this, turn = std::move(turn)] {
          while (!ended_)
            ++(turn() ? good_ : bad_);
        }) {}
  std::pair<int, int> end() {
    ended_ = true;
    if (thread_.joinable()) thread_.join();
    return {good_, bad_};
  }
  ~Load() { end(); }

 private:
  std::atomic<bool> ended_ = false;
  int good_ = 0;
  int bad_ = 0;
  std::thread thread_;
};

TEST(Webhook, ReloadsUnderLoadRefuseNobodyAndLoseNoEvent) {
  constexpr int most = 4'000;
  Deployment deployment(with_webhook());
  deployment.add_members(1, most);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  std::atomic<int> told = 0;
  Load events([&] {
    const int number = told + 1;
    if (number > most || post(deployment, event("UNSUBSCRIBED", address(number))).status != 200) return false;
    told = number;
    return true;
  });
  Load pages([&] {
    return deployment.admin("/metrics").status == 200 && deployment.admin("/status").status == 200;
  });
  bool paused = false;
  Load commands([&] {
    paused = !paused;
    return deployment.syncd({paused ? "pause" : "resume"}).exit_code == 0 &&
           deployment.syncd({"sync-now"}).exit_code == 0;
  });
  for (std::size_t reload = 1; reload <= 5; ++reload) {
    const auto before = told.load();
    ASSERT_TRUE(eventually(20s, [&] { return told > before; }));
    daemon.send(SIGHUP);
    ASSERT_TRUE(
        eventually(30s, [&] { return count_of(daemon.err(), "\"event\":\"daemon.reload\"") == reload; }));
  }
  for (auto* load : {&events, &pages, &commands}) {
    const auto [good, bad] = load->end();
    EXPECT_GT(good, 0);
    EXPECT_EQ(bad, 0);
  }
  ASSERT_EQ(deployment.syncd({"resume"}).exit_code, 0);
  EXPECT_EQ(people(deployment, "opted_out"), told);
  daemon.send(SIGTERM);
  EXPECT_EQ(daemon.wait(10s).exit_code, 0);
}

TEST(Webhook, AStrangersRequestIsNoLostEventWhateverItsMethod) {
  Deployment deployment(with_webhook());
  deployment.start_daemon();
  const auto asked = [&](const std::string& path) {
    return http(deployment.webhook_port(), "GET", path).status;
  };
  EXPECT_EQ(asked("/webhook/not-the-secret"), 404);
  EXPECT_EQ(asked("/favicon.ico"), 404);
  EXPECT_EQ(metric(deployment, R"(stibee_webhook_requests_total{outcome="forbidden"})"), 2);
  EXPECT_EQ(asked("/webhook/" + Deployment::webhook_secret()), 405);
  EXPECT_EQ(metric(deployment, R"(stibee_webhook_requests_total{outcome="malformed"})"), 1);
}

TEST(Webhook, OneEventThatNamesThousandsIsTaken) {
  Deployment deployment(with_webhook());
  deployment.add_members(1, 3'000);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  std::string people_of_event;
  for (int i = 1; i <= 2'500; ++i)
    people_of_event += (i == 1 ? R"({"email":")" : R"(,{"email":")") + address(i) + R"("})";
  const auto body = R"({"id":"1234","action":"UNSUBSCRIBED","eventOccurredBy":"MANUAL","subscribers":[)" +
                    people_of_event + "]}";
  ASSERT_GT(body.size(), 65'536u);
  EXPECT_EQ(post(deployment, body).status, 200);
  EXPECT_EQ(people(deployment, "opted_out"), 2'500);
  EXPECT_EQ(post(deployment, "\xef\xbb\xbf" + event("UNSUBSCRIBED", address(2'501))).status, 200)
      << "with a byte order mark";
  EXPECT_EQ(people(deployment, "opted_out"), 2'501);
  EXPECT_EQ(post(deployment, body + std::string((4u << 20) - body.size(), ' ')).status, 200) << "4 MiB";
  EXPECT_EQ(post(deployment, body + std::string((4u << 20) + 1 - body.size(), ' ')).status, 413);
  EXPECT_EQ(metric(deployment, R"(stibee_webhook_requests_total{outcome="too_large"})"), 1);
}

/// Somebody opts out at Stibee and the event cannot be taken: the list itself is asked, whatever the mode.
void expect_read_after(Deployment& deployment, const std::string& body, int status, int& next) {
  edit(deployment, "unsubscribe", address(++next));
  const auto before = deployment.stat("calls");
  EXPECT_EQ(post(deployment, body, "wrong-secret").status, 404);
  ASSERT_EQ(post(deployment, body).status, status);
  ASSERT_TRUE(eventually(60s, [&] { return people(deployment, "opted_out") == next; }))
      << deployment.daemon().err();
  EXPECT_GT(deployment.stat("calls"), before);
  // And nothing else is sent because of it.
  EXPECT_EQ(deployment.differences().size(), static_cast<std::size_t>(next));
}

TEST(Webhook, AnEventThatCannotBeTakenMakesTheListBeRead) {
  for (const std::string api : {"v1", "v2"}) {
    for (const std::string mode : {"report", "off"}) {
      auto options = with_webhook({"--switch", "webhook_lose_percent=100"});
      options.api = api;
      options.mirror_extra = "    reconcile: {mode: " + mode + "}\n";
      Deployment deployment(options);
      deployment.add_members(1, 20);
      deployment.start_daemon();
      ASSERT_TRUE(deployment.converges());
      int next = 0;
      const auto too_large = std::string((4u << 20) + 1, ' ');
      expect_read_after(deployment, mode == "off" ? too_large : R"({"id":"1234","act)",
                        mode == "off" ? 413 : 400, next);
      EXPECT_EQ(metric(deployment, "stibee_suppressed_people"), 1) << api << ' ' << mode;
      EXPECT_EQ(deployment.stat("violations"), 0);
    }
  }
}

TEST(Webhook, CheckSaysWhoIsLetIn) {
  Deployment deployment(with_webhook());
  const auto finished = deployment.syncd({"check"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_NE(finished.out.find("from 127.0.0.1/32"), std::string::npos) << finished.out;
  EXPECT_EQ(finished.out.find(Deployment::webhook_secret()), std::string::npos);
}

}  // namespace
}  // namespace stibee_sync::e2e
