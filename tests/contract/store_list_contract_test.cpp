#include "contract/store_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// What the store promises about the merge of the ledger with a list that was read.
namespace stibee_sync::store_tests {
namespace {

using ledger::Suppression;
using pipeline::Consequence;
using store::Listed;
using store::ListedPair;

class StoreList : public ::testing::Test {
 protected:
  static Listed listed(RemoteStatus status, std::uint8_t mark = 0) {
    Listed one;
    one.status = status;
    one.fields.bytes[3] = mark;
    return one;
  }
  static std::vector<ListedPair> pairs_of(store::ListScan& scan) {
    std::vector<ListedPair> pairs;
    ListedPair pair;
    while (scan.next(pair))
      pairs.push_back(pair);
    return pairs;
  }

  static Consequence suppressing(const Suppression& suppression) {
    Consequence consequence;
    consequence.suppress = suppression;
    return consequence;
  }

  World world;
  Table table;
};

TEST_F(StoreList, WithoutTheLedgerItShowsWhoIsListedAndKeepsNoLog) {
  auto scan = world.store->begin_list(world.mirror);
  scan.add(email("theirs@x.kr"), listed(RemoteStatus::Subscribed));
  scan.add(email("both@x.kr"), listed(RemoteStatus::Unsubscribed));
  EXPECT_EQ(scan.distinct(), 2U);
  world.read({{key(1), {"both@x.kr"}}, {key(2), {"ours@x.kr"}}});
  EXPECT_FALSE(world.store->tidy()) << "the log is needed for the ledger as it was";
  scan.leave_ledger();
  EXPECT_TRUE(world.store->tidy());
  const auto pairs = pairs_of(scan);
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].email, email("both@x.kr"));
  EXPECT_EQ(pairs[0].listed->status, RemoteStatus::Unsubscribed);
  EXPECT_FALSE(pairs[0].view.ledger);
  EXPECT_EQ(pairs[1].email, email("theirs@x.kr"));
  EXPECT_THROW(scan.leave_ledger(), std::logic_error);
}

TEST_F(StoreList, PairsWhoIsInTheLedgerWithWhoIsListed) {
  table = {{key(1), {"both@x.kr"}}, {key(2), {"ours@x.kr"}}};
  world.read(table);
  world.deliver_all();
  auto scan = world.store->begin_list(world.mirror);
  scan.add(email("theirs@x.kr"), listed(RemoteStatus::Subscribed));
  scan.add(email("both@x.kr"), listed(RemoteStatus::Unsubscribed));
  EXPECT_EQ(scan.distinct(), 2U);
  const auto pairs = pairs_of(scan);
  ASSERT_EQ(pairs.size(), 3U);
  EXPECT_EQ(pairs[0].email, email("both@x.kr"));
  EXPECT_EQ(pairs[0].listed->status, RemoteStatus::Unsubscribed);
  EXPECT_EQ(pairs[0].view.ledger->confirmed.status, RemoteStatus::Subscribed);
  EXPECT_EQ(pairs[0].view.key, key(1));
  EXPECT_EQ(pairs[1].email, email("ours@x.kr"));
  EXPECT_FALSE(pairs[1].listed);
  EXPECT_TRUE(pairs[1].view.ledger);
  EXPECT_EQ(pairs[2].email, email("theirs@x.kr"));
  EXPECT_TRUE(pairs[2].listed);
  EXPECT_FALSE(pairs[2].view.ledger);
  ListedPair pair;
  EXPECT_FALSE(scan.next(pair));
}

TEST_F(StoreList, KeepsAllThatWasListed) {
  Listed one;
  one.fields.bytes[15] = 9;
  one.ad_agreed = false;
  one.groups = domain::GroupSet{3, 5};
  one.modified = start;
  Listed none;
  none.groups = domain::GroupSet{};
  auto scan = world.store->begin_list(world.mirror);
  scan.add(email("b@x.kr"), none);
  scan.add(email("a@x.kr"), one);
  scan.distinct();
  const auto pairs = pairs_of(scan);
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].listed, one);
  EXPECT_EQ(pairs[1].listed, none);
}

TEST_F(StoreList, OfSomebodyWhoComesTwiceTheLastOneCounts) {
  auto scan = world.store->begin_list(world.mirror);
  scan.add(email("a@x.kr"), listed(RemoteStatus::Subscribed, 1));
  scan.add(email("b@x.kr"), listed(RemoteStatus::Subscribed, 2));
  scan.add(email("a@x.kr"), listed(RemoteStatus::Unsubscribed, 3));
  EXPECT_EQ(scan.distinct(), 2U);
  EXPECT_EQ(scan.distinct(), 2U);
  const auto pairs = pairs_of(scan);
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].listed, listed(RemoteStatus::Unsubscribed, 3));
}

TEST_F(StoreList, BeginsAnewWhenTheListMoved) {
  auto scan = world.store->begin_list(world.mirror);
  scan.add(email("a@x.kr"), listed(RemoteStatus::Subscribed));
  EXPECT_EQ(scan.distinct(), 1U);
  EXPECT_THROW(scan.add(email("b@x.kr"), listed(RemoteStatus::Subscribed)), std::logic_error);
  scan.start_over();
  ListedPair pair;
  EXPECT_THROW(scan.next(pair), std::logic_error);
  scan.add(email("c@x.kr"), listed(RemoteStatus::Subscribed));
  EXPECT_EQ(scan.distinct(), 1U);
  EXPECT_EQ(pairs_of(scan).at(0).email, email("c@x.kr"));
  EXPECT_THROW(scan.start_over(), std::logic_error);
}

