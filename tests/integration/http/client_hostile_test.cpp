// Whoever stands where Stibee should, directly and behind a proxy: without proof they are told nothing, and
// with it they cannot make us do anything but give up.
#include "integration/http/client_fixture.hpp"
#include "integration/http/connect_proxy.hpp"

#include <openssl/ssl.h>

namespace stibee_sync::http::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

enum class Route { Direct, Proxy };

class Hostile : public ClientFixture, public ::testing::WithParamInterface<Route> {
 protected:
  /// One exchange with that server; what a proxy between us saw of it is checked.
  Attempt exchange_with(ScriptedServer& server, std::chrono::milliseconds limit = 10s) {
    std::optional<ConnectProxy> proxy;
    if (GetParam() == Route::Proxy) proxy.emplace(server.port());
    auto options = options_for("https://localhost:" + std::to_string(server.port()));
    options.ca_file = ca_.path();
    options.request_timeout = limit;
    if (proxy) options.proxy = ProxyAddress{"127.0.0.1", proxy->port()};
    start(std::move(options));
    const auto one = exchange(post(R"({"email":"kim@example.com"})"));
    client.reset();
    if (proxy) {
      EXPECT_THAT(proxy->passed(),
                  AllOf(Not(HasSubstr("the-key")), Not(HasSubstr("kim@")), Not(HasSubstr("/v1/lists"))));
    }
    if (!one.ok()) {
      EXPECT_THAT(one.failure().detail, AllOf(Not(HasSubstr("the-key")), Not(HasSubstr("kim@"))));
    }
    return one;
  }
  ServerTls good() { return ServerTls(certificate_); }

  Authority authority_;
  Certificate certificate_ = authority_.issue(CertificateWish({"DNS:localhost"}));
  TemporaryFile ca_{authority_.pem()};
};

TEST_P(Hostile, WhoeverCannotProveTheirNameIsSentNotAByteOfTheRequest) {
  const CertificateWish localhost({"DNS:localhost"});
  CertificateWish expired = localhost;
  expired.valid_from_now = -1h;
  CertificateWish early = localhost;
  early.begins_from_now = 1h;
  early.valid_from_now = 48h;
  const Authority stranger;
  ServerTls old(authority_.issue(localhost));
  old.only_version = TLS1_1_VERSION;
  ServerTls older = old;
  older.only_version = TLS1_VERSION;
  struct Imposter {
    const char* what;
    ServerTls tls;
    FailureKind kind;
    const char* said;
  };
  const std::vector<Imposter> imposters{
      {"expired", ServerTls(authority_.issue(expired)), FailureKind::CertificateInvalid, "expired"},
      {"not yet valid", ServerTls(authority_.issue(early)), FailureKind::CertificateInvalid, "not yet valid"},
      {"another host", ServerTls(authority_.issue(CertificateWish({"DNS:api.stibee.example"}))),
       FailureKind::CertificateInvalid, "ostname mismatch"},
      {"signed by itself", ServerTls(self_signed(localhost)), FailureKind::CertificateInvalid, "self-signed"},
      {"an authority that nobody knows", ServerTls(stranger.issue(localhost)),
       FailureKind::CertificateInvalid, ""},
      {"TLS 1.1", old, FailureKind::Tls, ""},
      {"TLS 1.0", older, FailureKind::Tls, ""},
  };
  for (const auto& each : imposters) {
    SCOPED_TRACE(each.what);
    ScriptedServer server([](Peer& peer, int) { peer.read_request(); }, each.tls);
    const auto one = exchange_with(server);
    expect_failure(one, each.kind, false, false);
    EXPECT_THAT(one.failure().detail, HasSubstr(each.said));
    server.await_idle();
    EXPECT_EQ(server.connections(), 1);
    EXPECT_EQ(server.application_bytes(), 0U);
  }
}

