#include "stibee_sync/source/leader_lock.hpp"

#include "integration/pgbouncer.hpp"
#include "integration/postgres_cluster.hpp"

#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

namespace stibee_sync::source {
namespace {

using namespace std::chrono_literals;
using testing::PgBouncer;
using testing::PostgresCluster;

/// Waits for what a lock tells, and looks at it now and then all the same.
class Watched {
 public:
  Watched(const std::string& url, std::vector<std::int64_t> lists) {
    Connection connection;
    connection.url = url;
    lock_ = make_postgres_leader_lock(connection, std::move(lists), [this] {
      const std::lock_guard guard(mutex_);
      told_.notify_all();
    });
  }
  ~Watched() { lock_.reset(); }

  LeaderLock& operator*() { return *lock_; }
  LeaderLock* operator->() { return lock_.get(); }
  template <class Until>
  bool await(Until until) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    std::unique_lock guard(mutex_);
    while (!until(*lock_)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      told_.wait_for(guard, 50ms);
    }
    return true;
  }
  bool gets_it() {
    return await([](LeaderLock& lock) { return lock.held(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable told_;
  std::unique_ptr<LeaderLock> lock_;
};

class Locks : public ::testing::Test {
 protected:
  std::size_t sessions(const std::string& of = "true") {
    return std::stoul(cluster().value(
        "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1400138082 AND " +
            of,
        database_));
  }
  PostgresCluster& cluster() { return PostgresCluster::shared(); }
  std::string url() { return cluster().url(database_); }

  std::string database_ = cluster().create_database();
};

TEST_F(Locks, AreHeldByOneForAllItsListsAndBoundToTheConnection) {
  Watched first(url(), {7, 5, 7});
  ASSERT_TRUE(first.gets_it());
  EXPECT_EQ(first->term(), 1U);
  EXPECT_EQ(sessions("objid IN (5, 7) AND granted"), 1U);
  first->publish("stibee-syncd leader v1=3");

  Watched second(url(), {7, 9});
  EXPECT_TRUE(
      second.await([](LeaderLock& lock) { return lock.predecessor() == "stibee-syncd leader v1=3"; }));
  EXPECT_FALSE(second->held());
  EXPECT_EQ(second->trouble(), "") << "that another holds it is none";
  EXPECT_EQ(sessions("objid = 9"), 0U) << "all or none";

  Watched unrelated(url(), {9});
  EXPECT_TRUE(unrelated.gets_it());
}

TEST_F(Locks, AreLostWithTheConnectionAndGotAnew) {
  Watched lock(url(), {5});
  ASSERT_TRUE(lock.gets_it());
  cluster().execute(
      "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 5", database_);
  ASSERT_TRUE(lock.await([](LeaderLock& each) { return each.term() != 1; })) << "it learns of it";
  ASSERT_TRUE(lock.await([](LeaderLock& each) { return each.held() && each.term() == 2; }));
}

TEST_F(Locks, PassOnWhenTheHolderGoes) {
  auto first = std::make_unique<Watched>(url(), std::vector<std::int64_t>{5});
  ASSERT_TRUE(first->gets_it());
  Watched second(url(), {5});
  EXPECT_FALSE(second->held());
  first.reset();
  EXPECT_TRUE(second.gets_it());
}

TEST_F(Locks, AreNotTakenThroughAPoolerThatHandsSessionsOn) {
  if (!PgBouncer::installed()) GTEST_SKIP() << "pgbouncer is not installed";
  const PgBouncer pooler(cluster());
  Watched first(pooler.url(database_, "postgres"), {5});
  Watched second(pooler.url(database_, "postgres"), {5});
  const auto refuses = [](LeaderLock& lock) {
    return lock.trouble().find("session mode") != std::string::npos;
  };
  EXPECT_TRUE(first.await(refuses)) << first->trouble();
  EXPECT_TRUE(second.await(refuses)) << second->trouble();
  EXPECT_FALSE(first->held() && second->held());
}

TEST_F(Locks, OfAStandbyMeanNothing) {
  PostgresCluster primary;
  testing::ClusterOptions options;
  options.standby_of = &primary;
  const PostgresCluster standby(options);
  Watched lock(standby.url(), {5});
  EXPECT_TRUE(lock.await([](LeaderLock& each) {
    return each.trouble().find("the server is a standby") != std::string::npos;
  })) << lock->trouble();
  EXPECT_EQ(lock->term(), 0U);
}

}  // namespace
}  // namespace stibee_sync::source
