#include "stibee_sync/http/base_url.hpp"

#include <gmock/gmock.h>

namespace stibee_sync::http {
namespace {

using ::testing::HasSubstr;

BaseUrl accepted(std::string_view text) {
  auto parsed = parse_base_url(text);
  if (const auto* error = std::get_if<std::string>(&parsed)) {
    ADD_FAILURE() << text << ": " << *error;
    return BaseUrl(true, "refused", false, 1, "");
  }
  return std::get<BaseUrl>(parsed);
}

std::string refused(std::string_view text) {
  auto parsed = parse_base_url(text);
  if (std::holds_alternative<BaseUrl>(parsed)) return "accepted";
  return std::get<std::string>(parsed);
}

TEST(BaseUrl, ReadsSchemeHostAndPort) {
  const auto url = accepted("https://API.Stibee.com");
  EXPECT_TRUE(url.tls());
  EXPECT_EQ(url.host(), "api.stibee.com");
  EXPECT_EQ(url.port(), 443);
  EXPECT_EQ(url.path_prefix(), "");
  EXPECT_EQ(url.host_header(), "api.stibee.com");
  EXPECT_EQ(url.authority(), "api.stibee.com:443");
  EXPECT_FALSE(url.host_is_ip_literal());
}

TEST(BaseUrl, KeepsAPathPrefixWithoutItsFinalSlash) {
  EXPECT_EQ(accepted("https://gate.example/stibee/").path_prefix(), "/stibee");
  EXPECT_EQ(accepted("https://gate.example/").path_prefix(), "");
}

TEST(BaseUrl, NamesAnUnusualPortInTheHostHeader) {
  EXPECT_EQ(accepted("https://gate.example:8443").host_header(), "gate.example:8443");
  EXPECT_EQ(accepted("https://gate.example:443").host_header(), "gate.example");
  EXPECT_EQ(accepted("http://[::1]:8080").host_header(), "[::1]:8080");
  EXPECT_EQ(accepted("http://127.0.0.1").host_header(), "127.0.0.1");
}

TEST(BaseUrl, AllowsPlainHttpToLoopbackOnly) {
  EXPECT_TRUE(accepted("http://127.0.0.1:9000").host_is_ip_literal());
  EXPECT_EQ(accepted("http://127.9.9.9").port(), 80);
  EXPECT_EQ(accepted("http://[::1]:9000").host(), "::1");
  EXPECT_FALSE(accepted("http://localhost:9000").tls());
  for (const auto* text :
       {"http://api.stibee.com", "http://10.0.0.1", "http://[::2]", "http://0.0.0.0",
        "http://[::ffff:127.0.0.1]", "http://localhost.example", "http://127.0.0.1.example"}) {
    EXPECT_THAT(refused(text), HasSubstr("only allowed to a loopback address")) << text;
  }
}

TEST(BaseUrl, RefusesUserInfoWithoutRepeatingIt) {
  const auto error = refused("https://user:hunter2@api.stibee.com");
  EXPECT_THAT(error, HasSubstr("user name or password"));
  EXPECT_EQ(error.find("hunter2"), std::string::npos);
  EXPECT_THAT(refused("http://127.0.0.1@evil.example"), HasSubstr("user name or password"));
}

TEST(BaseUrl, RefusesQueryFragmentAndOtherSchemes) {
  EXPECT_THAT(refused("https://api.stibee.com/?a=b"), HasSubstr("query"));
  EXPECT_THAT(refused("https://api.stibee.com/#a"), HasSubstr("fragment"));
  EXPECT_THAT(refused("ftp://api.stibee.com"), HasSubstr("https://"));
  EXPECT_THAT(refused("api.stibee.com"), HasSubstr("https://"));
  EXPECT_THAT(refused(""), HasSubstr("https://"));
}

TEST(BaseUrl, RefusesWhatIsNoHost) {
  for (const auto* text :
       {"https://", "https://:443", "https://a..b", "https://-a.example", "https://a_b-.example",
        "https://127.1", "https://2130706433", "https://0x7f.1.0x1", "https://::1", "https://[::1",
        "https://[fe80::1%eth0]", "https://한국.example", "https://a b.example", "https://[::1]x"}) {
    EXPECT_NE(refused(text), "accepted") << text;
  }
}

TEST(BaseUrl, RefusesAPortOutOfRange) {
  for (const auto* text : {"https://a.example:0", "https://a.example:65536",
                           "https://a.example:", "https://a.example:8o", "https://a.example:443:1"}) {
    EXPECT_THAT(refused(text), HasSubstr("1 to 65535")) << text;
  }
}

}  // namespace
}  // namespace stibee_sync::http
