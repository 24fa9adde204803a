#include "app/call_slots.hpp"

#include "app/ask.hpp"
#include "app/engine.hpp"
#include "app/render.hpp"
#include "app/setup.hpp"
#include "stibee_sync/pipeline/caller.hpp"
#include "stibee_sync/runtime/system_clock.hpp"

namespace stibee_sync::app {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds short_window{2};

}  // namespace

asio::awaitable<std::optional<std::string>> CallSlots::take(delivery::LimiterClass limiter_class) {
  if (own_.empty()) {
    json::Value body;
    body.set("class", delivery::name(limiter_class));
    const auto answer = ask_daemon(settings_, "POST", "/slot", body);
    if (answer && answer->status == 200) co_return std::nullopt;
    if (answer && answer->status != 404) co_return text_of(answer->body, "error");
    know_own();
  }
  auto& limiter = own_.at(limiter_class);
  const auto timer = clock_.make_timer();
  const auto until = clock_.monotonic() + longest_wait_for_slot;
  for (;;) {
    const auto now = clock_.monotonic();
    const auto at = limiter.next_slot(now);
    if (at > until)
      co_return "the calls of this window are used up, says the daemon's log; try again in a minute";
    if (at <= now) break;
    co_await timer->wait_until(at);
  }
  last_[limiter_class] = clock_.monotonic();
  limiter.take(last_[limiter_class]);
  co_return std::nullopt;
}

asio::awaitable<void> CallSlots::leave() {
  const auto timer = clock_.make_timer();
  for (const auto& [limiter_class, sent] : last_) {
    const auto window = own_.at(limiter_class).limit().window;
    if (window <= short_window) co_await timer->wait_until(sent + window);
  }
}

void CallSlots::know_own() {
  const ReadState state(settings_);
  const auto logged = state->logged_attempts();
  const auto now = clock_.monotonic();
  for (const auto& [limiter_class, rate] : limits(settings_)) {
    auto& limiter = own_.emplace(limiter_class, delivery::RateLimiter(rate)).first->second;
    limiter.restore(pipeline::times_of(logged, limiter_class, runtime::boot_id(), now));
  }
}

}  // namespace stibee_sync::app
