#include "integration/e2e/deployment.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

// Whoever finds the webhook listener's address.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

/// A connection from a loopback address of choice.
class Stranger {
 public:
  explicit Stranger(int port, const char* source = "127.0.0.1") {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, source, &address.sin_addr);
    ok_ = ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    ok_ = ok_ && ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Stranger() { ::close(fd_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  bool ok() const { return ok_; }
  void send(const std::string& text) {
    [[maybe_unused]] const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  /// The status of the answer; 0: the connection was closed without one.
  int status() {
    std::string answer;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(got));
    return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
  }

 private:
  int fd_ = -1;
  bool ok_ = false;
};

std::string request(const std::string& path, const std::string& body, const std::string& headers = {}) {
  return "POST " + path + " HTTP/1.1\r\nHost: hooks.example.org\r\nConnection: close\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

long resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return -1;
}

std::string event_for(int number) {
  return R"({"id":"1234","action":"UNSUBSCRIBED","subscribers":[{"email":"p)" + std::to_string(number) +
         R"(@example.com"}]})";
}

struct Kind {
  std::string name;
  int status;
  std::string source;
  std::string text;
};

TEST(HostileWebhook, TenThousandRequestsCostNothingAndApplyNothing) {
  DeploymentOptions options;
  options.webhook = true;
  options.log_level = "info";
  Deployment deployment(options);
  deployment.add_members(1, 100);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  const auto calls = deployment.stat("calls");

  const std::string right = "/webhook/" + Deployment::webhook_secret();
  const std::string forged = "X-Forwarded-For: 127.0.0.1\r\n";
  const std::vector<Kind> kinds{
      {"no JSON", 400, "127.0.0.1", request(right, "id=1234&action=UNSUBSCRIBED")},
      {"deep JSON", 400, "127.0.0.1", request(right, std::string(60'000, '['))},
      {"no people", 400, "127.0.0.1", request(right, R"({"id":"1234","action":"UNSUBSCRIBED"})")},
      {"wrong secret", 404, "127.0.0.1", request("/webhook/hook-secret-0123456780", event_for(1))},
      {"no secret", 404, "127.0.0.1", request("/webhook/", event_for(2))},
      {"other path", 404, "127.0.0.1", request("/status", event_for(3))},
      {"wrong source", 0, "127.0.0.2", request(right, event_for(4))},
      {"forged source", 0, "127.0.0.2", request(right, event_for(5), forged)},
      {"oversized", 413, "127.0.0.1",
       "POST " + right + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4194305\r\n\r\n"},
      {"oversized header", 431, "127.0.0.1",
       request(right, "{}", "X-Long: " + std::string(9'000, 'x') + "\r\n")},
      {"GET", 405, "127.0.0.1", "GET " + right + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
      {"no HTTP", 400, "127.0.0.1", "\x16\x03\x01\x02\r\n\r\n"},
  };
  // A crowd that says a word and then nothing holds half of the connections all the time.
  std::vector<std::unique_ptr<Stranger>> slow(32);
  long before = 0;
  auto slowest = 0ms;
  for (int i = 0; i < 10'000; ++i) {
    auto& dawdler = slow[static_cast<std::size_t>(i) % slow.size()];
    if (i % 8 == 0) {
      dawdler = std::make_unique<Stranger>(deployment.webhook_port());
      const auto whole = request(right, event_for(6));
      dawdler->send(whole.substr(0, i % 16 == 0 ? 10 : whole.size() - 1));
    }
    const auto& kind = kinds[static_cast<std::size_t>(i) % kinds.size()];
    Stranger stranger(deployment.webhook_port(), kind.source.c_str());
    ASSERT_TRUE(stranger.ok());
    stranger.send(kind.text);
    ASSERT_EQ(stranger.status(), kind.status) << kind.name << ", request " << i;
    if (i == 1'000) before = resident_kib(daemon.pid());
    if (i % 100 == 0) {
      const auto asked = std::chrono::steady_clock::now();
      ASSERT_EQ(deployment.admin("/livez").status, 200);
      slowest = std::max(slowest, std::chrono::duration_cast<std::chrono::milliseconds>(
                                      std::chrono::steady_clock::now() - asked));
    }
  }
  const auto growth = resident_kib(daemon.pid()) - before;
  EXPECT_LT(slowest, 100ms);
#ifndef __SANITIZE_ADDRESS__
  // AddressSanitizer keeps 256 MiB of what was freed, to catch who still uses it.
  EXPECT_LT(growth, 4 * 1024) << "KiB";
#endif
  RecordProperty("slowest_livez_ms", static_cast<int>(slowest.count()));
  RecordProperty("growth_kib", static_cast<int>(growth));

  const auto report = deployment.report({"status"});
  EXPECT_EQ(number(at(items(report, "mirrors").front(), "people"), "opted_out"), 0);
  // What could not be read of a caller who knows the secret makes the list be read, and nothing be sent.
  const auto journal = deployment.stibee("/_sim/journal?from=" + std::to_string(calls + 1) + "&limit=100000");
  EXPECT_LT(items(journal, "calls").size(), 30u);
  for (const auto& call : items(journal, "calls"))
    EXPECT_TRUE(text(call, "endpoint") == "v2.read" || text(call, "endpoint") == "v2.count")
        << text(call, "endpoint");
  const auto metrics = deployment.admin("/metrics").body;
  EXPECT_EQ(metrics.find(R"(effect="applied"} 1)"), std::string::npos);
  EXPECT_NE(metrics.find("stibee_suppressed_people 0"), std::string::npos);
  const auto log = daemon.err();
  EXPECT_NE(log.find("webhook.rejected"), std::string::npos);
  EXPECT_LT(std::count(log.begin(), log.end(), '\n'), 200) << "a flood must not fill the log";
  for (const std::string secret : {"hook-secret", "example.com", "UNSUBSCRIBED"})
    EXPECT_EQ(log.find(secret), std::string::npos) << secret;
  // And Stibee itself still gets through.
  EXPECT_EQ(http(deployment.webhook_port(), "POST", right, event_for(7)).status, 200);
}

TEST(HostileWebhook, ACrowdThatMayNotCallKeepsNobodyOut) {
  DeploymentOptions options;
  options.webhook = true;
  Deployment deployment(options);
  deployment.add_members(1, 100);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());
  const auto path = "/webhook/" + Deployment::webhook_secret();
  std::vector<std::unique_ptr<Stranger>> crowd;
  for (int round = 1; round <= 30; ++round) {
    for (int i = 0; i < 90; ++i) {
      crowd.push_back(std::make_unique<Stranger>(deployment.webhook_port(), "127.0.0.2"));
      crowd.push_back(std::make_unique<Stranger>(deployment.admin_port(), "127.0.0.2"));
    }
    ASSERT_EQ(http(deployment.webhook_port(), "POST", path, event_for(round)).status, 200) << round;
    ASSERT_EQ(deployment.admin("/livez").status, 200) << round;
    if (crowd.size() > 600) crowd.erase(crowd.begin(), crowd.begin() + 180);
  }
  EXPECT_EQ(number(at(items(deployment.report({"status"}), "mirrors").front(), "people"), "opted_out"), 30);
}

}  // namespace
}  // namespace stibee_sync::e2e
