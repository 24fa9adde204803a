#include "stibee_sync/domain/member_key.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::domain {
namespace {

TEST(MemberKey, IntegersOrderAsNumbers) {
  EXPECT_LT(MemberKey(std::int64_t{-5}), MemberKey(std::int64_t{3}));
  EXPECT_LT(MemberKey(std::int64_t{9}), MemberKey(std::int64_t{10}));
}

TEST(MemberKey, TextsOrderAsBytesLikeCollateC) {
  EXPECT_LT(MemberKey(std::string("10")), MemberKey(std::string("9")));
  EXPECT_LT(MemberKey(std::string("Z")), MemberKey(std::string("a")));
  EXPECT_LT(MemberKey(std::string("z")), MemberKey(std::string("é")));
  EXPECT_LT(MemberKey(std::string("a")), MemberKey(std::string("aa")));
}

TEST(MemberKey, IsWrittenForHumansAsItIs) {
  EXPECT_EQ(MemberKey(std::int64_t{-42}).to_string(), "-42");
  EXPECT_EQ(MemberKey(std::string("m-1")).to_string(), "m-1");
}

}  // namespace
}  // namespace stibee_sync::domain
