#include "integration/e2e/deployment.hpp"

#include <csignal>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>

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

  /// How often these words are in the files of the state, logs included.
  std::size_t found(const std::vector<std::string>& words) {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(deployment_.state())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      for (const auto& word : words) {
        for (auto at = bytes.find(word); at != std::string::npos; at = bytes.find(word, at + 1))
          ++count;
      }
    }
    return count;
  }
  /// Of each file and of the directory itself: when it was changed, and its size.
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> written() {
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> all;
    const auto note = [&](const fs::path& path) {
      struct stat info{};
      if (::stat(path.c_str(), &info) != 0) return;
      all[path.string()] = {info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_size};
    };
    note(deployment_.state());
    for (const auto& entry : fs::directory_iterator(deployment_.state()))
      note(entry.path());
    return all;
  }
  double polls() {
    const auto page = deployment_.admin("/metrics").body;
    const std::string series = "\nstibee_sync_cycles_total{mirror=\"members\",result=\"ok\"} ";
    return std::stod(page.substr(page.find(series) + series.size()));
  }
  int webhook_status(int number) {
    const auto body =
        R"({"id":"1234","action":"UNSUBSCRIBED","eventOccurredBy":"SUBSCRIBER","subscribers":[{"email":")" +
        address(number) + "\"}]}";
    return http(deployment_.webhook_port(), "POST", "/webhook/" + Deployment::webhook_secret(), body).status;
  }
  bool is_tidy() {
    std::error_code error;
    for (const char* name : {"state.sqlite-wal", "suppressions.sqlite-wal"}) {
      if (fs::exists(file(name), error) && fs::file_size(file(name), error) > 0) return false;
    }
    return true;
  }

  Deployment deployment_{options()};
  std::vector<int> opted_out_;
};

TEST_F(State, NamesAndNumbersOfSettledPeopleAreInNoFile) {
  deployment_.sql(
      "INSERT INTO members SELECT i, 'p' || i || '@example.com', true, 'Zebrafish ' || i, '+8210-7777-' || i "
      "FROM generate_series(1, 3000) i");
  deployment_.start_daemon();
  ASSERT_TRUE(deployment_.converges());
  const std::vector<std::string> words{"Zebrafish", "+8210-7777"};
  EXPECT_TRUE(eventually(20s, [&] { return found(words) == 0; })) << found(words);
  deployment_.sql("UPDATE members SET name = 'Zebrafish the ' || id WHERE id <= 700");
  ASSERT_TRUE(deployment_.converges());
  stop();
  EXPECT_EQ(found(words), 0U);
}

TEST_F(State, AStopLeavesOneFileEach) {
  import();
  opt_out(3);
  stop();
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(deployment_.state()))
    names.insert(entry.path().filename());
  EXPECT_TRUE(names.contains("state.sqlite"));
  EXPECT_TRUE(names.contains("suppressions.sqlite"));
  for (const auto& name : names)
    EXPECT_FALSE(name.ends_with("-wal") || name.ends_with("-shm")) << name;
}

TEST_F(State, AfterAStopItIsNotLookedThroughAndAfterAKillItIs) {
  deployment_.add_members(1, members);
  const auto looked_through = [&] {
    auto& daemon = deployment_.start_daemon();
    EXPECT_TRUE(eventually(20s, [&] { return deployment_.differences().empty(); })) << daemon.err();
    return daemon.err().find("looked through") != std::string::npos;
  };
  const auto end = [&](int signal) {
    deployment_.daemon().send(signal);
    deployment_.daemon().wait(20s);
  };
  EXPECT_FALSE(looked_through()) << "there was none";
  end(SIGTERM);
  EXPECT_FALSE(looked_through());
  deployment_.sql("UPDATE members SET name = 'another' WHERE id = 1");
  ASSERT_TRUE(eventually(20s, [&] { return deployment_.differences().empty(); }));
  end(SIGKILL);
  EXPECT_TRUE(looked_through());
  end(SIGTERM);
  EXPECT_FALSE(looked_through());
}

TEST_F(State, AnIdlePollWritesNothing) {
  deployment_.add_members(1, members);
  // Two rows with one address are looked at by every read.
  deployment_.sql("INSERT INTO members (id, email, name) VALUES (100, 'p1@example.com', 'other')");
  deployment_.start_daemon();
  ASSERT_TRUE(eventually(60s, [&] { return deployment_.subscribed() == members; }));
  ASSERT_TRUE(eventually(30s, [&] { return is_tidy(); }));
  const auto tidy = polls();
  ASSERT_TRUE(eventually(30s, [&] { return polls() >= tidy + 10; }));
  const auto before = written();
  const auto seen = text(items(deployment_.report({"status"}), "mirrors").front(), "last_success");
  const auto first = polls();
  ASSERT_TRUE(eventually(60s, [&] { return polls() >= first + 20; }));
  EXPECT_EQ(written(), before);
  EXPECT_GT(text(items(deployment_.report({"status"}), "mirrors").front(), "last_success"), seen);
}

TEST_F(State, ADeletedDirectoryIsSaidAndNothingIsAnswered) {
  import();
  fs::remove_all(deployment_.state());
  EXPECT_EQ(webhook_status(3), 500);
  const auto ready = deployment_.admin("/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("was deleted or replaced"), std::string::npos) << ready.body;
  EXPECT_NE(ready.body.find("restart"), std::string::npos) << ready.body;
  // The control socket lay there, too.
  const auto problem = [&] {
    const auto status = json::parse(deployment_.admin("/status", "Accept: application/json\r\n").body);
    const auto& mirror = items(*status, "mirrors").front();
    return text(mirror, "state") == "failing" ? text(mirror, "problem") : std::string();
  };
  EXPECT_TRUE(eventually(20s, [&] { return problem().find("was deleted or replaced") != std::string::npos; }))
      << problem();
  deployment_.daemon().send(SIGTERM);
  EXPECT_EQ(deployment_.daemon().wait(20s).exit_code, 0);
}

TEST_F(State, AFullDiskIsSaidUntilItIsNotFullAnyMore) {
  import();
  EXPECT_EQ(deployment_.admin("/readyz").status, 200);
  rlimit before{};
  ASSERT_EQ(::prlimit(deployment_.daemon().pid(), RLIMIT_FSIZE, nullptr, &before), 0);
  auto full = before;
  full.rlim_cur = 0;
  ASSERT_EQ(::prlimit(deployment_.daemon().pid(), RLIMIT_FSIZE, &full, nullptr), 0);
  EXPECT_EQ(webhook_status(3), 500);
  EXPECT_EQ(deployment_.admin("/readyz").status, 503);
  ASSERT_EQ(::prlimit(deployment_.daemon().pid(), RLIMIT_FSIZE, &before, nullptr), 0);
  EXPECT_EQ(deployment_.admin("/readyz").status, 200);
  EXPECT_EQ(webhook_status(3), 200);
}

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
