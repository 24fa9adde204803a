#include "http/server_session.hpp"

#include "http/head_reader.hpp"
#include "http/http_date.hpp"
#include "http/message_text.hpp"
#include "http/parse_error.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

namespace stibee_sync::http {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t read_size = std::size_t{8} << 10;
constexpr std::chrono::milliseconds leave_timeout = std::chrono::seconds(1);
constexpr std::chrono::milliseconds cancel_again(10);
constexpr std::size_t leave_bytes = std::size_t{256} << 10;  // and some bodies as large as allowed
constexpr std::size_t leave_bodies = 4;

std::string address_text(const asio::generic::stream_protocol::endpoint& endpoint) {
  const int family = endpoint.protocol().family();
  if (family != AF_INET && family != AF_INET6) return {};
  asio::ip::tcp::endpoint tcp;
  std::memcpy(tcp.data(), endpoint.data(), std::min(endpoint.size(), tcp.capacity()));
  const auto address = tcp.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

/// All but the body.
template <typename Message>
ServerRequest to_request(const Message& message) {
  ServerRequest request;
  request.method = message.method() == beast_http::verb::head ? "GET" : std::string(message.method_string());
  const std::string_view target(message.target().data(), message.target().size());
  const auto question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  if (question < target.size()) request.query = target.substr(question + 1);
  for (const auto& field : message) {
    request.headers.emplace_back(lower_case(std::string(field.name_string())), std::string(field.value()));
  }
  return request;
}

Refusal refusal_of(const error_code& error) {
  if (error == beast_http::error::header_limit) return Refusal(431, "the request header is too large\n");
  // Beyond the body's bytes: what stands between its chunks, and behind them.
  if (error == beast_http::error::body_limit || error == beast_http::error::buffer_overflow)
    return Refusal(413, "the request body is too large\n");
  return Refusal(400, "this is no HTTP/1.1 request\n");
}

/// The exception that is being handled is for the operator, not for the peer.
ServerResponse internal_error(const ServerOptions& options) {
  if (options.on_error) options.on_error(std::current_exception());
  return ServerResponse(500, "text/plain; charset=utf-8", "internal error\n");
}

std::vector<gid_t> peer_groups(int socket) {
  std::vector<gid_t> groups(32);
  auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  int result = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
  if (result != 0 && errno == ERANGE) {  // then it says how many there are
    groups.resize(size / sizeof(gid_t));
    result = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
  }
  groups.resize(result == 0 ? size / sizeof(gid_t) : 0);
  return groups;
}

}  // namespace

std::optional<std::string_view> ServerRequest::header(std::string_view lower_case_name) const {
  for (const auto& header : headers) {
    if (header.name == lower_case_name) return header.value;
  }
  return std::nullopt;
}

ServerResponse::ServerResponse(int response_status, std::string type, std::string content)
    : status(response_status), content_type(std::move(type)), body(std::move(content)) {}

ServerSession::ServerSession(StreamSocket socket, std::shared_ptr<const SessionContext> context)
    : socket_(std::move(socket)),
      context_(std::move(context)),
      watchdog_(socket_.get_executor()),
      buffer_(context_->options.max_header_bytes + read_size),  // nor may a trailer be longer
      since_(std::chrono::steady_clock::now()) {
  error_code error;
  const auto local = socket_.local_endpoint(error);
  if (error) return;
  if (local.protocol().family() == AF_UNIX) {
    peer_address_ = "unix";
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
      credentials_ = PeerCredentials{peer.uid, peer.gid, peer.pid, peer_groups(socket_.native_handle())};
    }
    return;
  }
  local_address_ = address_text(local);
  const auto remote = socket_.remote_endpoint(error);
  if (!error) peer_address_ = address_text(remote);
  socket_.set_option(asio::ip::tcp::no_delay(true), error);
}

asio::awaitable<void> ServerSession::serve(std::shared_ptr<ServerSession> session) {
  bool again = true;
  while (again && !session->finishing_)
    again = co_await session->serve_one();
  session->close();
}

asio::awaitable<void> ServerSession::turn_away(std::shared_ptr<ServerSession> session) {
  session->phase_ = Phase::Answering;
  std::vector<Header> headers;
  headers.emplace_back("Retry-After", "1");
  Refusal refusal(503, "too many connections\n", std::move(headers));
  co_await session->refuse(std::move(refusal), false, true);
  session->close();
}

