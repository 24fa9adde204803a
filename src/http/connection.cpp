#include "http/connection.hpp"

#include "http/head_reader.hpp"
#include "http/message_text.hpp"
#include "http/parse_error.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

namespace stibee_sync::http {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t max_response_header_bytes = std::size_t{64} << 10;
constexpr std::size_t read_size = std::size_t{16} << 10;  // one TLS record
constexpr int max_informational_answers = 8;

Response to_response(beast_http::response<beast_http::string_body>& message) {
  std::vector<Header> headers;
  for (const auto& field : message)
    headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  return Response(static_cast<int>(message.result_int()), std::move(headers), std::move(message.body()));
}

bool has_header(const Request& request, const std::string& name) {
  return std::any_of(request.headers().begin(), request.headers().end(),
                     [&](const Header& header) { return equal_ignoring_case(header.name, name); });
}

}  // namespace

// By value: nothing of it outlives the making.
WireRequest::WireRequest(Request request, std::string_view host_header, std::string_view path_prefix,
                         std::string_view user_agent)
    : head_only_(request.method() == "HEAD") {
  const auto add = [this](std::initializer_list<std::string_view> parts) {
    for (const auto part : parts)
      bytes_.append(part);
  };
  const auto add_header = [&](std::string_view name, std::string_view value) {
    add({name, ": ", value, "\r\n"});
  };
  add({request.method(), " ", path_prefix, request.target(), " HTTP/1.1\r\n"});
  add_header("Host", host_header);
  for (const auto& header : request.headers())
    add_header(header.name, header.value);
  // What comes compressed all the same, nobody here can read.
  if (!has_header(request, "Accept-Encoding")) add_header("Accept-Encoding", "identity");
  if (!user_agent.empty() && !has_header(request, "User-Agent")) add_header("User-Agent", user_agent);
  for (const auto& header : request.secret_headers())
    add_header(header.name(), header.reveal());
  const auto& method = request.method();
  if (!request.body().empty() || method == "POST" || method == "PUT" || method == "PATCH")
    add_header("Content-Length", std::to_string(request.body().size()));
  add({"\r\n", request.body()});
}

Connection::Connection(const asio::any_io_executor& executor, TlsClient* tls, Route route)
    : socket_(executor),
      tls_(tls),
      peer_(std::move(route.peer)),
      tunnel_(std::move(route.tunnel)),
      watchdog_(executor),
      buffer_(max_response_header_bytes + read_size) {}

/// Runs the steps until the deadline, and makes a value of the way in which a cancelled coroutine learns of
/// it.
template <typename Result>
asio::awaitable<Result> Connection::until(Deadline deadline, asio::awaitable<Result> steps,
                                          const char* doing) {
  watchdog_.arm(deadline, weak_from_this(), &Connection::on_deadline);
  std::optional<Result> result;
  try {
    Result value = co_await std::move(steps);
    result.emplace(std::move(value));
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) throw;
    stop(StopCause::Cancelled);
    result.emplace(failed(error.code(), FailureKind::Cancelled, doing));
  }
  watchdog_.disarm();
  co_return std::move(*result);
}

asio::awaitable<std::optional<Failure>> Connection::establish(
    asio::generic::stream_protocol::endpoint endpoint, Deadline deadline) {
  auto steps = establish_steps(std::move(endpoint));
  std::optional<Failure> failure = co_await until(deadline, std::move(steps), "connecting to");
  if (!failure && stop_cause_ != StopCause::None)
    failure = failed({}, FailureKind::Cancelled, "connecting to");
  if (failure) {
    stop(StopCause::None);
  } else {
    state_ = State::Ready;
  }
  co_return failure;
}

asio::awaitable<std::optional<Failure>> Connection::establish_steps(
    asio::generic::stream_protocol::endpoint endpoint) {
  const int family = endpoint.protocol().family();
  const auto [connect_error] = co_await socket_.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
  if (connect_error) co_return failed(connect_error, FailureKind::Connect, "connecting to");
  error_code ignored;
  if (family == AF_INET || family == AF_INET6) {
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  }
  socket_.non_blocking(true, ignored);
  if (tunnel_) {
    std::optional<Failure> refused = co_await ask_for_tunnel();
    if (refused) co_return refused;
  }
  if (tls_ == nullptr) co_return std::nullopt;
  std::optional<Failure> failure = co_await begin_tls();
  co_return failure;
}

