#include "stibee_sync/pipeline/dispatch.hpp"

#include "pipeline/dispatch/call.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using runtime::MonotonicTime;

namespace {

/// The loop turns at least that often, so that one that waits can be told from one that hangs.
constexpr std::chrono::seconds regular_turn{5};
/// While somebody waits for a slot, whoever becomes due meanwhile and needs another is found within this.
constexpr std::chrono::seconds longest_look_away{1};
constexpr std::chrono::seconds pause_after_store_error{5};
/// A clock that is steered stays below it.
constexpr std::chrono::seconds least_step{1};

}  // namespace

Dispatch::Dispatch(Services services, asio::any_io_executor executor, http::Transport& transport,
                   const delivery::Dialect& dialect, std::vector<MirrorPlan> mirrors, CallerOptions options)
    : services_(services),
      dialect_(dialect),
      mirrors_(std::move(mirrors)),
      paused_(mirrors_.size(), false),
      blocked_(mirrors_.size(), false),
      awaits_read_(mirrors_.size(), false),
      placed_(mirrors_.size(), true),
      last_turn_(mirrors_.size(), 0),
      bursts_(mirrors_.size()),
      served_since_(mirrors_.size()),
      refusals_(services_, mirrors_),
      max_in_flight_(options.max_in_flight),
      main_(options.main),
      timer_(services_.clock.make_timer()),
      caller_(std::move(services), std::move(executor), transport, std::move(options),
              [this] { timer_->wake(); }) {}

asio::awaitable<Reply> Dispatch::ask_until(delivery::ApiRequest request, MonotonicTime until) {
  return caller_.ask_until(std::move(request), until);
}

void Dispatch::wake() {
  work_ = true;
  timer_->wake();
}

void Dispatch::stop() {
  stopping_ = true;
  caller_.stop();
  timer_->wake();
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

void Dispatch::set_awaits_read(std::size_t mirror, bool awaits) {
  awaits_read_[mirror] = awaits;
  wake();
}

void Dispatch::note_service(std::size_t mirror) {
  if (paused_[mirror] || blocked_[mirror] || !running_) {
    served_since_[mirror].reset();
  } else if (!served_since_[mirror]) {
    served_since_[mirror] = services_.clock.monotonic();
  }
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
  if (missing_group_ && result.reason && speaks_of_missing_group(*result.reason))
    missing_group_(place_of(call.claimed.line.mirror), call.recipients.front().operation.groups);
}

std::size_t Dispatch::place_of(store::MirrorId id) const {
  const auto place =
      std::find_if(mirrors_.begin(), mirrors_.end(), [id](const MirrorPlan& plan) { return plan.id == id; });
  return static_cast<std::size_t>(place - mirrors_.begin());
}

const MirrorPlan& Dispatch::plan_of(store::MirrorId id) const {
  return mirrors_[place_of(id)];
}

// ---- the loop --------------------------------------------------------------------------------------------

asio::awaitable<void> Dispatch::run() {
  running_ = true;
  for (std::size_t i = 0; i < mirrors_.size(); ++i)
    note_service(i);
  co_await caller_.restore();
  co_await look_who_is_placed();
  while (!stopping_) {
    if (beat_) beat_();
    tell_bursts();
    // Those who would wait for a time that only the clock of before could know wait no longer.
    if (clock_set_back()) placed_.assign(placed_.size(), false);
    const auto now = services_.clock.monotonic();
    const auto regular = now + regular_turn;
    if (const auto unplaced = std::find(placed_.begin(), placed_.end(), false); unplaced != placed_.end()) {
      const auto place = static_cast<std::size_t>(unplaced - placed_.begin());
      if (store_not_before_ > now) {
        co_await timer_->wait_until(std::min(store_not_before_, regular));
      } else {
        co_await place_anew(place);
      }
      continue;
    }
    if (!work_) {
      // Not after a wait that nothing ends: reads that change nothing may end each.
      if (idle() && now >= tidy_again_) {
        tidy_again_ = regular;
        co_await tidy();
      } else {
        co_await wait_for_work(now);
      }
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

asio::awaitable<void> Dispatch::look_who_is_placed() {
  std::vector<store::MirrorId> ids;
  for (const auto& plan : mirrors_)
    ids.push_back(plan.id);
  auto look = [ids = std::move(ids)](store::Store& store) {
    std::vector<std::string> placed;
    for (const auto id : ids)
      placed.push_back(store.placed_by(id));
    return placed;
  };
  const auto looked = co_await services_.store.run(std::move(look));
  if (!looked) store_failed(looked.error());
  for (std::size_t i = 0; i < mirrors_.size(); ++i)
    placed_[i] = looked && looked.value()[i] == mirrors_[i].placing;
}

asio::awaitable<void> Dispatch::place_anew(std::size_t mirror) {
  const auto id = mirrors_[mirror].id;
  std::optional<std::string> after = "";
  while (after && !stopping_) {
    if (beat_) beat_();
    auto work = store::in_transaction([id, policy = mirrors_[mirror].policy, from = *after,
                                       now = services_.clock.utc()](store::Transaction& transaction) {
      return place_some(transaction, id, from, policy, now);
    });
    const auto placed = co_await services_.store.run(std::move(work));
    if (!placed) {
      store_failed(placed.error());
      co_return;
    }
    after = placed.value();
  }
  if (after) co_return;
  auto note = [id, by = mirrors_[mirror].placing](store::Store& store) { store.set_placed_by(id, by); };
  const auto noted = co_await services_.store.run(std::move(note));
  if (!noted) store_failed(noted.error());
  placed_[mirror] = static_cast<bool>(noted);
  work_ = true;
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
  auto made = co_await caller_.exchange(call->attempt, std::move(call->request));
  const auto attempted = std::make_shared<const Attempted>(std::move(made));
  facts.took = attempted->took;
  facts.sent = call->attempt->sent;
  facts.status = attempted->reply.status();
  auto answer = co_await read(call, attempted);
  caller_.judge(facts, answer->result);
  note_refusal(*call, answer->result);
  co_await settle(call, answer);
  work_ = true;
  // To let go of thousands of people takes as long as to read their answer.
  const auto attempt = std::move(call->attempt);
  runtime::dispose(*services_.compute, std::move(answer));
  runtime::dispose(*services_.compute, std::move(call));
  caller_.ended(*attempt);
  if (progress_) progress_();
}

void Dispatch::store_failed(const std::string& trouble) {
  services_.store_failed(trouble);
  store_not_before_ = services_.clock.monotonic() + pause_after_store_error;
}

}  // namespace stibee_sync::pipeline
