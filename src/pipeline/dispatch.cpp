#include "stibee_sync/pipeline/dispatch.hpp"

#include "pipeline/call.hpp"
#include "stibee_sync/telemetry/redaction.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using delivery::CallVerdict;
using domain::OutcomeKind;
using runtime::offload;
using telemetry::Event;
using telemetry::Level;

Dispatch::Dispatch(Services services, asio::any_io_executor executor, http::Transport& transport,
                   const delivery::Dialect& dialect, std::vector<MirrorPlan> mirrors, DispatchOptions options)
    : services_(std::move(services)),
      executor_(std::move(executor)),
      transport_(transport),
      dialect_(dialect),
      mirrors_(std::move(mirrors)),
      paused_(mirrors_.size(), false),
      options_(std::move(options)),
      limiter_(options_.rate),
      timer_(services_.clock.make_timer()) {}

void Dispatch::wake() {
  work_ = true;
  timer_->wake();
}

void Dispatch::stop() {
  stopping_ = true;
  timer_->wake();
}

void Dispatch::set_paused(std::size_t mirror, bool paused) {
  paused_[mirror] = paused;
  wake();
}

DispatchCondition Dispatch::condition() const {
  DispatchCondition condition;
  condition.circuit = circuit_.state();
  condition.key_refused = circuit_.key_refused();
  condition.in_flight = in_flight_;
  condition.calls = calls_;
  condition.settled = settled_;
  condition.problem = problem_;
  condition.limit = limiter_.limit().calls;
  condition.current_limit = limiter_.current(services_.clock.monotonic());
  return condition;
}

std::vector<store::MirrorId> Dispatch::active() const {
  std::vector<store::MirrorId> ids;
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    if (!paused_[i]) ids.push_back(mirrors_[i].id);
  }
  return ids;
}

const MirrorPlan& Dispatch::plan_of(store::MirrorId id) const {
  return *std::find_if(mirrors_.begin(), mirrors_.end(),
                       [id](const MirrorPlan& plan) { return plan.id == id; });
}

asio::awaitable<void> Dispatch::run() {
  co_await restore_limiter();
  while (!stopping_) {
    if (beat_) beat_();
    const auto now = services_.clock.monotonic();
    const auto regular = now + std::chrono::seconds(5);
    if (!work_) {
      ready_.clear();  // back to the pool of idle connections
      auto until = regular;
      if (next_due_) {
        const auto wait = *next_due_ - services_.clock.utc();
        if (wait <= domain::Duration::zero()) {
          work_ = true;
          continue;
        }
        until = std::min(until, now + std::chrono::nanoseconds(wait));
      }
      co_await timer_->wait_until(until);
      continue;
    }
    if (in_flight_ >= options_.max_in_flight) {
      co_await timer_->wait_until(regular);
      continue;
    }
    auto may_send = std::max({limiter_.next_slot(now), circuit_.next_call(now), store_not_before_});
    if (ready_.empty()) may_send = std::max(may_send, open_not_before_);
    if (may_send > now) {
      // A connection held that long may be closed by the other end.
      if (may_send > regular) ready_.clear();
      const bool limited = limiter_.next_slot(now) > now;
      co_await timer_->wait_until(std::min(may_send, regular));
      if (limited)
        services_.metrics.limiter_wait(telemetry::LimiterClass::V1, services_.clock.monotonic() - now);
      continue;
    }
    if (ready_.empty()) {
      // Connect first: the slot is taken in the moment in which the request goes out, with what is most
      // urgent then.
      open_channels(more_ ? options_.max_in_flight - in_flight_ : 1);
      co_await timer_->wait_until(regular);
      continue;
    }
    const bool again = co_await claim_and_send();
    work_ = work_ || again;
    if (!work_ && in_flight_ == 0 && progress_) progress_();
  }
  ready_.clear();
  while (in_flight_ > 0 || opening_ > 0)
    co_await timer_->wait_until(runtime::forever);
}

