#include "stibee_sync/telemetry/health.hpp"

#include <gmock/gmock.h>

namespace stibee_sync::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Health::Time start{1000s};

TEST(Health, WithoutLoopsIsAlive) {
  EXPECT_TRUE(Health{}.live(start).ok);
}

TEST(Health, ALoopIsAliveUpToItsDeadlineAndNamedAfterIt) {
  Health health;
  health.expect("dispatch", 10s, start);
  EXPECT_TRUE(health.live(start + 10s).ok);
  const auto verdict = health.live(start + 13s);
  EXPECT_FALSE(verdict.ok);
  EXPECT_THAT(verdict.problems, ElementsAre("the loop \"dispatch\" is 3 s overdue"));
}

TEST(Health, ABeatMovesTheDeadline) {
  Health health;
  health.expect("dispatch", 10s, start);
  health.beat("dispatch", start + 9s);
  EXPECT_TRUE(health.live(start + 19s).ok);
  EXPECT_FALSE(health.live(start + 20s).ok);
}

TEST(Health, LongWorkThatWasAnnouncedIsNotLate) {
  Health health;
  health.expect("ingest", 10s, start);
  health.beat("ingest", start, 5min);
  EXPECT_TRUE(health.live(start + 4min).ok);
  health.beat("ingest", start + 4min);
  EXPECT_FALSE(health.live(start + 5min).ok) << "the longer time holds for one beat only";
}

TEST(Health, OneLoopDoesNotBeatForAnother) {
  Health health;
  health.expect("ingest", 10s, start);
  health.expect("dispatch", 10s, start);
  health.beat("ingest", start + 8s);
  health.beat("unknown", start + 8s);
  EXPECT_THAT(health.live(start + 12s).problems, ElementsAre(HasSubstr("dispatch")));
}

TEST(Health, AForgottenLoopIsNotMissed) {
  Health health;
  health.expect("mirror shop", 10s, start);
  health.forget("mirror shop");
  EXPECT_TRUE(health.live(start + 1h).ok);
}

TEST(Health, ALoopAnnouncedTwiceKeepsTheNewDeadline) {
  Health health;
  health.expect("ingest", 10s, start);
  health.expect("ingest", 1min, start);
  EXPECT_TRUE(health.live(start + 50s).ok);
  EXPECT_EQ(health.live(start + 2min).problems.size(), 1U);
}

TEST(Health, IsReadyWhenStateIsOpenAndConfigurationLoadedAndNotStopping) {
  Health health;
  EXPECT_EQ(health.ready().problems.size(), 2U);
  health.config_loaded(true);
  EXPECT_THAT(health.ready().problems, ElementsAre("the state is not open"));
  health.state_open(true);
  EXPECT_TRUE(health.ready().ok);
  EXPECT_THAT(health.ready().problems, IsEmpty());
  health.stopping();
  EXPECT_THAT(health.ready().problems, ElementsAre("the daemon is stopping"));
}

}  // namespace
}  // namespace stibee_sync::telemetry
