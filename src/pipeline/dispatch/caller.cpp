#include "stibee_sync/pipeline/caller.hpp"

#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using delivery::LimiterClass;
using domain::OutcomeKind;
using domain::Reason;
using runtime::MonotonicTime;
using telemetry::Event;
using telemetry::Level;

namespace {

/// A wait is cut into pieces, so that nothing that forgets to wake anybody costs more than this.
constexpr std::chrono::seconds longest_wait{5};
/// How a problem begins that is over as soon as there is a connection.
constexpr std::string_view unreachable = "Stibee cannot be reached: ";

Reason reason_of(http::FailureKind kind) {
  switch (kind) {
    case http::FailureKind::Resolve:
      return Reason::Resolve;
    case http::FailureKind::Connect:
      return Reason::Connect;
    case http::FailureKind::Tls:
      return Reason::Tls;
    case http::FailureKind::CertificateInvalid:
      return Reason::CertificateInvalid;
    case http::FailureKind::Timeout:
      return Reason::Timeout;
    case http::FailureKind::ConnectionClosed:
      return Reason::ConnectionClosed;
    case http::FailureKind::Protocol:
      return Reason::Protocol;
    case http::FailureKind::TooLarge:
      return Reason::TooLarge;
    case http::FailureKind::Cancelled:
      return Reason::Cancelled;
  }
  std::abort();
}

}  // namespace

/// Keeps an ask in the list of those under way.
class Caller::Asking {
 public:
  Asking(std::shared_ptr<Asks> asks, runtime::Clock& clock)
      : asks_(std::move(asks)), place_(asks_->insert(asks_->end(), clock.make_timer())) {}
  ~Asking() { asks_->erase(place_); }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  runtime::Timer* timer() { return place_->get(); }

 private:
  std::shared_ptr<Asks> asks_;
  Asks::iterator place_;
};

std::vector<MonotonicTime> times_of(const std::vector<store::LoggedAttempt>& logged,
                                    LimiterClass limiter_class, std::string_view boot_id, MonotonicTime now) {
  std::vector<MonotonicTime> times;
  for (const auto& attempt : logged) {
    if (attempt.limiter_class != delivery::name(limiter_class)) continue;
    const bool comparable = !attempt.boot_id.empty() && attempt.boot_id == boot_id;
    const auto at = MonotonicTime(std::chrono::nanoseconds(attempt.since_boot_ns));
    times.push_back(comparable ? std::min(at, now) : now);
  }
  std::sort(times.begin(), times.end());
  return times;
}

Caller::Caller(Services services, asio::any_io_executor executor, http::Transport& transport,
               CallerOptions options, std::function<void()> changed)
    : services_(std::move(services)),
      executor_(std::move(executor)),
      transport_(transport),
      options_(std::move(options)),
      changed_(std::move(changed)) {
  for (const auto& [limiter_class, rate] : options_.limits)
    limiters_.emplace(limiter_class, delivery::RateLimiter(rate));
  circuits_[delivery::Api::V1];
  circuits_[delivery::Api::V2];
}

void Caller::changed() {
  if (changed_) changed_();
  for (auto& timer : *asks_)
    timer->wake();
}

void Caller::stop() {
  stopping_ = true;
  changed();
}

void Caller::spawn(asio::awaitable<void> task) {
  asio::co_spawn(executor_, std::move(task), [this](std::exception_ptr error) {
    if (error) {
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& failure) {
        problem_ = "internal error";
        services_.log.event(Level::Error, Event::ApiRequestFailed, "internal error while a call was made",
                            {{"detail", privacy::sanitise(failure.what())}});
      }
      services_.metrics.in_flight(*in_flight_);
    }
    changed();
  });
}

// ---- connections -----------------------------------------------------------------------------------------

void Caller::connect(std::size_t wanted) {
  // One that lies idle is ready before `spawn` returns, and is not being opened any more then.
  const auto there = *opening_ + ready_.size();
  for (auto missing = wanted - std::min(wanted, there); missing > 0; --missing)
    spawn(open_channel(std::make_unique<Counted>(opening_)));
}

asio::awaitable<void> Caller::open_channel(std::unique_ptr<Counted> opening) {
  auto opened = co_await transport_.open();
  opening.reset();
  if (opened.ok()) {
    open_failures_ = 0;
    if (problem_.starts_with(unreachable)) problem_.clear();
    ready_.push_back(std::move(opened).take_channel());
  } else {
    channel_failed(opened.failure(), options_.main, telemetry::EndpointLabel::Connect);
  }
}

