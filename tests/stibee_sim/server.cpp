#include "server.hpp"

#include "certificate.hpp"
#include "model/random.hpp"
#include "webhook_sender.hpp"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

namespace stibee_sim {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

namespace {

// Far above what the model allows, so that it is the model that refuses.
constexpr std::uint64_t body_limit = 64U << 20U;
constexpr auto read_timeout = std::chrono::minutes{5};
constexpr auto close_timeout = std::chrono::seconds{1};

HttpCall to_call(http::request<http::string_body>&& request) {
  HttpCall call;
  call.method = std::string{request.method_string()};
  call.target = std::string{request.target()};
  for (const auto& field : request) {
    call.headers.push_back(Header{std::string{field.name_string()}, std::string{field.value()}});
  }
  call.body = std::move(request.body());
  return call;
}

std::string to_text(const HttpAnswer& answer, bool keep_alive) {
  std::string text = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
  text += std::string_view{http::obsolete_reason(static_cast<http::status>(answer.status))};
  text += "\r\nServer: nginx\r\n";
  if (!answer.content_type.empty()) text += "Content-Type: " + answer.content_type + "\r\n";
  for (const Header& header : answer.headers)
    text += header.name + ": " + header.value + "\r\n";
  text += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
  text += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return text;
}

class Server {
 public:
  Server(const Options& options, StibeeModel& model)
      : options_(options), model_(model), random_(options.setup.seed ^ 0x6a6974746572ULL), wake_(io_) {}

  void run();

 private:
  // How a connection goes on after an answer.
  enum class After { Continue, Close, Abort };

  SimTime now() const {
    return started_ +
           std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - steady_);
  }
  std::chrono::microseconds latency();
  Tcp::acceptor listen(const Endpoint4& where);
  void announce(std::uint16_t port, std::uint16_t control_port) const;
  HttpAnswer control(const HttpCall& call);

  asio::awaitable<void> accept(Tcp::acceptor acceptor, bool control_only);
  asio::awaitable<void> plain_session(PlainStream stream, bool control_only);
  asio::awaitable<void> tls_session(TlsStream stream);
  template <class Stream>
  asio::awaitable<void> requests(Stream& stream, bool control_only);
  template <class Stream>
  asio::awaitable<After> answer_call(Stream& stream, HttpCall call, bool keep_alive);
  template <class Stream>
  asio::awaitable<After> send(Stream& stream, HttpAnswer answer, bool keep_alive);
  asio::awaitable<void> pause(std::chrono::microseconds length);

