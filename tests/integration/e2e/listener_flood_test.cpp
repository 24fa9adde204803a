#include "integration/e2e/deployment.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

// A thousand connections that hold on, and a daemon that has no descriptor left: it is asked all the time,
// and works.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

long resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return -1;
}

int descriptors(pid_t pid) {
  int count = 0;
  for ([[maybe_unused]] const auto& each :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
    ++count;
  return count;
}

/// Slow connections to a port from one address, each made anew soon after it was closed: some say nothing,
/// some a word a second, some stop in their body.
class Crowd {
 public:
  Crowd(int port, const char* source, std::size_t size, std::string path)
      : port_(port), source_(source), path_(std::move(path)), members_(size) {
    thread_ = std::thread([this] { run(); });
  }
  ~Crowd() {
    stopping_ = true;
    thread_.join();
    for (const auto& each : members_)
      if (each.fd >= 0) ::close(each.fd);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  std::size_t made() const { return made_; }

 private:
  struct Member {
    int fd = -1;
    steady_clock::time_point next;  // when it speaks, or comes again
  };

  void come(std::size_t number) {
    auto& each = members_[number];
    each.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, source_, &address.sin_addr);
    ::bind(each.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (::connect(each.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) ++made_;
    const std::string head = "POST " + path_ + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n";
    if (number % 3 == 1) say(each, head.substr(0, 20));
    if (number % 3 == 2) say(each, head + "\r\n{");
    each.next = steady_clock::now() + 1s;
  }
  static void say(Member& each, const std::string& words) {
    if (::send(each.fd, words.data(), words.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) leave(each);
  }
  static void leave(Member& each) {
    ::close(each.fd);
    each.fd = -1;
    each.next = steady_clock::now() + 5s;
  }
  void run() {
    while (!stopping_) {
      std::vector<pollfd> polled;
      for (std::size_t i = 0; i < members_.size(); ++i) {
        auto& each = members_[i];
        if (steady_clock::now() >= each.next) {
          if (each.fd < 0) {
            come(i);
          } else if (i % 3 != 0) {
            say(each, "x");
            each.next = steady_clock::now() + 1s;
          }
        }
        polled.push_back({each.fd, POLLIN, 0});
      }
      ::poll(polled.data(), polled.size(), 50);
      for (std::size_t i = 0; i < members_.size(); ++i) {
        char ignored[512];
        if (polled[i].revents != 0 && members_[i].fd >= 0 &&
            ::recv(members_[i].fd, ignored, sizeof ignored, MSG_DONTWAIT) <= 0)
          leave(members_[i]);
      }
    }
  }

  const int port_;
  const char* const source_;
  const std::string path_;
  std::vector<Member> members_;
  std::atomic<std::size_t> made_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

/// How long /livez took to be answered 200, sorted; one that is not answered so counts as 10 s.
std::vector<double> ask_whether_it_lives(Deployment& deployment, int times) {
  std::vector<double> took;
  for (int i = 0; i < times; ++i) {
    const auto begin = steady_clock::now();
    int status = 0;
    try {
      status = deployment.admin("/livez").status;
    } catch (const std::runtime_error&) {
      // Closed without an answer.
    }
    took.push_back(status == 200
                       ? std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count()
                       : 10'000);
  }
  std::sort(took.begin(), took.end());
  return took;
}

std::string event_for(int number) {
  return R"({"id":"1234","action":"UNSUBSCRIBED","subscribers":[{"email":"p)" + std::to_string(number) +
         R"(@example.com"}]})";
}

const std::string hook = "/webhook/" + Deployment::webhook_secret();

class ListenerFlood : public ::testing::Test {
 protected:
  void SetUp() override {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 8192);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 2'500) GTEST_SKIP() << "this process may not have 2,000 connections";
    most_descriptors_ = limit.rlim_max;
    auto config = deployment_.config_text();
    const std::string only = "allow_from: [127.0.0.1/32]";
    config.replace(config.find(only), only.size(), "allow_from: [127.0.0.0/8]");
    deployment_.write_config(config);
    deployment_.add_members(1, 100);
    deployment_.start_daemon();
    ASSERT_TRUE(deployment_.converges());
    // What every first request allocates once.
    ask_whether_it_lives(deployment_, 50);
    ASSERT_EQ(http(deployment_.webhook_port(), "POST", hook, event_for(1)).status, 200);
  }
  std::int64_t opted_out() {
    const auto report = deployment_.report({"status"});
    return number(at(items(report, "mirrors").front(), "people"), "opted_out");
  }
  /// The daemon does all that it did before.
  void expect_recovery() {
    ASSERT_TRUE(eventually(30s, [&] {
      try {
        return http(deployment_.webhook_port(), "POST", hook, event_for(2)).status == 200;
      } catch (const std::runtime_error&) {
        return false;
      }
    }));
    EXPECT_TRUE(eventually(10s, [&] { return opted_out() == 2; })) << opted_out();
    deployment_.sql("INSERT INTO members VALUES (1000, 'p1000@example.com', true, '', '', NULL)");
    EXPECT_TRUE(
        eventually(60s, [&] { return deployment_.dump().find("p1000@example.com") != std::string::npos; }));
    EXPECT_TRUE(eventually(30s, [&] { return deployment_.syncd({"status"}).exit_code == 0; }));
    EXPECT_EQ(deployment_.stat("violations"), 0);
  }
  static DeploymentOptions options() {
    DeploymentOptions made;
    made.webhook = true;
    made.log_level = "info";
    return made;
  }
  Deployment deployment_{options()};
  rlim_t most_descriptors_ = 0;
};

