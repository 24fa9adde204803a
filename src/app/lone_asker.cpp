#include "app/lone_asker.hpp"

namespace stibee_sync::app {

namespace asio = boost::asio;

pipeline::Reply LoneAsker::not_asked(std::string why) {
  trouble_ = std::move(why);
  return pipeline::Reply(delivery::NoAnswer{false, domain::Reason::Connect});
}

asio::awaitable<pipeline::Reply> LoneAsker::ask_until(delivery::ApiRequest call, runtime::MonotonicTime) {
  trouble_.clear();
  stands_by_ = false;
  auto opened = co_await transport_.open();
  if (!opened.ok()) co_return not_asked(opened.failure().detail);
  auto channel = std::move(opened).take_channel();
  auto refused = co_await slots_.take(call.limiter_class, patience_);
  if (refused) {
    stands_by_ = refused->standby;
    co_return not_asked(std::move(refused->why));
  }
  http::Request request(call.method, call.target);
  request.add_header("Accept", "application/json");
  request.add_secret_header("AccessToken", key_);
  auto answer = co_await channel->exchange(std::move(request));
  if (!answer.ok()) co_return not_asked(answer.failure().detail);
  const auto& response = answer.response();
  const auto wait = response.retry_after(std::chrono::system_clock::now());
  if (wait && response.status() >= 400) slots_.hold(call.limiter_class, *wait);
  co_return pipeline::Reply(response.status(), response.body(), std::nullopt);
}

}  // namespace stibee_sync::app
