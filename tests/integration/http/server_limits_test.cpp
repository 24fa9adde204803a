#include "integration/http/raw_client.hpp"
#include "stibee_sync/http/server.hpp"

#include <atomic>
#include <list>

#include <gmock/gmock.h>

namespace stibee_sync::http::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

asio::awaitable<ServerResponse> size(ServerRequest request) {
  co_return ServerResponse(200, "text/plain", std::to_string(request.body.size()));
}

ServerOptions webhook() {
  auto options = on_loopback();
  options.allowed_methods = {"POST"};
  options.max_body_bytes = 1000;
  return options;
}

constexpr auto get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::string post(const std::string& body, const std::string& extra = {}) {
  return "POST /webhook/x HTTP/1.1\r\nHost: localhost\r\n" + extra +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(ServerLimits, TakesABodyUpToTheLimitAndRefusesMore) {
  RunningServer server(webhook(), size);
  {
    RawClient client(server.port());
    client.send(post(std::string(1000, 'x')));
    EXPECT_THAT(client.read_answer(), EndsWith("\r\n\r\n1000"));
    client.send(post(std::string(1001, 'x')));
    const auto answer = client.read_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(answer, HasSubstr("Connection: close"));
  }
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
              std::string(1001, 'x'));
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 "));
}

asio::awaitable<ServerResponse> forwarded(ServerRequest request) {
  co_return ServerResponse(
      200, "text/plain",
      request.body + " for " + std::string(request.header("x-forwarded-for").value_or("-")));
}

TEST(ServerLimits, WhatFollowsABodyInChunksIsNoHeader) {
  RunningServer server(webhook(), forwarded);
  RawClient client(server.port());
  client.send(
      "POST /webhook/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4\r\nbody\r\n0\r\nX-Forwarded-For: 52.78.132.66\r\n\r\n");
  EXPECT_THAT(client.read_answer(), EndsWith("\r\n\r\nbody for -"));
}

