#pragma once

#include "http/tls.hpp"
#include "http/watchdog.hpp"
#include "stibee_sync/http/result.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace stibee_sync::http {

/// A request as it goes over the wire, in one piece: of several, Asio would make one on the stack and leave
/// the key there.
class WireRequest {
 public:
  WireRequest(Request request, std::string_view host_header, std::string_view path_prefix,
              std::string_view user_agent);

  std::string_view bytes() const { return bytes_.reveal(); }
  /// Its answer has no body, whatever the header says of one.
  bool head_only() const { return head_only_; }
  /// It is sent, and kept no longer.
  void forget() { bytes_ = privacy::Secret(); }

 private:
  privacy::Secret bytes_;
  bool head_only_;
};

/// How to reach the other end, and what it is called.
struct Route {
  std::string peer;                   // names the other end in messages
  std::optional<std::string> tunnel;  // through a proxy: what it is asked to CONNECT to
};

/// One connection to one address, plain or TLS: made, used for any number of exchanges one after the other,
/// closed for good. Its coroutines need a shared_ptr held by their caller.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `tls` may be null.
  Connection(const boost::asio::any_io_executor& executor, TlsClient* tls, Route route);

  /// Connects and, with TLS, verifies. Nothing returned means success.
  boost::asio::awaitable<std::optional<Failure>> establish(
      boost::asio::generic::stream_protocol::endpoint endpoint, Deadline deadline);

  boost::asio::awaitable<ExchangeResult> exchange(WireRequest request, std::size_t max_response_bytes,
                                                  Deadline deadline);

  /// Open, between two exchanges, and the peer has not closed it: asks the socket, without waiting.
  bool usable();

  /// Says goodbye without waiting for an answer.
  void close();

  /// Ends whatever is going on with FailureKind::Cancelled.
  void cancel();

 private:
  enum class State { New, Ready, Busy, Closed };
  enum class StopCause { None, TimeIsOver, Cancelled };
  using ResponseParser = boost::beast::http::response_parser<boost::beast::http::string_body>;
  using IoResult = std::tuple<boost::system::error_code, std::size_t>;

  boost::asio::awaitable<std::optional<Failure>> establish_steps(
      boost::asio::generic::stream_protocol::endpoint endpoint);
  boost::asio::awaitable<std::optional<Failure>> ask_for_tunnel();
  boost::asio::awaitable<std::optional<Failure>> begin_tls();
  boost::asio::awaitable<ExchangeResult> exchange_steps(WireRequest request, std::size_t max_response_bytes);
  template <typename Result>
  boost::asio::awaitable<Result> until(Deadline deadline, boost::asio::awaitable<Result> steps,
                                       const char* doing);
  boost::asio::awaitable<IoResult> write(boost::asio::const_buffer bytes);
  boost::asio::awaitable<boost::system::error_code> read(ResponseParser* parser);
  template <typename Stream>
  boost::asio::awaitable<boost::system::error_code> read_from(Stream* stream, ResponseParser* parser);
  void on_deadline();
  void stop(StopCause cause);
  Failure failed(const boost::system::error_code& error, FailureKind kind, const std::string& doing) const;

  boost::asio::generic::stream_protocol::socket socket_;
  std::optional<TlsStream> stream_;
  TlsClient* tls_;
  std::string peer_;
  std::optional<std::string> tunnel_;
  Watchdog watchdog_;
  boost::beast::flat_buffer buffer_;
  State state_ = State::New;
  StopCause stop_cause_ = StopCause::None;
  bool request_sent_ = false;
  bool response_started_ = false;
};

}  // namespace stibee_sync::http
