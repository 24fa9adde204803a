#include "stibee_sync/text/url.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::text {
namespace {

Url url(std::string_view text) {
  return std::get<Url>(parse_url(text));
}

UrlProblem problem(std::string_view text) {
  const auto parsed = parse_url(text);
  if (std::holds_alternative<Url>(parsed)) ADD_FAILURE() << text << " is taken for a URL";
  return std::holds_alternative<Url>(parsed) ? UrlProblem{} : std::get<UrlProblem>(parsed);
}

TEST(Url, HasParts) {
  const auto plain = url("HTTPS://API.Stibee.com");
  EXPECT_EQ(plain.scheme, "https");
  EXPECT_EQ(plain.host, "api.stibee.com");
  EXPECT_FALSE(plain.port);
  EXPECT_EQ(plain.path, "");
  EXPECT_FALSE(plain.has_user || plain.has_query || plain.has_fragment || plain.host_is_bracketed);

  const auto full = url("http://kim:pass@[::1]:8080/A%20b/?q#f");
  EXPECT_TRUE(full.has_user);
  EXPECT_EQ(full.host, "::1");
  EXPECT_TRUE(full.host_is_bracketed);
  EXPECT_EQ(full.port, "8080");
  EXPECT_EQ(full.path, "/A%20b/");
  EXPECT_TRUE(full.has_query);
  EXPECT_TRUE(full.has_fragment);

  EXPECT_EQ(url("https://a:").port, "");
  EXPECT_EQ(url("https://").host, "");
}

// Nobody may take the beginning of a host for the host.
TEST(Url, AHostEndsOnlyWhereTheAuthorityDoes) {
  EXPECT_EQ(url("http://127.0.0.1.example/").host, "127.0.0.1.example");
  EXPECT_EQ(url("http://127.0.0.1@evil.example").host, "evil.example");
  EXPECT_EQ(url("http://evil.example?@127.0.0.1").host, "evil.example");
  EXPECT_EQ(url("http://a:1@b:2").port, "2");
  EXPECT_EQ(problem("http://a@b@c"), UrlProblem::Host);
  EXPECT_EQ(problem("http://a:80:@evil.example:x"), UrlProblem::Port);
  EXPECT_EQ(problem("http://127.0.0.1\\@evil.example"), UrlProblem::Host);
}

TEST(Url, SaysWhichPartIsWrong) {
  for (const char* text :
       {"", "api.stibee.com", "1http://a", "https:", "https:/a", "mailto:kim@example.com", "://a"})
    EXPECT_EQ(problem(text), UrlProblem::Scheme) << text;
  for (const char* text : {"https://[::1", "https://[::g]", "https://[fe80::1%eth0]", "https://a b",
                           "https://한국", "https://a\\b", "https://[::1]x", "https://u@[x]:1"})
    EXPECT_EQ(problem(text), UrlProblem::Host) << text;
  for (const char* text : {"https://a:8o", "https://a:443:1", "https://[::1]:x/", "https://::1"})
    EXPECT_EQ(problem(text), UrlProblem::Port) << text;
  for (const char* text :
       {"https://a/b c", "https://a/\\", "https://a/%zz", "https://a:1/?\x01", "https://a/#\xff"})
    EXPECT_EQ(problem(text), UrlProblem::Rest) << text;
}

}  // namespace
}  // namespace stibee_sync::text
