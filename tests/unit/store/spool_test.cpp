#include "store/spool.hpp"

#include "small_state.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace stibee_sync::store {
namespace {

using testing_support::TemporaryDirectory;

std::vector<std::pair<std::string, std::string>> drain(Sorter& sorter) {
  std::vector<std::pair<std::string, std::string>> all;
  std::string_view sort_key, payload;
  while (sorter.next(sort_key, payload))
    all.emplace_back(sort_key, payload);
  return all;
}

TEST(Spool, GivesRecordsBackInTheirOrderAsOftenAsAsked) {
  const TemporaryDirectory temporary;
  Spool spool(temporary.path());
  std::vector<std::string> records = {"", "a", std::string(200'000, 'x'), std::string("\0\n", 2)};
  for (const auto& record : records)
    spool.add(record);
  for (int round = 0; round < 2; ++round) {
    auto reader = spool.read();
    std::string_view record;
    for (const auto& expected : records) {
      ASSERT_TRUE(reader.next(record));
      EXPECT_EQ(record, expected);
    }
    EXPECT_FALSE(reader.next(record));
  }
}

TEST(Sorter, AnEmptyOneHasNothing) {
  const TemporaryDirectory temporary;
  Sorter sorter(temporary.path(), 1000);
  sorter.rewind();
  EXPECT_TRUE(drain(sorter).empty());
}

// Once in memory, once with a hundred runs on disk.
class SorterOf : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Memory, SorterOf, ::testing::Values(100'000'000, 20'000));

TEST_P(SorterOf, DeliversByKeyAndEqualKeysInTheOrderOfAdding) {
  const TemporaryDirectory temporary;
  Sorter sorter(temporary.path(), GetParam());
  std::mt19937 random(7);
  std::vector<std::pair<std::string, std::string>> expected;
  for (int i = 0; i < 20'000; ++i) {
    // Keys that share long prefixes, with bytes above 127 and NULs.
    std::string sort_key(random() % 12, static_cast<char>(random() % 2 == 0 ? 'a' : '\xf0'));
    sort_key += static_cast<char>(random() % 256);
    expected.emplace_back(sort_key, std::to_string(i));
    sorter.add(sort_key, expected.back().second);
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  EXPECT_EQ(sorter.size(), expected.size());
  for (int round = 0; round < 2; ++round) {
    sorter.rewind();
    EXPECT_EQ(drain(sorter), expected);
  }
}

TEST_P(SorterOf, TakesRecordsThatAreLargerThanItsMemory) {
  const TemporaryDirectory temporary;
  Sorter sorter(temporary.path(), GetParam());
  sorter.add("b", std::string(500'000, 'b'));
  sorter.add("a", std::string(500'000, 'a'));
  sorter.rewind();
  const auto all = drain(sorter);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].second, std::string(500'000, 'a'));
}

}  // namespace
}  // namespace stibee_sync::store
