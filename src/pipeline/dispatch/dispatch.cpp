#include "stibee_sync/pipeline/dispatch.hpp"

#include "pipeline/dispatch/call.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using runtime::MonotonicTime;
using telemetry::Event;
using telemetry::Level;

namespace {

/// The loop turns at least that often, so that one that waits can be told from one that hangs.
constexpr std::chrono::seconds regular_turn{5};
/// While somebody waits for a slot, whoever becomes due meanwhile and needs another is found within this.
constexpr std::chrono::seconds longest_look_away{1};
constexpr std::chrono::seconds pause_after_store_error{5};
/// A clock that is steered stays below it.
constexpr std::chrono::seconds least_step{1};
/// Attempts of a class keep this distance at most; a slot that is free that soon is as good as free.
constexpr std::chrono::milliseconds short_wait{20};

}  // namespace

Dispatch::Dispatch(Services services, asio::any_io_executor executor, http::Transport& transport,
                   const delivery::Dialect& dialect, std::vector<MirrorPlan> mirrors, CallerOptions options)
    : services_(services),
      dialect_(dialect),
      mirrors_(std::move(mirrors)),
      paused_(mirrors_.size(), false),
      blocked_(mirrors_.size(), false),
      last_turn_(mirrors_.size(), 0),
      bursts_(mirrors_.size()),
      served_since_(mirrors_.size()),
      refusals_(services_, mirrors_),
      max_in_flight_(options.max_in_flight),
      main_(options.main),
      timer_(services_.clock.make_timer()),
      idle_timer_(services_.clock.make_timer()),
      caller_(std::move(services), std::move(executor), transport, std::move(options),
              [this] { timer_->wake(); }) {}

asio::awaitable<Reply> Dispatch::ask(delivery::ApiRequest request) {
  return caller_.ask(std::move(request));
}

void Dispatch::wake() {
  work_ = true;
  timer_->wake();
}

void Dispatch::stop() {
  stopping_ = true;
  caller_.stop();
  timer_->wake();
  idle_timer_->wake();
}

void Dispatch::set_paused(std::size_t mirror, bool paused) {
  paused_[mirror] = paused;
  note_service(mirror);
  wake();
}

void Dispatch::set_blocked(std::size_t mirror, bool blocked) {
  blocked_[mirror] = blocked;
  note_service(mirror);
  wake();
}

void Dispatch::note_service(std::size_t mirror) {
  if (paused_[mirror] || blocked_[mirror] || !running_) {
    served_since_[mirror].reset();
  } else if (!served_since_[mirror]) {
    served_since_[mirror] = services_.clock.monotonic();
  }
}

DispatchCondition Dispatch::condition() const {
  DispatchCondition condition;
  condition.circuit = caller_.circuit().state();
  condition.key_refused = caller_.circuit().key_refused();
  condition.in_flight = caller_.in_flight();
  condition.calls = caller_.calls();
  condition.settled = settled_;
  condition.problem = caller_.problem();
  condition.limiters = caller_.limiters();
  const auto now = services_.clock.monotonic();
  for (const auto limiter_class : delivery::limiter_classes_of(dialect_)) {
    condition.limited = condition.limited || caller_.limited(limiter_class, Urgency::Ordinary, now);
    condition.urgent_limited =
        condition.urgent_limited || caller_.limited(limiter_class, Urgency::Urgent, now);
  }
  return condition;
}

DeliveryProgress Dispatch::progress(std::size_t mirror) const {
  const auto now = services_.clock.monotonic();
  auto progress = bursts_[mirror].progress(now);
  if (const auto& since = served_since_[mirror])
    progress.served = std::chrono::duration_cast<domain::Duration>(now - *since);
  return progress;
}

std::vector<store::MirrorId> Dispatch::active() const {
  std::vector<std::size_t> served;
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    if (!paused_[i] && !blocked_[i]) served.push_back(i);
  }
  std::stable_sort(served.begin(), served.end(),
                   [this](std::size_t a, std::size_t b) { return last_turn_[a] < last_turn_[b]; });
  std::vector<store::MirrorId> ids;
  for (const auto i : served)
    ids.push_back(mirrors_[i].id);
  return ids;
}

