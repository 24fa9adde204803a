#include "pipeline/dispatch/call.hpp"
#include "stibee_sync/ledger/next_operation.hpp"

#include <algorithm>
#include <set>
#include <utility>

// From the queue to a packed call.

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using delivery::CallChoice;

namespace {

Urgency urgency_of(domain::Lane lane) {
  return lane == domain::Lane::Optout ? Urgency::Urgent : Urgency::Ordinary;
}

/// Recipients of those of a claim whom its call is for; the others leave it, to be placed anew.
std::vector<delivery::Recipient> address(Claimed& claimed, std::vector<ledger::Settlement>& misplaced,
                                         const ledger::Policy& policy, domain::UtcTime now, bool in_bulk) {
  std::vector<delivery::Recipient> recipients;
  std::vector<ClaimedPerson> kept;
  recipients.reserve(claimed.people.size());
  kept.reserve(claimed.people.size());
  for (auto& person : claimed.people) {
    const auto step = ledger::next_operation(person.wanted, person.confirmed, policy, now);
    const auto* operation = std::get_if<domain::Operation>(&step);
    if (operation == nullptr || ledger::shape_of(*operation) != claimed.line.shape) {
      ledger::Settlement again;
      again.email = person.email;
      again.confirmed = person.confirmed;
      misplaced.push_back(std::move(again));
      continue;
    }
    delivery::Recipient recipient;
    recipient.email = person.email;
    recipient.operation = *operation;
    recipient.fields = std::move(person.values);
    recipient.ad_agreed = person.wanted.ad_agreed;
    recipient.in_bulk = in_bulk;
    recipients.push_back(std::move(recipient));
    kept.push_back(std::move(person));
  }
  claimed.people = std::move(kept);
  return recipients;
}

}  // namespace

Dispatch::Found Dispatch::look(store::Transaction& transaction, const CallChoice& choice,
                               const Caller& caller, const Queued& queued) {
  Found found;
  for (const auto turn : choice.turns()) {
    const auto capacity = [&](const store::QueueLine& line) {
      const auto most = queued.most_of(line);
      if (most == 0) return most;
      for (const auto& missing : choice.missing(line.lane, line.shape))
        found.needs.emplace(missing.limiter_class, missing.spare ? Urgency::Spare : urgency_of(line.lane));
      return std::min(most, choice.max_people(turn, line.lane, line.shape));
    };
    const auto line = most_urgent(transaction, queued.mirrors, queued.due, capacity);
    if (!line) continue;
    const auto most = capacity(*line);
    auto waiting = transaction.waiting(*line, queued.due, most);
    const auto seen = waiting.people.size();
    const auto taken = choice.take(turn, line->shape, seen);
    found.more = seen > taken || (taken > 1 && taken >= most);
    found.logged = choice.limiter_class(line->lane, line->shape, taken);
    found.claimed = pipeline::claim(transaction, *line, std::move(waiting), taken);
    transaction.log_attempt(caller.logged_now(found.logged));
    return found;
  }
  if (!found.needs.empty()) return found;
  std::set<Refusals::Key> waited_for;
  found.next_due = next_due(transaction, queued.mirrors, [&](const store::QueueLine& line) {
    waited_for.insert(Refusals::key_of(line));
    return queued.most_of(line) == 0;
  });
  for (const auto& [line, may_probe] : queued.gates) {
    const bool served =
        std::find(queued.mirrors.begin(), queued.mirrors.end(), line.first) != queued.mirrors.end();
    if (may_probe && served && !waited_for.contains(line)) found.nobody_left.push_back(line);
  }
  return found;
}

asio::awaitable<Dispatch::Found> Dispatch::claim(delivery::FreeSlots free) {
  const auto now = services_.clock.monotonic();
  Queued queued;
  queued.mirrors = active();
  queued.due = store::Due{services_.clock.utc(), caller_.retry_budget().may_retry(now)};
  queued.gates = refusals_.gates(now);
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    if (awaits_read_[i]) queued.no_upserts.insert(mirrors_[i].id);
  }
  if (!services_.database_clock->agrees(queued.due.now, now)) {
    for (const auto& plan : mirrors_) {
      if (plan.policy.delete_after) queued.no_deletes.insert(plan.id);
    }
  }
  const bool with_retries = queued.due.with_retries;
  auto work = store::in_transaction(
      [&caller = caller_, queued = std::move(queued), choice = CallChoice(dialect_, free, max_in_flight_)](
          store::Transaction& transaction) { return look(transaction, choice, caller, queued); });
  auto looked = co_await services_.store.run(std::move(work));
  if (!looked) {
    store_failed(looked.error());
    co_return Found();
  }
  auto found = std::move(looked).value();
  if (!found.claimed && !with_retries && found.next_due) {
    // Only retries are left, and the budget is spent for now.
    const auto wait = caller_.retry_budget().next_allowed(now) - now;
    found.next_due =
        std::max(*found.next_due, services_.clock.utc() + std::chrono::ceil<domain::Duration>(wait));
  }
  co_return found;
}

