#include "stibee_sync/runtime/virtual_clock.hpp"

#include <map>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stibee_sync::runtime {
namespace asio = boost::asio;

struct VirtualClock::State {
  MonotonicTime now{};
  UtcTime zero{};
  // By deadline, then in the order in which they began to wait, so that a run can be repeated exactly.
  std::multimap<MonotonicTime, asio::steady_timer*> waiting;
};

namespace {

class VirtualTimer final : public Timer {
 public:
  VirtualTimer(asio::io_context& context, std::shared_ptr<VirtualClock::State> state)
      : timer_(context), state_(std::move(state)) {}

  ~VirtualTimer() override { leave(); }

  asio::awaitable<void> wait_until(MonotonicTime deadline) override {
    if (!woken_ && state_->now < deadline) {
      // The real timer never fires by itself: the clock, or wake(), cancels it.
      timer_.expires_at(asio::steady_timer::time_point::max());
      state_->waiting.emplace(deadline, &timer_);
      waits_ = true;
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      leave();
    }
    woken_ = false;
  }

  void wake() override {
    woken_ = true;
    timer_.cancel();
  }

 private:
  void leave() {
    if (!std::exchange(waits_, false)) return;
    for (auto it = state_->waiting.begin(); it != state_->waiting.end(); ++it) {
      if (it->second == &timer_) {
        state_->waiting.erase(it);
        return;
      }
    }
  }

  asio::steady_timer timer_;
  std::shared_ptr<VirtualClock::State> state_;
  bool waits_ = false;
  bool woken_ = false;
};

}  // namespace

VirtualClock::VirtualClock(asio::io_context& context, UtcTime zero, MonotonicTime now)
    : context_(context), state_(std::make_shared<State>()) {
  state_->now = now;
  state_->zero = zero;
}

VirtualClock::~VirtualClock() = default;

MonotonicTime VirtualClock::monotonic() const {
  return state_->now;
}

UtcTime VirtualClock::utc() const {
  return state_->zero + std::chrono::floor<std::chrono::milliseconds>(state_->now.time_since_epoch());
}

std::unique_ptr<Timer> VirtualClock::make_timer() {
  return std::make_unique<VirtualTimer>(context_, state_);
}

bool VirtualClock::run_until(MonotonicTime until) {
  for (;;) {
    context_.restart();
    while (context_.poll() > 0) {
    }
    if (state_->waiting.empty()) return false;
    const auto next = state_->waiting.begin();
    if (next->first == forever) return false;  // only wakes could help, and nobody is left to wake
    if (next->first > until) {
      state_->now = until;
      return true;
    }
    if (next->first > state_->now) state_->now = next->first;
    auto* timer = next->second;
    state_->waiting.erase(next);
    timer->cancel();
  }
}

}  // namespace stibee_sync::runtime
