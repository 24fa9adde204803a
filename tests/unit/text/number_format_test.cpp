#include "stibee_sync/text/number_format.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace stibee_sync::text {
namespace {

TEST(NumberFormat, GroupsDigitsByThree) {
  EXPECT_EQ(with_thousands(std::int64_t{0}), "0");
  EXPECT_EQ(with_thousands(std::int64_t{999}), "999");
  EXPECT_EQ(with_thousands(std::int64_t{1000}), "1,000");
  EXPECT_EQ(with_thousands(std::int64_t{1234567}), "1,234,567");
  EXPECT_EQ(with_thousands(std::int64_t{-999}), "-999");
  EXPECT_EQ(with_thousands(std::int64_t{-1000}), "-1,000");
  EXPECT_EQ(with_thousands(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
  EXPECT_EQ(with_thousands(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
}

}  // namespace
}  // namespace stibee_sync::text