/// The key is no part of what the proxy sees: it is sent through TLS, which begins behind it.
asio::awaitable<std::optional<Failure>> Connection::ask_for_tunnel() {
  const std::string request = "CONNECT " + *tunnel_ + " HTTP/1.1\r\nHost: " + *tunnel_ + "\r\n\r\n";
  const auto [write_error, written] =
      co_await asio::async_write(socket_, asio::buffer(request), asio::as_tuple(asio::use_awaitable));
  if (write_error) co_return failed(write_error, FailureKind::Connect, "asking for");
  ResponseParser parser;
  parser.header_limit(max_response_header_bytes);
  parser.skip(true);  // what follows a 2xx is the tunnel, whatever the header says of a body
  const auto read_error =
      co_await read_head(&socket_, &buffer_, &parser, max_response_header_bytes, read_size);
  if (read_error) co_return failed(read_error, FailureKind::Connect, "waiting for the way to");
  const unsigned status = parser.get().result_int();
  if (status < 200 || status > 299) {
    co_return Failure(FailureKind::Connect, false, false,
                      "connecting to " + peer_ + ": the proxy refuses with status " + std::to_string(status) +
                          (status == 407 ? ", it wants credentials, which are not supported" : ""));
  }
  if (buffer_.size() > 0) {
    co_return Failure(FailureKind::Protocol, false, false,
                      "connecting to " + peer_ + ": the proxy sends more than an answer");
  }
  co_return std::nullopt;
}

asio::awaitable<std::optional<Failure>> Connection::begin_tls() {
  stream_.emplace(socket_, tls_->context());
  tls_->prepare(*stream_);
  const auto [tls_error] =
      co_await stream_->async_handshake(asio::ssl::stream_base::client, asio::as_tuple(asio::use_awaitable));
  if (!tls_error) co_return std::nullopt;
  if (stop_cause_ == StopCause::None) {
    if (const auto problem = certificate_problem(*stream_)) {
      co_return Failure(FailureKind::CertificateInvalid, false, false,
                        "the certificate of " + peer_ + " does not verify: " + *problem);
    }
  }
  const bool tls_itself = tls_error.category() == asio::error::get_ssl_category();
  co_return failed(tls_error, tls_itself ? FailureKind::Tls : FailureKind::ConnectionClosed,
                   "the TLS handshake with");
}

asio::awaitable<ExchangeResult> Connection::exchange(WireRequest request, std::size_t max_response_bytes,
                                                     Deadline deadline) {
  request_sent_ = false;
  response_started_ = false;
  if (stop_cause_ == StopCause::Cancelled) co_return failed({}, FailureKind::Cancelled, "before sending to");
  // Between the lease and now the caller may have waited for its turn, and the peer may have closed.
  if (!usable()) {
    co_return Failure(FailureKind::ConnectionClosed, false, false,
                      "the connection to " + peer_ + " was closed before the request was sent");
  }
  state_ = State::Busy;
  auto steps = exchange_steps(std::move(request), max_response_bytes);
  ExchangeResult result = co_await until(deadline, std::move(steps), "the exchange with");
  if (!result.ok()) stop(StopCause::None);
  co_return result;
}

