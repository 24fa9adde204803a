#include "simulation/simulated_transport.hpp"

namespace stibee_sync::simulation {

namespace asio = boost::asio;
using namespace std::chrono_literals;

stibee_sim::SimTime sim_time(const runtime::Clock& clock) {
  return FarEnd::instant(clock.monotonic());
}

void FarEnd::client_gone(stibee_sim::SimTime now, int client) {
  for (auto it = in_flight.begin(); it != in_flight.end();) {
    const auto& [call, flight] = *it;
    if (flight.client != client) {
      ++it;
      continue;
    }
    if (!flight.is_applied) model.apply(call, now);
    model.finish(call);
    it = in_flight.erase(it);
  }
}

class SimulatedTransport::Channel final : public http::Channel {
 public:
  explicit Channel(SimulatedTransport& owner)
      : owner_(owner), timer_(owner.clock_.make_timer()), calls_(owner.calls_) {
    calls_->channels.push_back(this);
  }
  ~Channel() override { std::erase(calls_->channels, this); }

  asio::awaitable<http::ExchangeResult> exchange(http::Request request) override {
    constexpr auto timeout = 30s;
    const auto cuts = calls_->cuts;
    const http::Failure cut(http::FailureKind::Cancelled, true, false, "cut");
    if (owner_.far_end_.sent) owner_.far_end_.sent(request, owner_.client_);
    stibee_sim::HttpCall call;
    call.method = request.method();
    call.target = request.target();
    for (const auto& header : request.headers())
      call.headers.push_back({header.name, header.value});
    for (const auto& header : request.secret_headers())
      call.headers.push_back({header.name(), std::string(header.reveal())});
    call.body = request.body();

    // The limiter allows for 3 % of a window on the way.
    co_await pause(uniform(0ms, 25ms));
    if (calls_->cuts != cuts) co_return cut;
    const auto reception = owner_.far_end_.model.receive(std::move(call), sim_time(owner_.clock_));
    owner_.far_end_.in_flight[reception.call] = {owner_.client_, false};
    const auto before = reception.stall + uniform(1ms, 120ms);
    co_await pause(std::min<std::chrono::nanoseconds>(before, timeout));
    const auto answer = owner_.far_end_.model.apply(reception.call, sim_time(owner_.clock_));
    owner_.far_end_.in_flight[reception.call].is_applied = true;
    if (owner_.far_end_.applied) owner_.far_end_.applied(reception.call, answer.status, answer.body);
    const auto after = answer.stall + uniform(0ms, 25ms);
    const auto left = std::chrono::nanoseconds(timeout) - std::min<std::chrono::nanoseconds>(before, timeout);
    co_await pause(std::min<std::chrono::nanoseconds>(after, left));
    owner_.far_end_.model.finish(reception.call);
    owner_.far_end_.in_flight.erase(reception.call);
    if (calls_->cuts != cuts) co_return cut;
    if (before + after >= timeout) {
      co_return http::Failure(http::FailureKind::Timeout, true, false, "time-out");
    }
    switch (answer.delivery) {
      case stibee_sim::Delivery::Dropped:
        co_return http::Failure(http::FailureKind::ConnectionClosed, true, false, "closed");
      case stibee_sim::Delivery::Cut:
        co_return http::Failure(http::FailureKind::ConnectionClosed, true, true, "closed in the body");
      case stibee_sim::Delivery::Whole:
        break;
    }
    std::vector<http::Header> headers;
    for (const auto& header : answer.headers)
      headers.emplace_back(header.name, header.value);
    co_return http::Response(answer.status, std::move(headers), answer.body);
  }

  bool fresh() const override { return true; }
  void wake() { timer_->wake(); }

 private:
  std::chrono::milliseconds uniform(std::chrono::milliseconds low, std::chrono::milliseconds high) {
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(low.count(), high.count())(owner_.random_));
  }
  asio::awaitable<void> pause(std::chrono::nanoseconds time) {
    return timer_->wait_until(owner_.clock_.monotonic() + time);
  }

  SimulatedTransport& owner_;
  std::unique_ptr<runtime::Timer> timer_;
  std::shared_ptr<Calls> calls_;
};

void SimulatedTransport::cut() {
  ++calls_->cuts;
  for (auto* channel : calls_->channels)
    channel->wake();
}

asio::awaitable<http::OpenResult> SimulatedTransport::open() {
  const auto timer = clock_.make_timer();
  co_await timer->wait_until(clock_.monotonic() + 5ms);
  if (refuse_connections_)
    co_return http::Failure(http::FailureKind::Connect, false, false, "connection refused");
  std::unique_ptr<http::Channel> channel = std::make_unique<Channel>(*this);
  co_return channel;
}

}  // namespace stibee_sync::simulation
