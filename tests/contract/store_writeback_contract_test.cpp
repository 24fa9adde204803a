#include "contract/store_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What every store promises about write-backs that wait: none is lost, and those of one person keep their
// order.
namespace stibee_sync::store_tests {
namespace {

using store::RemoteChange;
using store::RemoteView;
using store::WritebackRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreWriteback : public ::testing::TestWithParam<std::unique_ptr<Backend> (*)()> {
 protected:
  void record(const std::string& address, const std::string& event, UtcTime now = start) {
    WritebackRequest request;
    request.event = event;
    request.occurred_by = "subscriber";
    request.reason = "no\nmore";
    request.occurred_at = now;
    request.fields = {{"name", "Ann"}, {"phone", ""}};
    const auto decide = [&](const domain::EmailAddress&, const RemoteView&) {
      RemoteChange change;
      change.writeback = request;
      return change;
    };
    world.store->observe(world.mirror, {email(address)}, decide, place, now);
  }
  std::vector<store::Writeback> waiting(UtcTime now = start, std::size_t most = 100) {
    return world.store->writebacks(world.mirror, now, most);
  }
  std::vector<std::string> events(UtcTime now = start, std::size_t most = 100) {
    std::vector<std::string> found;
    for (const auto& one : waiting(now, most))
      found.push_back(one.email.text() + " " + one.request.event);
    return found;
  }
  std::optional<UtcTime> next() { return world.store->next_writeback({world.mirror}); }

  World world{GetParam()()};
  Table table;
};

INSTANTIATE_TEST_SUITE_P(Each, StoreWriteback, ::testing::Values(&memory_backend, &sqlite_backend),
                         [](const auto& test) { return test.index == 0 ? "Memory" : "Sqlite"; });

TEST_P(StoreWriteback, WaitsUntilItIsDoneThroughACrash) {
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
  world.store->finish_writeback(world.mirror, found[0].id);
  EXPECT_THAT(waiting(), IsEmpty());
  EXPECT_FALSE(next());
  EXPECT_EQ(world.store->summary(world.mirror, start).writebacks, 0U);
}

TEST_P(StoreWriteback, SomebodyOfWhomNothingIsKnownHasOneToo) {
  record("a@x.kr", "unsubscribed");
  EXPECT_FALSE(waiting().at(0).key);
  EXPECT_FALSE(world.find("a@x.kr"));
}

TEST_P(StoreWriteback, TheOldestComeFirst) {
  record("b@x.kr", "unsubscribed");
  record("a@x.kr", "unsubscribed");
  record("b@x.kr", "resubscribed");
  EXPECT_THAT(events(), ElementsAre("b@x.kr unsubscribed", "a@x.kr unsubscribed", "b@x.kr resubscribed"));
  EXPECT_THAT(events(start, 2), ElementsAre("b@x.kr unsubscribed", "a@x.kr unsubscribed"));
}

TEST_P(StoreWriteback, APostponedOneHoldsUpItsPersonAndNobodyElse) {
  record("b@x.kr", "unsubscribed");
  record("a@x.kr", "unsubscribed");
  record("b@x.kr", "resubscribed", start + second);
  world.store->postpone_writeback(world.mirror, waiting().at(0).id, start + day);
  EXPECT_THAT(events(start + second), ElementsAre("a@x.kr unsubscribed"));
  world.store->finish_writeback(world.mirror, waiting(start + second).at(0).id);
  EXPECT_EQ(next(), start + day);
  const auto later = waiting(start + day);
  ASSERT_EQ(later.size(), 2U);
  EXPECT_EQ(later[0].attempts, 1);
  EXPECT_EQ(later[1].attempts, 0);
}

TEST_P(StoreWriteback, OnceDoneTheNextReadDecidesAboutTheAddressAnew) {
  table[key(1)] = {"a@x.kr"};
  world.read(table);
  record("a@x.kr", "resubscribed");
  EXPECT_THAT(world.read(table).addresses, IsEmpty());
  world.store->finish_writeback(world.mirror, waiting().at(0).id);
  EXPECT_EQ(world.read(table).addresses.count("a@x.kr"), 1U);
}

TEST_P(StoreWriteback, OneThatIsNotThereIsPassedOver) {
  world.store->finish_writeback(world.mirror, 99);
  world.store->postpone_writeback(world.mirror, 99, start);
  record("a@x.kr", "unsubscribed");
  const auto other = world.store->open_mirror("other", 2);
  world.store->finish_writeback(other, waiting().at(0).id);
  EXPECT_EQ(waiting().size(), 1U);
  EXPECT_FALSE(world.store->next_writeback({other}));
  EXPECT_TRUE(world.store->next_writeback({other, world.mirror}));
}

}  // namespace
}  // namespace stibee_sync::store_tests
