#include "stibee_sync/http/listen_address.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::http {
namespace {

TEST(ListenAddress, ReadsIPv4IPv6AndLocalhost) {
  const auto text = [](std::string_view given) {
    return std::get<ListenAddress>(parse_listen_address(given)).text();
  };
  EXPECT_EQ(text("127.0.0.1:9464"), "127.0.0.1:9464");
  EXPECT_EQ(text("[::1]:9464"), "[::1]:9464");
  EXPECT_EQ(text("0.0.0.0:0"), "0.0.0.0:0");
  EXPECT_EQ(text("localhost:80"), "127.0.0.1:80");
}

TEST(ListenAddress, RefusesWhatCannotBeBound) {
  for (const auto* text : {"", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                           "example.org:80", "::1:9464", "[127.0.0.1]:80", "[]:80", "127.0.0.1:80 "}) {
    EXPECT_TRUE(std::holds_alternative<std::string>(parse_listen_address(text))) << text;
  }
}

}  // namespace
}  // namespace stibee_sync::http
