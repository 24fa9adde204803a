#include "integration/e2e/deployment.hpp"

#include <csignal>

#include <gtest/gtest.h>

// Who opted out is not sent again, whichever file is lost or put back.

namespace stibee_sync::e2e {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr int members = 15;

class State : public ::testing::Test {
 protected:
  static DeploymentOptions options() {
    DeploymentOptions options;
    options.webhook = true;
    return options;
  }
  static std::string address(int number) { return "p" + std::to_string(number) + "@example.com"; }

  void opt_out(int number) {
    const auto body =
        R"({"id":"1234","action":"UNSUBSCRIBED","eventOccurredBy":"SUBSCRIBER","subscribers":[{"email":")" +
        address(number) + "\"}]}";
    ASSERT_EQ(
        http(deployment_.webhook_port(), "POST", "/webhook/" + Deployment::webhook_secret(), body).status,
        200);
    opted_out_.push_back(number);
  }
  void stop() {
    deployment_.daemon().send(SIGTERM);
    ASSERT_EQ(deployment_.daemon().wait(20s).exit_code, 0);
  }
  fs::path file(const std::string& name) const { return deployment_.state() / name; }
  /// A database with its log, which a stopped daemon may leave behind.
  static void copy(const fs::path& from, const fs::path& to) {
    for (const char* suffix : {"-wal", "-shm"})
      fs::remove(to.string() + suffix);
    fs::copy_file(from, to, fs::copy_options::overwrite_existing);
    if (fs::exists(from.string() + "-wal")) fs::copy_file(from.string() + "-wal", to.string() + "-wal");
  }

  /// Starts, changes everybody's row, waits until all others have it.
  void expect_the_others_alone_are_sent() {
    const auto first = deployment_.stat("calls");
    deployment_.start_daemon();
    deployment_.sql("UPDATE members SET name = 'name after call " + std::to_string(first) + "'");
    ASSERT_TRUE(eventually(30s, [&] { return deployment_.differences().size() == opted_out_.size(); }))
        << deployment_.daemon().err();
    for (const int number : opted_out_)
      EXPECT_EQ(calls_naming(address(number), first), 0) << number;
    EXPECT_EQ(people("opted_out"), static_cast<std::int64_t>(opted_out_.size()));
    EXPECT_EQ(people("subscribed"), members - static_cast<std::int64_t>(opted_out_.size()));
  }
  std::int64_t people(const std::string& status) {
    return number(at(items(deployment_.report({"status"}), "mirrors").front(), "people"), status);
  }
  int calls_naming(const std::string& email, std::int64_t first) {
    const auto journal = deployment_.stibee("/_sim/journal?from=" + std::to_string(first) + "&limit=100000");
    int count = 0;
    for (const auto& call : items(journal, "calls")) {
      for (const auto& named : items(call, "addresses"))
        count += *named.if_string() == email ? 1 : 0;
    }
    return count;
  }

  void import() {
    deployment_.add_members(1, members);
    deployment_.start_daemon();
    ASSERT_TRUE(deployment_.converges());
  }

  Deployment deployment_{options()};
  std::vector<int> opted_out_;
};

TEST_F(State, OptOutsOutliveTheStateFile) {
  import();
  opt_out(3);
  opt_out(8);
  stop();
  for (const char* name : {"state.sqlite", "state.sqlite-wal", "state.sqlite-shm"})
    fs::remove(file(name));
  expect_the_others_alone_are_sent();
}

TEST_F(State, AnOlderStateThatIsPutBackLearnsWhoOptedOutSince) {
  import();
  stop();
  const auto backup = deployment_.directory() / "backup.sqlite";
  copy(file("state.sqlite"), backup);
  deployment_.start_daemon();
  opt_out(3);
  deployment_.daemon().send(SIGKILL);
  deployment_.daemon().wait(5s);
  copy(backup, file("state.sqlite"));
  expect_the_others_alone_are_sent();
}

TEST_F(State, TheOptOutsFileIsMadeAgainAndThenOutlivesTheState) {
  import();
  opt_out(3);
  stop();
  for (const char* name : {"suppressions.sqlite", "suppressions.sqlite-wal", "suppressions.sqlite-shm"})
    fs::remove(file(name));
  expect_the_others_alone_are_sent();
  stop();
  for (const char* name : {"state.sqlite", "state.sqlite-wal", "state.sqlite-shm"})
    fs::remove(file(name));
  expect_the_others_alone_are_sent();
}

TEST_F(State, FilesThatDoNotBelongTogetherAreRefused) {
  import();
  opt_out(3);
  stop();
  const auto other = deployment_.directory() / "other.sqlite";
  copy(file("suppressions.sqlite"), other);
  fs::remove_all(deployment_.state());
  deployment_.start_daemon();
  ASSERT_TRUE(eventually(30s, [&] { return people("subscribed") == members; }));
  opt_out(4);
  stop();
  copy(other, file("suppressions.sqlite"));
  const auto refused = deployment_.syncd({"run"}, 20s);
  EXPECT_EQ(refused.exit_code, 74);
  EXPECT_NE(refused.err.find("restore the two that belong together"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace stibee_sync::e2e