asio::awaitable<void> Dispatch::give_back(store::MirrorId mirror, std::vector<domain::EmailAddress> people) {
  auto work = [mirror, people = std::move(people)](store::Store& store) { store.release(mirror, people); };
  const auto released = co_await services_.store.run(std::move(work));
  if (!released) store_failed(released.error());
}

void Dispatch::refuse_too_large(const ClaimedPerson& person, const MirrorPlan& plan,
                                Corrections& corrections) const {
  ledger::Settlement too_large;
  too_large.email = person.email;
  too_large.confirmed = person.confirmed;
  too_large.next = ledger::Settlement::Next::Park;
  too_large.reason = domain::Reason::TooLarge;
  too_large.message = "one person's values alone are more than a call may carry";
  services_.log.event(telemetry::Level::Warn, telemetry::Event::PersonParked,
                      "a person's values are too large for a call; see `failures`",
                      {{"mirror", plan.name},
                       {"ref", services_.key.ref(person.email.text())},
                       {"reason", name(too_large.reason)}});
  corrections.settled.push_back(std::move(too_large));
}

asio::awaitable<std::shared_ptr<delivery::PackedCall>> Dispatch::pack(
    std::shared_ptr<Call> call, std::shared_ptr<Corrections> corrections, bool in_bulk) const {
  const auto& plan = plan_of(call->claimed.line.mirror);
  auto work = [call = std::move(call), corrections = std::move(corrections), &dialect = dialect_,
               list_id = plan.list_id, policy = plan.policy, now = services_.clock.utc(), in_bulk] {
    call->recipients = address(call->claimed, corrections->settled, policy, now, in_bulk);
    auto packed = std::make_shared<delivery::PackedCall>();
    if (!call->recipients.empty()) *packed = dialect.pack(list_id, call->recipients);
    return packed;
  };
  return runtime::offload(*services_.compute, std::move(work));
}

bool Dispatch::may_go(domain::Lane lane, delivery::LimiterClass limiter_class) const {
  const auto now = services_.clock.monotonic();
  return caller_.connected() && caller_.next_call(limiter_class, urgency_of(lane), now) <= now;
}

void Dispatch::load(Call& call, Corrections& corrections, delivery::PackedCall packed,
                    delivery::LimiterClass logged) {
  auto& people = call.claimed.people;
  if (people.empty()) return;
  more_ = more_ || packed.taken < people.size();
  auto from = packed.taken;
  if (packed.taken == 0) {
    refuse_too_large(people.front(), plan_of(call.claimed.line.mirror), corrections);
    from = 1;
  }
  const auto limiter_class = packed.request.limiter_class;
  if (packed.taken > 0 && !may_go(call.claimed.line.lane, limiter_class)) {
    // Whoever asks Stibee something took the slot or the connection meanwhile.
    packed.taken = 0;
    from = 0;
  }
  for (auto i = from; i < people.size(); ++i)
    corrections.unsent.push_back(people[i].email);
  if (packed.taken > 0 && limiter_class != logged) corrections.another_class = limiter_class;
  people.resize(packed.taken);
  call.recipients.resize(packed.taken);
  call.request = std::move(packed.request);
}

asio::awaitable<std::shared_ptr<Dispatch::Call>> Dispatch::prepare(std::shared_ptr<Found> found) {
  auto call = std::make_shared<Call>();
  call->claimed = std::move(*found->claimed);
  const auto corrections = std::make_shared<Corrections>();
  const auto packed = co_await pack(call, corrections, found->logged == delivery::LimiterClass::Bulk);
  load(*call, *corrections, std::move(*packed), found->logged);
  if (!corrections->empty()) {
    const auto& plan = plan_of(call->claimed.line.mirror);
    auto work = store::in_transaction([&caller = caller_, id = plan.id, policy = plan.policy, corrections,
                                       now = services_.clock.utc()](store::Transaction& transaction) {
      if (corrections->another_class) transaction.log_attempt(caller.logged_now(*corrections->another_class));
      transaction.release(id, corrections->unsent);
      pipeline::settle(transaction, id, corrections->settled, policy, now);
    });
    const auto corrected = co_await services_.store.run(std::move(work));
    std::vector<domain::EmailAddress> unsent;
    if (!corrected) {
      store_failed(corrected.error());
      unsent = std::move(corrections->unsent);
      for (const auto& settled : corrections->settled)
        unsent.push_back(settled.email);
    }
    // The slot may have gone to somebody else while that was kept.
    if (!corrected || !may_go(call->claimed.line.lane, call->request.limiter_class)) {
      for (const auto& person : call->claimed.people)
        unsent.push_back(person.email);
      call->claimed.people.clear();
    }
    if (!unsent.empty()) co_await give_back(plan.id, std::move(unsent));
  }
  if (call->claimed.people.empty()) co_return nullptr;
  co_return call;
}

}  // namespace stibee_sync::pipeline
