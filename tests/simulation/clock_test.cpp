#include "simulation/scenario.hpp"

// A wall clock that is wrong, for a moment or from the start.

namespace stibee_sync::simulation {
namespace {

constexpr std::chrono::hours day{24};

class WrongClock : public Scenario {
 protected:
  /// 151 of 400 people left, and are unsubscribed; they are to be deleted after 30 days.
  void let_many_leave() {
    mirror_.delete_after = 30 * day;
    mirror_.guard.min_removals = 200;
    fill(400);
    start();
    daemon_->run_for(20s);
    for (std::int64_t i = 1; i <= 151; ++i)
      rows_.erase(i);
    daemon_->run_for(30s);
    ASSERT_EQ(subscribed(), 249U);
    ASSERT_EQ(known(), 400U);
  }
  std::size_t known() const {
    std::size_t count = 0;
    for (int i = 1; i <= 400; ++i)
      count += far_end_.model.find(list, "p" + std::to_string(i) + "@example.com").has_value() ? 1 : 0;
    return count;
  }
  void away() {
    source::SourceError error;
    error.kind = source::SourceError::Kind::Unreachable;
    error.message = "nobody answers";
    database_error_ = error;
  }
  std::size_t lines(const std::string& words) const {
    std::size_t count = 0;
    for (auto at = daemon_->log_text().find(words); at != std::string::npos;
         at = daemon_->log_text().find(words, at + 1))
      ++count;
    return count;
  }
};

TEST_F(WrongClock, OneThatIsFastForAMomentDeletesNobody) {
  let_many_leave();
  daemon_->clock().set_ahead(40 * day);
  daemon_->run_for(8s);
  daemon_->clock().set_ahead(0s);
  daemon_->run_for(5min);
  EXPECT_EQ(known(), 400U);
}

TEST_F(WrongClock, OneThatIsFastFromTheStartDeletesNobody) {
  let_many_leave();
  kill();
  away();
  start();
  daemon_->clock().set_ahead(40 * day);
  daemon_->run_for(10min);
  EXPECT_EQ(known(), 400U) << "before a read has compared the clocks";
  database_error_.reset();
  daemon_->run_for(10min);
  EXPECT_EQ(known(), 400U) << "after it has";
  daemon_->clock().set_ahead(0s);
  daemon_->run_for(10min);
  EXPECT_EQ(known(), 400U);
  // They go when their time has come, though the read finds nothing new.
  kill();
  now_ += 30 * day;
  away();
  start();
  daemon_->run_for(1min);
  EXPECT_EQ(known(), 400U);
  database_error_.reset();
  daemon_->run_for(3min);
  EXPECT_EQ(known(), 249U);
}

TEST_F(WrongClock, WhoLeftWhileItWasSlowIsNotDeletedEarly) {
  mirror_.delete_after = 30 * day;
  fill(50);
  start();
  daemon_->run_for(20s);
  daemon_->clock().set_ahead(-40 * day);
  const auto gone = rows_.at(1).email;
  rows_.erase(1);
  daemon_->run_for(20s);
  daemon_->clock().set_ahead(0s);
  daemon_->run_for(10min);
  EXPECT_TRUE(far_end_.model.find(list, gone).has_value());
}

TEST_F(WrongClock, IsWarnedOfOnceThenOnceAMinuteAndOnceAtTheEnd) {
  fill(5);
  start();
  daemon_->run_for(20s);
  daemon_->clock().set_ahead(29s);
  daemon_->run_for(5min);
  EXPECT_EQ(lines("are apart"), 0U);
  daemon_->clock().set_ahead(-31s);
  daemon_->run_for(30s);
  EXPECT_EQ(lines("are apart"), 1U);
  daemon_->run_for(10min);
  EXPECT_GE(lines("are apart"), 9U);
  EXPECT_LE(lines("are apart"), 12U);
  EXPECT_EQ(lines("agree again"), 0U);
  daemon_->clock().set_ahead(0s);
  daemon_->run_for(10min);
  EXPECT_EQ(lines("agree again"), 1U);
}

}  // namespace
}  // namespace stibee_sync::simulation
