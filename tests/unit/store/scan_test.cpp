#include "small_state.hpp"

#include <gtest/gtest.h>

// The finer points of a read's staging; the contract tests show the rest.
namespace stibee_sync::store {
namespace {

using namespace testing_support;

class ScanOfATable : public ::testing::Test {
 protected:
  void read(const Table& table) { read_table(*store_, mirror_, table); }
  /// By key.
  std::vector<bool> shadowed() {
    std::vector<bool> flags;
    for (const auto& row : snapshot(*store_, mirror_))
      flags.push_back(row.shadowed);
    return flags;
  }

  TemporaryDirectory temporary_;
  OpenReport report_;
  std::unique_ptr<Store> store_ = open_store(temporary_.path(), report_);
  MirrorId mirror_ = store_->open_mirror("members", 1234);
};

TEST_F(ScanOfATable, OnlyUsableRowsOfASharedAddressAreShadowed) {
  const Row usable{"a@x.kr"};
  const Row rejected{"a@x.kr", "somebody", "bad_date"};
  read({{key(1), usable}});
  EXPECT_EQ(shadowed(), std::vector<bool>{false});
  read({{key(1), usable}, {key(2), rejected}});
  EXPECT_EQ(shadowed(), (std::vector<bool>{true, false}));
  read({{key(1), usable}, {key(2), usable}});
  EXPECT_EQ(shadowed(), (std::vector<bool>{true, true}));
  read({{key(2), usable}});
  EXPECT_EQ(shadowed(), std::vector<bool>{false});
  read({});
  EXPECT_TRUE(shadowed().empty());
}

TEST_F(ScanOfATable, ItIsNotTakenOverBeforeAllIsDecided) {
  auto scan = store_->begin_scan(mirror_);
  stage_differences(scan, {{key(1), {"a@x.kr"}}}, store_->key());
  auto early = in_transaction([&](Transaction& transaction) { transaction.take_over(scan); });
  EXPECT_THROW(early(*store_), std::invalid_argument);
  EXPECT_TRUE(shadowed().empty());
}

TEST_F(ScanOfATable, SomeOfItsRowsAreFoundByTheirKeysAndTheOthersAreLeftAlone) {
  read({{key(1), {"a@x.kr"}}, {key(2), {"b@x.kr"}}, {key(3), {"c@x.kr"}}});
  const auto touch = [&](Transaction& transaction) {
    transaction.touch(mirror_, domain::EmailAddress::from_normalised("c@x.kr"));
  };
  const auto wanted = store_->reads_wanted(mirror_);
  in_transaction(touch)(*store_);
  EXPECT_EQ(store_->reads_wanted(mirror_), wanted + 1);

  auto scan = store_->begin_scan(mirror_);
  EXPECT_FALSE(scan.find(key(9)));
  ASSERT_TRUE(scan.find(key(2)));
  EXPECT_EQ(scan.find(key(2))->fingerprint, staged_row(key(2), {"b@x.kr"}, store_->key()).fingerprint);
  scan.stage_gone(key(2));
  std::vector<std::string> addresses;
  for (TouchedAddress address; scan.next_address(address);) {
    addresses.push_back(address.email.text());
    scan.decide({}, 0);
  }
  EXPECT_EQ(addresses, std::vector<std::string>{"b@x.kr"}) << "c@x.kr waits for a read of all rows";
  in_transaction([&](Transaction& transaction) { transaction.take_over(scan); })(*store_);
  EXPECT_EQ(shadowed().size(), 2U);
  auto all = store_->begin_scan(mirror_);
  addresses.clear();
  for (TouchedAddress address; all.next_address(address);) {
    addresses.push_back(address.email.text());
    all.decide({}, 0);
  }
  EXPECT_EQ(addresses, std::vector<std::string>{"c@x.kr"});
}

}  // namespace
}  // namespace stibee_sync::store
