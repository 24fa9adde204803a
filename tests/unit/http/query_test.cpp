#include "stibee_sync/http/query.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::http {
namespace {

TEST(Query, ValuesAreFoundByTheirWholeName) {
  EXPECT_EQ(query_value("mirror=a&reveal&limit=5", "mirror"), "a");
  EXPECT_EQ(query_value("mirror=a&reveal&limit=5", "reveal"), "") << "a part without a value";
  EXPECT_EQ(query_value("mirror=a&reveal&limit=5", "limit"), "5");
  EXPECT_EQ(query_value("xmirror=a&mirrors=b", "mirror"), std::nullopt);
  EXPECT_EQ(query_value("reason=mirror=a", "mirror"), std::nullopt);
  EXPECT_EQ(query_value("reason=mirror=a", "reason"), "mirror=a");
  EXPECT_EQ(query_value("a=1&a=2", "a"), "1");
  EXPECT_EQ(query_value("", "a"), std::nullopt);
  EXPECT_EQ(query_value("&&=x&", "a"), std::nullopt);
}

TEST(Query, WhatIsPutInComesOut) {
  std::string query;
  add_to_query(query, "mirror", "a&b=c d 회원%41");
  add_to_query(query, "digest", "0f");
  EXPECT_EQ(query_value(query, "mirror"), "a&b=c d 회원%41");
  EXPECT_EQ(query_value(query, "digest"), "0f");
}

}  // namespace
}  // namespace stibee_sync::http