void Dispatch::note_refusal(const Call& call, const delivery::CallResult& result) {
  // A key that the other API does not accept is no fault of the list.
  const auto api = delivery::api_of(call.attempt->limiter_class);
  if (result.verdict == delivery::CallVerdict::Forbidden && api != main_) return;
  refusals_.ended(call.claimed.line, call.recipients.size(), result, call.attempt->sent,
                  services_.clock.monotonic());
}

std::size_t Dispatch::place_of(store::MirrorId id) const {
  const auto place =
      std::find_if(mirrors_.begin(), mirrors_.end(), [id](const MirrorPlan& plan) { return plan.id == id; });
  return static_cast<std::size_t>(place - mirrors_.begin());
}

const MirrorPlan& Dispatch::plan_of(store::MirrorId id) const {
  return mirrors_[place_of(id)];
}

// ---- slots -----------------------------------------------------------------------------------------------

delivery::FreeSlots Dispatch::free_slots(MonotonicTime now) const {
  delivery::FreeSlots free;
  for (const auto limiter_class : delivery::limiter_classes_of(dialect_)) {
    free.set(limiter_class, {.spare = caller_.next_call(limiter_class, Urgency::Spare, now) <= now,
                             .ordinary = caller_.next_call(limiter_class, Urgency::Ordinary, now) <= now,
                             .urgent = caller_.next_call(limiter_class, Urgency::Urgent, now) <= now});
  }
  return free;
}

MonotonicTime Dispatch::all_distant(MonotonicTime now) const {
  auto latest = now;
  for (const auto limiter_class : delivery::limiter_classes_of(dialect_)) {
    const auto free = caller_.next_call(limiter_class, Urgency::Ordinary, now);
    if (free <= now + short_wait) latest = std::max(latest, free);
  }
  return latest;
}

std::set<Dispatch::Need> Dispatch::all_needs() const {
  std::set<Need> needs;
  for (const auto limiter_class : delivery::limiter_classes_of(dialect_)) {
    for (const auto urgency : {Urgency::Ordinary, Urgency::Urgent})
      needs.emplace(limiter_class, urgency);
  }
  return needs;
}

MonotonicTime Dispatch::first_slot(const std::set<Need>& needs, MonotonicTime now) const {
  auto first = runtime::forever;
  for (const auto& [limiter_class, urgency] : needs)
    first = std::min(first, caller_.next_call(limiter_class, urgency, now));
  return first;
}

asio::awaitable<void> Dispatch::wait_for_slot(std::set<Need> needs, MonotonicTime until) {
  const auto began = services_.clock.monotonic();
  const auto slot = first_slot(needs, began);
  // A connection held that long may be closed by the other end.
  if (slot > began + regular_turn) caller_.disconnect();
  std::optional<delivery::LimiterClass> waited_for;
  for (const auto& [limiter_class, urgency] : needs) {
    if (caller_.limited(limiter_class, urgency, began) &&
        caller_.next_call(limiter_class, urgency, began) == slot) {
      waited_for = limiter_class;
      break;
    }
  }
  co_await timer_->wait_until(std::min(slot, until));
  if (!waited_for) co_return;
  if (const auto label = telemetry::label_from<telemetry::LimiterLabel>(delivery::name(*waited_for)))
    services_.metrics.limiter_wait(*label, services_.clock.monotonic() - began);
}

// ---- the loop --------------------------------------------------------------------------------------------

