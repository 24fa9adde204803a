#include "stibee_sync/http/server.hpp"

#include "integration/http/raw_client.hpp"

#include <future>
#include <stdexcept>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>

namespace stibee_sync::http::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

asio::awaitable<ServerResponse> echo(ServerRequest request) {
  std::string text = request.method + " " + request.path + " [" + request.query + "] " + request.peer_address;
  if (const auto value = request.header("x-test")) text.append(" ").append(*value);
  text += " " + request.body;
  co_return ServerResponse(200, "text/plain", std::move(text));
}

constexpr auto get = "GET /a/%20b?c=d&e HTTP/1.1\r\nHost: localhost\r\nX-Test: yes\r\n\r\n";

TEST(Server, GivesTheHandlerTheRequestAndSendsItsAnswer) {
  RunningServer server(on_loopback(), echo);
  RawClient client(server.port());
  client.send(get);
  const auto answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nGET /a/%20b [c=d&e] 127.0.0.1 yes "));
  EXPECT_THAT(answer, HasSubstr("Content-Security-Policy: default-src 'none'"));
  EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store"));
  EXPECT_THAT(answer, Not(HasSubstr("Server:")));
}

TEST(Server, KeepsTheConnectionAndTakesPipelinedRequests) {
  RunningServer server(on_loopback(), echo);
  RawClient client(server.port());
  client.send(std::string(get) + get);
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200"));
  client.send(get);
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Server, ClosesWhenTheClientAsksForItOrSpeaksHttp10) {
  RunningServer server(on_loopback(), echo);
  for (const auto* request : {"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                              "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"}) {
    RawClient client(server.port());
    client.send(request);
    const auto answer = client.read_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("[no end]")));
  }
}

TEST(Server, AnswersHeadWithTheHeaderOfGet) {
  RunningServer server(on_loopback(), echo);
  RawClient client(server.port());
  client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto answer = client.read_answer(true);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 19\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  client.send(get);
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200")) << "no byte of a body was sent";
}

TEST(Server, RefusesOtherMethodsButKeepsTheConnection) {
  RunningServer server(on_loopback(), echo);
  RawClient client(server.port());
  client.send("DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
  client.send(get);
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200"));
}

TEST(Server, ChecksTheHostHeader) {
  int calls = 0;
  RunningServer server(on_loopback(), [&calls](ServerRequest request) {
    ++calls;
    return echo(std::move(request));
  });
  {
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 421 "));
    client.send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 400 "));
  }
  server.stop();
  EXPECT_EQ(calls, 0);
}

TEST(Server, TurnsAHandlersExceptionIntoABare500) {
  std::promise<std::string> reported;
  auto options = on_loopback();
  options.on_error = [&](std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      reported.set_value(error.what());
    }
  };
  RunningServer server(std::move(options), [](ServerRequest) -> asio::awaitable<ServerResponse> {
    throw std::runtime_error("kim@example.org is secret");
    co_return ServerResponse(200, "", "");
  });
  RawClient client(server.port());
  client.send(get);
  const auto answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, EndsWith("internal error\n"));
  EXPECT_THAT(answer, Not(HasSubstr("kim")));
  EXPECT_EQ(reported.get_future().get(), "kim@example.org is secret");
}

TEST(Server, AnswersAHeaderThatItsHandlerBrokeWith500) {
  RunningServer server(on_loopback(), [](ServerRequest) -> asio::awaitable<ServerResponse> {
    ServerResponse response(200, "text/plain", "x");
    response.headers.emplace_back("X-Name", "a\r\nSet-Cookie: b");
    co_return response;
  });
  RawClient client(server.port());
  client.send(get);
  const auto answer = client.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, Not(HasSubstr("Set-Cookie")));
}

TEST(Server, ServesOthersWhileAHandlerWaits) {
  auto gate = std::make_shared<asio::steady_timer*>(nullptr);
  std::promise<void> waiting;
  RunningServer server(on_loopback(),
                       [&waiting, gate](ServerRequest request) -> asio::awaitable<ServerResponse> {
                         if (request.path == "/slow") {
                           const auto executor = co_await asio::this_coro::executor;
                           asio::steady_timer timer(executor, std::chrono::steady_clock::time_point::max());
                           *gate = &timer;
                           waiting.set_value();
                           boost::system::error_code ignored;
                           co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
                           *gate = nullptr;
                         } else if (*gate != nullptr) {
                           (*gate)->cancel();
                         }
                         co_return ServerResponse(200, "text/plain", request.path);
                       });
  RawClient slow(server.port());
  slow.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  waiting.get_future().wait();
  RawClient quick(server.port());
  quick.send("GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(quick.read_answer(), EndsWith("/quick"));
  EXPECT_THAT(slow.read_answer(), EndsWith("/slow"));
}

TEST(Server, LetsAnAnswerInTheMakingGoOutWhenItStops) {
  std::promise<void> entered;
  auto server =
      std::make_unique<RunningServer>(on_loopback(), [&](ServerRequest) -> asio::awaitable<ServerResponse> {
        const auto executor = co_await asio::this_coro::executor;
        asio::steady_timer timer(executor, 50ms);
        entered.set_value();
        co_await timer.async_wait(asio::use_awaitable);
        co_return ServerResponse(200, "text/plain", "done");
      });
  RawClient idle(server->port());
  RawClient client(server->port());
  client.send(get);
  entered.get_future().wait();
  server->stop();
  EXPECT_EQ(idle.read_all(), "");
  const auto answer = client.read_all();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("done"));
}

TEST(Server, NamesTheAddressItCannotListenOn) {
  RunningServer first(on_loopback(), echo);
  const auto port = first.port();
  asio::io_context loop;
  Server second(loop.get_executor(), ServerOptions(ListenAddress("127.0.0.1", port)), echo);
  try {
    second.start();
    FAIL() << "two servers on one port";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:" + std::to_string(port)));
    EXPECT_THAT(error.what(), HasSubstr("in use"));
  }
}

}  // namespace
}  // namespace stibee_sync::http::test
