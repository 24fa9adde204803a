#include "stibee_sync/http/listen_address.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::http {
namespace {

TEST(ListenAddress, IsWrittenWithIPv6InBrackets) {
  EXPECT_EQ(ListenAddress("127.0.0.1", 9464).text(), "127.0.0.1:9464");
  EXPECT_EQ(ListenAddress("::1", 9464).text(), "[::1]:9464");
  EXPECT_EQ(ListenAddress("0.0.0.0", 0).text(), "0.0.0.0:0");
}

}  // namespace
}  // namespace stibee_sync::http
