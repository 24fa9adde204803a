#include "stibee_sync/diff/differ.hpp"

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace stibee_sync::diff {
namespace {

using domain::MemberKey;

domain::Fingerprint print(std::uint8_t n) {
  domain::Fingerprint result;
  result.bytes[0] = n;
  return result;
}

MemberKey number(std::int64_t n) {
  return MemberKey(n);
}

// Plays a stored snapshot and remembers what is gone.
class Snapshot {
 public:
  explicit Snapshot(std::vector<StoredRow> rows) : rows_(std::move(rows)) {}

  Differ differ(bool force = false) {
    return Differ(
        [this](StoredRow& row) {
          if (next_ == rows_.size()) return false;
          row = rows_[next_++];
          return true;
        },
        [this](const MemberKey& key) { gone.push_back(key); }, force);
  }

  std::vector<MemberKey> gone;

 private:
  std::vector<StoredRow> rows_;
  std::size_t next_ = 0;
};

TEST(Differ, TellsNewChangedUnchangedShadowedAndGoneRowsApart) {
  Snapshot snapshot({{number(1), print(1)},
                     {number(2), print(2)},
                     {number(4), print(4)},
                     {number(5), print(5), true},
                     {number(9), print(9)}});
  Differ differ = snapshot.differ();
  EXPECT_EQ(differ.see(number(0), print(0)), RowState::New);
  EXPECT_EQ(differ.see(number(1), print(1)), RowState::Unchanged);
  EXPECT_EQ(differ.see(number(3), print(3)), RowState::New);
  EXPECT_EQ(snapshot.gone, (std::vector{number(2)}));
  EXPECT_EQ(differ.see(number(4), print(40)), RowState::Changed);
  EXPECT_EQ(differ.see(number(5), print(5)), RowState::Shadowed);
  EXPECT_EQ(differ.see(number(6), print(6)), RowState::New);
  differ.finish();
  EXPECT_EQ(snapshot.gone, (std::vector{number(2), number(9)}));
}

TEST(Differ, ChangedMappingMakesEveryStoredRowChanged) {
  Snapshot snapshot({{number(1), print(1)}, {number(2), print(2), true}});
  Differ differ = snapshot.differ(true);
  EXPECT_EQ(differ.see(number(1), print(1)), RowState::Changed);
  EXPECT_EQ(differ.see(number(2), print(2)), RowState::Changed);
  EXPECT_EQ(differ.see(number(3), print(3)), RowState::New);
}

TEST(Differ, KeyThatIsNotAboveTheOneBeforeIsOutOfOrder) {
  Snapshot snapshot({{number(5), print(5)}});
  Differ differ = snapshot.differ();
  EXPECT_EQ(differ.see(number(5), print(5)), RowState::Unchanged);
  EXPECT_EQ(differ.see(number(5), print(5)), RowState::OutOfOrder);
  EXPECT_EQ(differ.see(number(4), print(4)), RowState::OutOfOrder);
  EXPECT_EQ(differ.see(number(6), print(6)), RowState::New);
  EXPECT_TRUE(snapshot.gone.empty());
}

TEST(Differ, FirstReadIsAllNewAndAnEmptyReadAllGone) {
  Snapshot empty({});
  Differ first = empty.differ();
  EXPECT_EQ(first.see(MemberKey(std::string("a")), print(1)), RowState::New);
  EXPECT_EQ(first.see(MemberKey(std::string("b")), print(1)), RowState::New);
  first.finish();
  EXPECT_TRUE(empty.gone.empty());

  Snapshot full({{number(1), print(1)}, {number(2), print(2)}});
  full.differ().finish();
  EXPECT_EQ(full.gone, (std::vector{number(1), number(2)}));
}

TEST(Differ, AgreesWithAComparisonOfWholeTables) {
  std::mt19937_64 random(17);
  for (int round = 0; round < 2000; ++round) {
    std::map<std::int64_t, std::uint8_t> before, after;
    for (int i = 0; i < 8; ++i) {
      before[static_cast<std::int64_t>(random() % 12) - 6] = static_cast<std::uint8_t>(random() % 2);
      after[static_cast<std::int64_t>(random() % 12) - 6] = static_cast<std::uint8_t>(random() % 2);
    }
    std::vector<StoredRow> stored;
    for (const auto& [key, mark] : before)
      stored.push_back({number(key), print(mark)});
    Snapshot snapshot(stored);
    Differ differ = snapshot.differ();
    for (const auto& [key, mark] : after) {
      const auto old = before.find(key);
      const RowState expected = old == before.end()   ? RowState::New
                                : old->second == mark ? RowState::Unchanged
                                                      : RowState::Changed;
      ASSERT_EQ(differ.see(number(key), print(mark)), expected);
    }
    differ.finish();
    std::vector<MemberKey> gone;
    for (const auto& [key, mark] : before) {
      if (!after.contains(key)) gone.push_back(number(key));
    }
    ASSERT_EQ(snapshot.gone, gone);
  }
}

}  // namespace
}  // namespace stibee_sync::diff