TEST(ServerLimits, DeliversItsRefusalToAClientThatIsStillSending) {
  RunningServer server(webhook(), size);
  RawClient client(server.port());
  client.send(post(std::string(200'000, 'x')));
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 "));
}

TEST(ServerLimits, TakesNoBodyWhereNoneIsExpected) {
  RunningServer server(on_loopback(), size);
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 "));
}

TEST(ServerLimits, RefusesAnOversizeHeader) {
  RunningServer server(on_loopback(), size);
  for (const auto& request :
       {"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(9000, 'x') + "\r\n\r\n",
        "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
        std::string(20'000, 'G')}) {
    RawClient client(server.port());
    client.send(request);
    const auto answer = client.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 431 ") || answer.starts_with("HTTP/1.1 400 ")) << answer;
    EXPECT_THAT(answer, Not(HasSubstr("[no end]")));
  }
}

/// A request whose head is so many bytes, in many short lines.
std::string head_of(std::size_t bytes) {
  std::string head = "GET / HTTP/1.1\r\nHost: localhost\r\n";
  while (bytes - head.size() > 80)
    head += "X-Line: " + std::string(30, 'x') + "\r\n";
  head += "X-Rest: ";
  head.append(bytes - head.size() - 4, 'x');
  return head + "\r\n\r\n";
}

TEST(ServerLimits, TakesAHeadAsLongAsAllowedAndNoByteMore) {
  const auto limit = on_loopback().max_header_bytes;
  for (const std::size_t piece : {std::size_t{7}, std::size_t{1000}, std::size_t{100'000}}) {
    for (const std::size_t more : {0, 1, 5000}) {
      SCOPED_TRACE("pieces of " + std::to_string(piece) + ", " + std::to_string(more) + " too long");
      RunningServer server(on_loopback(), size);
      RawClient client(server.port());
      const auto request = head_of(limit + more);
      ASSERT_EQ(request.size(), limit + more);
      for (std::size_t at = 0; at < request.size(); at += piece)
        client.send(request.substr(at, piece));
      EXPECT_THAT(client.read_answer(), StartsWith(more == 0 ? "HTTP/1.1 200 " : "HTTP/1.1 431 "));
    }
  }
}

TEST(ServerLimits, EndsAHeadOfShortLinesThatHasNoEnd) {
  RunningServer server(on_loopback(), size);
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
  for (int i = 0; i < 1000; ++i)
    client.send("X-Line: " + std::string(30, 'x') + "\r\n");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 431 "));
}

TEST(ServerLimits, EndsWhatStandsBetweenAndBehindChunksWithoutEnd) {
  const std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1";
  for (const auto* begin : {";name=", "\r\nx\r\n0\r\nX-Trailer: ", "\r\nx\r\n0;name="}) {
    RunningServer server(webhook(), size);
    RawClient client(server.port());
    client.send(head + begin);
    for (int i = 0; i < 1000; ++i)
      client.send(std::string(40, 'x'));
    EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 ")) << begin;
  }
}

TEST(ServerLimits, RefusesGarbage) {
  RunningServer server(on_loopback(), size);
  for (const auto& bytes : {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello tls\r\n\r\n", 26),
                            std::string("hello\r\n\r\n"), std::string("GET / HTTP/1.1\nHost localhost\n\n"),
                            std::string("GET  / HTTP/9.9\r\n\r\n"),
                            std::string("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                                        "5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")}) {
    RawClient client(server.port());
    client.send(bytes);
    EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 4")) << bytes;
  }
}

TEST(ServerLimits, TellsTheClientToContinueWhenItAsks) {
  RunningServer server(webhook(), size);
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.read_answer(true), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_THAT(client.read_answer(), EndsWith("\r\n\r\n3"));
}

TEST(ServerLimits, EndsSlowHeadersSlowBodiesAndSilence) {
  auto options = webhook();
  options.header_timeout = 100ms;
  options.body_timeout = 100ms;
  options.idle_timeout = 100ms;
  RunningServer server(std::move(options), size);
  RawClient silent(server.port());
  RawClient slow_header(server.port());
  slow_header.send("POST / HTTP/1.1\r\nHo");
  RawClient slow_body(server.port());
  slow_body.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  RawClient idle(server.port());
  idle.send(post("x"));
  EXPECT_THAT(idle.read_answer(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_THAT(slow_header.read_all(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(slow_body.read_all(), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(server.await_connections(0));
}

TEST(ServerLimits, IsNotFooledByADrippingHeader) {
  auto options = on_loopback();
  options.header_timeout = 150ms;
  RunningServer server(std::move(options), size);
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\n");
  std::atomic<bool> over = false;
  std::thread dripper([&] {
    while (!over && client.send("X: y\r\n"))
      std::this_thread::sleep_for(10ms);
  });
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 408 "));
  over = true;
  dripper.join();
}

TEST(ServerLimits, EndsABodyThatNeverPauses) {
  auto options = webhook();
  options.max_body_bytes = std::size_t{1} << 30;
  options.body_timeout = 100ms;
  RunningServer server(std::move(options), size);
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n");
  ASSERT_TRUE(server.await_connections(1));
  std::atomic<bool> over = false;
  std::thread sender([&] {
    while (!over && client.send("x")) {
    }
  });
  EXPECT_TRUE(server.await_connections(0)) << "the deadline fell between two reads and was lost";
  over = true;
  sender.join();
}

TEST(ServerLimits, DropsAClientThatDoesNotTakeItsAnswer) {
  auto options = on_loopback();
  options.write_timeout = 100ms;
  RunningServer server(std::move(options), [](ServerRequest) -> asio::awaitable<ServerResponse> {
    co_return ServerResponse(200, "text/plain", std::string(64 << 20, 'x'));
  });
  RawClient client(server.port());
  client.send(get);
  ASSERT_TRUE(server.await_connections(1));
  EXPECT_TRUE(server.await_connections(0));
}

TEST(ServerLimits, MakesRoomByClosingTheOldestIdleConnection) {
  auto options = on_loopback();
  options.max_connections = 2;
  RunningServer server(std::move(options), size);
  RawClient first(server.port());
  first.send(get);
  EXPECT_THAT(first.read_answer(), StartsWith("HTTP/1.1 200"));
  RawClient second(server.port());
  second.send(get);
  EXPECT_THAT(second.read_answer(), StartsWith("HTTP/1.1 200"));
  RawClient third(server.port());
  third.send(get);
  EXPECT_THAT(third.read_answer(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(first.read_all(), "");
  second.send(get);
  EXPECT_THAT(second.read_answer(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server.connections(), 2U);
}

TEST(ServerLimits, Answers503WhenEveryConnectionIsBusy) {
  auto options = on_loopback();
  options.max_connections = 2;
  RunningServer server(std::move(options), size);
  RawClient first(server.port());
  RawClient second(server.port());
  ASSERT_TRUE(server.await_connections(2));
  RawClient third(server.port());
  third.send(get);
  const auto answer = third.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1\r\n"));
  first.send(get);
  EXPECT_THAT(first.read_answer(), StartsWith("HTTP/1.1 200"));
}

TEST(ServerLimits, TellsWhatItRefusesByItself) {
  std::atomic<int> sum{0};
  auto options = webhook();
  options.on_refusal = [&sum](int status) { sum += status; };
  RunningServer server(std::move(options), size);
  {
    RawClient client(server.port());
    client.send(post(std::string(1001, 'x')));
    EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 "));
  }
  EXPECT_EQ(sum, 413);
  RawClient client(server.port());
  client.send(get);
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 405 "));
  client.send(post("x"));
  EXPECT_THAT(client.read_answer(), EndsWith("\r\n\r\n1"));
  EXPECT_EQ(sum, 413 + 405);
}

TEST(ServerLimits, AsksByTheHeaderAloneWhoMayBringABody) {
  std::atomic<int> asked{0};
  auto options = webhook();
  options.max_body_bytes = std::size_t{4} << 20;
  options.screen = [&asked](const ServerRequest& head) -> std::optional<ServerResponse> {
    ++asked;
    EXPECT_TRUE(head.body.empty());
    EXPECT_EQ(head.peer_address, "127.0.0.1");
    if (head.header("x-secret") == "right") return std::nullopt;
    return ServerResponse(404, "text/plain", "not found\n");
  };
  RunningServer server(std::move(options), size);
  RawClient client(server.port());
  client.send(post("abc", "X-Secret: right\r\n"));
  EXPECT_THAT(client.read_answer(), EndsWith("\r\n\r\n3"));
  client.send(post("", "X-Secret: wrong\r\n"));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 404 "));
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 404 ")) << "no byte of it was waited for";
  RawClient large(server.port());
  large.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4194305\r\n\r\n");
  EXPECT_THAT(large.read_all(), StartsWith("HTTP/1.1 404 ")) << "whoever may not call learns of no limit";
  EXPECT_EQ(asked, 4);
}

TEST(ServerLimits, TellsOfABodyThatItCouldNotTake) {
  std::atomic<int> lost{0};
  auto options = webhook();
  options.body_timeout = 100ms;
  options.screen = [](const ServerRequest& head) -> std::optional<ServerResponse> {
    if (head.path == "/webhook/x") return std::nullopt;
    return ServerResponse(404, "text/plain", "not found\n");
  };
  options.on_body_lost = [&lost](const ServerRequest& head) {
    EXPECT_EQ(head.path, "/webhook/x");
    ++lost;
  };
  RunningServer server(std::move(options), size);
  const auto answered = [&](const std::string& text) {
    RawClient client(server.port());
    client.send(text);
    return client.read_all().substr(0, 12);
  };
  const std::string head = "POST /webhook/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  EXPECT_EQ(answered(head + "Content-Length: 1001\r\n\r\n" + std::string(1001, 'x')), "HTTP/1.1 413");
  EXPECT_EQ(lost, 1);
  EXPECT_EQ(answered(head + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x')),
            "HTTP/1.1 413");
  EXPECT_EQ(lost, 2);
  EXPECT_EQ(answered(head + "Content-Length: 10\r\n\r\nabc"), "HTTP/1.1 408");
  EXPECT_EQ(lost, 3);
  EXPECT_EQ(answered(head + "Transfer-Encoding: chunked\r\n\r\nno length\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(lost, 4);
  {
    RawClient(server.port()).send(head + "Content-Length: 10\r\n\r\nabc");
  }
  // Not until no connection is left: this one may be gone before the server has seen it at all.
  EXPECT_TRUE(await([&lost] { return lost == 5; })) << "cut off";
  EXPECT_EQ(answered(head + "Content-Length: 1\r\n\r\nx"), "HTTP/1.1 200");
  EXPECT_EQ(answered("POST /other HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n"),
            "HTTP/1.1 404");
  EXPECT_EQ(lost, 5);
}

TEST(ServerLimits, DeliversItsRefusalOfABodyFarOverALargeLimit) {
  auto options = webhook();
  options.max_body_bytes = std::size_t{1} << 20;
  RunningServer server(std::move(options), size);
  RawClient client(server.port());
  client.send(post(std::string(std::size_t{3} << 20, 'x')));
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413 "));
}

TEST(ServerLimits, ClosesAStrangerWithoutAWord) {
  auto options = on_loopback();
  options.peer_connections = [](const std::string& peer) {
    return std::size_t{peer == "127.0.0.1" ? 64U : 0U};
  };
  RunningServer server(std::move(options), size);
  RawClient stranger(server.port(), "127.0.0.2");
  EXPECT_EQ(stranger.read_all(), "");
  EXPECT_EQ(server.connections(), 0U);
  RawClient client(server.port());
  client.send(get);
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200"));
}

TEST(ServerLimits, NoPeerKeepsOutTheOthers) {
  auto options = on_loopback();
  options.max_connections = 8;
  options.peer_connections = [](const std::string&) { return std::size_t{6}; };
  RunningServer server(std::move(options), size);
  const auto port = server.port();
  std::list<RawClient> crowd;
  for (int i = 0; i < 20; ++i)
    crowd.emplace_back(port, "127.0.0.2").send("GET / HT");
  ASSERT_TRUE(server.await_connections(6)) << "of its own budget";
  for (int i = 0; i < 20; ++i)
    crowd.emplace_back(port, "127.0.0.3").send("GET / HT");
  ASSERT_TRUE(server.await_connections(8));
  for (int i = 0; i < 3; ++i) {
    RawClient client(port);
    client.send(get);
    EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200")) << "the crowds make room";
    client.send(get);
    EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200"));
  }
}

TEST(ServerLimits, SurvivesAFloodOfConnections) {
  auto options = on_loopback();
  options.max_connections = 8;
  options.header_timeout = 200ms;
  RunningServer server(std::move(options), size);
  const auto port = server.port();
  for (int round = 0; round < 10; ++round) {
    std::list<RawClient> crowd;
    for (int i = 0; i < 50; ++i)
      crowd.emplace_back(port).send("GET / HT");
    EXPECT_LE(server.connections(), 8U);
  }
  ASSERT_TRUE(server.await_connections(0));
  RawClient client(port);
  client.send(get);
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200"));
}

}  // namespace
}  // namespace stibee_sync::http::test