void report(const char* what, const std::vector<double>& took, long growth) {
  const auto p99 = took[took.size() * 99 / 100];
  const auto refused = std::count(took.begin(), took.end(), 10'000);
  std::printf(
      "%s: /livez median %.1f ms, p99 %.1f ms, most %.1f ms, %ld of %zu not answered; memory %+ld KiB\n",
      what, took[took.size() / 2], p99, took.back(), static_cast<long>(refused), took.size(), growth);
}

TEST_F(ListenerFlood, AThousandSlowConnectionsToEachListenerCostNeitherLifeNorMemoryNorEvents) {
  auto& daemon = deployment_.daemon();
  const auto before = resident_kib(daemon.pid());
  double best = 1e9;
  long growth = 0;
  {
    const Crowd pages(deployment_.admin_port(), "127.0.0.2", 1'000, "/status");
    const Crowd events(deployment_.webhook_port(), "127.0.0.2", 1'000, hook);
    ASSERT_TRUE(eventually(60s, [&] { return pages.made() >= 1'000 && events.made() >= 1'000; }));
    // The machine may be busy with something else: one good round shows that the crowd is no reason.
    for (int round = 0; round < 5 && best >= 100; ++round) {
      const auto took = ask_whether_it_lives(deployment_, 200);
      growth = std::max(growth, resident_kib(daemon.pid()) - before);
      report("1,000 slow connections to each listener", took, growth);
      best = std::min(best, took[took.size() * 99 / 100]);
    }
    // Whoever else may call gets through meanwhile.
    EXPECT_EQ(http(deployment_.webhook_port(), "POST", hook, event_for(2)).status, 200);
    growth = std::max(growth, resident_kib(daemon.pid()) - before);
  }
  EXPECT_LT(best, 100) << "ms";
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LE(growth, 16 * 1024) << "KiB";
#endif
  EXPECT_LT(daemon.err().size(), 200'000U) << "a flood must not fill the log";
  expect_recovery();
}

TEST_F(ListenerFlood, WithoutADescriptorLeftItGoesOnAndRecovers) {
  auto& daemon = deployment_.daemon();
  const auto before = resident_kib(daemon.pid());
  const auto few = static_cast<rlim_t>(descriptors(daemon.pid()) + 20);
  const rlimit scarce{few, most_descriptors_};
  ASSERT_EQ(::prlimit(daemon.pid(), RLIMIT_NOFILE, &scarce, nullptr), 0);
  double best = 1e9;
  {
    const Crowd pages(deployment_.admin_port(), "127.0.0.2", 200, "/status");
    ASSERT_TRUE(eventually(60s, [&] { return pages.made() >= 200; }));
    ASSERT_TRUE(eventually(30s, [&] { return descriptors(daemon.pid()) >= static_cast<int>(few) - 1; }));
    deployment_.sql("INSERT INTO members VALUES (999, 'p999@example.com', true, '', '', NULL)");
    for (int round = 0; round < 5 && best >= 100; ++round) {
      const auto took = ask_whether_it_lives(deployment_, 200);
      report("no descriptor left", took, resident_kib(daemon.pid()) - before);
      best = std::min(best, took[took.size() * 99 / 100]);
    }
    EXPECT_TRUE(daemon.running());
  }
  EXPECT_LT(best, 100) << "ms";
  EXPECT_LT(daemon.err().size(), 200'000U);
  const rlimit plenty{most_descriptors_, most_descriptors_};
  ASSERT_EQ(::prlimit(daemon.pid(), RLIMIT_NOFILE, &plenty, nullptr), 0);
  expect_recovery();
  EXPECT_NE(deployment_.dump().find("p999@example.com"), std::string::npos);
}

}  // namespace
}  // namespace stibee_sync::e2e