  const Options& options_;
  StibeeModel& model_;
  Random random_;
  const SimTime started_ =
      std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  const std::chrono::steady_clock::time_point steady_ = std::chrono::steady_clock::now();
  std::uint64_t connections_ = 0;
  std::uint64_t handshake_failures_ = 0;
  bool stopping_ = false;
  std::exception_ptr failure_;
  asio::io_context io_{1};
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  asio::steady_timer wake_;
};

std::chrono::microseconds Server::latency() {
  std::chrono::microseconds total = options_.latency;
  const std::chrono::microseconds jitter = options_.jitter;
  if (jitter.count() > 0) {
    total += std::chrono::microseconds{random_.below(static_cast<std::uint64_t>(jitter.count()))};
  }
  return total;
}

Tcp::acceptor Server::listen(const Endpoint4& where) {
  beast::error_code error;
  const auto address = asio::ip::make_address(where.address, error);
  if (error) throw std::runtime_error("\"" + where.address + "\" is no address to listen on");
  const Tcp::endpoint endpoint{address, where.port};
  Tcp::acceptor acceptor{io_};
  acceptor.open(endpoint.protocol());
  acceptor.set_option(asio::socket_base::reuse_address{true});
  acceptor.bind(endpoint, error);
  if (error) {
    throw std::runtime_error("cannot listen on " + where.address + ":" + std::to_string(where.port) + ": " +
                             error.message());
  }
  acceptor.listen();
  return acceptor;
}

void Server::announce(std::uint16_t port, std::uint16_t control_port) const {
  if (!options_.port_file.empty()) {
    // Renamed into place: a reader that polls for the file must not find it empty.
    auto fresh = options_.port_file;
    fresh += ".new";
    std::ofstream{fresh} << port << '\n';
    std::filesystem::rename(fresh, options_.port_file);
  }
  std::printf(R"({"event":"ready","scheme":"%s","address":"%s","port":%u,"control_port":%u})"
              "\n",
              options_.plain ? "http" : "https", options_.listen.address.c_str(), static_cast<unsigned>(port),
              static_cast<unsigned>(control_port));
  std::fflush(stdout);
}

HttpAnswer Server::control(const HttpCall& call) {
  HttpAnswer answer;
  if (call.method == "POST" && call.target == "/_sim/shutdown") {
    stopping_ = true;
    answer.content_type = "application/json";
    answer.body = "{}\n";
    return answer;
  }
  answer = model_.control(call, now());
  if (call.target == "/_sim/stats" && answer.status == 200) {
    answer.body.insert(1, R"("connections":)" + std::to_string(connections_) + R"(,"handshake_failures":)" +
                              std::to_string(handshake_failures_) + ",");
  }
  wake_.cancel();
  return answer;
}

asio::awaitable<void> Server::pause(std::chrono::microseconds length) {
  if (length.count() <= 0) co_return;
  asio::steady_timer timer{io_};
  timer.expires_after(length);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

template <class Stream>
asio::awaitable<Server::After> Server::send(Stream& stream, HttpAnswer answer, bool keep_alive) {
  auto& lowest = beast::get_lowest_layer(stream);
  if (answer.delivery == Delivery::Dropped) {
    beast::error_code ignored;
    lowest.socket().close(ignored);
    co_return After::Abort;
  }
  std::string text = to_text(answer, keep_alive);
  const bool cut = answer.delivery == Delivery::Cut;
  text.append(answer.body, 0, cut ? answer.body.size() / 2 : answer.body.size());
  lowest.expires_after(read_timeout);
  auto [error, written] =
      co_await asio::async_write(stream, asio::buffer(text), asio::as_tuple(asio::use_awaitable));
  if (error) co_return After::Abort;
  if (cut) {
    beast::error_code ignored;
    lowest.socket().close(ignored);
    co_return After::Abort;
  }
  co_return keep_alive ? After::Continue : After::Close;
}

template <class Stream>
asio::awaitable<Server::After> Server::answer_call(Stream& stream, HttpCall call, bool keep_alive) {
  auto& lowest = beast::get_lowest_layer(stream);
  const Reception reception = model_.receive(std::move(call), now());
  const auto half = latency() / 2;
  lowest.expires_never();
  // A client that gives up waiting is no longer in flight. Nobody pipelines here, so anything readable while
  // an answer is due is the end of the connection.
  lowest.socket().async_wait(Tcp::socket::wait_read, [this, id = reception.call](beast::error_code error) {
    if (!error) model_.abandoned(id);
  });
  co_await pause(half + reception.stall);
  HttpAnswer answer = model_.apply(reception.call, now());
  wake_.cancel();
  co_await pause(half + answer.stall);
  model_.finish(reception.call);
  beast::error_code ignored;
  lowest.socket().cancel(ignored);
  const After after = co_await send(stream, std::move(answer), keep_alive);
  co_return after;
}

template <class Stream>
asio::awaitable<void> Server::requests(Stream& stream, bool control_only) {
  auto& lowest = beast::get_lowest_layer(stream);
  lowest.socket().set_option(Tcp::no_delay{true});
  beast::flat_buffer buffer;
  unsigned served = 0;
  while (true) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(body_limit);
    parser.header_limit(64 * 1024);
    lowest.expires_after(options_.idle_timeout);
    auto [head_error, head_bytes] =
        co_await http::async_read_header(stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
    if (head_error) co_return;
    lowest.expires_after(read_timeout);
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      auto [error, written] = co_await asio::async_write(stream, asio::buffer(go_on.data(), go_on.size()),
                                                         asio::as_tuple(asio::use_awaitable));
      if (error) co_return;
    }
    auto [body_error, body_bytes] =
        co_await http::async_read(stream, buffer, parser, asio::as_tuple(asio::use_awaitable));
    if (body_error) co_return;
    ++served;
    const bool keep_alive = parser.get().keep_alive() && (options_.requests_per_connection == 0 ||
                                                          served < options_.requests_per_connection);
    HttpCall call = to_call(parser.release());
    After after = After::Close;
    if (call.target.starts_with("/_sim/")) {
      HttpAnswer answer = control(call);
      after = co_await send(stream, std::move(answer), keep_alive);
      if (stopping_) io_.stop();
    } else if (control_only) {
      HttpAnswer answer;
      answer.status = 404;
      after = co_await send(stream, std::move(answer), keep_alive);
    } else {
      after = co_await answer_call(stream, std::move(call), keep_alive);
    }
    if (after != After::Continue) co_return;
  }
}

asio::awaitable<void> Server::plain_session(PlainStream stream, bool control_only) {
  co_await requests(stream, control_only);
  beast::error_code ignored;
  stream.socket().shutdown(Tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> Server::tls_session(TlsStream stream) {
  auto& lowest = beast::get_lowest_layer(stream);
  lowest.expires_after(options_.idle_timeout);
  auto [error] =
      co_await stream.async_handshake(asio::ssl::stream_base::server, asio::as_tuple(asio::use_awaitable));
  if (error) {
    ++handshake_failures_;
    co_return;
  }
  co_await requests(stream, false);
  if (!lowest.socket().is_open()) co_return;
  lowest.expires_after(close_timeout);
  co_await stream.async_shutdown(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> Server::accept(Tcp::acceptor acceptor, bool control_only) {
  // A session that fails takes its connection with it and nothing else.
  const auto ended = [](std::exception_ptr error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& problem) {
      std::fprintf(stderr, "stibee-sim: a connection ended: %s\n", problem.what());
    }
  };
  while (true) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error) {
      co_await pause(std::chrono::milliseconds{10});
      continue;
    }
    ++connections_;
    if (options_.plain || control_only) {
      asio::co_spawn(io_, plain_session(PlainStream{std::move(socket)}, control_only), ended);
    } else {
      asio::co_spawn(io_, tls_session(TlsStream{std::move(socket), tls_}), ended);
    }
  }
}

void Server::run() {
  const auto is_loopback = [](const Endpoint4& where) {
    beast::error_code error;
    const auto address = asio::ip::make_address(where.address, error);
    return !error && address.is_loopback();
  };
  if (options_.plain && !is_loopback(options_.listen)) {
    throw std::invalid_argument("--plain listens on a loopback address only; leave it out for HTTPS");
  }
  if (options_.control_listen && !is_loopback(*options_.control_listen)) {
    throw std::invalid_argument("--control-listen takes a loopback address only: it shows every address");
  }
  if (!options_.plain) {
    const Identity identity = make_identity(options_);
    tls_.use_certificate_chain(asio::buffer(identity.certificate_pem));
    tls_.use_private_key(asio::buffer(identity.key_pem), asio::ssl::context::pem);
    tls_.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                     asio::ssl::context::no_tlsv1_1);
  }
  asio::signal_set signals{io_, SIGTERM, SIGINT};
  signals.async_wait([this](beast::error_code error, int) {
    if (!error) io_.stop();
  });
  // Whatever ends one of the loops ends the program: a stand-in that half works would only mislead.
  const auto fatal = [this](std::exception_ptr error) {
    if (error && !failure_) failure_ = error;
    io_.stop();
  };
  Tcp::acceptor acceptor = listen(options_.listen);
  const auto port = acceptor.local_endpoint().port();
  asio::co_spawn(io_, accept(std::move(acceptor), false), fatal);
  std::uint16_t control_port = 0;
  if (options_.control_listen) {
    Tcp::acceptor second = listen(*options_.control_listen);
    control_port = second.local_endpoint().port();
    asio::co_spawn(io_, accept(std::move(second), true), fatal);
  }
  Now clock = [this] { return now(); };
  asio::co_spawn(io_, send_webhooks(model_, wake_, std::move(clock)), fatal);
  announce(port, control_port);
  io_.run();
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace

void serve(const Options& options, StibeeModel& model) {
  Server server{options, model};
  server.run();
}

}  // namespace stibee_sim
