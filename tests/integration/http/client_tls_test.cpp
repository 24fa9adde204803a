#include "integration/http/client_fixture.hpp"

#include <openssl/ssl.h>

namespace stibee_sync::http::test {
namespace {

using ::testing::HasSubstr;

void answer_all(Peer& peer, int) {
  while (!peer.read_request().empty())
    peer.send(answer(200, "{\"Ok\":true}"));
}

class ClientTlsTest : public ClientFixture {
 protected:
  ClientOptions trusting(const ScriptedServer& server, const std::string& host = "localhost") {
    auto options = options_for("https://" + host + ":" + std::to_string(server.port()));
    options.ca_file = authority_file.path();
    return options;
  }
  Certificate good() { return authority.issue(CertificateWish({"DNS:localhost", "IP:127.0.0.1"})); }
  void expect_nothing_received(ScriptedServer& server) {
    client.reset();
    server.await_idle();
    EXPECT_EQ(server.application_bytes(), 0U);
  }

  Authority authority;
  TemporaryFile authority_file{authority.pem()};
};

TEST_F(ClientTlsTest, TrustsAChainThroughTheCaFileForANameAndForAnAddress) {
  ScriptedServer server(answer_all, ServerTls(good()));
  for (const auto* host : {"localhost", "127.0.0.1"}) {
    start(trusting(server, host));
    const auto one = exchange();
    ASSERT_TRUE(one.ok()) << one.failure();
    EXPECT_EQ(one.response().body(), "{\"Ok\":true}");
  }
}

TEST_F(ClientTlsTest, SpeaksTls12AndTls13) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ServerTls tls(good());
    tls.only_version = version;
    ScriptedServer server(answer_all, tls);
    start(trusting(server));
    for (int i = 0; i < 3; ++i) {
      const auto one = exchange();
      ASSERT_TRUE(one.ok()) << one.failure();
      EXPECT_EQ(one.fresh, i == 0) << "session tickets must not look like a closed connection";
    }
    client.reset();
  }
}

TEST_F(ClientTlsTest, RefusesTls11BeforeSendingAnything) {
  ServerTls tls(good());
  tls.only_version = TLS1_1_VERSION;
  ScriptedServer server(answer_all, tls);
  start(trusting(server));
  expect_failure(exchange(), FailureKind::Tls, false, false);
  EXPECT_EQ(server.handshakes(), 0);
  expect_nothing_received(server);
}

TEST_F(ClientTlsTest, RefusesACertificateForAnotherHost) {
  ScriptedServer server(answer_all, ServerTls(authority.issue(CertificateWish({"DNS:other.example"}))));
  for (const auto* host : {"localhost", "127.0.0.1"}) {
    start(trusting(server, host));
    const auto one = exchange();
    expect_failure(one, FailureKind::CertificateInvalid, false, false);
    EXPECT_THAT(one.failure().detail, HasSubstr("mismatch"));
  }
  expect_nothing_received(server);
}

TEST_F(ClientTlsTest, DoesNotTakeTheCommonNameForAHostName) {
  CertificateWish wish({"DNS:other.example"});
  wish.common_name = "localhost";
  ScriptedServer server(answer_all, ServerTls(authority.issue(wish)));
  start(trusting(server));
  expect_failure(exchange(), FailureKind::CertificateInvalid, false, false);
  expect_nothing_received(server);
}

TEST_F(ClientTlsTest, RefusesAnExpiredCertificate) {
  CertificateWish wish({"DNS:localhost"});
  wish.valid_from_now = -1h;
  ScriptedServer server(answer_all, ServerTls(authority.issue(wish)));
  start(trusting(server));
  const auto one = exchange();
  expect_failure(one, FailureKind::CertificateInvalid, false, false);
  EXPECT_THAT(one.failure().detail, HasSubstr("expired"));
  expect_nothing_received(server);
}

TEST_F(ClientTlsTest, RefusesAStrangersSignature) {
  ScriptedServer server(answer_all, ServerTls(self_signed(CertificateWish({"DNS:localhost"}))));
  start(trusting(server));
  const auto one = exchange();
  expect_failure(one, FailureKind::CertificateInvalid, false, false);
  EXPECT_THAT(one.failure().detail, HasSubstr("self-signed"));
  expect_nothing_received(server);
}

