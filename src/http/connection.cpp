#include "http/connection.hpp"

#include "http/message_text.hpp"

#include <array>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace stibee_sync::http {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t max_response_header_bytes = std::size_t{64} << 10;
constexpr std::size_t read_size = std::size_t{16} << 10;  // one TLS record
constexpr std::size_t joined_write_limit = std::size_t{16} << 10;
constexpr int max_informational_answers = 8;

using ResponseParser = beast_http::response_parser<beast_http::string_body>;

Response to_response(ResponseParser& parser) {
  auto& message = parser.get();
  std::vector<Header> headers;
  for (const auto& field : message)
    headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  return Response(static_cast<int>(message.result_int()), std::move(headers), std::move(message.body()));
}

bool is_too_large(const error_code& error) {
  return error == beast_http::error::body_limit || error == beast_http::error::header_limit ||
         error == beast_http::error::buffer_overflow;
}

}  // namespace

WireRequest::WireRequest(Request request, const std::string& host_header, const std::string& path_prefix,
                         const std::string& user_agent)
    : expects_no_body(request.method() == "HEAD") {
  const auto line = [this](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  head.append(request.method())
      .append(" ")
      .append(path_prefix)
      .append(request.target())
      .append(" HTTP/1.1\r\n");
  line("Host", host_header);
  bool has_user_agent = false;
  for (const auto& header : request.headers()) {
    has_user_agent = has_user_agent || equal_ignoring_case(header.name, "user-agent");
    line(header.name, header.value);
  }
  if (!has_user_agent && !user_agent.empty()) line("User-Agent", user_agent);
  for (const auto& header : request.secret_headers())
    line(header.name(), header.reveal());
  const std::string method = request.method();
  body = std::move(request).take_body();
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    line("Content-Length", std::to_string(body.size()));
  }
  head.append("\r\n");
  if (body.size() <= joined_write_limit) {  // one record and one segment for the usual small request
    head.append(body);
    body.clear();
  }
}

Connection::Connection(const asio::any_io_executor& executor, TlsClient* tls, std::string peer)
    : socket_(executor), tls_(tls), peer_(std::move(peer)), watchdog_(executor) {}

asio::awaitable<std::optional<Failure>> Connection::establish(
    asio::generic::stream_protocol::endpoint endpoint, Deadline deadline) {
  std::optional<Failure> failure;
  watchdog_.arm(deadline, weak_from_this(), &Connection::on_deadline);
  try {
    failure = co_await establish_steps(std::move(endpoint));
  } catch (const boost::system::system_error& error) {
    // The way in which a cancelled coroutine learns of it.
    if (error.code() != asio::error::operation_aborted) throw;
    stop(StopCause::Cancelled);
    failure = failed(error.code(), FailureKind::Cancelled, "connecting to");
  }
  watchdog_.disarm();
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
  if (tls_ == nullptr) co_return std::nullopt;

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
  watchdog_.arm(deadline, weak_from_this(), &Connection::on_deadline);
  std::optional<ExchangeResult> result;
  try {
    ExchangeResult answer = co_await exchange_steps(std::move(request), max_response_bytes);
    result.emplace(std::move(answer));
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) throw;
    stop(StopCause::Cancelled);
    result.emplace(failed(error.code(), FailureKind::Cancelled, "the exchange with"));
  }
  watchdog_.disarm();
  if (!result->ok()) stop(StopCause::None);
  co_return std::move(*result);
}

asio::awaitable<ExchangeResult> Connection::exchange_steps(WireRequest request,
                                                           std::size_t max_response_bytes) {
  request_sent_ = true;
  const auto [write_error, written] = co_await write(request);
  if (write_error && stop_cause_ != StopCause::None) {
    co_return failed(write_error, FailureKind::ConnectionClosed, "sending the request to");
  }
  // A peer that refuses early (413, say) may answer and close before it has read all: its answer is worth
  // reading.
  for (int answers = 0; answers <= max_informational_answers; ++answers) {
    ResponseParser parser;
    parser.eager(true);
    parser.header_limit(max_response_header_bytes);
    parser.body_limit(max_response_bytes);
    parser.skip(request.expects_no_body);
    while (!parser.is_done()) {
      if (buffer_.size() > 0) {
        error_code parse_error;
        const std::size_t parsed = parser.put(buffer_.data(), parse_error);
        buffer_.consume(parsed);
        if (parse_error && parse_error != beast_http::error::need_more) {
          co_return is_too_large(parse_error)
              ? failed(parse_error, FailureKind::TooLarge, "reading the answer of")
              : failed(parse_error, FailureKind::Protocol, "reading the answer of");
        }
        if (!parse_error && parsed > 0) continue;
      }
      const auto [read_error, count] = co_await read_some();
      if (count > 0) response_started_ = true;
      buffer_.commit(count);
      if (!read_error) continue;
      if (read_error == asio::error::eof && parser.is_header_done()) {
        error_code end_error;
        parser.put_eof(end_error);
        if (!end_error && parser.is_done()) break;
      }
      if (write_error) co_return failed(write_error, FailureKind::ConnectionClosed, "sending the request to");
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
    co_return to_response(parser);
  }
  co_return Failure(FailureKind::Protocol, true, true, peer_ + " sent no final answer");
}

asio::awaitable<Connection::IoResult> Connection::write(const WireRequest& request) {
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(request.head), asio::buffer(request.body)};
  if (stream_) return asio::async_write(*stream_, buffers, asio::as_tuple(asio::use_awaitable));
  return asio::async_write(socket_, buffers, asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<Connection::IoResult> Connection::read_some() {
  const auto space = buffer_.prepare(read_size);
  if (stream_) return stream_->async_read_some(space, asio::as_tuple(asio::use_awaitable));
  return socket_.async_read_some(space, asio::as_tuple(asio::use_awaitable));
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
  } else if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
    detail += "the connection was closed";
  } else {
    detail += error.message();
  }
  return Failure(kind, request_sent_, response_started_, std::move(detail));
}

}  // namespace stibee_sync::http
