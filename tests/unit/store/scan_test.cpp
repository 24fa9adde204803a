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

}  // namespace
}  // namespace stibee_sync::store