asio::awaitable<void> Dispatch::restore_limiter() {
  std::vector<store::LoggedAttempt> logged;
  auto read = [&store = services_.store] { return store.logged_attempts(); };
  try {
    logged = co_await offload(services_.store_worker, std::move(read));
  } catch (const store::StoreError& error) {
    services_.log.event(Level::Error, Event::StoreFailed, error.what());
  }
  const auto now = services_.clock.monotonic();
  std::vector<runtime::MonotonicTime> attempts;
  for (const auto& attempt : logged) {
    // Of another boot, or unknown: the clocks cannot be compared, so take it for just now rather than forget
    // it.
    const bool comparable = !attempt.boot_id.empty() && attempt.boot_id == options_.boot_id;
    const auto at = runtime::MonotonicTime(std::chrono::nanoseconds(attempt.since_boot_ns));
    attempts.push_back(comparable ? std::min(at, now) : now);
  }
  std::sort(attempts.begin(), attempts.end());
  limiter_.restore(attempts);
}

void Dispatch::spawn(asio::awaitable<void> task) {
  asio::co_spawn(executor_, std::move(task), [this](std::exception_ptr error) {
    if (error) {
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& failure) {
        problem_ = "internal error";
        services_.log.event(Level::Error, Event::ApiRequestFailed, "internal error while a call was made",
                            {{"detail", telemetry::sanitise(failure.what())}});
      }
    }
    timer_->wake();
  });
}

void Dispatch::open_channels(std::size_t wanted) {
  while (opening_ < wanted) {
    ++opening_;
    spawn(open_channel());
  }
}

asio::awaitable<void> Dispatch::open_channel() {
  auto opened = co_await transport_.open();
  --opening_;
  if (opened.ok()) {
    open_failures_ = 0;
    ready_.push_back(std::move(opened).take_channel());
  } else {
    channel_failed(opened.failure());
  }
  timer_->wake();
}

void Dispatch::channel_failed(const http::Failure& failure) {
  if (failure.kind == http::FailureKind::Cancelled) return;
  const auto now = services_.clock.monotonic();
  if (now < open_not_before_) return;  // its siblings failed for the same reason
  ++open_failures_;
  domain::Outcome outcome;
  outcome.kind = OutcomeKind::Transient;
  const auto utc = services_.clock.utc();
  const auto pause = delivery::retry_at(outcome, open_failures_, utc, services_.random) - utc;
  open_not_before_ = now + std::max<std::chrono::nanoseconds>(pause, std::chrono::milliseconds(100));
  const bool news = problem_ != failure.detail;
  problem_ = failure.detail;
  services_.metrics.api_retry(telemetry::RetryReason::Transient);
  if (news) {
    services_.log.event(Level::Warn, Event::ApiRequestFailed, failure.detail,
                        {{"cause", http::to_string(failure.kind)}, {"people", 0}});
  }
  report_circuit(circuit_.failed(now), failure.detail);
}

