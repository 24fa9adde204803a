// The change feed behind a real pooler in transaction mode.
#include "integration/pgbouncer.hpp"
#include "integration/source/feeding.hpp"

#include <condition_variable>
#include <mutex>

namespace stibee_sync::source {
namespace {

using stibee_sync::testing::PgBouncer;
using ::testing::HasSubstr;

class FeedBehindAPooler : public FeedTest {
 protected:
  void SetUp() override {
    if (!PgBouncer::installed()) GTEST_SKIP() << "pgbouncer (package pgbouncer) is missing";
    make_table();
    install();
    pooler_ = std::make_unique<PgBouncer>(cluster());
    feed_ = make_postgres_change_feed(pooled());
  }
  void TearDown() override {
    feed_.reset();
    pooler_.reset();
  }
  Connection pooled() { return connection_to(pooler_->url(database_, "mirror")); }
  /// The server's own connections of the pool.
  int behind() {
    return std::stoi(
        value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'mirror' AND datname = "
              "current_database()"));
  }

  std::unique_ptr<PgBouncer> pooler_;
};

TEST_F(FeedBehindAPooler, IsDrainedOverWhicheverConnectionTheServerHasFree) {
  auto reader = make_postgres_reader(pooled());
  auto plan = plan_.read;
  plan.feed = plan_.mirror;
  for (int i = 1; i <= 20; ++i) {
    const auto key = std::to_string(i);
    shop("INSERT INTO members VALUES (" + key + ", 'a@x', NULL)");
    EXPECT_EQ(changes(), (Changes{{key, key + "\ta@x"}}));
    EXPECT_EQ(changes(), Changes());
    const auto read = read_all(*reader, plan);
    ASSERT_TRUE(read.complete()) << read.error().message;
    EXPECT_FALSE(read.report().feed->loss.has_value());
    EXPECT_EQ(read.rows.size(), static_cast<std::size_t>(i));
  }
  EXPECT_GT(behind(), 1) << "else nothing is proved";
}

TEST_F(FeedBehindAPooler, TheListenerFindsOutThatItIsDeaf) {
  std::mutex mutex;
  std::condition_variable changed;
  bool connected = false;
  const auto listener =
      make_postgres_feed_listener(pooled(), {"members"}, [&](const std::string&, FeedListener::Why why) {
        const std::lock_guard lock(mutex);
        connected = connected || why == FeedListener::Why::Connected;
        changed.notify_all();
      });
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return connected; }))
      << listener->trouble();
  EXPECT_FALSE(listener->listens());
  EXPECT_THAT(listener->trouble(), HasSubstr("a pooler in front of PostgreSQL keeps notifications back"));
}

}  // namespace
}  // namespace stibee_sync::source
