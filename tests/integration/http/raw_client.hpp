#pragma once

#include "stibee_sync/http/server.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace stibee_sync::http::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// A blocking client that sends exactly the bytes it is told to.
class RawClient {
 public:
  /// From that loopback address.
  explicit RawClient(std::uint16_t port, const char* source = "127.0.0.1");
  explicit RawClient(const std::filesystem::path& socket);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// False when the other end does not take it any more.
  bool send(const std::string& bytes);
  /// One whole answer (by its Content-Length); what has come when the connection ends first.
  std::string read_answer(bool head_only = false);
  /// Everything until the server closes; "[no end]" is added when it does not.
  std::string read_all();

 private:
  int socket_;
  std::string pending_;
};

/// A server on a loop thread of its own.
class RunningServer {
 public:
  RunningServer(ServerOptions options, Handler handler);
  ~RunningServer();
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  std::uint16_t port();
  void stop();
  std::size_t connections();
  /// Waits until the server has that many connections; false when it takes too long.
  bool await_connections(std::size_t count);

 private:
  template <typename Function>
  auto on_loop(Function function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    asio::post(loop_, std::move(task));
    return result.get();
  }

  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(loop_);
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

/// Waits until it holds; false when that takes too long.
bool await(const std::function<bool()>& condition);

ServerOptions on_loopback();

}  // namespace stibee_sync::http::test
