#include "integration/source/feeding.hpp"
#include "source/feed_names.hpp"
#include "source/feed_probe.hpp"
#include "source/interrupt.hpp"
#include "source/session.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace stibee_sync::source {
namespace {

using stibee_sync::testing::ClusterOptions;
using ::testing::HasSubstr;
using Why = FeedListener::Why;

/// Remembers what it was woken for, and lets a test wait for it.
class Woken {
 public:
  FeedListener::Wake sink() {
    return [this](const std::string& mirror, Why why) {
      const std::lock_guard lock(mutex_);
      ++counts_[{mirror, why}];
      changed_.notify_all();
    };
  }
  /// Whether it happens so often within a time that is long for any machine.
  bool comes(const std::string& mirror, Why why, int times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return counts_[{mirror, why}] >= times; });
  }
  int count(const std::string& mirror, Why why) {
    const std::lock_guard lock(mutex_);
    return counts_[{mirror, why}];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::pair<std::string, Why>, int> counts_;
};

class FeedListenerTest : public FeedTest {
 protected:
  FeedListenerTest() {
    make_table();
    install();
  }
  void listen(std::vector<std::string> mirrors = {"members"}) {
    listener_ = make_postgres_feed_listener(connection(), std::move(mirrors), woken_.sink());
    ASSERT_TRUE(woken_.comes("members", Why::Connected)) << listener_->trouble();
  }
  void write() { shop("INSERT INTO members SELECT coalesce(max(id), 0) + 1, 'a@x' FROM members"); }
  /// Returns when the listener has heard all that was sent up to now.
  void catch_up() {
    const int before = woken_.count("members", Why::Notified);
    sql("NOTIFY \"stibee_syncd.members\"");
    ASSERT_TRUE(woken_.comes("members", Why::Notified, before + 1));
  }
  int held() {
    return std::stoi(
        value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid "
              "FROM pg_database WHERE datname = current_database())"));
  }
  void until_held(int count) {
    while (held() != count)
      std::this_thread::yield();
  }

  Woken woken_;
  std::unique_ptr<FeedListener> listener_;
};

TEST_F(FeedListenerTest, IsWokenByACommit) {
  listen();
  EXPECT_TRUE(listener_->listens());
  EXPECT_EQ(listener_->trouble(), "");
  write();
  EXPECT_TRUE(woken_.comes("members", Why::Notified));
}

TEST_F(FeedListenerTest, IsWokenForTheMirrorThatChanged) {
  auto other = plan_;
  other.mirror = "others";
  listen({"members", "others"});
  EXPECT_TRUE(woken_.comes("others", Why::Connected));
  write();
  EXPECT_TRUE(woken_.comes("members", Why::Notified));
  EXPECT_EQ(woken_.count("others", Why::Notified), 0);
}

TEST_F(FeedListenerTest, WritersKeepSilentWhileItIsAwake) {
  listen();
  listener_->awake("members");
  until_held(1);
  write();
  write();
  catch_up();
  EXPECT_EQ(woken_.count("members", Why::Notified), 1);  // of catch_up
  listener_->asleep("members");
  EXPECT_TRUE(woken_.comes("members", Why::Asleep));
  EXPECT_EQ(held(), 0);
  write();
  EXPECT_TRUE(woken_.comes("members", Why::Notified, 2));
}

TEST_F(FeedListenerTest, AnEmptyStatementNotifiesNobody) {
  listen();
  shop("UPDATE members SET note = 'x'; DELETE FROM members");
  catch_up();
  EXPECT_EQ(woken_.count("members", Why::Notified), 1);
}

TEST_F(FeedListenerTest, HoldsNoTransactionAndWritersNoLock) {
  listen();
  sql("BEGIN; INSERT INTO members VALUES (7, 'a@x'); COMMIT");
  EXPECT_EQ(held(), 0);
  EXPECT_EQ(
      value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'mirror' AND xact_start IS NOT NULL"),
      "0");
}

TEST_F(FeedListenerTest, SaysThatItIsLostAndHearsAgain) {
  listen();
  listener_->awake("members");
  until_held(1);
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'mirror'");
  EXPECT_TRUE(woken_.comes("members", Why::Lost));
  EXPECT_TRUE(woken_.comes("members", Why::Connected, 2));
  EXPECT_TRUE(listener_->listens());
  EXPECT_EQ(held(), 0);
  write();
  EXPECT_TRUE(woken_.comes("members", Why::Notified));
  listener_->awake("members");
  until_held(1);
}

TEST_F(FeedListenerTest, WhoeverIsNotThereCanSleepAllTheSame) {
  Woken woken;
  const auto away =
      make_postgres_feed_listener(connection_to("host=127.0.0.1 port=1"), {"members"}, woken.sink());
  away->awake("members");
  away->asleep("members");
  EXPECT_TRUE(woken.comes("members", Why::Asleep));
  EXPECT_TRUE(woken.comes("members", Why::Lost)) << "that it is not there is told";
  EXPECT_FALSE(away->listens());
  EXPECT_NE(away->trouble(), "");
  EXPECT_EQ(woken.count("members", Why::Connected), 0);
}

TEST_F(FeedListenerTest, AConnectionThatKeepsNotificationsBackIsFoundOut) {
  // What NOTIFY does in another database reaches nobody here, as through a pooler in transaction mode.
  Interrupt interrupt;
  Interrupt second;
  const Interrupt::Call call(interrupt);
  const Interrupt::Call probing(second);
  Session listener(connection(), interrupt);
  const auto why =
      why_deaf(listener, connection_to(cluster().url("postgres", "mirror")), second, [](const auto&) {});
  EXPECT_THAT(why, HasSubstr("once a second"));
  EXPECT_EQ(why_deaf(listener, connection(), second, [](const auto&) {}), "");
}

TEST(FeedListenerBesideTwoPhaseCommits, SaysThatItIsSilent) {
  ClusterOptions options;
  options.settings["max_prepared_transactions"] = "2";
  PostgresCluster cluster(options);
  Woken woken;
  const auto listener = make_postgres_feed_listener(connection_to(cluster.url()), {"members"}, woken.sink());
  EXPECT_TRUE(woken.comes("members", Why::Connected));
  EXPECT_FALSE(listener->listens());
  EXPECT_THAT(listener->trouble(), HasSubstr("max_prepared_transactions"));
}

}  // namespace
}  // namespace stibee_sync::source
