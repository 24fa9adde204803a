#include "app/call_slots.hpp"

#include "app/ask.hpp"
#include "app/engine.hpp"
#include "app/local_time.hpp"
#include "app/render.hpp"
#include "app/setup.hpp"
#include "stibee_sync/pipeline/caller.hpp"
#include "stibee_sync/runtime/system_clock.hpp"

#include <algorithm>

namespace stibee_sync::app {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds short_window{2};
/// A daemon that lends no slot may say so at once.
constexpr std::chrono::seconds between_requests{1};

std::optional<Answer> ask_for_slot(const settings::Settings& settings, delivery::LimiterClass limiter_class) {
  json::Value body;
  body.set("class", delivery::name(limiter_class));
  return ask_daemon(settings, "POST", "/slot", body);
}

}  // namespace

asio::awaitable<std::optional<NoSlot>> CallSlots::take(delivery::LimiterClass limiter_class,
                                                       domain::Duration patience) {
  if (auto why = why_held(limiter_class)) co_return why;
  const auto timer = clock_.make_timer();
  const auto until = clock_.monotonic() + patience;
  while (own_.empty()) {
    const auto answer = ask_for_slot(settings_, limiter_class);
    if (answer && answer->status == 200) co_return std::nullopt;
    if (!answer || answer->status == 404) {
      know_own();
      break;
    }
    const auto again = clock_.monotonic() + between_requests;
    if (answer->status != 503 || again + longest_wait_for_slot > until)
      co_return NoSlot(text_of(answer->body, "error"), answer->status == 409);
    co_await timer->wait_until(again);
  }
  if (auto why = why_held(limiter_class)) co_return why;
  auto& limiter = own_.at(limiter_class);
  for (;;) {
    const auto now = clock_.monotonic();
    const auto at = limiter.next_slot(now);
    if (at > until)
      co_return NoSlot("the calls of this window are used up, says the daemon's log; try again in a minute",
                       false);
    if (at <= now) break;
    co_await timer->wait_until(at);
  }
  const auto now = clock_.monotonic();
  sent_[limiter_class].push_back(now);
  limiter.take(now);
  co_return std::nullopt;
}

void CallSlots::hold(delivery::LimiterClass limiter_class, domain::Duration wait) {
  held_[limiter_class] = clock_.utc() + wait;
}

std::optional<NoSlot> CallSlots::why_held(delivery::LimiterClass limiter_class) const {
  const auto held = held_.find(limiter_class);
  if (held == held_.end() || held->second <= clock_.utc()) return std::nullopt;
  return NoSlot("Stibee wants no calls before " + local_time(held->second) + "; try again then", false);
}

runtime::MonotonicTime CallSlots::unknown_until() const {
  runtime::MonotonicTime until{};
  for (const auto& [limiter_class, sent] : sent_) {
    const auto rate = own_.at(limiter_class).limit();
    const auto recent =
        std::count_if(sent.begin(), sent.end(), [&](auto at) { return at + rate.window > sent.back(); });
    // Of a few, there is room for as many of the daemon's.
    const bool few = rate.window > short_window && static_cast<std::size_t>(recent) <= rate.calls / 4;
    if (!few) until = std::max(until, sent.back() + rate.window);
  }
  return until;
}

asio::awaitable<void> CallSlots::leave() {
  const auto timer = clock_.make_timer();
  co_await timer->wait_until(unknown_until());
}

void CallSlots::know_own() {
  const ReadState state(settings_);
  const auto logged = state->logged_attempts();
  const auto now = clock_.monotonic();
  for (const auto& [limiter_class, rate] : limits(settings_)) {
    auto& limiter = own_.emplace(limiter_class, delivery::RateLimiter(rate)).first->second;
    limiter.restore(pipeline::times_of(logged, limiter_class, runtime::boot_id(), now));
    if (const auto held = pipeline::held_until(logged, limiter_class, clock_.utc()))
      held_[limiter_class] = *held;
  }
}

}  // namespace stibee_sync::app
