#pragma once

#include "integration/http/scripted_server.hpp"
#include "stibee_sync/http/client.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>

namespace stibee_sync::http::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// One exchange and what became of it.
class Attempt {
 public:
  std::optional<ExchangeResult> result;
  bool fresh = false;

  bool ok() const { return result && result->ok(); }
  const Response& response() const { return result->response(); }
  const Failure& failure() const { return result->failure(); }
};

class ClientFixture : public ::testing::Test {
 protected:
  ClientOptions options_for(const std::string& url) {
    auto parsed = parse_base_url(url);
    ClientOptions options(std::get<BaseUrl>(parsed));
    options.request_timeout = 10s;
    options.connect_timeout = 5s;
    return options;
  }
  ClientOptions plain(const ScriptedServer& server) {
    return options_for("http://127.0.0.1:" + std::to_string(server.port()));
  }
  Client& start(ClientOptions options) {
    client = std::make_unique<Client>(loop.get_executor(), std::move(options));
    return *client;
  }

  static Request post(std::string body = "{}") {
    Request request("POST", "/v1/lists/1/subscribers", {}, std::move(body));
    request.add_secret_header("AccessToken", privacy::Secret("the-key"));
    return request;
  }

  static asio::awaitable<void> attempt(Client* client, Request request, Attempt* into) {
    OpenResult opened = co_await client->open();
    if (!opened.ok()) {
      into->result.emplace(opened.failure());
      co_return;
    }
    std::unique_ptr<Channel> channel = std::move(opened).take_channel();
    into->fresh = channel->fresh();
    ExchangeResult result = co_await channel->exchange(std::move(request));
    into->result.emplace(std::move(result));
  }
  void launch(Request request, Attempt& into) {
    asio::co_spawn(loop, attempt(client.get(), std::move(request), &into), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  }
  /// Runs the loop until the attempt has ended (idle connections keep the loop busy for longer).
  void run_until_done(const Attempt& one) {
    loop.restart();
    while (!one.result && loop.run_one() > 0) {
    }
  }
  Attempt exchange(Request request = post()) {
    Attempt one;
    launch(std::move(request), one);
    run_until_done(one);
    if (!one.result)
      one.result.emplace(Failure(FailureKind::Cancelled, true, true, "the test's loop ran dry"));
    return one;
  }

  static void expect_failure(const Attempt& one, FailureKind kind, bool request_sent, bool response_started) {
    ASSERT_FALSE(one.ok()) << one.response();
    EXPECT_EQ(one.failure().kind, kind) << one.failure();
    EXPECT_EQ(one.failure().request_sent, request_sent) << one.failure();
    EXPECT_EQ(one.failure().response_started, response_started) << one.failure();
    EXPECT_EQ(one.failure().detail.find("the-key"), std::string::npos);
    EXPECT_EQ(one.failure().detail.find("subscribers"), std::string::npos);
  }

  asio::io_context loop{1};
  std::unique_ptr<Client> client;
};

}  // namespace stibee_sync::http::test