void Caller::channel_failed(const http::Failure& failure, delivery::Api api,
                            telemetry::EndpointLabel endpoint) {
  if (failure.kind == http::FailureKind::Cancelled) return;
  services_.metrics.api_unreachable(endpoint);
  const auto now = services_.clock.monotonic();
  if (now < open_not_before_) return;  // its siblings failed for the same reason
  ++open_failures_;
  domain::Outcome outcome;
  outcome.kind = OutcomeKind::Transient;
  const auto utc = services_.clock.utc();
  const auto pause = delivery::retry_at(outcome, open_failures_, utc, services_.random) - utc;
  open_not_before_ = now + std::max<std::chrono::nanoseconds>(pause, std::chrono::milliseconds(100));
  problem_ = std::string(unreachable) + failure.detail;
  services_.metrics.api_retry(telemetry::RetryReason::Transient);
  if (const auto left_out = failing_[api].happened(now, failure.detail)) {
    services_.log.event(Level::Warn, Event::ApiRequestFailed, failure.detail,
                        {{"cause", http::to_string(failure.kind)}, {"people", 0}, {"left_out", *left_out}});
  }
  report_circuit(api, circuits_.at(api).failed(now), failure.detail);
}

// ---- one attempt -----------------------------------------------------------------------------------------

std::shared_ptr<Caller::Attempt> Caller::begin(LimiterClass limiter_class, bool is_retry) {
  const auto now = services_.clock.monotonic();
  auto attempt = std::make_shared<Attempt>(Counted(in_flight_));
  attempt->limiter_class = limiter_class;
  attempt->channel = std::move(ready_.back());
  ready_.pop_back();
  attempt->slot = limiters_.at(limiter_class).take(now);
  attempt->sent = now;
  circuits_.at(delivery::api_of(limiter_class)).sent(now);
  retry_budget_.called(now, is_retry);
  ++calls_;
  services_.metrics.in_flight(*in_flight_);
  return attempt;
}

asio::awaitable<Attempted> Caller::exchange(std::shared_ptr<Attempt> attempt, delivery::ApiRequest call) {
  std::vector<http::Header> headers;
  if (call.method != "GET") headers.emplace_back("Content-Type", "application/json");
  headers.emplace_back("Accept", "application/json");
  http::Request request(call.method, call.target, std::move(headers), std::move(call.body));
  request.add_secret_header("AccessToken", options_.api_key);
  auto answer = co_await attempt->channel->exchange(std::move(request));
  const auto now = services_.clock.monotonic();
  const bool reused = !attempt->channel->fresh();
  attempt->channel.reset();
  limiters_.at(attempt->limiter_class).answered(attempt->slot, now);

  Attempted attempted;
  attempted.took = std::chrono::duration_cast<domain::Duration>(now - attempt->sent);
  if (answer.ok()) {
    const auto& response = answer.response();
    std::optional<domain::Duration> retry_after;
    if (const auto wait = response.retry_after(services_.clock.utc())) retry_after = *wait;
    attempted.reply = Reply(response.status(), response.body(), retry_after);
  } else {
    const auto& failure = answer.failure();
    attempted.reply = Reply(delivery::NoAnswer{failure.request_sent, reason_of(failure.kind)});
    attempted.trouble = failure.detail;
    // The other end closed an idle connection just as we wrote: no sign of trouble, and worth trying again at
    // once.
    attempted.stale_connection =
        reused && failure.kind == http::FailureKind::ConnectionClosed && !failure.response_started;
  }
  co_return attempted;
}

void Caller::ended(Attempt& attempt) {
  attempt.place.give_up();
  services_.metrics.in_flight(*in_flight_);
  changed();
}

// ---- asking ----------------------------------------------------------------------------------------------

asio::awaitable<Reply> Caller::ask_until(delivery::ApiRequest request, MonotonicTime until) {
  std::optional<Asking> asking;
  asking.emplace(asks_, services_.clock);
  co_await restore();
  Reply reply = co_await ask_in_line(std::move(request), until, asking->timer());
  asking.reset();
  changed();
  co_return reply;
}

