#include "integration/http/client_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

namespace stibee_sync::http::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using ClientExchangeTest = ClientFixture;

void answer_all(Peer& peer, int) {
  while (!peer.read_request().empty())
    peer.send(answer(200, "ok"));
}

TEST_F(ClientExchangeTest, SendsWhatTheRequestSays) {
  std::string received;
  ScriptedServer server([&](Peer& peer, int) {
    received = peer.read_request();
    peer.send(answer(200, "ok", "X-Answer: yes\r\n"));
    peer.wait_for_close();
  });
  auto options = options_for("http://127.0.0.1:" + std::to_string(server.port()) + "/gate/");
  start(std::move(options));
  Request request("POST", "/v1/x?a=b", {{"Content-Type", "application/json"}}, "{\"a\":1}");
  request.add_secret_header("AccessToken", privacy::Secret("the-key"));
  const auto one = exchange(std::move(request));
  ASSERT_TRUE(one.ok()) << one.failure();
  EXPECT_EQ(one.response().header("x-answer"), "yes");
  EXPECT_EQ(
      received,
      "POST /gate/v1/x?a=b HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
          "\r\nContent-Type: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: stibee-syncd\r\n"
          "AccessToken: the-key\r\n"
          "Content-Length: 7\r\n\r\n{\"a\":1}");
}

TEST_F(ClientExchangeTest, UsesAConnectionAgainAndSaysSo) {
  ScriptedServer server(answer_all);
  start(plain(server));
  for (int i = 0; i < 5; ++i) {
    const auto one = exchange();
    ASSERT_TRUE(one.ok()) << one.failure();
    EXPECT_EQ(one.fresh, i == 0);
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client->idle_connections(), 1U);
}

TEST_F(ClientExchangeTest, DoesNotUseAConnectionAgainThatTheServerWantsClosed) {
  ScriptedServer server([](Peer& peer, int) {
    peer.read_request();
    peer.send(answer(200, "ok", "Connection: close\r\n"));
    peer.wait_for_close();
  });
  start(plain(server));
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(exchange().ok());
  EXPECT_EQ(server.connections(), 2);
  EXPECT_EQ(client->idle_connections(), 0U);
}