TEST_F(ClientTlsTest, DoesNotTrustThePrivateAuthorityWithoutTheCaFile) {
  ScriptedServer server(answer_all, ServerTls(good()));
  auto options = trusting(server);
  options.ca_file.reset();
  start(std::move(options));
  expect_failure(exchange(), FailureKind::CertificateInvalid, false, false);
  expect_nothing_received(server);
}

TEST_F(ClientTlsTest, DoesNotTalkTlsToAPlainServer) {
  ScriptedServer server([](Peer& peer, int) {
    peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    peer.wait_for_close();
  });
  start(trusting(server));
  expect_failure(exchange(), FailureKind::Tls, false, false);
}

TEST_F(ClientTlsTest, NoticesAnIdleConnectionThatTheServerClosedPolitelyOrNot) {
  for (const bool rude : {false, true}) {
    ScriptedServer server(
        [rude, &server](Peer& peer, int connection) {
          if (connection > 0) return answer_all(peer, connection);
          peer.read_request();
          peer.send(answer(200, "first"));
          peer.close(rude);
          server.mark();
          peer.wait_for_close();
        },
        ServerTls(good()));
    start(trusting(server));
    ASSERT_TRUE(exchange().ok());
    server.await_mark();
    const auto second = exchange();
    ASSERT_TRUE(second.ok()) << second.failure();
    EXPECT_TRUE(second.fresh);
    EXPECT_EQ(server.connections(), 2);
    client.reset();
  }
}

TEST_F(ClientTlsTest, TakesATruncatedStreamForACutBodyUnlessTheLengthWasKnown) {
  ScriptedServer server(
      [](Peer& peer, int connection) {
        peer.read_request();
        switch (connection) {
          case 0:  // no length, no close_notify: anybody could have cut it
            peer.send("HTTP/1.1 200 OK\r\n\r\nhalf of the");
            return peer.close(true);
          case 1:  // no length, proper end
            peer.send("HTTP/1.1 200 OK\r\n\r\nall of it");
            return peer.close(false);
          default:  // whole by its length, rude end
            peer.send(answer(200, "whole", "Connection: close\r\n"));
            return peer.close(true);
        }
      },
      ServerTls(good()));
  start(trusting(server));
  expect_failure(exchange(), FailureKind::ConnectionClosed, true, true);
  auto one = exchange();
  ASSERT_TRUE(one.ok()) << one.failure();
  EXPECT_EQ(one.response().body(), "all of it");
  one = exchange();
  ASSERT_TRUE(one.ok()) << one.failure();
  EXPECT_EQ(one.response().body(), "whole");
}

TEST_F(ClientTlsTest, CarriesALargeRequestAndALargeAnswer) {
  std::string received;
  ScriptedServer server(
      [&](Peer& peer, int) {
        received = peer.read_request();
        peer.send(answer(200, std::string(3 << 20, 'b')));
        peer.wait_for_close();
      },
      ServerTls(good()));
  start(trusting(server));
  const std::string body(256 << 10, 'a');
  const auto one = exchange(post(body));
  ASSERT_TRUE(one.ok()) << one.failure();
  EXPECT_EQ(one.response().body(), std::string(3 << 20, 'b'));
  client.reset();
  server.await_idle();
  EXPECT_TRUE(received.ends_with(body));
  EXPECT_THAT(received.substr(0, received.find("\r\n\r\n")), HasSubstr("AccessToken: the-key"));
}

TEST_F(ClientTlsTest, RunsEightExchangesAtOnceAndUsesTheirConnectionsAgain) {
  ScriptedServer server(answer_all, ServerTls(good()));
  start(trusting(server));
  for (int round = 0; round < 3; ++round) {
    std::array<Attempt, 8> attempts;
    for (auto& one : attempts)
      launch(post(std::string(1000, 'x')), one);
    for (const auto& one : attempts)
      run_until_done(one);
    for (const auto& one : attempts)
      EXPECT_TRUE(one.ok()) << one.failure();
  }
  EXPECT_EQ(server.connections(), 8);
  EXPECT_EQ(client->idle_connections(), 8U);
}

}  // namespace
}  // namespace stibee_sync::http::test
