#include "store_world.hpp"

#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// A read is taken over in parts, and the process may die between any two of them.
namespace stibee_sync::store_tests {
namespace {

using domain::Intent;
using ::testing::ElementsAre;

/// What a read leaves behind, apart from times.
struct Left {
  std::map<std::string, Intent> wanted;
  std::map<MemberKey, bool> shadowed;                  // of the snapshot
  std::map<std::string, std::set<MemberKey>> bearers;  // as the next read would find them
  friend bool operator==(const Left&, const Left&) = default;
};

std::ostream& operator<<(std::ostream& out, const Left& left) {
  for (const auto& [email, intent] : left.wanted)
    out << email << " " << domain::name(intent) << "; ";
  for (const auto& [member, shadowed] : left.shadowed)
    out << member.to_string() << (shadowed ? "*" : "") << " ";
  for (const auto& [email, keys] : left.bearers)
    out << email << " by " << keys.size() << "; ";
  return out;
}

std::set<std::string> addresses_in(const Table& table) {
  std::set<std::string> addresses;
  for (const auto& [member, row] : table) {
    if (!row.email.empty()) addresses.insert(row.email);
  }
  return addresses;
}

Left left_in(World& world, const std::set<std::string>& addresses) {
  Left left;
  for (const auto& address : addresses) {
    if (const auto person = world.find(address); person.row) left.wanted[address] = person.row->wanted.intent;
    world.change([&](store::Transaction& change) { change.touch(world.mirror, email(address)); });
  }
  auto scan = world.store->begin_scan(world.mirror);
  store::SnapshotRow row;
  while (scan.next(row))
    left.shadowed[row.key] = row.shadowed;
  store::TouchedAddress touched;
  while (scan.next_address(touched)) {
    for (const auto& bearer : touched.bearers)
      left.bearers[touched.email.text()].insert(bearer.key);
    scan.decide({}, None);
  }
  return left;
}

class StoreParts : public ::testing::Test {
 protected:
  /// A read of one table, then of the other in parts of that size, of which only so many are committed before
  /// the process dies; and the same read once more.
  Left after_death(std::size_t most, std::size_t parts, bool& died) {
    World world;
    world.read(before);
    world.deliver_all();
    ReadResult ignored;
    auto scan = world.scan(after, start, ignored);
    const auto applied = world.commit_in_parts(std::move(scan), most, {}, parts);
    died = !applied.last;
    world.reopen();
    world.read(after);
    return left_in(world, addresses);
  }

  void expect_the_same_whenever_it_dies(std::size_t most) {
    addresses = addresses_in(before);
    addresses.merge(addresses_in(after));
    World world;
    world.read(before);
    world.deliver_all();
    world.read(after);
    const auto wanted = left_in(world, addresses);
    bool died = true;
    std::size_t parts = 0;
    for (; died; ++parts) {
      EXPECT_EQ(after_death(most, parts, died), wanted) << "after " << parts << " parts";
      ASSERT_LT(parts, 200U);
    }
    EXPECT_GT(parts, 3U) << "there were parts";
  }

  Table before, after;
  std::set<std::string> addresses;
};

TEST_F(StoreParts, AFirstReadThatDiesBetweenTwoPartsIsFoundByTheNext) {
  after = {{key(1), {"d@x.kr"}},
           {key(2), {"b@x.kr"}},
           {key(3), {"a@x.kr"}},
           {key(4), {"b@x.kr"}},
           {key(5), {"c@x.kr", "n", true, "text_too_long"}},
           {key(6), {""}},
           {key(7), {"e@x.kr", "n", false}}};
  expect_the_same_whenever_it_dies(1);
  expect_the_same_whenever_it_dies(2);
}

TEST_F(StoreParts, AMassChangeThatDiesBetweenTwoPartsIsFoundByTheNext) {
  before = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}},         {key(3), {"c@x.kr"}},
            {key(4), {"d@x.kr"}}, {key(5), {"e@x.kr"}},         {key(6), {"f@x.kr"}},
            {key(7), {"g@x.kr"}}, {key(8), {"g@x.kr"}},         {key(9), {"h@x.kr", "n", false}},
            {key(20), {""}},      {key(21), {"i@x.kr", "same"}}};
  after = {{key(1), {"b@x.kr"}},  // a ring of three
           {key(2), {"c@x.kr"}},
           {key(3), {"a@x.kr"}},
           {key(4), {"d@x.kr", "renamed"}},
           {key(5), {"e@x.kr", "n", false}},  // says no; 6 is gone
           {key(7), {"j@x.kr"}},              // one of two who shared
           {key(8), {"g@x.kr", "other"}},
           {key(9), {"h@x.kr"}},   // says yes
           {key(10), {"a@x.kr"}},  // joins one of the ring
           {key(11), {"k@x.kr"}},
           {key(12), {"i@x.kr", "n", false}},  // a no for an address of another's
           {key(20), {"l@x.kr"}},
           {key(21), {"i@x.kr", "same"}}};
  expect_the_same_whenever_it_dies(1);
  expect_the_same_whenever_it_dies(3);
}