TEST_F(ClientExchangeTest, DoesNotUseAConnectionAgainThatSaidMoreThanItWasAsked) {
  ScriptedServer server([](Peer& peer, int) {
    peer.read_request();
    peer.send(answer(200, "ok") + answer(200, "the answer to nothing"));
    peer.wait_for_close();
  });
  start(plain(server));
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(exchange().response().body(), "ok");
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(ClientExchangeTest, ClosesIdleConnectionsAfterTheirTime) {
  ScriptedServer server([&](Peer& peer, int connection) {
    answer_all(peer, connection);
    server.mark();
  });
  auto options = plain(server);
  options.idle_timeout = 50ms;
  start(std::move(options));
  ASSERT_TRUE(exchange().ok());
  loop.restart();
  loop.run();  // ends when the last idle connection, and with it the timer, is gone
  server.await_mark();
  EXPECT_EQ(client->idle_connections(), 0U);
}

TEST_F(ClientExchangeTest, KeepsNoMoreIdleConnectionsThanAllowed) {
  ScriptedServer server(answer_all);
  auto options = plain(server);
  options.max_idle = 2;
  start(std::move(options));
  std::array<Attempt, 5> attempts;
  for (auto& one : attempts)
    launch(post(), one);
  for (const auto& one : attempts)
    run_until_done(one);
  EXPECT_EQ(client->idle_connections(), 2U);
}

TEST_F(ClientExchangeTest, NoticesThatALeasedConnectionWasClosedBeforeTheRequestWentOut) {
  ScriptedServer server([&](Peer& peer, int) {
    peer.close();
    server.mark();
    peer.wait_for_close();
  });
  start(plain(server));
  std::optional<ExchangeResult> result;
  const auto late = [&]() -> asio::awaitable<void> {
    OpenResult opened = co_await client->open();
    std::unique_ptr<Channel> channel = std::move(opened).take_channel();
    server.await_mark();  // the caller waits for its slot, and the server loses patience
    ExchangeResult answer = co_await channel->exchange(post());
    result.emplace(std::move(answer));
  };
  asio::co_spawn(loop, late(), asio::detached);
  loop.run();
  ASSERT_TRUE(result && !result->ok());
  EXPECT_EQ(result->failure().kind, FailureKind::ConnectionClosed);
  EXPECT_FALSE(result->failure().request_sent);
  client.reset();
  server.await_idle();
  EXPECT_EQ(server.application_bytes(), 0U);
}

TEST_F(ClientExchangeTest, ReturnsRedirectsAsTheyAre) {
  ScriptedServer server([](Peer& peer, int) {
    peer.read_request();
    peer.send(answer(302, "", "Location: http://127.0.0.1:1/elsewhere\r\n"));
    peer.wait_for_close();
  });
  start(plain(server));
  const auto one = exchange();
  ASSERT_TRUE(one.ok()) << one.failure();
  EXPECT_EQ(one.response().status(), 302);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientExchangeTest, ReadsChunkedAnswersInterimAnswersAndSplitHeaders) {
  ScriptedServer server([](Peer& peer, int) {
    while (!peer.read_request().empty()) {
      peer.send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 20");
      peer.send("0 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
      peer.send("2;x=y\r\nde\r\n0\r\n\r\n");
    }
  });
  start(plain(server));
  for (int i = 0; i < 2; ++i) {
    const auto one = exchange();
    ASSERT_TRUE(one.ok()) << one.failure();
    EXPECT_EQ(one.response().status(), 200);
    EXPECT_EQ(one.response().body(), "abcde");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientExchangeTest, DoesNotWaitForTheBodyOfAnAnswerToHead) {
  ScriptedServer server([](Peer& peer, int) {
    while (!peer.read_request().empty())
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
  });
  start(plain(server));
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(exchange(Request("HEAD", "/")).ok());
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientExchangeTest, TellsACutBodyFromACutHeaderAndFromNoAnswer) {
  ScriptedServer server([](Peer& peer, int connection) {
    peer.read_request();
    if (connection == 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    if (connection == 1) peer.send("HTTP/1.1 200 OK\r\nContent-");
  });
  start(plain(server));
  auto one = exchange();
  expect_failure(one, FailureKind::ConnectionClosed, true, true);
  EXPECT_THAT(one.failure().detail, HasSubstr("body"));
  EXPECT_THAT(one.failure().detail, Not(HasSubstr("half")));
  expect_failure(exchange(), FailureKind::ConnectionClosed, true, true);
  expect_failure(exchange(), FailureKind::ConnectionClosed, true, false);
}

TEST_F(ClientExchangeTest, TellsAResetConnection) {
  ScriptedServer server([](Peer& peer, int) {
    peer.read_request();
    peer.reset();
  });
  start(plain(server));
  expect_failure(exchange(), FailureKind::ConnectionClosed, true, false);
}

TEST_F(ClientExchangeTest, ReadsAnAnswerThatCameBeforeTheRequestWasTaken) {
  ScriptedServer server([](Peer& peer, int) {
    peer.read_header();
    peer.send(answer(413, "too much", "Connection: close\r\n"));
    peer.wait_for_close();
  });
  start(plain(server));
  const auto one = exchange(post(std::string(8 << 20, 'x')));
  ASSERT_TRUE(one.ok()) << one.failure();
  EXPECT_EQ(one.response().status(), 413);
}

TEST_F(ClientExchangeTest, RefusesAnswersBeyondTheLimit) {
  ScriptedServer server([](Peer& peer, int connection) {
    peer.read_request();
    if (connection == 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
    if (connection == 1)
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x'));
    if (connection == 2) peer.send("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x'));
    if (connection == 3) peer.send("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'));
    if (connection == 4) peer.send(answer(200, std::string(1000, 'x')));
    peer.wait_for_close();
  });
  auto options = plain(server);
  options.max_response_bytes = 1000;
  start(std::move(options));
  for (int i = 0; i < 4; ++i)
    expect_failure(exchange(), FailureKind::TooLarge, true, true);
  EXPECT_TRUE(exchange().ok());
}

TEST_F(ClientExchangeTest, CallsGarbageAProtocolError) {
  const std::vector<std::string> garbage = {
      "<html>\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n",
      std::string("\x16\x03\x01\x00\x05\x00\x00\r\n", 9),
      "HTTP/2 200\r\n\r\n",
      "HTTP/1.1 abc OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n"};
  ScriptedServer server([&](Peer& peer, int connection) {
    peer.read_request();
    peer.send(garbage[static_cast<std::size_t>(connection)]);
    peer.wait_for_close();
  });
  start(plain(server));
  for (const auto& bytes : garbage) {
    SCOPED_TRACE(bytes);
    expect_failure(exchange(), FailureKind::Protocol, true, true);
  }
}

TEST_F(ClientExchangeTest, DoesNotAcceptEndlessInterimAnswers) {
  ScriptedServer server([](Peer& peer, int) {
    peer.read_request();
    for (int i = 0; i < 100; ++i)
      peer.send("HTTP/1.1 102 Processing\r\n\r\n");
    peer.wait_for_close();
  });
  start(plain(server));
  expect_failure(exchange(), FailureKind::Protocol, true, true);
}

TEST_F(ClientExchangeTest, SaysThatNobodyListens) {
  std::uint16_t port = 0;
  {
    const ScriptedServer gone(answer_all);
    port = gone.port();
  }
  start(options_for("http://localhost:" + std::to_string(port)));
  const auto one = exchange();
  expect_failure(one, FailureKind::Connect, false, false);
  EXPECT_THAT(one.failure().detail, HasSubstr("last of 2 addresses"));
}

TEST_F(ClientExchangeTest, SaysThatAHostHasNoAddress) {
  start(options_for("https://does-not-exist.invalid"));
  expect_failure(exchange(), FailureKind::Resolve, false, false);
}

TEST_F(ClientExchangeTest, CancelEndsEverythingAtOnceAndForGood) {
  ScriptedServer server([&](Peer& peer, int) {
    peer.read_request();
    server.mark();
    peer.wait_for_close();
  });
  start(plain(server));
  std::array<Attempt, 3> attempts;
  for (auto& one : attempts)
    launch(post(), one);
  std::thread canceller([&] {
    for (std::size_t i = 0; i < attempts.size(); ++i)
      server.await_mark();
    asio::post(loop, [&] { client->cancel(); });
  });
  for (const auto& one : attempts)
    run_until_done(one);
  canceller.join();
  for (const auto& one : attempts)
    expect_failure(one, FailureKind::Cancelled, true, false);
  expect_failure(exchange(), FailureKind::Cancelled, false, false);
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(ClientExchangeTest, OutlivesItsClient) {
  ScriptedServer server([&](Peer& peer, int) {
    peer.read_request();
    server.mark();
    peer.wait_for_close();
  });
  start(plain(server));
  Attempt waiting;
  launch(post(), waiting);
  std::thread destroyer([&] {
    server.await_mark();
    asio::post(loop, [&] { client.reset(); });
  });
  run_until_done(waiting);
  destroyer.join();
  expect_failure(waiting, FailureKind::Cancelled, true, false);
}

TEST_F(ClientExchangeTest, TellsItsCancelledCoroutine) {
  ScriptedServer server([&](Peer& peer, int) {
    peer.read_request();
    server.mark();
    peer.wait_for_close();
  });
  start(plain(server));
  Attempt one;
  asio::cancellation_signal signal;
  const auto done = [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  };
  asio::co_spawn(loop, attempt(client.get(), post(), &one),
                 asio::bind_cancellation_slot(signal.slot(), done));
  std::thread canceller([&] {
    server.await_mark();
    asio::post(loop, [&] { signal.emit(asio::cancellation_type::terminal); });
  });
  run_until_done(one);
  canceller.join();
  expect_failure(one, FailureKind::Cancelled, true, false);
  EXPECT_EQ(client->idle_connections(), 0U);
}

TEST_F(ClientExchangeTest, AnAbandonedExchangeDiesWithItsLoop) {
  ScriptedServer server([&](Peer& peer, int) {
    peer.read_request();
    server.mark();
    peer.wait_for_close();
  });
  Attempt one;
  {
    asio::io_context short_lived(1);
    Client abandoned(short_lived.get_executor(), plain(server));
    asio::co_spawn(short_lived, attempt(&abandoned, post(), &one), asio::detached);
    std::thread stopper([&] {
      server.await_mark();
      short_lived.stop();
    });
    short_lived.run();
    stopper.join();
  }
  EXPECT_FALSE(one.result);
  server.await_idle();
}

}  // namespace
}  // namespace stibee_sync::http::test