asio::awaitable<ExchangeResult> Connection::exchange_steps(WireRequest request,
                                                           std::size_t max_response_bytes) {
  request_sent_ = true;
  const auto [write_error, written] = co_await write(asio::buffer(request.bytes()));
  request.forget();
  if (write_error && stop_cause_ != StopCause::None) {
    co_return failed(write_error, FailureKind::ConnectionClosed, "sending the request to");
  }
  // A peer that refuses early (413, say) may answer and close before it has read all: its answer is worth
  // reading.
  for (int answers = 0; answers <= max_informational_answers; ++answers) {
    ResponseParser parser;
    parser.header_limit(max_response_header_bytes);
    parser.body_limit(max_response_bytes);
    parser.skip(request.head_only());
    const auto read_error = co_await read(&parser);
    response_started_ = response_started_ || parser.got_some();
    if (is_parse_error(read_error)) {
      const bool too_large = read_error == beast_http::error::body_limit ||
                             read_error == beast_http::error::header_limit ||
                             read_error == beast_http::error::buffer_overflow;  // between or behind chunks
      co_return failed(read_error, too_large ? FailureKind::TooLarge : FailureKind::Protocol,
                       "reading the answer of");
    }
    if (read_error && write_error)
      co_return failed(write_error, FailureKind::ConnectionClosed, "sending the request to");
    if (read_error) {
      co_return failed(
          read_error, FailureKind::ConnectionClosed,
          parser.is_header_done() ? "reading the answer's body from" : "waiting for the answer of");
    }
    const unsigned status = parser.get().result_int();
    if (status == 101) break;
    if (status < 200) continue;
    const bool clean = parser.keep_alive() && buffer_.size() == 0 && !write_error;
    if (clean && stop_cause_ == StopCause::None) {
      state_ = State::Ready;
    } else {
      close();
    }
    co_return to_response(parser.get());
  }
  co_return Failure(FailureKind::Protocol, true, true, peer_ + " sent no final answer");
}

asio::awaitable<Connection::IoResult> Connection::write(asio::const_buffer bytes) {
  if (stream_) return asio::async_write(*stream_, bytes, asio::as_tuple(asio::use_awaitable));
  return asio::async_write(socket_, bytes, asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<error_code> Connection::read(ResponseParser* parser) {
  if (stream_) return read_from(&*stream_, parser);
  return read_from(&socket_, parser);
}

template <typename Stream>
asio::awaitable<error_code> Connection::read_from(Stream* stream, ResponseParser* parser) {
  const auto head_error = co_await read_head(stream, &buffer_, parser, max_response_header_bytes, read_size);
  if (head_error || parser->is_done()) co_return head_error;
  buffer_.reserve(read_size);
  const auto [error, count] =
      co_await beast_http::async_read(*stream, buffer_, *parser, asio::as_tuple(asio::use_awaitable));
  co_return error;
}

bool Connection::usable() {
  if (state_ != State::Ready) return false;
  // The socket does not block. Reading through TLS, not peeking under it: a session ticket that arrived late
  // is swallowed here and is no sign of a closed connection. Any byte of data is: nobody asked for it.
  std::array<char, 1> byte{};
  error_code error;
  const auto count =
      stream_ ? stream_->read_some(asio::buffer(byte), error) : socket_.read_some(asio::buffer(byte), error);
  if (count == 0 && error == asio::error::would_block) return true;
  close();
  return false;
}

void Connection::close() {
  if (state_ == State::Closed) return;
  // Not in the middle of an exchange: its operations own the TLS engine.
  const bool can_say_goodbye = stream_ && state_ == State::Ready;
  state_ = State::Closed;
  error_code ignored;
  if (can_say_goodbye) stream_->shutdown(ignored);
  socket_.close(ignored);
}

void Connection::cancel() {
  stop(StopCause::Cancelled);
}

void Connection::on_deadline() {
  stop(StopCause::TimeIsOver);
}

void Connection::stop(StopCause cause) {
  if (stop_cause_ == StopCause::None) stop_cause_ = cause;
  state_ = State::Closed;
  error_code ignored;
  socket_.close(ignored);
}

Failure Connection::failed(const error_code& error, FailureKind kind, const std::string& doing) const {
  std::string detail = doing + " " + peer_ + ": ";
  if (stop_cause_ == StopCause::TimeIsOver) {
    kind = FailureKind::Timeout;
    detail += "timed out";
  } else if (stop_cause_ == StopCause::Cancelled || error == asio::error::operation_aborted) {
    kind = FailureKind::Cancelled;
    detail += "cancelled";
  } else if (kind == FailureKind::TooLarge) {
    detail += "the answer exceeds the limit";
  } else if (error == beast_http::error::end_of_stream || error == beast_http::error::partial_message ||
             error == asio::ssl::error::stream_truncated || error == asio::error::eof) {
    detail += "the connection was closed";
  } else {
    detail += error.message();
  }
  return Failure(kind, request_sent_, response_started_, std::move(detail));
}

}  // namespace stibee_sync::http
