#include "feed_turn_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// Of several daemons with one change feed the one that leads drains it.
namespace stibee_sync::pipeline {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;

TEST_F(FeedTurn, WhoStandsByTakesNothingOutOfTheFeedAndReadsTheTable) {
  table_.add(1, 100);
  begin();
  leads_ = false;
  ingest_->stand_by();
  table_.drains = 0;
  table_.put(101, "new@example.com");
  hear();
  const auto waiting = table_.waiting();
  run_for(minutes(1));
  EXPECT_EQ(table_.drains, 0);
  EXPECT_GE(table_.reads, 4);
  EXPECT_EQ(table_.waiting(), waiting);
  EXPECT_EQ(intent("new@example.com"), domain::Intent::Subscribed);
  EXPECT_EQ(feed().state, FeedState::Standby);

  leads_ = true;
  ingest_->lead();
  const auto reads = table_.reads;
  run_for(milliseconds(100));
  EXPECT_EQ(table_.reads, reads + 1);
  EXPECT_EQ(table_.waiting(), 0U);
  EXPECT_EQ(feed().state, FeedState::Live);
  table_.put(102, "newer@example.com");
  hear();
  EXPECT_EQ(intent("newer@example.com"), domain::Intent::Subscribed);
  EXPECT_EQ(table_.waiting(), 0U);
  EXPECT_EQ(missed("feed"), "0");
}

TEST_F(FeedTurn, WhoIsSentToStandByTellsTheWritersToNotify) {
  table_.add(1, 100);
  begin();
  run_for(seconds(1));
  table_.put(101, "new@example.com");
  hear();
  EXPECT_THAT(listener_->told, ElementsAre("awake members"));
  ingest_->stand_by();
  EXPECT_THAT(listener_->told, ElementsAre("awake members", "asleep members"));
}

TEST_F(FeedTurn, WhoDoesNotKnowWhetherItLeadsLeavesInTheFeedWhatItReadAndDoesNotDrainWithoutAPause) {
  table_.add(1, 100);
  begin();
  run_for(seconds(1));
  leads_ = false;
  const auto drains = table_.drains;
  table_.put(101, "new@example.com");
  hear();
  EXPECT_EQ(intent("new@example.com"), domain::Intent::Subscribed);
  run_for(seconds(4));
  EXPECT_EQ(table_.waiting(), 1U);
  EXPECT_LE(table_.drains, drains + 12);
  leads_ = true;
  run_for(milliseconds(1001));
  EXPECT_EQ(table_.waiting(), 0U);
}

}  // namespace
}  // namespace stibee_sync::pipeline