TEST_F(StoreList, AnEmptyListIsComparedToo) {
  table = {{key(1), {"a@x.kr"}}};
  world.read(table);
  auto scan = world.store->begin_list(world.mirror);
  EXPECT_EQ(scan.distinct(), 0U);
  EXPECT_EQ(pairs_of(scan).size(), 1U);
}

TEST_F(StoreList, SeesTheLedgerAsItWasWhenItBegan) {
  table = {{key(1), {"a@x.kr"}}};
  world.read(table);
  auto scan = world.store->begin_list(world.mirror);
  world.deliver_all();
  table[key(2)] = {"b@x.kr"};
  world.read(table);
  scan.distinct();
  const auto pairs = pairs_of(scan);
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].view.ledger->confirmed.status, RemoteStatus::Unknown);
  EXPECT_TRUE(pairs[0].view.pending);
}

TEST_F(StoreList, SaysWhoIsInFlightParkedOrOptedOut) {
  table = {{key(1), {"call@x.kr"}}, {key(2), {"parked@x.kr"}}, {key(3), {"waits@x.kr"}}};
  world.read(table);
  const auto claimed = world.claim(start, 2);
  ASSERT_EQ(claimed->people.size(), 2U);
  world.settle("parked@x.kr", ledger::Settlement::Next::Park);
  world.observe("waits@x.kr", suppressing(Suppression{start, "manual", "words"}));
  auto scan = world.store->begin_list(world.mirror);
  scan.distinct();
  const auto pairs = pairs_of(scan);
  ASSERT_EQ(pairs.size(), 3U);
  EXPECT_EQ(pairs[0].view.in_flight, Lane::Upsert);
  EXPECT_FALSE(pairs[1].view.in_flight);
  EXPECT_TRUE(pairs[1].view.parked);
  EXPECT_FALSE(pairs[1].view.pending);
  EXPECT_FALSE(pairs[2].view.in_flight);
  EXPECT_TRUE(pairs[2].view.pending);
  EXPECT_EQ(pairs[2].view.suppression, (Suppression{start, "manual", "words"}));
}

TEST_F(StoreList, WhoIsGivenBackUnsentIsNotInFlight) {
  table = {{key(1), {"a@x.kr"}}};
  world.read(table);
  world.claim();
  world.release({email("a@x.kr")});
  auto scan = world.store->begin_list(world.mirror);
  scan.distinct();
  EXPECT_FALSE(pairs_of(scan).at(0).view.in_flight);
}

TEST_F(StoreList, TracesAndSuppressionsCountOnlyForThoseWhoAreListed) {
  table = {{key(1), {"gone@x.kr"}}};
  world.read(table);
  Consequence bounced;
  bounced.confirmed.emplace().status = RemoteStatus::AutoDeleted;
  world.observe("gone@x.kr", bounced);
  table.clear();
  world.read(table);
  world.deliver_all();
  world.observe("out@x.kr", suppressing(Suppression{start, "subscriber", ""}));
  {
    auto scan = world.store->begin_list(world.mirror);
    scan.distinct();
    EXPECT_TRUE(pairs_of(scan).empty());
  }
  auto scan = world.store->begin_list(world.mirror);
  scan.add(email("gone@x.kr"), listed(RemoteStatus::Subscribed));
  scan.add(email("out@x.kr"), listed(RemoteStatus::Subscribed));
  scan.distinct();
  const auto pairs = pairs_of(scan);
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_TRUE(pairs[0].view.is_trace);
  EXPECT_EQ(pairs[0].view.ledger->confirmed.status, RemoteStatus::AutoDeleted);
  EXPECT_FALSE(pairs[1].view.ledger);
  EXPECT_TRUE(pairs[1].view.suppression);
}

TEST_F(StoreList, ManyPeopleComeInTheOrderOfTheirAddresses) {
  for (int i = 0; i < 3000; i += 2)
    table[key(i)] = {"p" + std::to_string(i * 7919 % 100003) + "@x.kr"};
  world.read(table);
  auto scan = world.store->begin_list(world.mirror);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 3000; i += 3)
      scan.add(email("p" + std::to_string(i * 7919 % 100003) + "@x.kr"),
               listed(RemoteStatus::Subscribed, static_cast<std::uint8_t>(round)));
  }
  EXPECT_EQ(scan.distinct(), 1000U);
  const auto pairs = pairs_of(scan);
  EXPECT_EQ(pairs.size(), 2000U);
  EXPECT_TRUE(std::is_sorted(pairs.begin(), pairs.end(),
                             [](const auto& a, const auto& b) { return a.email.text() < b.email.text(); }));
  for (const auto& pair : pairs) {
    if (!pair.listed) continue;
    EXPECT_EQ(pair.listed->fields.bytes[3], 19);
  }
}

}  // namespace
}  // namespace stibee_sync::store_tests
