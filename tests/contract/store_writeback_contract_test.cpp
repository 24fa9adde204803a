#include "contract/store_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What the store promises about write-backs that wait: none is lost, and those of one person keep their
// order.
namespace stibee_sync::store_tests {
namespace {

using store::WritebackRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreWriteback : public ::testing::Test {
 protected:
  void record(const std::string& address, const std::string& event, UtcTime now = start) {
    WritebackRequest request;
    request.event = event;
    request.occurred_by = "subscriber";
    request.reason = "no\nmore";
    request.occurred_at = now;
    request.fields = {{"name", "Ann"}, {"phone", ""}};
    pipeline::Consequence consequence;
    consequence.writeback = request;
    world.observe(address, consequence, now);
  }
  std::vector<store::PendingWriteback> waiting(UtcTime now = start, std::size_t most = 100) {
    return world.store->writebacks(world.mirror, now, now + 1000 * day, most);
  }
  std::vector<std::string> events(UtcTime now = start, std::size_t most = 100) {
    std::vector<std::string> found;
    for (const auto& one : waiting(now, most))
      found.push_back(one.email.text() + " " + one.request.event);
    return found;
  }
  std::optional<UtcTime> next() { return world.store->next_writeback({world.mirror}); }

  World world;
  Table table;
};

TEST_F(StoreWriteback, WaitsUntilItIsDoneThroughACrash) {
  table[key(5)] = {"a@x.kr"};
  world.read(table);
  record("a@x.kr", "unsubscribed");
  world.reopen();
  const auto found = waiting();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].email, email("a@x.kr"));
  EXPECT_EQ(found[0].key, key(5));
  EXPECT_EQ(found[0].attempts, 0);
  EXPECT_EQ(found[0].request.event, "unsubscribed");
  EXPECT_EQ(found[0].request.occurred_by, "subscriber");
  EXPECT_EQ(found[0].request.reason, "no\nmore");
  EXPECT_EQ(found[0].request.occurred_at, start);
  EXPECT_EQ(found[0].request.fields, (std::map<std::string, std::string>{{"name", "Ann"}, {"phone", ""}}));
  EXPECT_EQ(world.store->summary(world.mirror, start).writebacks, 1U);
  EXPECT_EQ(next(), start);
  world.finish_writeback(found[0].id);
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_FALSE(next());
  EXPECT_EQ(world.store->summary(world.mirror, start).writebacks, 0U);
}

TEST_F(StoreWriteback, SomebodyOfWhomNothingIsKnownHasOneToo) {
  record("a@x.kr", "unsubscribed");
  EXPECT_FALSE(waiting().at(0).key);
  EXPECT_FALSE(world.knows("a@x.kr"));
}

TEST_F(StoreWriteback, TheOldestComeFirst) {
  record("b@x.kr", "unsubscribed");
  record("a@x.kr", "unsubscribed");
  record("b@x.kr", "resubscribed");
  EXPECT_THAT(events(), ElementsAre("b@x.kr unsubscribed", "a@x.kr unsubscribed", "b@x.kr resubscribed"));
  EXPECT_THAT(events(start, 2), ElementsAre("b@x.kr unsubscribed", "a@x.kr unsubscribed"));
}

TEST_F(StoreWriteback, APostponedOneHoldsUpItsPersonAndNobodyElse) {
  record("b@x.kr", "unsubscribed");
  record("a@x.kr", "unsubscribed");
  record("b@x.kr", "resubscribed", start + second);
  world.postpone_writeback(waiting().at(0).id, start + day);
  EXPECT_THAT(events(start + second), ElementsAre("a@x.kr unsubscribed"));
  world.finish_writeback(waiting(start + second).at(0).id);
  EXPECT_EQ(next(), start + day);
  const auto later = waiting(start + day);
  ASSERT_EQ(later.size(), 2U);
  EXPECT_EQ(later[0].attempts, 1);
  EXPECT_EQ(later[1].attempts, 0);
}

TEST_F(StoreWriteback, OnceDoneTheNextReadDecidesAboutTheAddressAnew) {
  table[key(1)] = {"a@x.kr"};
  world.read(table);
  record("a@x.kr", "resubscribed");
  EXPECT_THAT(world.read(table).addresses, IsEmpty());
  world.finish_writeback(waiting().at(0).id);
  EXPECT_EQ(world.read(table).addresses.count("a@x.kr"), 1U);
}

TEST_F(StoreWriteback, OneThatIsNotThereIsPassedOver) {
  const auto erase = [&](store::MirrorId mirror, std::int64_t id) {
    return world.change([&](store::Transaction& change) { return change.erase_writeback(mirror, id); });
  };
  EXPECT_FALSE(erase(world.mirror, 99));
  world.postpone_writeback(99, start);
  record("a@x.kr", "unsubscribed");
  const auto other = world.store->open_mirror("other", 2);
  EXPECT_FALSE(erase(other, waiting().at(0).id));
  EXPECT_EQ(waiting().size(), 1U);
  EXPECT_FALSE(world.store->next_writeback({other}));
  EXPECT_TRUE(world.store->next_writeback({other, world.mirror}));
  EXPECT_EQ(erase(world.mirror, waiting().at(0).id), email("a@x.kr"));
}

}  // namespace
}  // namespace stibee_sync::store_tests