/// Returns whether the connection may carry another request.
asio::awaitable<bool> ServerSession::serve_one() {
  RequestParser parser;
  parser.header_limit(static_cast<std::uint32_t>(context_->options.max_header_bytes));
  parser.body_limit(boost::none);  // until it is known who asks
  const bool has_header = co_await receive_header(&parser);
  if (!has_header) co_return false;

  const auto& message = parser.get();
  const bool head_only = message.method() == beast_http::verb::head;
  std::vector<std::string_view> hosts;
  std::vector<std::string_view> transfer_encodings;
  for (const auto& field : message) {
    const std::string_view value(field.value().data(), field.value().size());
    if (field.name() == beast_http::field::host) hosts.push_back(value);
    if (field.name() == beast_http::field::transfer_encoding) transfer_encodings.push_back(value);
  }
  // Before anybody is asked: where such a request ends is not known, so nothing more is read of its
  // connection.
  if (auto unclear = refuse_framing(transfer_encodings, message.version() == 10)) {
    co_await refuse(std::move(*unclear), head_only, true);
    co_return false;
  }
  const std::string_view method(message.method_string().data(), message.method_string().size());
  const std::string_view target(message.target().data(), message.target().size());
  if (context_->options.screen) {
    auto turned_away = context_->options.screen(request_head(parser));
    if (turned_away) {
      const bool close_after = !parser.is_done() || !parser.keep_alive() || message.version() != 11;
      const bool again = co_await answer(std::move(*turned_away), head_only, close_after);
      co_return again;
    }
  }
  auto refusal =
      refuse_request(context_->options, method, target, hosts, message.version() == 10, local_address_);
  if (refusal) {
    const bool close_after = !parser.is_done() || !parser.keep_alive() || message.version() != 11;
    const bool again = co_await refuse(std::move(*refusal), head_only, close_after);
    co_return again;
  }
  // As it was screened: what may follow a body in chunks (its trailer) would else be among the headers.
  ServerRequest request = request_head(parser);
  const bool complete = co_await receive_body(&parser, &request);
  if (!complete) co_return false;

  enter(Phase::Answering, std::chrono::milliseconds::zero());
  // An HTTP/1.0 client would want its keep-alive confirmed; nobody needs that any more.
  const bool keep_alive = parser.keep_alive() && message.version() == 11;
  request.body = std::move(parser.get().body());
  ServerResponse response = co_await ask_handler(std::move(request));
  const bool again = co_await answer(std::move(response), head_only, !keep_alive);
  co_return again;
}

asio::awaitable<bool> ServerSession::receive_header(RequestParser* parser) {
  // A new connection has its header's time from the start.
  if (phase_ == Phase::Answering && buffer_.size() == 0) {
    enter(Phase::Idle, context_->options.idle_timeout);
    const auto [error] =
        co_await socket_.async_wait(asio::socket_base::wait_read, asio::as_tuple(asio::use_awaitable));
    if (error || timed_out_) co_return false;
  }
  enter(Phase::Receiving, context_->options.header_timeout);
  const auto limit = context_->options.max_header_bytes;
  const auto error = co_await read_head(&socket_, &buffer_, parser, limit, read_size);
  const bool complete = co_await received(error, parser->got_some(), "header");
  co_return complete;
}

ServerRequest ServerSession::request_head(const RequestParser& parser) const {
  ServerRequest head = to_request(parser.get());
  head.peer_address = peer_address_;
  head.credentials = credentials_;
  return head;
}

asio::awaitable<bool> ServerSession::receive_body(RequestParser* parser, const ServerRequest* head) {
  const auto limit = context_->options.max_body_bytes;
  if (parser->content_length().value_or(0) > limit) {
    body_lost(*head);
    co_await refuse(refusal_of(beast_http::error::body_limit), false, true);
    co_return false;
  }
  parser->body_limit(limit);
  if (parser->is_done()) co_return true;
  enter(Phase::Receiving, context_->options.body_timeout);
  if (buffer_.size() == 0 &&
      equal_ignoring_case(std::string(parser->get()[beast_http::field::expect]), "100-continue")) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [error, count] =
        co_await asio::async_write(socket_, asio::buffer(go_on), asio::as_tuple(asio::use_awaitable));
    if (error) {
      body_lost(*head);
      co_return false;
    }
  }
  const auto [error, count] =
      co_await beast_http::async_read(socket_, buffer_, *parser, asio::as_tuple(asio::use_awaitable));
  if (error || timed_out_) body_lost(*head);
  const bool complete = co_await received(error, true, "body");
  co_return complete;
}

