#pragma once

#include "http/server_guard.hpp"
#include "http/tls.hpp"
#include "http/watchdog.hpp"
#include "stibee_sync/http/server.hpp"
#include "stibee_sync/privacy/secret.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace stibee_sync::http {

/// What all sessions of a server share.
struct SessionContext {
  const ServerOptions options;
  const Handler handler;
};

/// One accepted connection: a request at a time until one side has enough.
class ServerSession : public std::enable_shared_from_this<ServerSession> {
 public:
  ServerSession(StreamSocket socket, std::shared_ptr<const SessionContext> context);

  /// Serves requests until the connection ends. Does not throw for anything a peer does.
  static boost::asio::awaitable<void> serve(std::shared_ptr<ServerSession> session);
  /// Answers 503 and ends.
  static boost::asio::awaitable<void> turn_away(std::shared_ptr<ServerSession> session);

  /// Between two requests, or answered for good, since waiting_since().
  bool idle() const { return phase_ == Phase::Idle || phase_ == Phase::Leaving; }
  /// A request is on its way, since waiting_since().
  bool receiving() const { return phase_ == Phase::Receiving; }
  Deadline waiting_since() const { return since_; }
  /// "unix" on a Unix socket.
  const std::string& peer_address() const { return peer_address_; }

  /// Takes no further request: ends now, or when the answer in the making is out.
  void finish();
  void close();

 private:
  enum class Phase { Idle, Receiving, Answering, Leaving };
  // The path of a webhook is a secret.
  using Wiping = privacy::WipingAllocator<char>;
  using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body, Wiping>;

  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<bool> receive_header(RequestParser* parser);
  boost::asio::awaitable<bool> receive_body(RequestParser* parser, const ServerRequest* head);
  void body_lost(const ServerRequest& head) const;
  ServerRequest request_head(const RequestParser& parser) const;
  boost::asio::awaitable<bool> received(boost::system::error_code error, bool started, const char* part);
  boost::asio::awaitable<ServerResponse> ask_handler(ServerRequest request);
  boost::asio::awaitable<bool> answer(ServerResponse response, bool head_only, bool close_after);
  boost::asio::awaitable<bool> refuse(Refusal refusal, bool head_only, bool close_after);
  boost::asio::awaitable<void> leave();
  void enter(Phase phase, std::chrono::milliseconds limit);
  void on_deadline();

  StreamSocket socket_;
  std::shared_ptr<const SessionContext> context_;
  Watchdog watchdog_;
  boost::beast::basic_flat_buffer<Wiping> buffer_;
  std::string peer_address_;
  std::string local_address_;
  std::optional<PeerCredentials> credentials_;
  Phase phase_ = Phase::Receiving;
  Deadline since_;
  bool timed_out_ = false;
  bool finishing_ = false;
};

}  // namespace stibee_sync::http
