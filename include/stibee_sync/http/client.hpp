#pragma once

#include "stibee_sync/http/base_url.hpp"
#include "stibee_sync/http/transport.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>

namespace stibee_sync::http {

/// A proxy that is asked to CONNECT; no credentials.
struct ProxyAddress {
  std::string host;  ///< a DNS name or an IP literal, IPv6 without brackets
  std::uint16_t port = 0;
  std::string authority() const;  ///< `host:port`, for messages
};

struct ClientOptions {
  explicit ClientOptions(BaseUrl url);

  BaseUrl base_url;
  /// PEM file with trust anchors, in addition to the system's.
  std::optional<std::filesystem::path> ca_file;
  /// The only way out for HTTPS. Plain http goes to this machine only, and never through it.
  std::optional<ProxyAddress> proxy;
  /// One exchange, from the first byte sent to the last byte read.
  std::chrono::milliseconds request_timeout = std::chrono::seconds(30);
  /// Name lookup, TCP and TLS together, over all addresses; never more than request_timeout.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(10);
  std::size_t max_response_bytes = std::size_t{8} << 20;
  /// Connections kept open for the next exchange, and for how long.
  std::size_t max_idle = 8;
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(30);
  std::string user_agent = "stibee-syncd";
};

class ConnectionPool;

/// Connections to one host: TLS 1.2 or newer with chain and host name verified (no byte of a request is sent
/// before), kept alive and used again. Everything, the destructor included, runs on the executor's one thread
/// and never blocks; the io_context must outlive the client. An idle connection keeps a timer pending until
/// cancel() or destruction.
class Client : public Transport {
 public:
  /// Throws std::runtime_error when ca_file cannot be used, naming the file.
  Client(boost::asio::any_io_executor executor, ClientOptions options);
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Leases an idle connection, or makes a new one. Lives on safely when the client is destroyed meanwhile.
  boost::asio::awaitable<OpenResult> open() override;

  /// Ends every exchange and every attempt to connect with FailureKind::Cancelled, now and from now on.
  void cancel();
  /// Ends those that are under way in the same way; later ones are made as ever.
  void cut();

  std::size_t idle_connections() const;

 private:
  std::shared_ptr<ConnectionPool> pool_;
};

}  // namespace stibee_sync::http
