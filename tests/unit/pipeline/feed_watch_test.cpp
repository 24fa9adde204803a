#include "stibee_sync/pipeline/feed_watch.hpp"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace stibee_sync::pipeline {
namespace {

using source::FeedLook;
using source::FeedLoss;
using source::FeedSnapshot;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Gap = FeedWatch::Gap;
using News = FeedWatch::News;
using Step = FeedWatch::Step;
using Time = FeedWatch::Time;

constexpr Time start{hours(1)};
constexpr milliseconds no_time{0};

FeedSnapshot whole(std::uint64_t oldest_running = 0, std::uint64_t next_transaction = 0) {
  FeedSnapshot seen;
  seen.fingerprint = "as it is";
  seen.oldest_running = oldest_running;
  seen.next_transaction = next_transaction;
  return seen;
}
FeedLoss loss_of(FeedLoss::Kind kind) {
  FeedLoss loss;
  loss.kind = kind;
  loss.message = "it is no good";
  return loss;
}
FeedSnapshot broken(FeedLoss::Kind kind) {
  FeedSnapshot seen;
  seen.loss = loss_of(kind);
  return seen;
}

class FeedWatchTest : public ::testing::Test {
 protected:
  /// What is done next, at the time when it is due.
  Step step() {
    now = std::max(now, watch.due());
    return watch.next();
  }
  /// How long after the last thing the next drain follows.
  milliseconds pause() {
    const auto before = now;
    EXPECT_EQ(step(), Step::Drain);
    return std::chrono::floor<milliseconds>(now - before);
  }
  void scan(const FeedSnapshot& seen = whole()) {
    EXPECT_EQ(step(), Step::Scan);
    watch.begins_scan();
    watch.scanned(seen, now);
  }
  void empty_drain(milliseconds took = no_time) {
    watch.begins_drain(now);
    watch.found_nothing(true, took, now);
  }

