#include "feed_turn_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// One mirror with a change feed.
namespace stibee_sync::pipeline {
namespace {

using source::FeedLoss;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(FeedTurn, AChangeArrivesWithoutAReadOfTheTable) {
  table_.add(1, 100);
  begin();
  EXPECT_EQ(table_.reads, 1);
  EXPECT_EQ(table_.waiting(), 0U) << "the read has seen all that waited";
  EXPECT_EQ(feed().state, FeedState::Live);
  run_for(minutes(1));

  table_.put(101, "new@example.com");
  table_.put(7, "moved@example.com");
  table_.remove(8, 8);
  const auto wakes = wakes_;
  const auto timed = std::stoi(reads_timed());
  hear();
  EXPECT_EQ(looks_[source::FeedLook::Expecting], 1);
  EXPECT_EQ(std::stoi(reads_timed()), timed + 1);
  EXPECT_EQ(intent("new@example.com"), domain::Intent::Subscribed);
  EXPECT_EQ(intent("moved@example.com"), domain::Intent::Subscribed);
  EXPECT_NE(intent(WatchedTable::address(7)), domain::Intent::Subscribed);
  EXPECT_NE(intent(WatchedTable::address(8)), domain::Intent::Subscribed);
  EXPECT_EQ(mirrored(), 100U);
  EXPECT_EQ(wakes_, wakes + 1);
  EXPECT_EQ(table_.waiting(), 0U);
  EXPECT_EQ(table_.reads, 1);
  EXPECT_EQ(store_->source_facts(id_).last_rows, 100U);
}

TEST_F(FeedTurn, WhatNobodyHeardArrivesWithinASecond) {
  table_.add(1, 100);
  begin();
  run_for(minutes(1));
  table_.put(101, "new@example.com");
  run_for(milliseconds(1001));
  EXPECT_EQ(intent("new@example.com"), domain::Intent::Subscribed);
  EXPECT_EQ(table_.reads, 1);
}

TEST_F(FeedTurn, WritersAreToldWhenItIsAwake) {
  table_.add(1, 100);
  begin();
  run_for(minutes(1));
  EXPECT_THAT(listener_->told, IsEmpty()) << "a poll that finds nothing is no reason to be awake";
  table_.put(101, "new@example.com");
  hear();
  EXPECT_THAT(listener_->told, ElementsAre("awake members"));
  const auto drains = table_.drains;
  run_for(milliseconds(41));
  EXPECT_THAT(listener_->told, ElementsAre("awake members", "asleep members"));
  EXPECT_EQ(table_.drains, drains + 5) << "four, and once more when the writers know";
}

TEST_F(FeedTurn, AnIdleMinuteWritesNothingAndLogsNothing) {
  table_.add(1, 100);
  begin();
  run_for(seconds(5));
  const auto written = writes();
  const auto logged = log_;
  looks_.clear();
  run_for(minutes(1));
  EXPECT_EQ(writes(), written);
  EXPECT_EQ(log_, logged);
  EXPECT_EQ(table_.reads, 1);
  close_watcher();
  EXPECT_LE(looks_[source::FeedLook::Closely], 12);
  EXPECT_GE(looks_[source::FeedLook::ForKeys], 46);
  ASSERT_TRUE(feed().in_step);
  EXPECT_LE(clock_.utc() - *feed().in_step, seconds(6));
}

TEST_F(FeedTurn, TheTableIsReadOnItsSchedule) {
  table_.add(1, 100);
  begin();
  run_for(hours(3) + seconds(5));
  EXPECT_EQ(table_.reads, 4);
}

TEST_F(FeedTurn, AKeyThatCameAndWentIsNothing) {
  table_.add(1, 100);
  begin();
  table_.put(101, "new@example.com");
  table_.remove(101, 101);
  table_.put(5, WatchedTable::address(5));
  hear();
  EXPECT_EQ(table_.waiting(), 0U);
  EXPECT_EQ(mirrored(), 100U);
  EXPECT_EQ(intent("new@example.com"), std::nullopt);
}

TEST_F(FeedTurn, ADeathBetweenTheCommitAndTheFeedLosesNothingAndRepeatsNothing) {
  table_.add(1, 100);
  begin();
  run_for(seconds(1));
  table_.discards_fail = true;
  table_.put(101, "new@example.com");
  hear();
  EXPECT_EQ(intent("new@example.com"), domain::Intent::Subscribed);
  EXPECT_EQ(table_.waiting(), 1U);
  end();

  table_.discards_fail = false;
  begin();
  EXPECT_EQ(table_.reads, 2);
  EXPECT_EQ(table_.waiting(), 0U);
  EXPECT_EQ(mirrored(), 101U);
  EXPECT_EQ(missed("feed"), "0");
  table_.put(102, "newer@example.com");
  hear();
  EXPECT_EQ(mirrored(), 102U);
  EXPECT_EQ(table_.reads, 2);
}

TEST_F(FeedTurn, ALostFeedIsSaidOnceAndReadsTakeOverUntilItIsWholeAgain) {
  table_.add(1, 100);
  begin();
  run_for(seconds(1));
  FeedLoss loss;
  loss.kind = FeedLoss::Kind::NotInstalled;
  loss.message = "there is no change feed; run what `stibee-syncd changefeed sql` prints";
  table_.loss = loss;
  run_for(seconds(6));
  EXPECT_EQ(feed().state, FeedState::Lost);
  EXPECT_EQ(feed().problem, loss.message);
  EXPECT_EQ(lines("feed.lost"), 1U);
  EXPECT_THAT(log_, HasSubstr("\"reason\":\"not_installed\""));
  table_.put_unheard(101, "unheard@example.com");
  run_for(seconds(16));
  EXPECT_EQ(intent("unheard@example.com"), domain::Intent::Subscribed);
  run_for(minutes(2));
  EXPECT_EQ(lines("feed.lost"), 1U);
  EXPECT_EQ(lines("feed.restored"), 0U);
  EXPECT_EQ(missed("unwatched"), "1");

  table_.loss.reset();
  const auto reads = table_.reads;
  run_for(seconds(16));
  EXPECT_EQ(lines("feed.restored"), 1U);
  EXPECT_EQ(feed().state, FeedState::Live);
  EXPECT_EQ(table_.reads, reads + 1);
  table_.put(102, "new@example.com");
  hear();
  EXPECT_EQ(intent("new@example.com"), domain::Intent::Subscribed);
  EXPECT_EQ(table_.reads, reads + 1);
  EXPECT_EQ(missed("feed"), "0");
}

TEST_F(FeedTurn, WhoWroteUnheardIntoAnOvergrownFeedIsWaitedForOverARestart) {
  table_.add(1, 100);
  begin();
  run_for(seconds(1));
  FeedLoss loss;
  loss.kind = FeedLoss::Kind::Overgrown;
  table_.loss = loss;
  table_.next_transaction = 200;  // 100 writes, and its keys are not written down
  run_for(seconds(7));
  EXPECT_EQ(lines("feed.lost"), 1U);
  end();

  // Before the table was read; then over reads, too.
  table_.loss.reset();
  for (int life = 1; life <= 2; ++life) {
    begin();
    run_for(minutes(2));
    EXPECT_EQ(feed().state, FeedState::Starting);
    end();
  }
  begin();
  run_for(minutes(1));
  table_.put_unheard(101, "late@example.com");
  table_.oldest_running = table_.next_transaction;
  run_for(seconds(31));
  EXPECT_EQ(intent("late@example.com"), domain::Intent::Subscribed);
  EXPECT_EQ(feed().state, FeedState::Live);
  EXPECT_EQ(lines("feed.restored"), 1U);
  EXPECT_EQ(missed("feed"), "0");
  end();

  const auto reads = table_.reads;
  begin();
  EXPECT_EQ(feed().state, FeedState::Live) << "and then never again";
  EXPECT_EQ(table_.reads, reads + 1);
}

TEST_F(FeedTurn, ARecordIsKeptOfWhatTheFeedMissedAndWhy) {
  table_.add(1, 100);
  begin();
  EXPECT_EQ(missed("unwatched"), "0") << "a first read misses nothing";
  run_for(seconds(1));
  table_.put_unheard(3, "three@example.com");
  table_.put(4, "four@example.com");
  run_for(hours(1));
  EXPECT_EQ(intent("three@example.com"), domain::Intent::Subscribed);
  EXPECT_EQ(missed("feed"), "1");

  table_.put_unheard(5, "five@example.com");
  table_.fingerprint = "a column was added";
  run_for(seconds(17));
  EXPECT_EQ(intent("five@example.com"), domain::Intent::Subscribed);
  EXPECT_EQ(missed("catalog"), "1");
  EXPECT_EQ(missed("feed"), "1");
}

TEST_F(FeedTurn, ADifferenceThatTheConditionMayExplainIsNotTheFeeds) {
  mirror_.source.where = "expires_at > now()";
  table_.add(1, 100);
  begin();
  run_for(seconds(1));
  table_.put_unheard(3, "three@example.com");
  run_for(hours(1));
  EXPECT_EQ(missed("feed"), "0");
  EXPECT_EQ(missed("condition"), "1");
}

TEST_F(FeedTurn, ATruncateIsAReadAndHeld) {
  table_.add(1, 100);
  begin();
  run_for(seconds(20));
  table_.truncate();
  hear();
  EXPECT_EQ(table_.reads, 2);
  EXPECT_EQ(mirrored(), 100U);
  ASSERT_EQ(store_->holds(id_).size(), 1U);
  EXPECT_THAT(store_->holds(id_)[0].why, HasSubstr("0 rows"));
  EXPECT_EQ(table_.waiting(), 0U) << "what is held is recorded";
}

TEST_F(FeedTurn, AMassRemovalInSmallStepsIsHeldUntilSomebodyApproves) {
  table_.add(1, 1000);
  begin();
  run_for(seconds(20));
  table_.remove(1, 15);
  hear();
  EXPECT_EQ(mirrored(), 985U);
  EXPECT_EQ(table_.reads, 1);
  run_for(minutes(10));
  end();  // a restart does not forget

  begin();
  table_.remove(16, 30);
  run_for(seconds(17));
  EXPECT_EQ(mirrored(), 985U);
  auto holds = store_->holds(id_);
  ASSERT_EQ(holds.size(), 1U);
  EXPECT_EQ(holds[0].count, 15U);
  EXPECT_THAT(holds[0].why, HasSubstr("15 removals after 15 that the change feed brought within an hour"));
  EXPECT_EQ(table_.waiting(), 0U);

  table_.put(2000, "safe@example.com");
  run_for(seconds(17));
  EXPECT_EQ(intent("safe@example.com"), domain::Intent::Subscribed) << "safe changes flow on";
  run_for(hours(3));
  EXPECT_EQ(mirrored(), 986U) << "an hour that is over forgives nothing";
  holds = store_->holds(id_);
  ASSERT_EQ(holds.size(), 1U);

  approve(holds[0].digest);
  run_for(seconds(1));
  EXPECT_EQ(mirrored(), 971U);
  EXPECT_THAT(store_->holds(id_), IsEmpty());
  table_.remove(31, 40);
  run_for(seconds(1));
  EXPECT_EQ(mirrored(), 961U) << "what was approved is not counted";
}

// Found by a simulated day: whoever joined a set after it was shown waited for the next hour's read when it
// was approved, and nothing was shown of it.
TEST_F(FeedTurn, WhoJoinedASetThatIsApprovedIsJudgedAtOnce) {
  table_.add(1, 1000);
  begin();
  run_for(seconds(20));
  table_.remove(1, 100);
  hear();
  run_for(seconds(20));
  const auto shown = store_->holds(id_);
  ASSERT_EQ(shown.size(), 1U);
  table_.remove(101, 103);
  run_for(seconds(20));
  ASSERT_EQ(store_->holds(id_).front().digest, shown.front().digest);
  ASSERT_EQ(store_->holds(id_).front().count, 103U);

  const auto reads = table_.reads;
  approve(shown.front().digest);
  run_for(milliseconds(10));
  EXPECT_EQ(table_.reads, reads + 2);
  EXPECT_EQ(mirrored(), 897U) << "three are few";
  EXPECT_THAT(store_->holds(id_), IsEmpty());
  run_for(minutes(10));
  EXPECT_EQ(table_.reads, reads + 2) << "once";
}

TEST_F(FeedTurn, StepsThatAreAnHourApartAreNoMassChange) {
  table_.add(1, 1000);
  begin();
  run_for(seconds(20));
  table_.remove(1, 15);
  hear();
  run_for(minutes(66));
  table_.remove(16, 30);
  hear();
  EXPECT_EQ(mirrored(), 970U);
  EXPECT_THAT(store_->holds(id_), IsEmpty());
}

TEST_F(FeedTurn, AnAddressThatRowsShareIsDecidedByAReadOfBoth) {
  table_.add(1, 100);
  table_.put(200, WatchedTable::address(1), "the other");
  begin();
  run_for(seconds(20));
  table_.remove(1, 1);
  hear();
  EXPECT_EQ(table_.reads, 2);
  const auto person = store_->find(id_, domain::EmailAddress::from_normalised(WatchedTable::address(1)));
  ASSERT_TRUE(person.row);
  EXPECT_EQ(person.row->wanted.intent, domain::Intent::Subscribed);
  ASSERT_TRUE(person.row->values);
  EXPECT_EQ(person.row->key, domain::MemberKey(std::int64_t{200}));
  EXPECT_EQ(table_.waiting(), 0U);
}

TEST_F(FeedTurn, SomebodyWhoIsToBeLookedAtIsNotLeftUntilTheNextHour) {
  table_.add(1, 100);
  begin();
  run_for(seconds(20));
  touch(WatchedTable::address(1));
  run_for(seconds(2));
  EXPECT_EQ(table_.reads, 2);
  run_for(minutes(5));
  EXPECT_EQ(table_.reads, 2);
}

TEST_F(FeedTurn, SomebodyWhoIsToBeLookedAtDoesNotWaitForAMomentWithoutChanges) {
  table_.add(1, 100);
  begin();
  run_for(seconds(20));
  touch(WatchedTable::address(1));
  for (int i = 0; i < 20; ++i) {
    table_.put(2, WatchedTable::address(2), "name " + std::to_string(i));
    hear();
    run_for(seconds(1));
  }
  EXPECT_EQ(table_.reads, 2);
}

TEST_F(FeedTurn, WithoutAListenerTheFeedIsPolledAndThatIsSaidOnce) {
  table_.add(1, 100);
  begin();
  listener_->hears = false;
  listener_->says = "a pooler is in front, so that nothing is heard";
  listener_->wake("members", FeedListener::Why::Connected);
  run_for(minutes(1));
  EXPECT_EQ(feed().state, FeedState::Polled);
  EXPECT_EQ(feed().problem, listener_->says);
  const auto said = [&] {
    std::size_t count = 0;
    for (auto at = log_.find(listener_->says); at != std::string::npos;
         at = log_.find(listener_->says, at + 1))
      ++count;
    return count;
  };
  EXPECT_EQ(said(), 1U);
  listener_->wake("members", FeedListener::Why::Connected);
  run_for(minutes(1));
  EXPECT_EQ(said(), 1U);
  table_.put(101, "new@example.com");
  run_for(milliseconds(1001));
  EXPECT_EQ(intent("new@example.com"), domain::Intent::Subscribed);
}

TEST_F(FeedTurn, NothingIsSaidOfAListenerThatDoesNotKnowYet) {
  table_.add(1, 100);
  hears_ = false;
  begin();
  run_for(seconds(1));
  EXPECT_EQ(feed().state, FeedState::Starting);
  EXPECT_EQ(log_.find("nothing tells when something changes"), std::string::npos);
  listener_->says = "a pooler keeps notifications back";
  listener_->wake("members", FeedListener::Why::Connected);
  EXPECT_EQ(feed().state, FeedState::Polled);
  EXPECT_THAT(log_, HasSubstr("a pooler keeps notifications back"));
}

TEST_F(FeedTurn, AfterADrainThatFailedTheTableIsReadFirst) {
  table_.add(1, 100);
  begin();
  run_for(seconds(1));
  feed_.next = [this](const source::FeedPlan&) {
    auto script = table_.drain();
    source::SourceError error;
    error.kind = source::SourceError::Kind::Unreachable;
    error.message = "the connection was lost";
    script.fails_after_rows = error;
    return script;
  };
  table_.put(101, "new@example.com");
  hear();
  EXPECT_EQ(intent("new@example.com"), std::nullopt);
  EXPECT_EQ(lines("source.lost"), 1U);
  feed_.next = [this](const source::FeedPlan&) { return table_.drain(); };
  run_for(seconds(3));
  EXPECT_EQ(table_.reads, 2);
  EXPECT_EQ(intent("new@example.com"), domain::Intent::Subscribed);
  EXPECT_EQ(missed("feed"), "0");
  EXPECT_EQ(feed().state, FeedState::Live);
}

TEST_F(FeedTurn, AReadThatIsAskedForWhileOneRunsFollowsItWithAFeedAndWithout) {
  for (const auto detect : {settings::Detect::Scan, settings::Detect::Changefeed}) {
    mirror_.detect = detect;
    table_.reads = 0;
    reader_.next = [this] {
      auto read = table_.read();
      // Its snapshot is older than what the one who asks has done.
      if (table_.reads == 1) ingest_->sync_now();
      return read;
    };
    table_.add(1, 10);
    begin();
    EXPECT_EQ(table_.reads, 2);
    run_for(seconds(14));
    EXPECT_EQ(table_.reads, 2);
    end();
  }
}

TEST_F(FeedTurn, APausedMirrorIsNotDrained) {
  table_.add(1, 100);
  begin();
  run_for(seconds(1));
  ingest_->set_paused(0, true);
  table_.put(101, "new@example.com");
  hear();
  run_for(minutes(1));
  EXPECT_EQ(intent("new@example.com"), std::nullopt);
  ingest_->set_paused(0, false);
  run_for(seconds(2));
  EXPECT_EQ(intent("new@example.com"), domain::Intent::Subscribed);
}

}  // namespace
}  // namespace stibee_sync::pipeline
