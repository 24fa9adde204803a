#include "integration/e2e/deployment.hpp"
#include "integration/http/scripted_server.hpp"

#include <csignal>
#include <fstream>
#include <mutex>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// Somebody is told when a mirror's state changes, once, by a real daemon over real HTTP.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string secret_path = "/hooks/s3cret-0123456789abcdef";

/// Whoever is told: keeps what is posted, and answers as it is told to.
class Receiver {
 public:
  Receiver() : server_([this](http::test::Peer& peer, int) { serve(peer); }) {}

  int port() const { return server_.port(); }
  /// The next so many letters are answered like this, and do not count.
  void refuse(int letters, int status) {
    const std::lock_guard lock(mutex_);
    refusals_ = letters;
    status_ = status;
  }
  /// Head and body of the letters that were taken.
  std::vector<std::string> letters() const {
    const std::lock_guard lock(mutex_);
    return letters_;
  }
  std::vector<json::Value> bodies() const {
    std::vector<json::Value> bodies;
    for (const auto& letter : letters())
      bodies.push_back(json::parse(letter.substr(letter.find("\r\n\r\n") + 4)).value_or(json::Value()));
    return bodies;
  }
  bool has(std::size_t count) const {
    return eventually(90s, [&] { return letters().size() >= count; });
  }

 private:
  void serve(http::test::Peer& peer) {
    for (auto request = peer.read_request(); !request.empty(); request = peer.read_request())
      peer.send(http::test::answer(take(request), "ok"));
  }
  int take(const std::string& request) {
    const std::lock_guard lock(mutex_);
    if (refusals_ > 0) {
      --refusals_;
      return status_;
    }
    letters_.push_back(request);
    return 200;
  }

  mutable std::mutex mutex_;
  std::vector<std::string> letters_;
  int refusals_ = 0;
  int status_ = 500;
  http::test::ScriptedServer server_;
};

void notify(Deployment& deployment, const Receiver& receiver, const std::string& settings) {
  const auto file = deployment.directory() / "notify_url";
  std::ofstream(file) << "http://127.0.0.1:" << receiver.port() << secret_path << "\n";
  ::chmod(file.c_str(), 0600);
  deployment.write_config("notify:\n  url_file: notify_url\n" + settings + deployment.config_text());
}

TEST(Notify, AHoldIsToldWhenItBeginsAndWhenItIsReleased) {
  Receiver receiver;
  Deployment deployment;
  notify(deployment, receiver, "");
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_THAT(checked.out,
              HasSubstr("notify: the address is readable and well formed; nothing was sent to it\n"));
  EXPECT_TRUE(receiver.letters().empty());

  deployment.add_members(1, 300);
  auto& daemon = deployment.start_daemon();
  ASSERT_TRUE(receiver.has(1)) << daemon.err();
  deployment.sql("DELETE FROM members WHERE id <= 100");
  ASSERT_TRUE(receiver.has(2)) << daemon.err();
  const auto digest = text(items(deployment.report({"guard"}), "held").front(), "digest");
  EXPECT_EQ(deployment.syncd({"guard", "approve", digest}).exit_code, 0);
  ASSERT_TRUE(receiver.has(3)) << daemon.err();

  const auto told = receiver.bodies();
  EXPECT_EQ(text(told[0], "kind"), "imported");
  EXPECT_EQ(number(told[0], "people"), 300);
  EXPECT_EQ(text(told[1], "kind"), "held");
  EXPECT_EQ(text(told[1], "class"), "removals");
  EXPECT_EQ(text(told[1], "digest"), digest);
  EXPECT_EQ(number(told[1], "people"), 100);
  EXPECT_EQ(text(told[2], "kind"), "released");
  for (const auto& body : told) {
    EXPECT_EQ(number(body, "version"), 1);
    EXPECT_EQ(text(body, "mirror"), "members");
    EXPECT_EQ(items(body, "notices").size(), 1U) << "one thing at a time";
  }
  EXPECT_THAT(receiver.letters().front(), HasSubstr("POST " + secret_path + " HTTP/1.1"));
  for (const auto& letter : receiver.letters())
    EXPECT_THAT(letter, Not(HasSubstr("@example.com")));

  // The receiver has it a moment before the sender knows.
  EXPECT_TRUE(eventually(10s, [&] { return event_lines(daemon, "notify.sent").size() == 3U; }));
  EXPECT_TRUE(event_lines(daemon, "notify.failed").empty());
  EXPECT_THAT(deployment.admin("/metrics").body, HasSubstr("stibee_notify_total{result=\"sent\"} 3\n"));
  EXPECT_THAT(daemon.err(), Not(HasSubstr("s3cret"))) << "the address is a secret";
}

TEST(Notify, TroubleThatIsToldLateIsToldOnceAndARestartTellsNothingAgain) {
  Receiver receiver;
  Deployment deployment;
  notify(deployment, receiver, "  format: jandi\n  language: ko\n  on: [unhealthy, recovered, held]\n");
  deployment.add_members(1, 300);
  deployment.start_daemon();
  ASSERT_TRUE(deployment.converges());

  receiver.refuse(1, 503);
  deployment.stop_stibee();
  deployment.add_members(301, 310);
  ASSERT_TRUE(receiver.has(1)) << deployment.daemon().err();
  EXPECT_EQ(event_lines(deployment.daemon(), "notify.failed").size(), 1U);
  EXPECT_THAT(deployment.admin("/metrics").body, HasSubstr("stibee_notify_total{result=\"failed\"} 1\n"));

  // Nothing is different after the restart: what is told next is that it is over.
  deployment.daemon().send(SIGTERM);
  EXPECT_EQ(deployment.daemon().wait(20s).exit_code, 0);
  deployment.start_daemon();
  deployment.restart_stibee({});
  ASSERT_TRUE(receiver.has(2)) << deployment.daemon().err();
  deployment.sql("DELETE FROM members WHERE id <= 100");
  ASSERT_TRUE(receiver.has(3)) << deployment.daemon().err();

  std::vector<std::string> titles;
  for (const auto& body : receiver.bodies()) {
    const auto title = text(items(body, "connectInfo").front(), "title");
    titles.push_back(title);
    EXPECT_THAT(text(body, "body"), HasSubstr(title));
  }
  EXPECT_THAT(titles,
              ElementsAre("\"members\" 미러에 문제가 생겼습니다 (상태: 장애)",
                          "\"members\" 미러의 문제가 해결되었습니다 (상태: 정상)",
                          "\"members\" 미러의 변경을 보류했습니다: 빠진 회원의 수신거부·완전삭제 100명"));
  EXPECT_THAT(receiver.letters().front(), HasSubstr("Accept: application/vnd.tosslab.jandi-v2+json\r\n"));
}

TEST(Notify, AnAddressThatIsNoneIsRefusedWithoutBeingRepeated) {
  Receiver receiver;
  Deployment deployment;
  notify(deployment, receiver, "");
  const auto file = deployment.directory() / "notify_url";
  std::ofstream(file) << "hooks.example.org/s3cret\n";
  const auto checked = deployment.syncd({"check"});
  EXPECT_EQ(checked.exit_code, 78);
  EXPECT_THAT(checked.err, HasSubstr("`notify.url_file` names a file whose address is no URL beginning"));
  EXPECT_THAT(checked.out + checked.err, Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace stibee_sync::e2e
