#include "stibee_sync/runtime/virtual_clock.hpp"

#include <functional>
#include <map>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stibee_sync::runtime {
namespace asio = boost::asio;

namespace {
class VirtualTimer;
}

/// Kept by the context, as whoever waits for real time is: when it shuts down they go with it. Without a real
/// timer the context has no use for the reactor, whose polling is a fifth of what a simulated day costs.
struct VirtualClock::State : asio::execution_context::service {
  using key_type = State;
  static inline asio::execution_context::id id;

  struct Waiting {
    const VirtualTimer* timer = nullptr;
    std::function<void()> resume;
  };

  explicit State(asio::execution_context& context) : service(context) {}
  void shutdown() override {
    // What ends with a coroutine looks for its place here.
    const auto ended = std::exchange(waiting, {});
  }

  MonotonicTime now{};
  UtcTime zero{};
  // By deadline, then in the order in which they began to wait, so that a run can be repeated exactly.
  std::multimap<MonotonicTime, Waiting> waiting;
};

namespace {

class VirtualTimer final : public Timer {
 public:
  VirtualTimer(asio::io_context& context, VirtualClock::State& state) : context_(context), state_(state) {}

  ~VirtualTimer() override { go_on(); }

  asio::awaitable<void> wait_until(MonotonicTime deadline) override {
    if (!woken_ && state_.now < deadline) {
      const auto& token = asio::use_awaitable;
      co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
          [this, deadline](auto handler) { take_place(deadline, std::move(handler)); }, token);
    }
    woken_ = false;
  }

  void wake() override {
    woken_ = true;
    go_on();
  }

 private:
  template <class Handler>
  void take_place(MonotonicTime deadline, Handler handler) {
    const auto kept = std::make_shared<Handler>(std::move(handler));
    state_.waiting.emplace(deadline, VirtualClock::State::Waiting{this, [kept] { std::move (*kept)(); }});
  }

  void go_on() {
    for (auto it = state_.waiting.begin(); it != state_.waiting.end(); ++it) {
      if (it->second.timer != this) continue;
      auto resume = std::move(it->second.resume);
      state_.waiting.erase(it);
      asio::post(context_, std::move(resume));
      return;
    }
  }

  asio::io_context& context_;
  VirtualClock::State& state_;
  bool woken_ = false;
};

}  // namespace

VirtualClock::VirtualClock(asio::io_context& context, UtcTime zero, MonotonicTime now)
    : context_(context), state_(asio::use_service<State>(context)) {
  state_.now = now;
  state_.zero = zero;
}

VirtualClock::~VirtualClock() = default;

MonotonicTime VirtualClock::monotonic() const {
  return state_.now;
}

UtcTime VirtualClock::utc() const {
  return state_.zero + std::chrono::floor<std::chrono::milliseconds>(state_.now.time_since_epoch());
}

std::unique_ptr<Timer> VirtualClock::make_timer() {
  return std::make_unique<VirtualTimer>(context_, state_);
}

MonotonicTime VirtualClock::next() const {
  return state_.waiting.empty() ? forever : state_.waiting.begin()->first;
}

bool VirtualClock::run_until(MonotonicTime until) {
  for (;;) {
    context_.restart();
    while (context_.poll() > 0) {
    }
    if (state_.waiting.empty()) return false;
    const auto next = state_.waiting.begin();
    if (next->first == forever) return false;  // only wakes could help, and nobody is left to wake
    if (next->first > until) {
      state_.now = until;
      return true;
    }
    if (next->first > state_.now) state_.now = next->first;
    auto resume = std::move(next->second.resume);
    state_.waiting.erase(next);
    asio::post(context_, std::move(resume));
  }
}

}  // namespace stibee_sync::runtime