asio::awaitable<void> Dispatch::run() {
  running_ = true;
  for (std::size_t i = 0; i < mirrors_.size(); ++i)
    note_service(i);
  co_await caller_.restore();
  while (!stopping_) {
    if (beat_) beat_();
    tell_bursts();
    if (clock_set_back()) {
      co_await mend_due_times();
      continue;
    }
    const auto now = services_.clock.monotonic();
    const auto regular = now + regular_turn;
    if (!work_) {
      co_await wait_for_work(now);
      if (!work_ && idle()) co_await tidy();
      continue;
    }
    if (caller_.full()) {
      co_await timer_->wait_until(regular);
      continue;
    }
    // Not while a class only keeps its distance: somebody alone would take a slot of the wrong one.
    const auto distant = all_distant(now);
    if (distant > now) {
      co_await timer_->wait_until(distant);
      continue;
    }
    const auto free = free_slots(now);
    if (!free.any()) {
      auto needs = all_needs();
      co_await wait_for_slot(std::move(needs), regular);
      continue;
    }
    auto may_send = store_not_before_;
    if (!caller_.connected()) may_send = std::max(may_send, caller_.connect_not_before());
    if (may_send > now) {
      if (may_send > regular) caller_.disconnect();
      co_await timer_->wait_until(std::min(may_send, regular));
      continue;
    }
    if (!caller_.connected()) {
      // Connect first: the slot is taken in the moment in which the request goes out, with what is most
      // urgent then.
      caller_.connect(more_ ? caller_.free_places() : 1);
      co_await timer_->wait_until(regular);
      continue;
    }
    const bool again = co_await claim_and_send(free);
    work_ = work_ || again;
    if (!idle()) continue;
    close_bursts();
    idle_timer_->wake();
    if (progress_) progress_();
  }
  caller_.disconnect();
  while (!caller_.quiet())
    co_await timer_->wait_until(runtime::forever);
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    if (const auto rest = bursts_[i].tell_rest()) tell(*rest, mirrors_[i].name);
  }
}

bool Dispatch::clock_set_back() {
  const auto now = services_.clock.monotonic();
  const auto utc = services_.clock.utc();
  const auto before = std::exchange(clocks_, std::pair(now, utc));
  return before && utc + least_step < before->second + (now - before->first);
}

asio::awaitable<void> Dispatch::tidy() {
  auto work = [](store::Store& store) { return store.tidy(); };
  const auto tidied = co_await services_.store.run(std::move(work));
  if (!tidied) store_failed(tidied.error());
}

asio::awaitable<void> Dispatch::mend_due_times() {
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    std::optional<std::string> after = "";
    while (after && !stopping_) {
      auto work = store::in_transaction([id = mirrors_[i].id, policy = mirrors_[i].policy, from = *after,
                                         now = services_.clock.utc()](store::Transaction& transaction) {
        return pipeline::mend_due_times(transaction, id, from, policy, now);
      });
      const auto mended = co_await services_.store.run(std::move(work));
      if (!mended) {
        store_failed(mended.error());
        clocks_.reset();
        co_return;
      }
      after = mended.value();
    }
  }
  work_ = true;
}

asio::awaitable<void> Dispatch::until_idle(domain::Duration most) {
  const auto deadline = services_.clock.monotonic() + most;
  while (running_ && !stopping_ && !idle() && services_.clock.monotonic() < deadline)
    co_await idle_timer_->wait_until(deadline);
}

asio::awaitable<void> Dispatch::wait_for_work(MonotonicTime now) {
  auto until = now + regular_turn;
  if (needs_.empty()) {
    caller_.disconnect();
  } else {
    until = now + longest_look_away;
  }
  if (next_due_) {
    const auto wait = *next_due_ - services_.clock.utc();
    until = std::min(until, now + std::chrono::nanoseconds(std::max(wait, domain::Duration::zero())));
  }
  const auto probe = refusals_.next_probe(now);
  until = std::min(until, probe);
  if (until > now) {
    if (needs_.empty()) {
      co_await timer_->wait_until(until);
    } else {
      until = std::min(until, first_slot(needs_, now));
      auto needs = needs_;
      co_await wait_for_slot(std::move(needs), until);
    }
  }
  const bool due = needs_.empty() ? next_due_.has_value() && *next_due_ <= services_.clock.utc()
                                  : services_.clock.monotonic() >= until;
  work_ = work_ || due || services_.clock.monotonic() >= probe;
}