asio::awaitable<bool> Dispatch::claim_and_send() {
  const auto now = services_.clock.monotonic();
  store::ClaimRequest request;
  request.mirrors = active();
  request.now = services_.clock.utc();
  request.retries_allowed = retry_budget_.may_retry(now);
  request.max_people = [&dialect = dialect_](domain::Lane, const std::string& shape) {
    return dialect.max_people(delivery::operation_of_shape(shape));
  };
  store::LoggedAttempt attempt;
  attempt.limiter_class = delivery::name(delivery::LimiterClass::All);
  attempt.at = request.now;
  attempt.boot_id = options_.boot_id;
  attempt.since_boot_ns = now.time_since_epoch().count();

  struct Found {
    std::optional<store::Claimed> claimed;
    std::optional<domain::UtcTime> next_due;
  };
  const bool retries_allowed = request.retries_allowed;
  auto claim = [&store = services_.store, request = std::move(request), attempt] {
    Found found;
    found.claimed = store.claim(request, [&attempt](const std::string&, std::size_t) { return attempt; });
    if (!found.claimed) found.next_due = store.next_due(request.mirrors);
    return found;
  };
  claiming_ = true;
  work_ = false;  // a wake from now on counts
  Found found;
  std::string trouble;
  try {
    found = co_await offload(services_.store_worker, std::move(claim));
  } catch (const store::StoreError& error) {
    trouble = error.what();
  }
  claiming_ = false;
  if (!trouble.empty()) {
    services_.metrics.store_error();
    services_.log.event(Level::Error, Event::StoreFailed, trouble);
    store_not_before_ = services_.clock.monotonic() + std::chrono::seconds(5);
    co_return true;
  }
  if (!found.claimed) {
    more_ = false;
    next_due_ = found.next_due;
    if (!retries_allowed && next_due_) {
      // Only retries are left, and the budget is spent for now.
      const auto wait = retry_budget_.next_allowed(now) - now;
      next_due_ = std::max(*next_due_, services_.clock.utc() + std::chrono::ceil<domain::Duration>(wait));
    }
    co_return false;
  }

  auto call = std::make_shared<Call>();
  call->claimed = std::move(*found.claimed);
  auto& people = call->claimed.people;
  const auto& plan = plan_of(call->claimed.mirror);
  const auto utc = services_.clock.utc();
  std::vector<store::Settlement> misplaced;
  std::vector<store::ClaimedPerson> kept;
  for (auto& person : people) {
    auto decision = delivery::next_operation(person.wanted, person.confirmed, plan.policy, utc);
    const auto* operation = std::get_if<domain::Operation>(&decision);
    if (operation == nullptr || delivery::shape_of(*operation) != call->claimed.shape) {
      store::Settlement again;
      again.email = person.email;
      again.confirmed = person.confirmed;
      misplaced.push_back(std::move(again));
      continue;
    }
    delivery::Recipient recipient;
    recipient.email = person.email;
    recipient.operation = *operation;
    recipient.fields = person.values;
    recipient.ad_agreed = person.wanted.ad_agreed;
    call->recipients.push_back(std::move(recipient));
    kept.push_back(std::move(person));
  }
  people = std::move(kept);

  std::vector<domain::EmailAddress> unsent;
  if (!people.empty()) {
    auto packed = dialect_.pack(plan.list_id, call->recipients);
    if (packed.taken == 0) {
      store::Settlement too_large;
      too_large.email = people.front().email;
      too_large.confirmed = people.front().confirmed;
      too_large.next = store::Settlement::Next::Park;
      too_large.reason = "too_large";
      too_large.message = "one person's values alone are more than a call may carry";
      misplaced.push_back(std::move(too_large));
    }
    more_ = packed.taken < people.size() ||
            people.size() >= dialect_.max_people(call->recipients.front().operation);
    for (std::size_t i = std::max<std::size_t>(packed.taken, packed.taken == 0 ? 1 : 0); i < people.size();
         ++i) {
      unsent.push_back(people[i].email);
    }
    people.resize(packed.taken);
    call->recipients.resize(packed.taken);
    call->request = std::move(packed.request);
  }
  if (!misplaced.empty() || !unsent.empty()) {
    auto give_back = [&store = services_.store, id = plan.id, misplaced = std::move(misplaced),
                      unsent = std::move(unsent), place = place_rule(plan.policy), utc] {
      store.release(id, unsent);
      if (!misplaced.empty()) store.settle(id, misplaced, place, utc);
    };
    co_await offload(services_.store_worker, std::move(give_back));
  }
  if (people.empty()) co_return true;
  if (ready_.empty()) {
    // Cannot happen while this is the only taker; but people must not stay claimed if it ever does.
    std::vector<domain::EmailAddress> all;
    for (const auto& person : people)
      all.push_back(person.email);
    auto give_back = [&store = services_.store, id = plan.id, all = std::move(all)] {
      store.release(id, all);
    };
    co_await offload(services_.store_worker, std::move(give_back));
    co_return true;
  }

  const auto sent = services_.clock.monotonic();
  call->channel = std::move(ready_.back());
  ready_.pop_back();
  call->attempt = limiter_.take(sent);
  circuit_.sent(sent);
  retry_budget_.called(sent, call->claimed.is_retry);
  ++in_flight_;
  ++calls_;
  services_.metrics.in_flight(in_flight_);
  spawn(exchange(std::move(call)));
  co_return true;
}

