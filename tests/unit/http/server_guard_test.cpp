#include "http/server_guard.hpp"

#include <gmock/gmock.h>

namespace stibee_sync::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ServerOptions on_tcp() {
  return ServerOptions(ListenAddress("192.0.2.7", 9464));
}
ServerOptions on_unix() {
  return ServerOptions(UnixSocketAddress("/run/x.sock"));
}

int verdict(const ServerOptions& options, std::string_view method, std::string_view target,
            const std::vector<std::string_view>& hosts, bool http_1_0 = false) {
  const auto refusal = refuse_request(options, method, target, hosts, http_1_0, "192.0.2.8");
  return refusal ? refusal->status : 200;
}

TEST(HostOf, ReadsNamesAndLiteralsWithAndWithoutPort) {
  EXPECT_EQ(host_of("Localhost:80"), "localhost");
  EXPECT_EQ(host_of("[::1]:9464"), "::1");
  EXPECT_EQ(host_of("[::1]"), "::1");
  EXPECT_EQ(host_of("a.example."), "a.example");
  for (const auto* text : {"", ":80", "[::1", "a:b", "a:123456", "[::1]x", "::1"}) {
    EXPECT_EQ(host_of(text), std::nullopt) << text;
  }
}

TEST(RefuseRequest, ServesLoopbackNamesAndItsOwnAddresses) {
  for (const auto* host :
       {"localhost", "LOCALHOST:9464", "127.0.0.1:1", "[::1]:1", "192.0.2.7:9464", "192.0.2.8"}) {
    EXPECT_EQ(verdict(on_tcp(), "GET", "/", {host}), 200) << host;
  }
}

TEST(RefuseRequest, DoesNotServeStrangeHosts) {
  for (const auto* host : {"evil.example", "localhost.evil.example", "192.0.2.9", ""}) {
    EXPECT_EQ(verdict(on_tcp(), "GET", "/", {host}), 421) << host;
  }
  EXPECT_EQ(verdict(on_tcp(), "GET", "/", {}, true), 421);
}

TEST(RefuseRequest, SaysHowAHostIsConfigured) {
  auto options = on_tcp();
  const auto refusal = [&] { return refuse_request(options, "GET", "/", {"monitor"}, false, "192.0.2.8"); };
  EXPECT_EQ(refusal()->text, "this host name is not served here\n");
  options.host_cure = "add it to that key";
  EXPECT_EQ(refusal()->text, "this host name is not served here; add it to that key\n");
}

TEST(RefuseRequest, ServesConfiguredHosts) {
  auto options = on_tcp();
  options.allowed_hosts = {"Hooks.Example.org"};
  EXPECT_EQ(verdict(options, "GET", "/", {"hooks.example.org:443"}), 200);
  options.allowed_hosts.clear();
  options.check_host = false;
  EXPECT_EQ(verdict(options, "GET", "/", {"anything.example"}), 200);
}

TEST(RefuseRequest, DoesNotCheckTheHostOnAUnixSocket) {
  EXPECT_EQ(verdict(on_unix(), "GET", "/", {"anything"}), 200);
  EXPECT_EQ(verdict(on_unix(), "GET", "/", {}, true), 200);
}

TEST(RefuseRequest, WantsExactlyOneHost) {
  EXPECT_EQ(verdict(on_tcp(), "GET", "/", {}), 400);
  EXPECT_EQ(verdict(on_tcp(), "GET", "/", {"localhost", "localhost"}), 400);
}

TEST(RefuseRequest, AllowsHeadWithGetAndNamesTheMethods) {
  EXPECT_EQ(verdict(on_tcp(), "HEAD", "/", {"localhost"}), 200);
  EXPECT_EQ(verdict(on_tcp(), "POST", "/", {"localhost"}), 405);
  auto options = on_tcp();
  options.allowed_methods = {"POST"};
  EXPECT_EQ(verdict(options, "HEAD", "/", {"localhost"}), 405);
  const auto refusal = refuse_request(options, "GET", "/", {"localhost"}, false, "");
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->headers.front().value, "POST");
}

TEST(RefuseRequest, WantsAPathAsTarget) {
  for (const auto* target : {"*", "http://localhost/", "", "/a#b"}) {
    EXPECT_EQ(verdict(on_tcp(), "GET", target, {"localhost"}), 400) << target;
  }
}

TEST(AnswerHead, HasTheSecurityHeadersAndNothingTelling) {
  const ServerResponse response(200, "text/html", "<p>");
  const auto head = answer_head(on_tcp(), response, false, "OK", "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const auto* part :
       {"HTTP/1.1 200 OK\r\n", "Content-Security-Policy: default-src 'none'; style-src 'self'",
        "X-Content-Type-Options: nosniff\r\n", "Cache-Control: no-store\r\n", "Content-Type: text/html\r\n",
        "Content-Length: 3\r\n", "Date: Sun, 06"}) {
    EXPECT_THAT(head, HasSubstr(part));
  }
  for (const auto* part : {"Server:", "Set-Cookie", "Connection:"})
    EXPECT_THAT(head, Not(HasSubstr(part)));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST(AnswerHead, LetsTheHandlerReplaceAHeaderButNotTheFraming) {
  ServerResponse response(200, "text/css", "a");
  response.headers.emplace_back("cache-control", "max-age=60");
  const auto head = answer_head(on_tcp(), response, true, "OK", "");
  EXPECT_THAT(head, HasSubstr("cache-control: max-age=60\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("no-store")));
  EXPECT_THAT(head, HasSubstr("Connection: close\r\n"));
  response.headers.emplace_back("Content-Length", "5");
  EXPECT_THROW(answer_head(on_tcp(), response, true, "OK", ""), std::invalid_argument);
  response.headers = {Header("X", "a\r\nSet-Cookie: b")};
  EXPECT_THROW(answer_head(on_tcp(), response, true, "OK", ""), std::invalid_argument);
}

}  // namespace
}  // namespace stibee_sync::http