  FeedWatch watch{seconds(15), hours(1)};
  Time now = start;
};

TEST_F(FeedWatchTest, AStartReadsTheTableBeforeItDrains) {
  EXPECT_LE(watch.due(), start);
  EXPECT_EQ(watch.next(), Step::Scan);
  watch.heard(now);
  EXPECT_EQ(watch.next(), Step::Scan) << "whatever is heard";
  scan();
  EXPECT_TRUE(watch.believed());
  EXPECT_EQ(pause(), no_time) << "and drains at once";
}

TEST_F(FeedWatchTest, PausesGrowToASecondAndNoFurther) {
  scan();
  std::vector<int> pauses;
  (void)step();
  for (int i = 0; i < 9; ++i) {
    empty_drain();
    pauses.push_back(static_cast<int>(pause().count()));
  }
  EXPECT_EQ(pauses, (std::vector<int>{20, 40, 80, 160, 320, 640, 1000, 1000, 1000}));
}

TEST_F(FeedWatchTest, IsAwakeUntilFourDrainsBroughtNothing) {
  scan();
  (void)step();
  EXPECT_FALSE(watch.awake());
  watch.found(no_time, now);
  EXPECT_TRUE(watch.awake());
  for (int i = 1; i <= 4; ++i) {
    EXPECT_EQ(pause(), milliseconds(10)) << i;
    EXPECT_TRUE(watch.awake()) << i;
    empty_drain();
  }
  EXPECT_FALSE(watch.awake());
  watch.heard(now);
  EXPECT_EQ(pause(), no_time) << "once more, when the writers know";
  empty_drain();
  EXPECT_FALSE(watch.awake());
  EXPECT_EQ(pause(), milliseconds(40));
}

TEST_F(FeedWatchTest, WhatComesInBetweenKeepsItAwake) {
  scan();
  (void)step();
  watch.found(no_time, now);
  for (int i = 0; i < 3; ++i) {
    (void)step();
    empty_drain();
  }
  (void)step();
  watch.found(no_time, now);
  for (int i = 0; i < 3; ++i) {
    (void)step();
    empty_drain();
  }
  EXPECT_TRUE(watch.awake());
}

TEST_F(FeedWatchTest, WhatIsHeardIsLookedAtAtOnce) {
  scan();
  (void)step();
  for (int i = 0; i < 8; ++i) {
    empty_drain();
    (void)step();
  }
  empty_drain();
  now += milliseconds(300);
  watch.heard(now);
  EXPECT_EQ(pause(), no_time);
}

TEST_F(FeedWatchTest, WhatIsHeardDuringALookIsLookedForAfterIt) {
  scan();
  (void)step();
  watch.begins_drain(now);
  watch.heard(now);
  watch.found_nothing(true, no_time, now);
  EXPECT_EQ(pause(), no_time);
  empty_drain();
  EXPECT_GT(pause(), no_time) << "once";
}

TEST_F(FeedWatchTest, WhileNothingComesItLooksForKeysAloneAndChecksTheFeedOnceInFiveSeconds) {
  scan();
  int checks = 0;
  auto checked = now;
  while (now < start + std::chrono::minutes(10)) {
    (void)step();
    const auto look = watch.begins_drain(now);
    ASSERT_NE(look, FeedLook::Expecting);
    const bool closely = look == FeedLook::Closely;
    watch.found_nothing(closely, no_time, now);
    if (!closely) continue;
    ++checks;
    EXPECT_LE(now - checked, seconds(6));
    checked = now;
  }
  EXPECT_GE(checks, 100);
  EXPECT_LE(checks, 120);
}

TEST_F(FeedWatchTest, WhatSomebodySaysIsThereIsReadWithoutALookOnce) {
  scan();
  (void)step();
  watch.notified(now);
  EXPECT_EQ(watch.begins_drain(now), FeedLook::Expecting);
  watch.found(no_time, now);
  (void)step();
  EXPECT_EQ(watch.begins_drain(now), FeedLook::ForKeys);
  watch.notified(now);  // while that one looks
  watch.found_nothing(false, no_time, now);
  EXPECT_EQ(pause(), no_time);
  EXPECT_EQ(watch.begins_drain(now), FeedLook::Expecting);
}

TEST_F(FeedWatchTest, ASlowFeedIsLookedAtLessOften) {
  scan();
  (void)step();
  watch.found(milliseconds(45), now);
  EXPECT_EQ(pause(), milliseconds(900));
  empty_drain(milliseconds(9));
  watch.heard(now);
  EXPECT_EQ(pause(), milliseconds(180)) << "also when something is heard";
}

TEST_F(FeedWatchTest, TheTableIsReadOnItsSchedule) {
  scan();
  const auto scanned = now;
  while (step() == Step::Drain)
    empty_drain();
  EXPECT_EQ(now - scanned, hours(1));
  scan();
  EXPECT_EQ(step(), Step::Drain);
}

TEST_F(FeedWatchTest, WhatNoDrainCanTellIsReadBeforeTheNextDrain) {
  scan();
  const auto scanned = now;
  EXPECT_EQ(step(), Step::Drain);
  now += seconds(4);
  watch.needs_scan(Gap::Everything);
  watch.heard(now);
  EXPECT_EQ(step(), Step::Scan);
  EXPECT_EQ(now - scanned, seconds(15)) << "no more often than polls";
  EXPECT_EQ(watch.gap(whole()), Gap::Everything);
  EXPECT_TRUE(watch.believed());
  scan();
  EXPECT_EQ(watch.gap(whole()), Gap::None);
  now += seconds(20);
  watch.needs_scan(Gap::Catalog);
  EXPECT_LE(watch.due(), now);
}

TEST_F(FeedWatchTest, AReadThatIsAskedForByHandComesAtOnceAndIsNotForgottenForOneThatRuns) {
  scan();
  EXPECT_EQ(step(), Step::Drain);
  watch.wants_scan_now();
  EXPECT_EQ(step(), Step::Scan);
  watch.begins_scan();
  watch.wants_scan_now();
  watch.scanned(whole(), now);
  EXPECT_EQ(step(), Step::Scan);
  scan();
  EXPECT_EQ(step(), Step::Drain);
}

TEST_F(FeedWatchTest, SomebodyWhoWaitsForAReadDoesNotStopTheDrains) {
  scan();
  const auto scanned = now;
  EXPECT_EQ(step(), Step::Drain);
  watch.wants_scan();
  while (step() == Step::Drain)
    empty_drain();
  EXPECT_EQ(now - scanned, seconds(15));
}

TEST_F(FeedWatchTest, AFeedThatIsLostIsToldOfOnceAndPolled) {
  scan();
  (void)step();
  watch.found(no_time, now);
  EXPECT_EQ(watch.lost(loss_of(FeedLoss::Kind::Incomplete)), News::Lost);
  EXPECT_FALSE(watch.awake());
  EXPECT_FALSE(watch.believed());
  for (int i = 0; i < 3; ++i) {
    const auto before = now;
    EXPECT_EQ(step(), Step::Scan);
    EXPECT_EQ(now - before, seconds(15));
    watch.begins_scan();
    EXPECT_EQ(watch.gap(broken(FeedLoss::Kind::Incomplete)), Gap::Unwatched);
    EXPECT_EQ(watch.scanned(broken(FeedLoss::Kind::Incomplete), now), News::Nothing);
  }
  EXPECT_EQ(step(), Step::Scan);
  watch.begins_scan();
  EXPECT_EQ(watch.scanned(broken(FeedLoss::Kind::NotInstalled), now), News::Lost) << "for another reason";
}

TEST_F(FeedWatchTest, AFeedIsRestoredByAReadThatFoundItWhole) {
  scan();
  (void)step();
  EXPECT_EQ(watch.lost(loss_of(FeedLoss::Kind::NotInstalled)), News::Lost);
  EXPECT_EQ(step(), Step::Scan);
  watch.begins_scan();
  EXPECT_EQ(watch.gap(whole()), Gap::Unwatched);
  EXPECT_EQ(watch.scanned(whole(), now), News::Restored);
  EXPECT_FALSE(watch.loss());
  EXPECT_EQ(step(), Step::Drain);
}

TEST_F(FeedWatchTest, AnOvergrownFeedIsRestoredWhenWhoeverWroteUnheardHasEnded) {
  scan();
  (void)step();
  EXPECT_EQ(watch.lost(loss_of(FeedLoss::Kind::Overgrown)), News::Lost);
  const auto scanned = [this](const FeedSnapshot& seen) {
    EXPECT_EQ(step(), Step::Scan);
    watch.begins_scan();
    return watch.scanned(seen, now);
  };
  EXPECT_EQ(scanned(broken(FeedLoss::Kind::Overgrown)), News::Nothing);
  EXPECT_EQ(scanned(whole(100, 110)), News::Nothing) << "found whole for the first time";
  EXPECT_EQ(scanned(whole(100, 120)), News::Nothing)
      << "and for the second: those before 120 may have kept silent";
  EXPECT_EQ(scanned(whole(119, 130)), News::Nothing) << "119 still runs";
  EXPECT_EQ(scanned(whole(120, 140)), News::Restored);
}

TEST_F(FeedWatchTest, AnOvergrownFeedThatOvergrowsAgainBeginsAnew) {
  scan();
  (void)step();
  watch.lost(loss_of(FeedLoss::Kind::Overgrown));
  scan(whole(100, 110));
  scan(whole(110, 120));
  scan(broken(FeedLoss::Kind::Overgrown));
  scan(whole(500, 600));
  EXPECT_FALSE(watch.believed());
  scan(whole(500, 600));
  EXPECT_FALSE(watch.believed());
  scan(whole(600, 700));
  EXPECT_TRUE(watch.believed());
}

TEST_F(FeedWatchTest, WhatAnEarlierLifeFoundOvergrownIsWaitedForToo) {
  watch.remembers_lost_writes();
  EXPECT_TRUE(watch.may_lack_writes(whole(100, 110)));
  scan(whole(100, 110));
  watch.remembers_lost_writes();
  scan(whole(100, 120));
  EXPECT_FALSE(watch.believed());
  EXPECT_TRUE(watch.may_lack_writes(whole(119, 130)));
  EXPECT_FALSE(watch.may_lack_writes(whole(120, 140)));
  watch.begins_scan();
  EXPECT_EQ(watch.scanned(whole(120, 140), now), News::Restored);
  watch.remembers_lost_writes();
  EXPECT_FALSE(watch.may_lack_writes(whole(1, 150))) << "this life has seen to it";
}

TEST_F(FeedWatchTest, AReadOfAnOvergrownFeedMayLackWritesAndAnyOtherLossKeepsThatInMind) {
  EXPECT_TRUE(watch.may_lack_writes(broken(FeedLoss::Kind::Overgrown)));
  EXPECT_FALSE(watch.may_lack_writes(broken(FeedLoss::Kind::Incomplete)));
  watch.lost(loss_of(FeedLoss::Kind::Overgrown));
  EXPECT_TRUE(watch.may_lack_writes(broken(FeedLoss::Kind::Incomplete)));
}

TEST_F(FeedWatchTest, WhoStandsByReadsTheTableAtEachPollAndNeverDrains) {
  scan();
  (void)step();
  watch.found(no_time, now);
  watch.stand_by();
  EXPECT_TRUE(watch.stands_by());
  EXPECT_FALSE(watch.awake()) << "writers are to notify whoever drains";
  for (int i = 0; i < 3; ++i) {
    watch.notified(now);
    const auto before = now;
    EXPECT_EQ(step(), Step::Scan);
    EXPECT_EQ(now - before, seconds(15)) << i;
    EXPECT_EQ(watch.gap(whole()), Gap::Unwatched);
    watch.begins_scan();
    EXPECT_EQ(watch.scanned(whole(), now), News::Nothing);
    EXPECT_FALSE(watch.believed());
  }
}

TEST_F(FeedWatchTest, WhoStandsByTellsOfALostFeedAndOfOneThatIsWholeAgain) {
  watch.stand_by();
  scan();
  EXPECT_EQ(step(), Step::Scan);
  watch.begins_scan();
  EXPECT_EQ(watch.scanned(broken(FeedLoss::Kind::Incomplete), now), News::Lost);
  EXPECT_EQ(step(), Step::Scan);
  watch.begins_scan();
  EXPECT_EQ(watch.scanned(whole(), now), News::Restored);
  EXPECT_FALSE(watch.loss());
  EXPECT_EQ(watch.next(), Step::Scan);
}

TEST_F(FeedWatchTest, WhoTakesOverReadsTheTableAtOnceAndDrainsThen) {
  watch.stand_by();
  scan();
  watch.lead();
  EXPECT_FALSE(watch.stands_by());
  const auto before = now;
  scan();
  EXPECT_EQ(now, before);
  EXPECT_TRUE(watch.believed());
  EXPECT_EQ(pause(), no_time);
}

TEST_F(FeedWatchTest, AReadThatBeganBeforeTheTakeOverIsNotTheOneAfterIt) {
  watch.stand_by();
  EXPECT_EQ(step(), Step::Scan);
  watch.begins_scan();
  watch.lead();
  watch.scanned(whole(), now);
  EXPECT_EQ(watch.next(), Step::Scan);
  EXPECT_LE(watch.due(), now);
}

TEST_F(FeedWatchTest, WhatTheOneBeforeMayHaveKnownToBeUnheardIsReadBesideTheDrains) {
  watch.stand_by();
  scan(whole(100, 105));
  watch.lead();
  scan(whole(100, 110));
  // How long after the last one, with drains all the while.
  auto next_scan = [this, last = now]() mutable {
    EXPECT_EQ(step(), Step::Drain);
    while (step() == Step::Drain)
      empty_drain();
    watch.begins_scan();
    return now - std::exchange(last, now);
  };
  EXPECT_EQ(next_scan(), seconds(15));
  EXPECT_EQ(watch.gap(whole()), Gap::Unwatched) << "what it finds is no fault of the feed's";
  EXPECT_EQ(watch.scanned(whole(100, 120), now), News::Nothing);
  EXPECT_EQ(next_scan(), seconds(15)) << "those before 120 may have kept silent";
  EXPECT_EQ(watch.scanned(whole(119, 130), now), News::Nothing);
  EXPECT_EQ(next_scan(), seconds(15)) << "119 still runs";
  EXPECT_EQ(watch.scanned(whole(120, 140), now), News::Nothing);
  EXPECT_EQ(watch.gap(whole()), Gap::None);
  EXPECT_EQ(next_scan(), hours(1)) << "from here on as ever";
}

TEST_F(FeedWatchTest, AfterAFailureTheTableIsReadFirst) {
  scan();
  (void)step();
  watch.failed(now + seconds(3));
  const auto before = now;
  EXPECT_EQ(step(), Step::Scan);
  EXPECT_EQ(now - before, seconds(3));
  EXPECT_EQ(watch.gap(whole()), Gap::Unwatched);
  EXPECT_FALSE(watch.loss());
  watch.begins_scan();
  EXPECT_EQ(watch.scanned(whole(), now), News::Nothing) << "it was not lost";
}

TEST_F(FeedWatchTest, AnotherCatalogExplainsWhatAReadFinds) {
  scan();
  auto altered = whole();
  altered.fingerprint = "another";
  EXPECT_EQ(watch.gap(altered), Gap::Catalog);
  auto truncated = whole();
  truncated.everything = true;
  EXPECT_EQ(watch.gap(truncated), Gap::Everything);
  EXPECT_EQ(watch.gap(whole()), Gap::None);
}

}  // namespace
}  // namespace stibee_sync::pipeline