asio::awaitable<void> Dispatch::exchange(std::shared_ptr<Call> call) {
  std::vector<http::Header> headers;
  headers.emplace_back("Content-Type", "application/json");
  headers.emplace_back("Accept", "application/json");
  http::Request request(call->request.method, call->request.target, std::move(headers),
                        std::move(call->request.body));
  request.add_secret_header("AccessToken", options_.api_key);
  const auto began = services_.clock.monotonic();
  auto answer = co_await call->channel->exchange(std::move(request));
  const auto ended = services_.clock.monotonic();
  const bool reused = !call->channel->fresh();
  call->channel.reset();
  limiter_.answered(call->attempt, ended);

  auto result = std::make_shared<delivery::CallResult>();
  if (answer.ok()) {
    const auto& response = answer.response();
    delivery::ApiAnswer api_answer;
    api_answer.status = response.status();
    api_answer.body = response.body();
    const auto retry_after = response.retry_after(services_.clock.utc());
    if (retry_after) api_answer.retry_after = *retry_after;
    *result = dialect_.read(call->recipients, api_answer);
  } else {
    const auto& failure = answer.failure();
    delivery::NoAnswer no_answer;
    no_answer.may_have_been_applied = failure.request_sent;
    no_answer.cause = http::to_string(failure.kind);
    *result = delivery::read_no_answer(call->recipients.size(), no_answer);
    if (result->message.empty()) result->message = failure.detail;
    // The other end closed an idle connection just as we wrote: no sign of trouble, and worth trying again at
    // once.
    if (reused && failure.kind == http::FailureKind::ConnectionClosed && !failure.response_started) {
      result->reason = "stale_connection";
    }
  }
  judge_call(*call, *result, std::chrono::duration_cast<domain::Duration>(ended - began));
  co_await settle(call, result);
  --in_flight_;
  services_.metrics.in_flight(in_flight_);
  work_ = true;
  if (progress_) progress_();
}

asio::awaitable<void> Dispatch::settle(std::shared_ptr<Call> call,
                                       std::shared_ptr<delivery::CallResult> result) {
  const auto& plan = plan_of(call->claimed.mirror);
  auto people = std::make_shared<const std::vector<store::Settlement>>(settlements(*call, *result));
  auto work = [&store = services_.store, id = plan.id, people, place = place_rule(plan.policy),
               now = services_.clock.utc()] { store.settle(id, *people, place, now); };
  std::string trouble;
  try {
    co_await offload(services_.store_worker, std::move(work));
  } catch (const store::StoreError& error) {
    trouble = error.what();
  }
  if (trouble.empty()) {
    for (const auto& person : *people) {
      if (person.next == store::Settlement::Next::Continue) ++settled_;
    }
    co_return;
  }
  // What became of these people is lost, so their call is made again: every call is safe to repeat.
  services_.metrics.store_error();
  services_.log.event(Level::Error, Event::StoreFailed, trouble);
  store_not_before_ = services_.clock.monotonic() + std::chrono::seconds(5);
  std::vector<domain::EmailAddress> all;
  for (const auto& person : *people)
    all.push_back(person.email);
  auto give_back = [&store = services_.store, id = plan.id, all = std::move(all)] { store.release(id, all); };
  co_await offload(services_.store_worker, std::move(give_back));
}

}  // namespace stibee_sync::pipeline
