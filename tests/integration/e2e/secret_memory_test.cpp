#include "integration/e2e/deployment.hpp"
#include "integration/http/scripted_server.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <fstream>
#include <random>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

// A daemon used secrets that others have replaced since: its memory, all that it may write to, is searched
// for them. In what was freed the allocator overwrites the first 16 bytes of a block, so it is the middle of
// each that is looked for.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;

class Known {
 public:
  Known() {
    std::random_device random;
    for (int i = 0; i < 64; ++i)
      text += "0123456789abcdef"[random() % 16];
  }
  std::string middle() const { return text.substr(24, 24); }

  std::string text;
};

struct Secrets {
  Known key, password, webhook, notify;
};

/// Where in the memory of that process the words stand: the mapping, and how far behind its begin.
std::vector<std::string> places_in_memory(pid_t process, const std::string& words) {
  std::vector<std::string> places;
  const auto folder = "/proc/" + std::to_string(process);
  const int memory = ::open((folder + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) return {"the memory cannot be read"};
  std::ifstream mappings(folder + "/maps");
  for (std::string line; std::getline(mappings, line);) {
    std::istringstream parts(line);
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string rights;
    parts >> std::hex >> begin;
    parts.ignore(1);
    parts >> end >> rights;
    if (!rights.starts_with("rw")) continue;
    std::string content(end - begin, '\0');
    const auto count = ::pread(memory, content.data(), content.size(), static_cast<off_t>(begin));
    content.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    for (auto at = content.find(words); at != std::string::npos; at = content.find(words, at + 1))
      places.push_back(line + " + " + std::to_string(at));
  }
  ::close(memory);
  return places;
}

class SecretMemoryTest : public ::testing::Test {
 protected:
  static testing::ClusterOptions with_passwords() {
    testing::ClusterOptions options;
    options.tcp = true;
    return options;
  }
  DeploymentOptions options() const {
    DeploymentOptions options;
    options.webhook = true;
    options.log_level = "info";
    options.simulator_arguments = {"--key", before_.key.text, "--key", after_.key.text};
    return options;
  }
  SecretMemoryTest()
      : receiver_([this](http::test::Peer& peer, int) { take_letters(peer); }),
        server_(with_passwords()),
        database_(server_.create_database()),
        deployment_(options()) {
    server_.execute(
        "CREATE ROLE mirror LOGIN PASSWORD '" + before_.password.text +
            "'; CREATE TABLE members (id bigint PRIMARY KEY, email text, email_opt_in boolean, name text, "
            "phone text, grade text); GRANT SELECT ON members TO mirror; INSERT INTO members SELECT i, 'p' "
            "|| i || '@example.com', true, 'name' FROM generate_series(1, 40) i",
        database_);
    auto config = "notify:\n  url_file: notify_url\n" + deployment_.config_text();
    const auto begin = config.find("  url: ");
    config.replace(begin, config.find('\n', begin) - begin,
                   "  url: " + server_.tcp_url(database_, "mirror") + "\n  password_file: password");
    deployment_.write_config(config);
    hand_over(before_);
  }

  void take_letters(http::test::Peer& peer) {
    while (!peer.read_request().empty()) {
      ++letters_;
      peer.send(http::test::answer(200, "ok"));
    }
  }
  void hand_over(const Secrets& secrets) {
    const auto put = [this](const char* file, const std::string& secret) {
      const auto path = deployment_.directory() / file;
      std::ofstream(path, std::ios::trunc) << secret << "\n";
      ::chmod(path.c_str(), 0600);
    };
    put("key", secrets.key.text);
    put("password", secrets.password.text);
    put("webhook_secret", secrets.webhook.text);
    put("notify_url",
        "http://127.0.0.1:" + std::to_string(receiver_.port()) + "/hooks/" + secrets.notify.text);
  }
  /// A change arrives at Stibee, and an event of Stibee's is taken.
  void work(const Secrets& secrets, int round) {
    const auto name = "name-" + std::to_string(round);
    server_.execute("UPDATE members SET name = '" + name + "' WHERE id <= 10", database_);
    ASSERT_TRUE(eventually(60s, [&] { return deployment_.dump().find(name) != std::string::npos; }))
        << deployment_.daemon().err();
    for (int i = 0; i < 5; ++i) {
      const auto answer = http(deployment_.webhook_port(), "POST", "/webhook/" + secrets.webhook.text,
                               R"({"id":"1234","action":"UPDATED","subscribers":[]})");
      EXPECT_NE(answer.status, 404);
    }
    EXPECT_EQ(http(deployment_.webhook_port(), "POST", "/webhook/x", "{}").status, 404);
  }
  std::vector<std::string> places(const Known& secret) {
    return places_in_memory(deployment_.daemon().pid(), secret.middle());
  }

  /// A secret that was replaced is never printed either.
  void only_the_log_holds(const Secrets& old) {
    using ::testing::PrintToString;
    EXPECT_EQ(places(old.key).size(), 1u) << PrintToString(places(old.key));
    EXPECT_EQ(places(old.password).size(), 1u) << PrintToString(places(old.password));
    EXPECT_EQ(places(old.webhook).size(), 1u) << PrintToString(places(old.webhook));
    // As a URL and as a path, each as it stands and in both ways of percent-encoding it.
    EXPECT_EQ(places(old.notify).size(), 6u) << PrintToString(places(old.notify));
  }

  const Secrets before_;
  const Secrets after_;
  std::atomic<int> letters_ = 0;
  http::test::ScriptedServer receiver_;
  testing::PostgresCluster server_;
  std::string database_;
  Deployment deployment_;
};

TEST_F(SecretMemoryTest, HoldsOfReplacedSecretsOnlyWhatTheLogMustNeverPrint) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps terabytes of memory of its own";
#endif
  if (::geteuid() != 0) GTEST_SKIP() << "the memory of a process that cannot be dumped is root's to read";
  auto& daemon = deployment_.start_daemon();
  ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == 40; })) << daemon.err();
  work(before_, 0);
  // Present secrets are found: the search can find. Each belongs to somebody, however often it was used.
  const auto key_places = places(before_.key).size();
  const auto webhook_places = places(before_.webhook).size();
  EXPECT_GE(key_places, 3u);
  EXPECT_GE(webhook_places, 2u);
  EXPECT_GE(places(before_.password).size(), 3u);
  for (int round = 1; round < 4; ++round)
    work(before_, round);
  // A call that is out has one more for as long.
  EXPECT_TRUE(eventually(10s, [&] { return places(before_.key).size() == key_places; }));
  EXPECT_TRUE(eventually(10s, [&] { return places(before_.webhook).size() == webhook_places; }));
  // Of the import.
  ASSERT_TRUE(eventually(60s, [&] { return letters_ > 0; })) << daemon.err();

  server_.execute("ALTER ROLE mirror PASSWORD '" + after_.password.text + "'");
  hand_over(after_);
  daemon.send(SIGHUP);
  ASSERT_TRUE(eventually(30s, [&] { return !event_lines(daemon, "daemon.reload").empty(); })) << daemon.err();
  // At once: freed memory is soon used for something else.
  only_the_log_holds(before_);
  work(after_, 100);
  only_the_log_holds(before_);
}

}  // namespace
}  // namespace stibee_sync::e2e