TEST_F(StoreParts, WhatIsHeldOfATornReadIsFoundByTheNext) {
  World world;
  world.read({{key(1), {"a@x.kr"}}});
  const Table table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}, {key(3), {"c@x.kr"}}};
  ReadResult ignored;
  auto scan = world.scan(table, start, ignored);
  const auto applied = world.commit_in_parts(std::move(scan), 1, {}, 2);
  EXPECT_FALSE(applied.last);
  EXPECT_THAT(world.snapshot_keys(), ElementsAre(key(1), key(2), key(3))) << "rows come first";
  EXPECT_FALSE(world.knows("b@x.kr"));
  world.reopen();
  world.read(table, {.now = start, .held = {Add}});
  EXPECT_FALSE(world.knows("b@x.kr"));
  world.read(table);
  EXPECT_TRUE(world.knows("b@x.kr"));
  EXPECT_TRUE(world.knows("c@x.kr"));
  EXPECT_FALSE(world.store->begin_scan(world.mirror).is_torn());
}

TEST_F(StoreParts, WhoSaysNoAndBothHalvesOfAMoveComeBeforeAnybodyIsAdded) {
  World world;
  world.read({{key(1), {"y@x.kr"}}, {key(2), {"z@x.kr"}}});
  world.deliver_all();
  Table table = {{key(1), {"y@x.kr", "n", false}}, {key(2), {"w@x.kr"}}};
  for (int i = 10; i < 30; ++i)
    table[key(i)] = {"a" + std::to_string(i) + "@x.kr"};
  ReadResult ignored;
  world.commit_in_parts(world.scan(table, start, ignored), 4, {}, 1);
  EXPECT_EQ(world.row("y@x.kr").wanted.intent, Intent::Unsubscribed);
  EXPECT_EQ(world.row("w@x.kr").wanted.intent, Intent::Subscribed);
  EXPECT_NE(world.row("z@x.kr").wanted.intent, Intent::Subscribed);
  EXPECT_FALSE(world.knows("a10@x.kr"));
}

TEST_F(StoreParts, OfAFirstReadSomeCanBeSentBeforeTheRestIsThere) {
  World world;
  Table table;
  for (int i = 10; i < 40; ++i)
    table[key(i)] = {"a" + std::to_string(i) + "@x.kr"};
  ReadResult ignored;
  world.commit_in_parts(world.scan(table, start, ignored), 4, {}, 1);
  const auto claimed = world.claim();
  ASSERT_TRUE(claimed);
  EXPECT_THAT(addresses_of(*claimed), ElementsAre("a10@x.kr", "a11@x.kr"));
}

TEST_F(StoreParts, AScanThatBeganBeforeAPartOfAnotherReadIsTooOld) {
  World world;
  ReadResult ignored;
  auto old = world.scan({{key(1), {"a@x.kr"}}}, start, ignored);
  const Table table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}, {key(3), {"c@x.kr"}}};
  world.commit_in_parts(world.scan(table, start, ignored), 1, {}, 1);
  EXPECT_THROW(world.commit(std::move(old)), store::StoreError);
}

// The word of a row that was seen going from no to yes is newer than an opt-out only if it came after it.
TEST_F(StoreParts, AYesThatWasDecidedBeforeACrashIsNoNewerThanAnOptOutAfterIt) {
  World world;
  world.read({{key(1), {"a@x.kr", "n", false}}, {key(2), {"b@x.kr"}}});
  world.deliver_all();
  const Table table = {{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr", "renamed"}}, {key(3), {"c@x.kr"}}};
  ReadResult ignored;
  world.commit_in_parts(world.scan(table, start, ignored), 1, {}, 1);
  EXPECT_EQ(world.row("a@x.kr").wanted.intent, Intent::Subscribed);
  world.reopen();
  ReadResult again;
  world.scan(table, start + second, again);
  EXPECT_EQ(again.addresses.count("a@x.kr"), 0U) << "its row came with it";
}

TEST_F(StoreParts, MoreRowsThanAreWrittenAtOnceAreAllThereWithTheirAddresses) {
  World world;
  Table table;
  for (int i = 0; i < 700; ++i) {
    // Every third has no address, every fifth shares one.
    const auto address = i % 3 == 0 ? std::string() : "p" + std::to_string(i % 5 == 0 ? 1 : i) + "@x.kr";
    table[key(i)] = {address, "name"};
  }
  ReadResult result;
  world.commit_in_parts(world.scan(table, start, result), 700);
  world.reopen();
  EXPECT_EQ(world.snapshot_keys().size(), 700U);
  std::size_t borne = 0;
  for (const auto& [address, keys] : left_in(world, addresses_in(table)).bearers)
    borne += keys.size();
  EXPECT_EQ(borne, 466U);
  ReadResult again;
  world.scan(table, start + second, again);
  // But for those who share an address.
  for (const auto& staged : again.staged)
    EXPECT_TRUE(staged == key(1) || staged.integer() % 5 == 0) << staged.to_string();
}

}  // namespace
}  // namespace stibee_sync::store_tests