TEST_P(Hostile, ARedirectIsNotFollowedWhereverItLeads) {
  ScriptedServer elsewhere([](Peer& peer, int) { peer.read_request(); }, good());
  for (const int status : {301, 302, 303, 307, 308}) {
    for (const std::string host : {"https://localhost:", "http://127.0.0.1:", "//localhost:"}) {
      ScriptedServer server(
          [&](Peer& peer, int) {
            peer.read_request();
            peer.send(
                answer(status, "", "Location: " + host + std::to_string(elsewhere.port()) + "/v1/x\r\n"));
            peer.wait_for_close();
          },
          good());
      const auto one = exchange_with(server);
      ASSERT_TRUE(one.ok()) << one.failure();
      EXPECT_EQ(one.response().status(), status);
      EXPECT_EQ(server.connections(), 1);
    }
  }
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST_P(Hostile, AnAnswerThatIsNoneEndsWithinItsLimits) {
  struct Answer {
    const char* what;
    std::function<void(Peer&)> says;
    FailureKind kind;
  };
  const std::vector<Answer> answers{
      {"headers without end",
       [](Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\n");
         for (int i = 0; i < 5'000; ++i)
           peer.send("X-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n");
       },
       FailureKind::TooLarge},
      {"headers that are a little too long, line by line",
       [](Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
         for (int i = 0; i < 700; ++i)
           peer.send("X: " + std::string(95, 'x') + "\r\n");
         peer.send("\r\n");
       },
       FailureKind::TooLarge},
      {"a trailer without end",
       [](Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: ");
         for (int i = 0; i < 100; ++i)
           peer.send(std::string(4'096, 'x'));
       },
       FailureKind::TooLarge},
      {"one header without end",
       [](Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nX: ");
         for (int i = 0; i < 100; ++i)
           peer.send(std::string(4'096, 'x'));
       },
       FailureKind::TooLarge},
      {"a body that says it is too large",
       [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{"); },
       FailureKind::TooLarge},
      {"a body without a length and without end",
       [](Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\n\r\n");
         for (int i = 0; i < 700; ++i)
           peer.send(std::string(16'000, '['));
       },
       FailureKind::TooLarge},
      {"chunks without end",
       [](Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
         for (int i = 0; i < 700; ++i)
           peer.send("3e80\r\n" + std::string(16'000, '[') + "\r\n");
       },
       FailureKind::TooLarge},
      {"a chunk that says it is endless",
       [](Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{");
       },
       FailureKind::TooLarge},
      {"a length that is longer than the body",
       [](Peer& peer) {
         peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"Ok\":true}");
         peer.close();
       },
       FailureKind::ConnectionClosed},
      {"two lengths",
       [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 50\r\n\r\n{}"); },
       FailureKind::Protocol},
      {"a length and chunks",
       [](Peer& peer) {
         peer.send(
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: "
             "chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
       },
       FailureKind::Protocol},
      {"a negative length", [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"); },
       FailureKind::Protocol},
      {"silence", [](Peer&) {}, FailureKind::Timeout},
      {"half a header", [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nX: "); }, FailureKind::Timeout},
      {"half a body", [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"); },
       FailureKind::Timeout},
  };
  for (const auto& each : answers) {
    SCOPED_TRACE(each.what);
    ScriptedServer server(
        [&](Peer& peer, int) {
          peer.read_request();
          each.says(peer);
          peer.wait_for_close();
        },
        good());
    const auto one = exchange_with(server, each.kind == FailureKind::Timeout ? 200ms : 10s);
    ASSERT_FALSE(one.ok()) << one.response();
    EXPECT_EQ(one.failure().kind, each.kind) << one.failure();
    EXPECT_TRUE(one.failure().request_sent);
    EXPECT_EQ(server.connections(), 1);
  }
}

TEST_P(Hostile, ABodyThatComesCompressedIsNotUnpacked) {
  // What gzip makes of two million zeros begins so; nobody here can unpack it, so that it stays as small as
  // it came.
  const std::string packed("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xec\xc1\x01\x01\x00\x00\x00\x80", 18);
  ScriptedServer server(
      [&](Peer& peer, int) {
        const auto request = peer.read_request();
        EXPECT_THAT(request, HasSubstr("Accept-Encoding: identity\r\n"));
        peer.send(answer(200, packed, "Content-Encoding: gzip\r\n"));
        peer.wait_for_close();
      },
      good());
  const auto one = exchange_with(server);
  ASSERT_TRUE(one.ok()) << one.failure();
  EXPECT_EQ(one.response().body(), packed);
}

INSTANTIATE_TEST_SUITE_P(Network, Hostile, ::testing::Values(Route::Direct, Route::Proxy),
                         [](const auto& one) {
                           return std::string(one.param == Route::Direct ? "Direct" : "Proxy");
                         });

}  // namespace
}  // namespace stibee_sync::http::test