asio::awaitable<bool> Dispatch::claim_and_send(delivery::FreeSlots free) {
  claiming_ = true;
  work_ = false;  // a wake from now on counts
  auto looked = co_await claim(free);
  auto found = std::make_shared<Found>(std::move(looked));
  claiming_ = false;
  needs_ = found->needs;
  more_ = found->more;
  next_due_ = found->next_due;
  for (const auto& line : found->nobody_left)
    refusals_.forget(line);
  if (store_not_before_ > services_.clock.monotonic()) co_return true;
  if (!found->claimed) co_return false;
  needs_.clear();

  auto call = co_await prepare(found);
  if (call == nullptr) co_return true;
  const auto limiter_class = call->request.limiter_class;
  const bool is_retry = call->claimed.is_retry;
  call->attempt = caller_.begin(limiter_class, is_retry);
  refusals_.sent(call->claimed.line, call->attempt->sent);
  const auto place = place_of(call->claimed.line.mirror);
  last_turn_[place] = caller_.calls();
  bursts_[place].called(call->attempt->sent);
  caller_.spawn(exchange(std::move(call)));
  co_return true;
}

asio::awaitable<void> Dispatch::exchange(std::shared_ptr<Call> call) {
  Caller::Facts facts;
  facts.endpoint = call->request.endpoint;
  facts.limiter_class = call->request.limiter_class;
  facts.mirror = plan_of(call->claimed.line.mirror).name;
  facts.people = call->recipients.size();
  auto attempted = co_await caller_.exchange(call->attempt, std::move(call->request));
  facts.took = attempted.took;

  auto result = std::make_shared<delivery::CallResult>();
  if (const auto& none = attempted.reply.no_answer()) {
    *result = delivery::read_no_answer(call->recipients.size(), *none);
    if (result->message.empty()) result->message = attempted.trouble;
    if (attempted.stale_connection) result->reason = domain::Reason::StaleConnection;
  } else {
    *result = dialect_.read(call->recipients, attempted.reply.answer());
  }
  caller_.judge(facts, *result);
  note_refusal(*call, *result);
  co_await settle(call, result);
  work_ = true;
  caller_.ended(*call->attempt);
  if (progress_) progress_();
}

void Dispatch::store_failed(const std::string& trouble) {
  services_.store_failed(trouble);
  store_not_before_ = services_.clock.monotonic() + pause_after_store_error;
}

// ---- bursts ----------------------------------------------------------------------------------------------

void Dispatch::note_arrivals(const Call& call, const std::vector<ledger::Settlement>& people,
                             const Settled& settled) {
  const auto now = services_.clock.monotonic();
  auto& burst = bursts_[place_of(call.claimed.line.mirror)];
  std::map<domain::OperationKind, std::size_t> arrived;
  for (std::size_t i = 0; i < people.size(); ++i) {
    if (people[i].next == ledger::Settlement::Next::Continue) ++arrived[call.recipients[i].operation.kind];
  }
  for (const auto& [kind, count] : arrived)
    burst.arrived(kind, count, now);
  if (settled.oldest) burst.waited(services_.clock.utc() - *settled.oldest);
  if (settled.through) burst.through(settled.imported, now);
  tell_bursts();
}

void Dispatch::close_bursts() {
  if (next_due_ && *next_due_ <= services_.clock.utc() + longest_backoff) return;
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    if (!paused_[i] && !blocked_[i] && refused(i).empty())
      bursts_[i].through(false, services_.clock.monotonic());
  }
}

void Dispatch::tell_bursts() {
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    if (const auto delivered = bursts_[i].tell(services_.clock.monotonic()))
      tell(*delivered, mirrors_[i].name);
  }
}

void Dispatch::tell(const Delivered& delivered, const std::string& mirror) {
  std::vector<telemetry::Field> fields{{"mirror", mirror}, {"people", delivered.all()}};
  for (const auto& [kind, count] : delivered.people)
    fields.emplace_back(domain::name(kind), count);
  fields.emplace_back("calls", delivered.calls);
  fields.emplace_back("seconds", delivered.took);
  fields.emplace_back("oldest_seconds", delivered.oldest);
  if (delivered.bursts > 1) fields.emplace_back("bursts", delivered.bursts);
  if (delivered.first_import) fields.emplace_back("first_import", true);
  services_.log.event(
      Level::Info, Event::DeliveryFinished,
      delivered.first_import ? "the first import is through" : "what had changed is delivered", fields);
}

}  // namespace stibee_sync::pipeline
