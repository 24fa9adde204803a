#include "stibee_sync/http/unix_client.hpp"

#include "http/connection.hpp"

#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_future.hpp>

namespace stibee_sync::http {
namespace {

namespace asio = boost::asio;

// A list of every parked person is the longest answer a daemon gives.
constexpr std::size_t max_response_bytes = std::size_t{256} << 20;

// Optional only because co_spawn wants a default value.
asio::awaitable<std::optional<ExchangeResult>> request_once(std::shared_ptr<Connection> connection,
                                                            asio::local::stream_protocol::endpoint endpoint,
                                                            Request request, Deadline deadline) {
  asio::generic::stream_protocol::endpoint generic_endpoint = endpoint;
  std::optional<Failure> failure = co_await connection->establish(std::move(generic_endpoint), deadline);
  if (failure) co_return std::move(*failure);
  WireRequest wire(std::move(request), "localhost", "", "");
  ExchangeResult result = co_await connection->exchange(std::move(wire), max_response_bytes, deadline);
  co_return result;
}

}  // namespace

ExchangeResult request_over_unix_socket(const std::filesystem::path& path, Request request,
                                        std::chrono::milliseconds timeout) {
  const Deadline deadline = std::chrono::steady_clock::now() + timeout;
  asio::local::stream_protocol::endpoint endpoint;
  try {
    endpoint = asio::local::stream_protocol::endpoint(path.string());
  } catch (const boost::system::system_error&) {
    return Failure(FailureKind::Connect, false, false,
                   "the socket path " + path.string() + " is too long (107 bytes)");
  }
  asio::io_context loop(1);
  Route route{path.string(), std::nullopt};
  auto connection = std::make_shared<Connection>(loop.get_executor(), nullptr, std::move(route));
  auto answer = asio::co_spawn(
      loop, request_once(std::move(connection), endpoint, std::move(request), deadline), asio::use_future);
  loop.run();
  return answer.get().value();
}

}  // namespace stibee_sync::http
