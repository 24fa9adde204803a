#include "small_state.hpp"
#include "stibee_sync/store/store.hpp"
#include "store/schema.hpp"
#include "store/sqlite.hpp"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// A state as the first version left it when it was killed: older_state/ is a dump of its two files. Of the
// table's 20 members one had opted out at Stibee, two had said no (one of them arrived), one had left, seven
// removals were held, a new one and a renamed one waited for a Stibee that answered 503, and somebody had
// paused the mirror.
namespace stibee_sync::store {
namespace {

using namespace testing_support;
namespace fs = std::filesystem;

std::string dump(const std::string& name) {
  std::ifstream in(STIBEE_SOURCE_DIR "/tests/unit/store/older_state/" + name + ".sql");
  return {std::istreambuf_iterator<char>(in), {}};
}

class OlderState : public ::testing::Test {
 protected:
  OlderState() {
    restore("state", application_id);
    restore("suppressions", journal_application_id);
    store_ = open_store(temporary_.path(), report_);
    mirror_ = store_->open_mirror("members", 1234);
  }
  void restore(const std::string& name, int application) {
    std::ofstream(file(name)).close();
    Connection connection(file(name), Connection::Mode::ReadWrite);
    connection.execute(("PRAGMA application_id = " + std::to_string(application)).c_str());
    connection.execute(dump(name).c_str());
  }
  fs::path file(const std::string& name) const { return temporary_.path() / (name + ".sqlite"); }
  ledger::Person find(int number) const {
    return store_->find(mirror_, email("m" + std::to_string(number) + "@example.com"));
  }

  TemporaryDirectory temporary_;
  OpenReport report_;
  std::unique_ptr<Store> store_;
  MirrorId mirror_;
};

TEST_F(OlderState, IsGoneOnWithAndNotBegunAnew) {
  EXPECT_FALSE(report_.created);
  EXPECT_FALSE(report_.damaged_set_aside);
  EXPECT_FALSE(report_.suppressions_set_aside);
  EXPECT_FALSE(report_.suppressions_rebuilt);
  EXPECT_TRUE(store_->adopted(mirror_));
  Connection connection(file("state"), Connection::Mode::ReadOnly);
  EXPECT_EQ(schema_version(connection), migration_steps().back().to);
}

TEST_F(OlderState, KeepsWhoOptedOut) {
  ASSERT_TRUE(find(5).row);
  EXPECT_EQ(find(5).row->confirmed.status, RemoteStatus::OptedOut);
  EXPECT_FALSE(find(5).row->lane);
  ASSERT_TRUE(find(5).suppression);
  EXPECT_EQ(find(5).suppression->by, "subscriber");
  EXPECT_EQ(store_->suppressed(mirror_), 1U);
}

TEST_F(OlderState, KeepsWhoWaitsWithTheirDoubts) {
  ASSERT_TRUE(find(11).row && find(40).row && find(9).row);
  EXPECT_EQ(find(11).row->lane, Lane::Optout);
  EXPECT_EQ(find(11).row->confirmed.status, RemoteStatus::Subscribed);
  EXPECT_EQ(find(11).row->attempts, 3);
  EXPECT_EQ(find(40).row->lane, Lane::Upsert);
  ASSERT_TRUE(find(40).row->values);
  EXPECT_EQ(*find(40).row->values, (domain::FieldValues{{"name", "new"}}));
  EXPECT_TRUE(find(40).row->confirmed.maybe_subscribed) << "the call that the crash cut off may have arrived";
  EXPECT_EQ(find(9).row->lane, Lane::Upsert);
  EXPECT_EQ(store_->pending(mirror_, find(9).row->pending_since), 3U);
}

TEST_F(OlderState, KeepsWhoLeftAndWhoSaidNoInTheTable) {
  EXPECT_EQ(find(6).row->confirmed.status, RemoteStatus::Unsubscribed);
  EXPECT_FALSE(find(7).row);
  ASSERT_TRUE(find(7).trace);
  EXPECT_EQ(find(7).trace->status, RemoteStatus::Unsubscribed);
}

TEST_F(OlderState, KeepsWhatAHumanSaidOrHasToSay) {
  EXPECT_TRUE(store_->paused(mirror_));
  const auto holds = store_->holds(mirror_);
  ASSERT_EQ(holds.size(), 1U);
  EXPECT_EQ(holds[0].change_class, "removals");
  EXPECT_EQ(holds[0].count, 7U);
  const auto facts = store_->source_facts(mirror_);
  EXPECT_EQ(facts.last_rows, 15U);
  EXPECT_EQ(facts.duplicates, 1U);
  const auto parked = store_->parked(mirror_, 10);
  EXPECT_EQ(parked.size(), 2U);
}

TEST_F(OlderState, KeepsTheCallsThatStillCount) {
  EXPECT_EQ(store_->logged_attempts().size(), 11U);
}

}  // namespace
}  // namespace stibee_sync::store
