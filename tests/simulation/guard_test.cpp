#include "simulation/scenario.hpp"

#include <algorithm>
#include <string>

// What the guard sees beside the size of one read: moves, small steps, another population, living tables.

namespace stibee_sync::simulation {
namespace {

class GuardedTable : public Scenario {
 protected:
  void import(std::int64_t people) {
    fill(people);
    start();
    daemon_->run_for(15s);
    ASSERT_EQ(subscribed(), static_cast<std::size_t>(people));
  }
  store::SourceFacts facts() { return daemon_->store().source_facts(daemon_->plan().id); }
  std::vector<store::HeldChanges> holds() { return daemon_->store().holds(daemon_->plan().id); }
  bool knows(const std::string& email) const { return far_end_.model.find(list, email).has_value(); }
  stibee_sim::Status status_of_address(const std::string& email) const {
    const auto person = far_end_.model.find(list, email);
    return person ? person->status : stibee_sim::Status::Archived;
  }
};

TEST_F(GuardedTable, BothHalvesOfHeldMovesWaitAndAnOptOutReachesTheOldAddress) {
  import(1'000);
  for (std::int64_t i = 1; i <= 100; ++i)
    rows_[i].email = "p" + std::to_string(i) + "@example.org";
  daemon_->run_for(5s);
  ASSERT_EQ(holds().size(), 1u);
  EXPECT_EQ(holds()[0].change_class, "removals");
  EXPECT_FALSE(knows("p1@example.org")) << "nobody is written to under two addresses";
  EXPECT_EQ(subscribed(), 1'000u);

  rows_[7].subscribed = false;
  daemon_->run_for(5s);
  EXPECT_EQ(status_of_address("p7@example.com"), stibee_sim::Status::Unsubscribed);
  EXPECT_FALSE(knows("p7@example.org"));
  EXPECT_EQ(subscribed(), 999u);

  daemon_->approve(holds()[0].digest);
  daemon_->run_for(10s);
  EXPECT_TRUE(holds().empty());
  EXPECT_EQ(status_of_address("p1@example.org"), stibee_sim::Status::Subscribed);
  EXPECT_EQ(status_of_address("p1@example.com"), stibee_sim::Status::Unsubscribed);
  EXPECT_EQ(subscribed(), 999u);
}

// Found by a simulated day: each approval was used up while the other half still waited, and neither ever
// went.
TEST_F(GuardedTable, TheHalvesOfMovesMayBeApprovedOneAfterTheOther) {
  import(1'000);
  const auto address = [](std::int64_t key) { return "p" + std::to_string(key) + "@example.com"; };
  for (std::int64_t key = 901; key <= 960; ++key)
    rows_[key].subscribed = false;
  daemon_->run_for(15s);
  ASSERT_EQ(subscribed(), 940u);
  for (std::int64_t key = 901; key <= 960; ++key) {
    rows_.erase(key);
    rows_[key - 900].email = address(key);
  }
  daemon_->run_for(5s);
  const auto shown = holds();
  ASSERT_EQ(shown.size(), 2u);
  daemon_->approve(shown[0].digest);
  daemon_->run_for(5s);
  EXPECT_EQ(status_of_address(address(1)), stibee_sim::Status::Subscribed) << "the other half waits";
  ASSERT_EQ(holds().size(), 1u);
  EXPECT_EQ(holds()[0].digest, shown[1].digest);
  EXPECT_EQ(daemon_->log_text().find("guard.approved"), std::string::npos) << "nothing was applied";
  daemon_->approve(shown[1].digest);
  daemon_->run_for(15s);
  EXPECT_TRUE(holds().empty());
  EXPECT_EQ(status_of_address(address(1)), stibee_sim::Status::Unsubscribed);
  EXPECT_EQ(status_of_address(address(60)), stibee_sim::Status::Unsubscribed);
  EXPECT_FALSE(daemon_->store().approved(daemon_->plan().id, shown[0].digest, utc())) << "used up";
  EXPECT_FALSE(daemon_->store().approved(daemon_->plan().id, shown[1].digest, utc())) << "used up";
}

// Found by a simulated day: beside an approval that waits for its other half, whoever joined was not shown
// for an hour.
TEST_F(GuardedTable, WhoJoinsAnApprovedSetThatStillWaitsIsShown) {
  import(1'000);
  const auto address = [](std::int64_t key) { return "p" + std::to_string(key) + "@example.com"; };
  const auto move_to_who_said_no = [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t key = from; key <= to; ++key) {
      rows_.erase(key);
      rows_[key - 900].email = address(key);
    }
    daemon_->run_for(5s);
  };
  for (std::int64_t key = 901; key <= 970; ++key)
    rows_[key].subscribed = false;
  daemon_->run_for(15s);
  move_to_who_said_no(901, 960);
  const auto shown = holds();
  ASSERT_EQ(shown.size(), 2u);
  daemon_->approve(shown[0].digest);
  daemon_->run_for(5s);
  move_to_who_said_no(961, 970);
  ASSERT_EQ(holds().size(), 2u) << "ten that nobody has seen, and the other class";
  for (int round = 0; round < 4 && !holds().empty(); ++round) {
    for (const auto& hold : holds())
      daemon_->approve(hold.digest);
    daemon_->run_for(15s);
  }
  EXPECT_TRUE(holds().empty());
  for (const std::int64_t key : {1, 60, 61, 70})
    EXPECT_EQ(status_of_address(address(key)), stibee_sim::Status::Unsubscribed) << key;
}

// Found by a simulated day: of a table in which few say yes, few stamps seemed to move.
TEST_F(GuardedTable, StampsOfThoseWhoSayNoMoveToo) {
  mirror_.source.consented_at = "consented_at";
  fill(1'000);
  for (auto& [key, row] : rows_) {
    row.subscribed = key <= 100;
    row.consented_at = domain::UtcTime(std::chrono::hours(24 * 365 * 50) + std::chrono::hours(key));
  }
  start();
  daemon_->run_for(15s);
  ASSERT_EQ(subscribed(), 100u);
  for (auto& [key, row] : rows_) {
    row.subscribed = key <= 115;
    row.consented_at = utc();
  }
  daemon_->run_for(15s);
  ASSERT_EQ(holds().size(), 1u);
  EXPECT_EQ(holds()[0].change_class, "resubscribes");
  EXPECT_EQ(holds()[0].count, 15u);
  EXPECT_NE(holds()[0].why.find("consents moved"), std::string::npos) << holds()[0].why;
  EXPECT_EQ(subscribed(), 100u);
}

/// 1,000 people with old consents, of whom the last 15 say no.
class StampedTable : public GuardedTable {
 protected:
  static constexpr std::int64_t people = 1'000, says_no_from = 986;

  void import_stamped() {
    mirror_.source.consented_at = "consented_at";
    fill(people);
    for (auto& [key, row] : rows_) {
      row.subscribed = key < says_no_from;
      row.consented_at = old_consent(key);
    }
    start();
    daemon_->run_for(15s);
    ASSERT_EQ(subscribed(), 985u);
  }
  static domain::UtcTime old_consent(std::int64_t key) {
    return domain::UtcTime(std::chrono::hours(24 * 365 * 50) + std::chrono::hours(key));
  }
  /// As a careless statement does: whoever is stamped says yes, too.
  void stamp(std::int64_t from, std::int64_t to) {
    for (auto key = from; key <= to; ++key)
      stamp_anew(rows_.at(key));
  }
  void stamp_anew(Row& row) {
    row.subscribed = true;
    row.consented_at = utc();
  }
  void expect_the_fifteen_held() {
    const auto held = holds();
    ASSERT_EQ(held.size(), 1u);
    EXPECT_EQ(held[0].change_class, "resubscribes");
    EXPECT_EQ(held[0].count, 15u);
    EXPECT_EQ(subscribed(), 985u);
  }
};

TEST_F(StampedTable, AStatementThatStampsInSmallStepsIsSeen) {
  import_stamped();
  for (std::int64_t key = 1; key <= people; key += 100) {
    stamp(key, key + 99);
    daemon_->run_for(2s);
  }
  expect_the_fifteen_held();
  EXPECT_NE(holds()[0].why.find("within an hour"), std::string::npos) << holds()[0].why;

  daemon_->approve(holds()[0].digest);
  daemon_->run_for(15s);
  EXPECT_EQ(subscribed(), 1'000u);
  rows_[5].subscribed = false;
  daemon_->run_for(15s);
  ASSERT_EQ(subscribed(), 999u);
  stamp(5, 5);
  daemon_->run_for(15s);
  EXPECT_TRUE(holds().empty()) << "what was approved is not counted again";
  EXPECT_EQ(subscribed(), 1'000u);
}

TEST_F(StampedTable, AfterItWasPutBackTheSumBeginsAnew) {
  import_stamped();
  const auto before = rows_;
  stamp(1, people);
  daemon_->run_for(5s);
  expect_the_fifteen_held();
  rows_ = before;
  daemon_->run_for(5s);
  ASSERT_TRUE(holds().empty());
  stamp(people, people);
  daemon_->run_for(15s);
  EXPECT_TRUE(holds().empty());
  EXPECT_EQ(subscribed(), 986u);
}

// A stop, or a death, in the middle of the commit: the next read finds the rest, which is small.
TEST_F(StampedTable, ACommitCutShortRemembersWhatItSaw) {
  first_part_ = 200;
  import_stamped();
  stamp(1, people);
  const auto finished = facts().last_success;
  disk_->fail(test_disk::SimulatedDisk::Trouble::Full, 100, 1'000'000);
  daemon_->run_for(3s);
  ASSERT_FALSE(facts().drained.empty()) << "a part was committed";
  ASSERT_EQ(facts().last_success, finished) << "not all of it was";
  kill();
  disk_->end_trouble();
  start();
  daemon_->run_for(15s);
  expect_the_fifteen_held();
}

TEST_F(StampedTable, ConsentsThatMovedWithWhatWasApprovedAreNotSummed) {
  import_stamped();
  for (std::int64_t key = 1; key <= 400; ++key) {
    rows_.at(key).name = "another";
    rows_.at(key).consented_at = utc();
  }
  daemon_->run_for(5s);
  ASSERT_EQ(holds().size(), 1u);
  ASSERT_EQ(holds()[0].change_class, "updates");
  daemon_->approve(holds()[0].digest);
  daemon_->run_for(15s);
  ASSERT_TRUE(holds().empty());
  stamp(people, people);
  daemon_->run_for(15s);
  EXPECT_TRUE(holds().empty()) << holds()[0].why;
  EXPECT_EQ(status_of(people), stibee_sim::Status::Subscribed);
}

TEST_F(StampedTable, WhoWaitsAsTheHalfOfAMoveIsNotCountedAtEachPoll) {
  import_stamped();
  // Accounts that are merged: the address of one goes to another, whose own is given up.
  for (std::int64_t key = 1; key <= 25; ++key) {
    rows_.at(key + 100).email = rows_.at(key).email;
    rows_.erase(key);
  }
  daemon_->run_for(2min);
  ASSERT_EQ(holds().size(), 1u);
  EXPECT_EQ(holds()[0].change_class, "removals");
  stamp(people, people);
  daemon_->run_for(15s);
  EXPECT_EQ(holds().size(), 1u) << "somebody who consents anew is not held for it";
  EXPECT_EQ(status_of(people), stibee_sim::Status::Subscribed);
}

TEST_F(GuardedTable, ManySmallStepsAreALargeOne) {
  import(900);
  for (std::int64_t next = 1; next <= 450; next += 15) {
    for (std::int64_t i = next; i < next + 15; ++i)
      rows_.erase(i);
    daemon_->run_for(2s);
  }
  daemon_->run_for(10s);
  ASSERT_EQ(holds().size(), 1u);
  EXPECT_NE(holds()[0].why.find("24 hours"), std::string::npos) << holds()[0].why;
  EXPECT_EQ(subscribed(), 810u) << "a tenth of those mirrored when the day's first left";

  const auto digest = holds()[0].digest;
  daemon_->approve(digest);
  daemon_->run_for(10s);
  EXPECT_LT(subscribed(), 810u);
}

TEST_F(GuardedTable, AClockThatIsSetBackBeginsNoNewDay) {
  import(900);
  for (std::int64_t next = 1; next <= 90; next += 15) {
    for (std::int64_t i = next; i < next + 15; ++i)
      rows_.erase(i);
    daemon_->run_for(2s);
  }
  daemon_->run_for(5s);
  ASSERT_EQ(subscribed(), 810u);
  daemon_->clock().set_ahead(-24h * 20);
  for (std::int64_t i = 91; i <= 105; ++i)
    rows_.erase(i);
  daemon_->run_for(1min);
  ASSERT_EQ(holds().size(), 1u);
  EXPECT_EQ(holds()[0].count, 15u);
  EXPECT_EQ(subscribed(), 810u);
}

TEST_F(GuardedTable, OrdinaryLeaversOfADayAreNotHeld) {
  import(900);
  for (std::int64_t i = 1; i <= 60; ++i) {
    rows_.erase(i);
    daemon_->run_for(1min);
  }
  EXPECT_TRUE(holds().empty());
  EXPECT_EQ(subscribed(), 840u);
}

TEST_F(GuardedTable, AnotherPopulationWaitsWithThoseWhoseTableItWas) {
  import(3'000);
  rows_.clear();
  for (std::int64_t i = 10'001; i <= 12'999; ++i)
    rows_[i].email = "stranger" + std::to_string(i) + "@example.com";
  daemon_->run_for(10s);
  EXPECT_EQ(holds().size(), 2u);
  EXPECT_FALSE(knows("stranger10001@example.com"));
  EXPECT_EQ(subscribed(), 3'000u);
}

TEST_F(GuardedTable, ADigestStandsForThoseWhoWereShownWhateverTheTableDoesMeanwhile) {
  import(1'000);
  for (std::int64_t i = 1; i <= 300; ++i)
    rows_.erase(i);
  daemon_->run_for(3s);
  ASSERT_EQ(holds().size(), 1u);
  const auto shown = holds()[0].digest;

  std::int64_t next = 301;
  for (; next <= 310; ++next) {
    rows_.erase(next);
    daemon_->run_for(3s);
    ASSERT_EQ(holds()[0].digest, shown) << "a table that lives does not take it away";
  }
  for (; next <= 600; ++next)
    rows_.erase(next);
  daemon_->run_for(3s);
  ASSERT_NE(holds()[0].digest, shown) << "it has grown by half: that is news";

  daemon_->approve(shown);
  daemon_->run_for(5s);
  EXPECT_EQ(subscribed(), 700u) << "nobody who joined since";
  ASSERT_EQ(holds().size(), 1u);
  EXPECT_EQ(holds()[0].count, 300u);
}

}  // namespace
}  // namespace stibee_sync::simulation
