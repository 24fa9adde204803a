#include "writeback_world.hpp"

#include <gmock/gmock.h>

// How what happened at Stibee is carried into the database, whatever fails.

namespace stibee_sync::pipeline {
namespace {

using namespace std::chrono_literals;
using Scope = source::WriteFailure::Scope;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class WritebackLoop : public WritebackWorld {};

TEST_F(WritebackLoop, CarriesWhatWaitsInItsOrderAndForgetsIt) {
  table_ = {{1, {"a@example.com"}}, {2, {"b@example.com"}}};
  read();
  ask_for("b@example.com", "unsubscribed");
  ask_for("a@example.com", "unsubscribed");
  ask_for("b@example.com", "resubscribed");
  EXPECT_EQ(waiting(), 3U);
  run_for(1s);
  EXPECT_THAT(executed(), ElementsAre("unsubscribed b@example.com", "unsubscribed a@example.com",
                                      "resubscribed b@example.com"));
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(metric("done"), "3");
  EXPECT_EQ(lines("writeback.done"), 3U);
  run_for(1h);
  EXPECT_EQ(executed_.size(), 3U);
}

TEST_F(WritebackLoop, WhatWaitsForATimeThatOnlyASetBackClockCouldTellIsDue) {
  table_ = {{1, {"a@example.com"}}};
  read();
  ask_for("a@example.com", "unsubscribed");
  ask_for("a@example.com", "resubscribed");
  const auto first = store().writebacks(plan().id, utc(), utc() + 5min, 1).at(0).id;
  const auto put_off = [&](domain::Duration time) {
    store::Transaction transaction(store());
    transaction.postpone_writeback(plan().id, first, utc() + time);
    transaction.commit();
  };
  put_off(4min);
  run_for(10s);
  EXPECT_EQ(executed_.size(), 0U);
  put_off(3h);
  run_for(10s);
  EXPECT_THAT(executed(), ElementsAre("unsubscribed a@example.com", "resubscribed a@example.com"));
}

TEST_F(WritebackLoop, BindsEverythingThatTheEventSays) {
  table_ = {{17, {"a@example.com"}}};
  read();
  ask_for("a@example.com", "updated", {{"name", "Lee"}, {"phone", ""}});
  ask_for("stranger@example.com", "unsubscribed");
  run_for(1s);
  ASSERT_EQ(executed_.size(), 2U);
  const source::WriteValues expected{{"email", "a@example.com"},
                                     {"old_email", "a@example.com"},
                                     {"key", "17"},
                                     {"occurred_by", "subscriber"},
                                     {"reason", "too many secrets"},
                                     {"occurred_at", "2025-03-04 05:06:07.089+00"},
                                     {"field_name", "Lee"},
                                     {"field_phone", ""}};
  EXPECT_EQ(executed_[0].values, expected);
  EXPECT_EQ(executed_[1].values.at("key"), std::nullopt) << "no row is known";
}

TEST_F(WritebackLoop, BindsTheAddressThatStibeeHasNowAndTheOneThatTheRowHas) {
  table_ = {{17, {"a@example.com"}}};
  read();
  ask_for("a@example.com", "updated", {{"name", "Lee"}, {"phone", ""}}, "new@example.com");
  run_for(1s);
  ASSERT_EQ(executed_.size(), 1U);
  EXPECT_EQ(executed_[0].values.at("email"), "new@example.com");
  EXPECT_EQ(executed_[0].values.at("old_email"), "a@example.com");
  EXPECT_EQ(executed_[0].values.at("key"), "17");
}

TEST_F(WritebackLoop, RowThatIsNotThereIsCountedAndDone) {
  ask_for("stranger@example.com", "unsubscribed");
  run_for(1s);
  EXPECT_EQ(metric("no_row"), "1");
  EXPECT_EQ(metric("done"), "0");
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(WritebackLoop, DatabaseThatIsAwayLosesNothingAndIsAskedLessAndLessOften) {
  table_ = {{1, {"a@example.com"}}, {2, {"b@example.com"}}};
  read();
  answer_ = [](const auto&, const auto&) { return failure(Scope::Database, "nothing listens there"); };
  ask_for("a@example.com", "unsubscribed");
  ask_for("b@example.com", "unsubscribed");
  run_for(24h);
  EXPECT_EQ(waiting(), 2U);
  EXPECT_EQ(metric("failed"), "0") << "no statement was run";
  EXPECT_LE(executed_.size(), 24U * 120U);
  EXPECT_GE(executed_.size(), 24U * 60U);
  EXPECT_LE(executed_[1].at - executed_[0].at, 1s);
  for (std::size_t i = 1; i < executed_.size(); ++i)
    ASSERT_LE(executed_[i].at - executed_[i - 1].at, 60s);
  EXPECT_LE(lines("writeback.failed"), 1 + executed_.size() / 20);

  answer_ = [this](const auto& event, const auto& values) { return apply(event, values); };
  run_for(60s);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(metric("done"), "2");
  EXPECT_FALSE(table_[1].subscribed);
  EXPECT_FALSE(table_[2].subscribed);
}

TEST_F(WritebackLoop, StatementThatFailsIsPutOffAndHoldsUpNobodyElse) {
  table_ = {{1, {"a@example.com"}}, {2, {"b@example.com"}}};
  read();
  bool broken = true;
  answer_ = [&](const std::string& event, const source::WriteValues& values) -> Answer {
    if (broken && *values.at("email") == "a@example.com") return failure(Scope::ManyRows, "matches 2 rows");
    return apply(event, values);
  };
  ask_for("a@example.com", "unsubscribed");
  ask_for("b@example.com", "unsubscribed");
  run_for(1s);
  EXPECT_FALSE(table_[2].subscribed);
  EXPECT_EQ(waiting(), 1U);
  EXPECT_EQ(metric("many_rows"), "1");
  EXPECT_EQ(metric("failed"), "0");
  EXPECT_EQ(lines("writeback.failed"), 1U);

  run_for(24h);
  EXPECT_GE(executed_.size(), 24U * 12U) << "never given up, every 5 min at the least";
  EXPECT_LE(executed_.size(), 24U * 26U);
  EXPECT_LE(lines("writeback.failed"), 12U) << "the same trouble is not told for ever";
  broken = false;
  run_for(5min);
  EXPECT_FALSE(table_[1].subscribed);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(WritebackLoop, LaterWordOfAPersonWaitsForTheEarlierOne) {
  table_ = {{1, {"a@example.com"}}};
  read();
  answer_ = [&](const std::string& event, const source::WriteValues& values) -> Answer {
    if (executed_.size() < 4) return failure(Scope::Statement, "collided");
    return apply(event, values);
  };
  ask_for("a@example.com", "unsubscribed");
  run_for(1s);
  ask_for("a@example.com", "resubscribed");
  end_life();
  begin_life();
  run_for(1h);
  EXPECT_EQ(metric("failed"), "2") << "of this life";
  EXPECT_THAT(executed(), ElementsAre("unsubscribed a@example.com", "unsubscribed a@example.com",
                                      "unsubscribed a@example.com", "unsubscribed a@example.com",
                                      "resubscribed a@example.com"));
  EXPECT_TRUE(table_[1].subscribed) << "the last word counts";
}

TEST_F(WritebackLoop, StatementThatIsNoLongerConfiguredIsForgottenWithoutNoise) {
  table_ = {{1, {"a@example.com"}}};
  read();
  ask_for("a@example.com", "purged");
  run_for(1s);
  EXPECT_TRUE(executed_.empty());
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(lines("\"event\":\"writeback"), 0U);
}

TEST_F(WritebackLoop, KilledBeforeItIsForgottenItIsRepeated) {
  table_ = {{1, {"a@example.com"}}};
  read();
  ask_for("a@example.com", "unsubscribed");
  answer_ = [&](const std::string& event, const source::WriteValues& values) {
    if (executed_.size() == 1) disk().die_at(test_disk::SimulatedDisk::Moment::Operation, 1);
    return apply(event, values);
  };
  EXPECT_THROW(run_for(1min), Killed);
  EXPECT_EQ(executed_.size(), 1U);
  end_life();
  begin_life();
  EXPECT_EQ(waiting(), 1U);
  run_for(1s);
  EXPECT_EQ(executed_.size(), 2U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(WritebackLoop, StoreThatFailsIsTriedAgain) {
  table_ = {{1, {"a@example.com"}}};
  read();
  ask_for("a@example.com", "unsubscribed");
  answer_ = [&](const std::string& event, const source::WriteValues& values) {
    if (executed_.size() == 1) disk().fail(test_disk::SimulatedDisk::Trouble::Full, 0, 5);
    return apply(event, values);
  };
  run_for(5min);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(executed_.size(), 6U) << "at least once";
  EXPECT_EQ(lines("store.failed"), 2U) << "when it begins, and when it ends";
}

TEST_F(WritebackLoop, WhatIsOvertakenWhileAnEarlierStatementRunsIsNotExecuted) {
  table_ = {{1, {"a@example.com"}}, {2, {"b@example.com"}}};
  read();
  answer_ = [&](const std::string&, const source::WriteValues& values) -> Answer {
    if (values.at("email") == "a@example.com") {
      store::in_transaction([&](store::Transaction& transaction) {
        transaction.drop_writebacks(plan().id, domain::EmailAddress::from_normalised("b@example.com"),
                                    "resubscribed");
      })(store());
    }
    return std::size_t{1};
  };
  ask_for("a@example.com", "unsubscribed");
  ask_for("b@example.com", "resubscribed");
  run_for(1s);
  EXPECT_THAT(executed(), ElementsAre("unsubscribed a@example.com"));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(WritebackLoop, PausedMirrorWaits) {
  table_ = {{1, {"a@example.com"}}};
  read();
  writeback().set_paused(0, true);
  ask_for("a@example.com", "unsubscribed");
  run_for(1h);
  EXPECT_TRUE(executed_.empty());
  writeback().set_paused(0, false);
  run_for(1s);
  EXPECT_EQ(executed_.size(), 1U);
}

TEST_F(WritebackLoop, StopLeavesTheRestForTheNextLife) {
  table_ = {{1, {"a@example.com"}}, {2, {"b@example.com"}}};
  read();
  answer_ = [this](const std::string& event, const source::WriteValues& values) {
    writeback().stop();
    return apply(event, values);
  };
  ask_for("a@example.com", "unsubscribed");
  ask_for("b@example.com", "unsubscribed");
  run_for(1min);
  EXPECT_EQ(executed_.size(), 1U);
  EXPECT_EQ(waiting(), 1U) << "what was done is settled, the other one waits";
  writeback().cut_off();
  EXPECT_EQ(cancels_, 1U);
}

TEST_F(WritebackLoop, LogNamesNobody) {
  table_ = {{1, {"kim.secret@example.com"}}};
  read();
  int runs = 0;
  answer_ = [&](const std::string& event, const source::WriteValues& values) -> Answer {
    switch (++runs) {
      case 1:
        return failure(Scope::Statement);
      case 2:
        return failure(Scope::Database);
      default:
        return apply(event, values);
    }
  };
  ask_for("kim.secret@example.com", "updated", {{"name", "Hong Gildong"}});
  run_for(10min);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_THAT(log_, HasSubstr("\"ref\":\"" + store().key().ref("kim.secret@example.com") + "\""));
  for (const auto* word : {"secret", "@", "Hong", "too many"})
    EXPECT_THAT(log_, Not(HasSubstr(word)));
}

}  // namespace
}  // namespace stibee_sync::pipeline
