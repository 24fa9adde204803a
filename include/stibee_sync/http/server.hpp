#pragma once

#include "stibee_sync/http/listen_address.hpp"
#include "stibee_sync/http/message.hpp"
#include "stibee_sync/privacy/secret.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <variant>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace stibee_sync::http {

/// Who is at the other end of a Unix socket, as the kernel says.
struct PeerCredentials {
  uid_t uid;
  gid_t gid;
  pid_t pid;
  std::vector<gid_t> groups;  ///< its supplementary ones, as they were when it connected
};

/// A complete request that has passed the listener's checks.
class ServerRequest {
 public:
  ServerRequest() = default;
  ServerRequest(const ServerRequest&) = default;
  ServerRequest(ServerRequest&&) = default;
  ServerRequest& operator=(const ServerRequest&) = default;
  ServerRequest& operator=(ServerRequest&&) = default;
  /// The path may be what a caller knows and nobody else: nothing of it stays in memory.
  ~ServerRequest() { privacy::wipe(path); }

  std::string method;           ///< HEAD arrives as GET: the server leaves the body out by itself
  std::string path;             ///< as sent, not percent-decoded; starts with '/'
  std::string query;            ///< what follows '?', as sent
  std::vector<Header> headers;  ///< names in lower case
  std::string body;
  std::string peer_address;  ///< IP literal without port; "unix" on a Unix socket
  std::optional<PeerCredentials> credentials;

  /// The first value of that header; the name is given in lower case.
  std::optional<std::string_view> header(std::string_view lower_case_name) const;
};

class ServerResponse {
 public:
  ServerResponse(int response_status, std::string type, std::string content);

  int status;
  std::string content_type;
  std::string body;
  std::vector<Header> headers;  ///< replace the server's own of the same name (except the framing)
};

/// Runs on the server's executor. An exception becomes a bare 500.
using Handler = std::function<boost::asio::awaitable<ServerResponse>(ServerRequest)>;

struct ServerOptions {
  explicit ServerOptions(std::variant<ListenAddress, UnixSocketAddress> address);

  std::variant<ListenAddress, UnixSocketAddress> listen;
  /// Connections at a time. When all are taken, the oldest one that is idle or slow makes room, or, for a
  /// peer that has fewer, one of the peer that has most; else the newcomer is answered 503.
  std::size_t max_connections = 64;
  /// How many of them the peer with this IP literal ("unix" on a Unix socket) may have at a time; 0: it is
  /// closed without a word. Empty: all.
  std::function<std::size_t(const std::string& peer_address)> peer_connections;
  std::size_t max_header_bytes = std::size_t{8} << 10;
  /// 0: no request may have a body.
  std::size_t max_body_bytes = 0;
  /// HEAD comes with GET.
  std::vector<std::string> allowed_methods = {"GET"};
  /// From a request's first byte (on a new connection: from its acceptance) to the end of its header.
  std::chrono::milliseconds header_timeout = std::chrono::seconds(5);
  /// From the end of the header to the end of the body.
  std::chrono::milliseconds body_timeout = std::chrono::seconds(10);
  /// For the whole answer to be taken by the peer.
  std::chrono::milliseconds write_timeout = std::chrono::seconds(10);
  /// Between two requests of one connection.
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(30);
  /// Refuse (421) a Host that is neither a loopback name, nor the address connected to, nor one of these
  /// (names without port). Keeps web pages from reaching a local listener by DNS rebinding. Not for Unix
  /// sockets.
  bool check_host = true;
  std::vector<std::string> allowed_hosts;
  /// What the 421 says besides: how a name becomes one of them. May be empty.
  std::string host_cure;
  std::string content_security_policy =
      "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'";
  /// Told about exceptions of the handler; may be empty.
  std::function<void(std::exception_ptr)> on_error;
  /// Told the status of each answer that the listener gives by itself (408, 413, 503 …); may be empty.
  std::function<void(int status)> on_refusal;
  /// Asked once a request has passed the checks of its header (all but the size of its body), with no body
  /// yet: an answer ends the matter, and nothing more of the request is kept. May be empty.
  std::function<std::optional<ServerResponse>(const ServerRequest&)> screen;
  /// Told of a request that passed them and `screen`, and whose body was too large, too slow or cut off; may
  /// be empty.
  std::function<void(const ServerRequest&)> on_body_lost;
};

/// A small HTTP/1.1 listener for trusted pages and webhooks, hardened against the rest. Everything runs on
/// the executor's one thread and never blocks; the io_context must outlive the server.
class Server {
 public:
  Server(boost::asio::any_io_executor executor, ServerOptions options, Handler handler);
  /// Closes every connection at once.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds and begins to accept. Throws std::system_error with the address in its message. A Unix socket file
  /// that nobody listens on is replaced; one with a listener, or a file that is no socket, is an error.
  void start();

  /// Accepts no more, closes what is idle or still being received, and lets answers in the making go out.
  /// Removes the Unix socket file if it is still the one that start() made.
  void stop();

  /// The port bound by start(); 0 on a Unix socket.
  std::uint16_t port() const;

  std::size_t connections() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace stibee_sync::http
