#include "integration/http/client_fixture.hpp"
#include "integration/http/connect_proxy.hpp"

#include <cstdlib>

namespace stibee_sync::http::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void answer_all(Peer& peer, int) {
  while (!peer.read_request().empty())
    peer.send(answer(200, "{\"Ok\":true}"));
}

class ClientProxyTest : public ClientFixture {
 protected:
  ClientOptions through(std::uint16_t proxy, const std::string& host, std::uint16_t port) {
    auto options = options_for("https://" + host + ":" + std::to_string(port));
    options.ca_file = authority_file.path();
    options.proxy = ProxyAddress{"127.0.0.1", proxy};
    return options;
  }
  ServerTls tls(const std::string& name) {
    return ServerTls(authority.issue(CertificateWish({"DNS:" + name})));
  }

  Authority authority;
  TemporaryFile authority_file{authority.pem()};
};

TEST_F(ClientProxyTest, ReachesAHostThatOnlyTheProxyCanLookUpAndShowsItNothing) {
  ScriptedServer server(answer_all, tls("stibee.invalid"));
  ConnectProxy proxy(server.port());
  start(through(proxy.port(), "stibee.invalid", 443));
  for (int i = 0; i < 3; ++i) {
    const auto one = exchange();
    ASSERT_TRUE(one.ok()) << one.failure();
    EXPECT_EQ(one.response().body(), "{\"Ok\":true}");
    EXPECT_EQ(one.fresh, i == 0) << "a tunnel is used again";
  }
  ASSERT_EQ(proxy.requests().size(), 1U);
  EXPECT_EQ(proxy.requests().front(),
            "CONNECT stibee.invalid:443 HTTP/1.1\r\nHost: stibee.invalid:443\r\n\r\n");
  EXPECT_GT(proxy.passed().size(), 100U);
  EXPECT_THAT(proxy.passed(), Not(HasSubstr("the-key")));
  EXPECT_THAT(proxy.passed(), Not(HasSubstr("/v1/lists")));
}

TEST_F(ClientProxyTest, ARefusedConnectIsAFailureThatNamesTheProxy) {
  ScriptedServer server(answer_all, tls("localhost"));
  for (const int status : {403, 407, 502}) {
    ConnectProxy proxy("HTTP/1.1 " + std::to_string(status) +
                       " No\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nno!\n");
    start(through(proxy.port(), "localhost", server.port()));
    const auto one = exchange();
    expect_failure(one, FailureKind::Connect, false, false);
    EXPECT_THAT(one.failure().detail,
                HasSubstr("through the proxy 127.0.0.1:" + std::to_string(proxy.port())));
    EXPECT_THAT(one.failure().detail, HasSubstr("the proxy refuses with status " + std::to_string(status)));
    EXPECT_EQ(one.failure().detail.find("credentials") != std::string::npos, status == 407);
  }
  EXPECT_EQ(server.connections(), 0) << "there is no other way around";
}

TEST_F(ClientProxyTest, AProxyThatIsNotThereOrSpeaksNoHttpIsNamed) {
  std::uint16_t free_port = 0;
  {
    ConnectProxy gone("x");
    free_port = gone.port();
  }
  start(through(free_port, "stibee.invalid", 443));
  auto one = exchange();
  expect_failure(one, FailureKind::Connect, false, false);
  EXPECT_THAT(one.failure().detail, HasSubstr("through the proxy 127.0.0.1:" + std::to_string(free_port)));
  for (const std::string words : {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\n\r\nand a body"}) {
    ConnectProxy proxy(words);
    start(through(proxy.port(), "stibee.invalid", 443));
    one = exchange();
    ASSERT_FALSE(one.ok());
    EXPECT_FALSE(one.failure().request_sent);
    EXPECT_THAT(one.failure().detail, HasSubstr("through the proxy 127.0.0.1:"));
  }
}

TEST_F(ClientProxyTest, AProxyThatIsSilentIsNotWaitedForLongerThanAnyPeer) {
  ScriptedServer silent([](Peer& peer, int) { peer.wait_for_close(); });
  auto options = through(silent.port(), "stibee.invalid", 443);
  options.connect_timeout = 200ms;
  start(std::move(options));
  const auto one = exchange();
  expect_failure(one, FailureKind::Timeout, false, false);
  EXPECT_THAT(one.failure().detail, HasSubstr("through the proxy"));
}

TEST_F(ClientProxyTest, AProxyThatAnswersForStibeeItselfIsSeenThrough) {
  ScriptedServer other(answer_all, tls("other.example"));
  ConnectProxy proxy(other.port());
  start(through(proxy.port(), "stibee.invalid", 443));
  const auto one = exchange();
  expect_failure(one, FailureKind::CertificateInvalid, false, false);
  client.reset();
  other.await_idle();
  EXPECT_EQ(other.application_bytes(), 0U);
}

TEST_F(ClientProxyTest, PlainHttpStaysOnThisMachine) {
  ScriptedServer server(answer_all);
  ConnectProxy proxy(server.port());
  auto options = plain(server);
  options.proxy = ProxyAddress{"127.0.0.1", proxy.port()};
  start(std::move(options));
  EXPECT_TRUE(exchange().ok());
  EXPECT_TRUE(proxy.requests().empty());
}

TEST_F(ClientProxyTest, TheEnvironmentNamesNoProxy) {
  ScriptedServer server(answer_all, tls("localhost"));
  ConnectProxy proxy("HTTP/1.1 403 No\r\n\r\n");
  const auto url = "http://127.0.0.1:" + std::to_string(proxy.port());
  for (const auto* name : {"HTTPS_PROXY", "https_proxy", "ALL_PROXY"})
    ::setenv(name, url.c_str(), 1);
  auto options = through(proxy.port(), "localhost", server.port());
  options.proxy.reset();
  start(std::move(options));
  EXPECT_TRUE(exchange().ok());
  for (const auto* name : {"HTTPS_PROXY", "https_proxy", "ALL_PROXY"})
    ::unsetenv(name);
  EXPECT_TRUE(proxy.requests().empty());
}

}  // namespace
}  // namespace stibee_sync::http::test