void ServerSession::body_lost(const ServerRequest& head) const {
  if (context_->options.on_body_lost) context_->options.on_body_lost(head);
}

/// Whether that part of a request is here. Tells the peer when that is its own fault.
asio::awaitable<bool> ServerSession::received(error_code error, bool started, const char* part) {
  if (!error && !timed_out_) co_return true;
  if (is_parse_error(error)) {
    co_await refuse(refusal_of(error), false, true);
  } else if (timed_out_ && started && !finishing_) {
    Refusal slow(408, std::string("the request ") + part + " took too long\n");
    co_await refuse(std::move(slow), false, true);
  }
  co_return false;
}

asio::awaitable<ServerResponse> ServerSession::ask_handler(ServerRequest request) {
  try {
    ServerResponse response = co_await context_->handler(std::move(request));
    co_return response;
  } catch (...) {
    co_return internal_error(context_->options);
  }
}

asio::awaitable<bool> ServerSession::answer(ServerResponse response, bool head_only, bool close_after) {
  close_after = close_after || finishing_;
  const auto date =
      format_http_date(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  const auto head_of = [&](const ServerResponse& described) {
    const auto status = beast_http::int_to_status(static_cast<unsigned>(described.status));
    const std::string reason(beast_http::obsolete_reason(status));
    return answer_head(context_->options, described, close_after, reason, date);
  };
  std::string head;
  try {
    head = head_of(response);
  } catch (const std::invalid_argument&) {
    response = internal_error(context_->options);
    head = head_of(response);
  }
  const bool bodiless = head_only || response.status == 204 || response.status == 304;
  enter(Phase::Answering, context_->options.write_timeout);
  const std::array<asio::const_buffer, 2> buffers{
      asio::buffer(head), bodiless ? asio::const_buffer() : asio::buffer(response.body)};
  const auto [error, count] =
      co_await asio::async_write(socket_, buffers, asio::as_tuple(asio::use_awaitable));
  if (error || timed_out_) co_return false;
  if (close_after || finishing_) co_await leave();
  co_return !close_after;
}

asio::awaitable<bool> ServerSession::refuse(Refusal refusal, bool head_only, bool close_after) {
  if (context_->options.on_refusal) context_->options.on_refusal(refusal.status);
  ServerResponse response(refusal.status, "text/plain; charset=utf-8", std::move(refusal.text));
  response.headers = std::move(refusal.headers);
  timed_out_ = false;
  const bool again = co_await answer(std::move(response), head_only, close_after);
  co_return again;
}

/// Closing while the peer is still sending would make the kernel reset the connection and throw away our
/// answer.
asio::awaitable<void> ServerSession::leave() {
  enter(Phase::Leaving, leave_timeout);
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  const auto most = leave_bytes + leave_bodies * context_->options.max_body_bytes;
  std::array<char, read_size> discarded{};
  for (std::size_t sum = 0; sum < most && !timed_out_;) {
    const auto [error, count] =
        co_await socket_.async_read_some(asio::buffer(discarded), asio::as_tuple(asio::use_awaitable));
    if (error) break;
    sum += count;
  }
}

void ServerSession::enter(Phase phase, std::chrono::milliseconds limit) {
  phase_ = phase;
  since_ = std::chrono::steady_clock::now();
  if (limit == std::chrono::milliseconds::zero()) {
    watchdog_.disarm();
  } else {
    watchdog_.arm(since_ + limit, weak_from_this(), &ServerSession::on_deadline);
  }
}

void ServerSession::on_deadline() {
  timed_out_ = true;
  error_code ignored;
  // Cancelled, not closed: a slow sender is still told why. And again until we have moved on, because between
  // two of its steps an operation is not there to be cancelled.
  socket_.cancel(ignored);
  watchdog_.arm(std::chrono::steady_clock::now() + cancel_again, weak_from_this(),
                &ServerSession::on_deadline);
}

void ServerSession::finish() {
  finishing_ = true;
  if (phase_ == Phase::Idle || phase_ == Phase::Receiving) close();
}

void ServerSession::close() {
  watchdog_.disarm();
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace stibee_sync::http