asio::awaitable<Reply> Caller::ask_in_line(delivery::ApiRequest request, MonotonicTime until,
                                           runtime::Timer* timer) {
  const auto no_answer = [](Reason cause) { return Reply(delivery::NoAnswer{false, cause}); };
  const auto limiter_class = request.limiter_class;
  std::unique_ptr<http::Channel> channel;
  for (bool logged = false;;) {
    if (stopping_ || !options_.leads()) co_return no_answer(Reason::Stopping);
    const auto now = services_.clock.monotonic();
    const auto at = next_call(limiter_class, Urgency::Asking, now);
    if (std::max(at, now) >= until) co_return no_answer(Reason::NotInTime);
    if (at > now) {
      // A connection held that long may be closed by the other end.
      if (at > now + longest_wait) channel.reset();
      logged = false;
      co_await timer->wait_until(std::min<MonotonicTime>(at, now + longest_wait));
      continue;
    }
    if (*in_flight_ >= options_.max_in_flight) {
      const Counted in_line(asks_in_line_);
      logged = false;
      co_await timer->wait_until(std::min<MonotonicTime>(until, now + longest_wait));
      continue;
    }
    if (!channel) {
      auto opened = co_await transport_.open();
      if (!opened.ok()) {
        const auto& failure = opened.failure();
        const auto endpoint =
            telemetry::label_from<telemetry::EndpointLabel>(delivery::name(request.endpoint));
        channel_failed(failure, delivery::api_of(limiter_class),
                       endpoint.value_or(telemetry::EndpointLabel::Connect));
        co_return no_answer(stopping_ ? Reason::Stopping : reason_of(failure.kind));
      }
      channel = std::move(opened).take_channel();
      if (problem_.starts_with(unreachable)) problem_.clear();
      continue;
    }
    if (logged) break;
    // Kept before it is made, as every attempt; the slot may be gone afterwards.
    const bool kept = co_await log_attempt(limiter_class);
    if (!kept) co_return no_answer(Reason::StateFile);
    logged = true;
  }

  ready_.push_back(std::move(channel));
  const auto attempt = begin(limiter_class, false);
  Facts facts;
  facts.endpoint = request.endpoint;
  facts.limiter_class = limiter_class;
  auto made = co_await exchange(attempt, std::move(request));
  const auto attempted = std::make_shared<Attempted>(std::move(made));
  facts.took = attempted->took;
  facts.sent = attempt->sent;
  facts.status = attempted->reply.status();
  const auto result = co_await verdict_of(attempted);
  judge(facts, *result);
  ended(*attempt);
  co_return std::move(attempted->reply);
}

asio::awaitable<std::shared_ptr<delivery::CallResult>> Caller::verdict_of(
    std::shared_ptr<const Attempted> attempted) const {
  auto work = [attempted = std::move(attempted)] {
    auto result = std::make_shared<delivery::CallResult>();
    if (const auto& none = attempted->reply.no_answer()) {
      *result = delivery::read_no_answer(0, *none);
      result->message = attempted->trouble;
      if (attempted->stale_connection) result->reason = domain::Reason::StaleConnection;
    } else {
      *result = delivery::read_verdict(attempted->reply.answer());
    }
    return result;
  };
  return runtime::offload(*services_.compute, std::move(work));
}

asio::awaitable<bool> Caller::lend_slot(LimiterClass limiter_class, MonotonicTime until) {
  std::optional<Asking> asking;
  asking.emplace(asks_, services_.clock);
  co_await restore();
  const bool lent = co_await take_slot(limiter_class, until, asking->timer());
  asking.reset();
  changed();
  co_return lent;
}

asio::awaitable<bool> Caller::take_slot(LimiterClass limiter_class, MonotonicTime until,
                                        runtime::Timer* timer) {
  for (bool logged = false; !stopping_;) {
    const auto now = services_.clock.monotonic();
    const auto at = next_slot(limiter_class, Urgency::Asking, now);
    if (at > until || !options_.leads()) co_return false;
    if (at > now) {
      logged = false;
      co_await timer->wait_until(std::min<MonotonicTime>(at, now + longest_wait));
      continue;
    }
    if (logged) {
      limiters_.at(limiter_class).take(now);
      co_return true;
    }
    // Kept before it is made, as every attempt; the slot may be gone afterwards.
    logged = co_await log_attempt(limiter_class);
    if (!logged) co_return false;
  }
  co_return false;
}

asio::awaitable<bool> Caller::log_attempt(LimiterClass limiter_class) {
  auto work = store::in_transaction([this, limiter_class](store::Transaction& transaction) {
    transaction.log_attempt(logged_now(limiter_class));
  });
  const auto logged = co_await services_.store.run(std::move(work));
  if (!logged) services_.store_failed(logged.error());
  co_return static_cast<bool>(logged);
}

}  // namespace stibee_sync::pipeline
