#include "stibee_sync/text/ip.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::text {
namespace {

IpAddress ip(std::string_view literal) {
  return IpAddress::parse(literal).value();
}

TEST(IpAddress, ReadsBothVersions) {
  EXPECT_TRUE(ip("10.0.0.1").is_v4());
  EXPECT_EQ(ip("10.0.0.1").bits(), 32);
  EXPECT_EQ(ip("10.0.0.1").text(), "10.0.0.1");
  EXPECT_FALSE(ip("::1").is_v4());
  EXPECT_EQ(ip("2001:0DB8:0:0::17").text(), "2001:db8::17");
  EXPECT_FALSE(ip("::ffff:10.0.0.1").is_v4());
}

TEST(IpAddress, RefusesEverythingElse) {
  for (const std::string_view text :
       {std::string_view(""), std::string_view("10.0.0"), std::string_view("10.0.0.256"),
        std::string_view("127.1"), std::string_view("0x7f.0.0.1"), std::string_view("10.0.0.1 "),
        std::string_view("[::1]"), std::string_view("fe80::1%eth0"), std::string_view("::1::"),
        std::string_view("10.0.0.1\0", 9), std::string_view("localhost")})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(IpAddress, KnowsLoopback) {
  for (const char* text : {"127.0.0.1", "127.9.9.9", "::1", "0::0:1"})
    EXPECT_TRUE(ip(text).is_loopback()) << text;
  for (const char* text : {"10.0.0.1", "::2", "::ffff:127.0.0.1", "0.0.0.0"})
    EXPECT_FALSE(ip(text).is_loopback()) << text;
}

TEST(IpAddress, IsMaskedToItsNetwork) {
  EXPECT_EQ(ip("10.1.2.3").masked(8).text(), "10.0.0.0");
  EXPECT_EQ(ip("10.1.2.3").masked(31).text(), "10.1.2.2");
  EXPECT_EQ(ip("10.1.2.3").masked(32), ip("10.1.2.3"));
  EXPECT_EQ(ip("10.1.2.3").masked(0).text(), "0.0.0.0");
  EXPECT_EQ(ip("2001:db8:ffff::1").masked(33).text(), "2001:db8:8000::");
  EXPECT_EQ(ip("2001:db8::1").masked(0).text(), "::");
}

bool contains(std::string_view network, int prefix_length, std::string_view address) {
  return IpNetwork::parse(network, prefix_length).value().contains(ip(address));
}

TEST(IpNetwork, HoldsTheAddressesOfItsPrefix) {
  EXPECT_TRUE(contains("192.168.4.0", 22, "192.168.4.0"));
  EXPECT_TRUE(contains("192.168.4.0", 22, "192.168.7.255"));
  EXPECT_FALSE(contains("192.168.4.0", 22, "192.168.8.0"));
  EXPECT_FALSE(contains("192.168.4.0", 22, "192.168.3.255"));
  EXPECT_TRUE(contains("10.0.0.0", 8, "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0", 8, "11.0.0.0"));
  EXPECT_TRUE(contains("10.1.2.3", 8, "10.9.9.9"));
  EXPECT_TRUE(contains("52.78.132.66", 32, "52.78.132.66"));
  EXPECT_FALSE(contains("52.78.132.66", 32, "52.78.132.67"));
  EXPECT_TRUE(contains("2001:db8::", 33, "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::", 33, "2001:db8:8000::1"));
}

TEST(IpNetwork, BothSpellingsOfAnAddressAreOne) {
  EXPECT_TRUE(contains("10.0.0.0", 8, "::ffff:10.0.0.1"));
  EXPECT_TRUE(contains("::ffff:10.0.0.0", 104, "10.0.0.1"));
  EXPECT_TRUE(contains("::", 0, "2001:db8::1"));
  EXPECT_FALSE(contains("::", 0, "10.0.0.1"));
  EXPECT_FALSE(contains("::", 0, "::ffff:10.0.0.1"));
  EXPECT_TRUE(contains("0.0.0.0", 0, "10.0.0.1"));
  EXPECT_FALSE(contains("0.0.0.0", 0, "::1"));
}

TEST(IpNetwork, RefusesWhatIsNone) {
  EXPECT_FALSE(IpNetwork::parse("proxy", 8));
  EXPECT_FALSE(IpNetwork::parse("", 0));
  EXPECT_FALSE(IpNetwork::parse("10.0.0.0", 33));
  EXPECT_FALSE(IpNetwork::parse("10.0.0.0", -1));
  EXPECT_FALSE(IpNetwork::parse("::", 129));
}

TEST(ListenAddress, IsWrittenWithIPv6InBrackets) {
  EXPECT_EQ((ListenAddress{"127.0.0.1", 9464}).text(), "127.0.0.1:9464");
  EXPECT_EQ((ListenAddress{"::1", 9464}).text(), "[::1]:9464");
  EXPECT_EQ((ListenAddress{"0.0.0.0", 0}).text(), "0.0.0.0:0");
}

}  // namespace
}  // namespace stibee_sync::text
