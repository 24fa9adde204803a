#include "webhook_sender.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace stibee_sim {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr auto attempt_timeout = std::chrono::seconds{5};
constexpr std::size_t most_at_once = 8;

struct Target {
  std::string host;
  std::string port = "80";
  std::string path = "/";
};

std::optional<Target> split_url(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) return std::nullopt;
  url.remove_prefix(scheme.size());
  Target target;
  const auto slash = url.find('/');
  if (slash != std::string_view::npos) target.path = url.substr(slash);
  const auto authority = url.substr(0, slash);
  const auto colon = authority.rfind(':');
  target.host = authority.substr(0, colon);
  if (colon != std::string_view::npos) target.port = authority.substr(colon + 1);
  if (target.host.empty() || target.port.empty()) return std::nullopt;
  return target;
}

asio::awaitable<bool> post(Target target, std::string body) {
  auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver{executor};
  auto [resolve_error, addresses] =
      co_await resolver.async_resolve(target.host, target.port, asio::as_tuple(asio::use_awaitable));
  if (resolve_error) co_return false;
  beast::tcp_stream stream{executor};
  stream.expires_after(attempt_timeout);
  auto [connect_error, peer] = co_await stream.async_connect(addresses, asio::as_tuple(asio::use_awaitable));
  if (connect_error) co_return false;
  http::request<http::string_body> request{http::verb::post, target.path, 11};
  request.set(http::field::host, target.host + ":" + target.port);
  request.set(http::field::content_type, "application/json");
  request.set(http::field::user_agent, "stibee-sim");
  request.keep_alive(false);
  request.body() = std::move(body);
  request.prepare_payload();
  auto [write_error, written] =
      co_await http::async_write(stream, request, asio::as_tuple(asio::use_awaitable));
  if (write_error) co_return false;
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  auto [read_error, read] =
      co_await http::async_read(stream, buffer, response, asio::as_tuple(asio::use_awaitable));
  if (read_error) co_return false;
  co_return response.result_int() >= 200 && response.result_int() < 300;
}

asio::awaitable<void> deliver(StibeeModel& model, asio::steady_timer& wake, Now now, std::size_t& under_way,
                              WebhookDelivery delivery) {
  const auto target = split_url(delivery.url);
  bool accepted = false;
  if (target) {
    Target place = *target;
    accepted = co_await post(std::move(place), std::move(delivery.body));
  }
  model.webhook_answered(delivery.id, accepted, now());
  --under_way;
  wake.cancel();
}

}  // namespace

asio::awaitable<void> send_webhooks(StibeeModel& model, asio::steady_timer& wake, Now now) {
  auto executor = co_await asio::this_coro::executor;
  std::size_t under_way = 0;
  std::vector<WebhookDelivery> due;
  while (true) {
    auto more = model.take_webhooks(now());
    due.insert(due.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    while (!due.empty() && under_way < most_at_once) {
      ++under_way;
      WebhookDelivery delivery = std::move(due.front());
      due.erase(due.begin());
      asio::co_spawn(executor, deliver(model, wake, now, under_way, std::move(delivery)), asio::detached);
    }
    const auto next = model.next_webhook();
    if (next) {
      wake.expires_after(std::max(*next - now(), std::chrono::microseconds{0}));
    } else {
      wake.expires_at(asio::steady_timer::time_point::max());
    }
    co_await wake.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace stibee_sim
