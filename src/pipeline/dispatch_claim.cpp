#include "pipeline/call.hpp"

#include <algorithm>
#include <utility>

// From the queue to a packed call.

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using delivery::CallChoice;

namespace {

Urgency urgency_of(domain::Lane lane) {
  return lane == domain::Lane::Optout ? Urgency::Urgent : Urgency::Ordinary;
}

}  // namespace

asio::awaitable<Dispatch::Found> Dispatch::claim(delivery::FreeSlots free) {
  const auto now = services_.clock.monotonic();
  store::ClaimRequest request;
  request.mirrors = active();
  request.now = services_.clock.utc();
  request.retries_allowed = caller_.retry_budget().may_retry(now);
  const bool retries_allowed = request.retries_allowed;
  const CallChoice choice(dialect_, free, max_in_flight_);

  auto look = [&caller = caller_, request = std::move(request), choice](store::Store& store) mutable {
    Found found;
    for (const auto turn : choice.turns()) {
      std::size_t seen = 0;
      request.max_people = [&](domain::Lane lane, const std::string& shape) {
        for (const auto limiter_class : choice.missing(lane, shape))
          found.needs.emplace(limiter_class, urgency_of(lane));
        return choice.max_people(turn, lane, shape);
      };
      request.take = [&](const std::string& shape, std::size_t people) {
        seen = people;
        return choice.take(turn, shape, people);
      };
      const auto log = [&](const std::string& shape, std::size_t people) {
        const auto lane = domain::lane_of(delivery::operation_of_shape(shape).kind);
        found.logged = choice.limiter_class(lane, shape, people);
        return caller.logged_now(found.logged);
      };
      auto claimed = store.claim(request, log);
      if (!claimed) continue;
      const auto taken = claimed->people.size();
      found.more =
          seen > taken || (taken > 1 && taken >= choice.max_people(turn, claimed->lane, claimed->shape));
      found.claimed = std::move(claimed);
      return found;
    }
    if (found.needs.empty()) found.next_due = store.next_due(request.mirrors);
    return found;
  };
  auto looked = co_await services_.store.run(std::move(look));
  if (!looked) {
    store_failed(looked.error());
    co_return Found();
  }
  auto found = std::move(looked).value();
  if (!found.claimed && !retries_allowed && found.next_due) {
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

asio::awaitable<std::shared_ptr<Dispatch::Call>> Dispatch::prepare(std::shared_ptr<Found> found) {
  auto call = std::make_shared<Call>();
  call->claimed = std::move(*found->claimed);
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
    recipient.fields = std::move(person.values);
    recipient.ad_agreed = person.wanted.ad_agreed;
    recipient.in_bulk = found->logged == delivery::LimiterClass::Bulk;
    call->recipients.push_back(std::move(recipient));
    kept.push_back(std::move(person));
  }
  people = std::move(kept);

  std::vector<domain::EmailAddress> unsent;
  std::optional<delivery::LimiterClass> another_class;
  if (!people.empty()) {
    auto packed = dialect_.pack(plan.list_id, call->recipients);
    if (packed.taken == 0) {
      store::Settlement too_large;
      too_large.email = people.front().email;
      too_large.confirmed = people.front().confirmed;
      too_large.next = store::Settlement::Next::Park;
      too_large.reason = name(domain::Reason::TooLarge);
      too_large.message = "one person's values alone are more than a call may carry";
      services_.log.event(telemetry::Level::Warn, telemetry::Event::PersonParked,
                          "a person's values are too large for a call; see `failures`",
                          {{"mirror", plan.name},
                           {"ref", services_.key.ref(people.front().email.text())},
                           {"reason", too_large.reason}});
      misplaced.push_back(std::move(too_large));
    }
    more_ = more_ || packed.taken < people.size();
    const auto limiter_class = packed.request.limiter_class;
    const auto now = services_.clock.monotonic();
    const auto urgency = urgency_of(call->claimed.lane);
    if (packed.taken > 0 && (!caller_.connected() || caller_.next_call(limiter_class, urgency, now) > now)) {
      // Whoever asks Stibee something took the slot or the connection meanwhile.
      packed.taken = 0;
      unsent.push_back(people.front().email);
    }
    for (std::size_t i = std::max<std::size_t>(packed.taken, 1); i < people.size(); ++i)
      unsent.push_back(people[i].email);
    if (packed.taken == 0) {
      people.clear();
    } else if (limiter_class != found->logged) {
      another_class = limiter_class;
    }
    people.resize(packed.taken);
    call->recipients.resize(packed.taken);
    call->request = std::move(packed.request);
  }
  if (!misplaced.empty() || !unsent.empty() || another_class) {
    auto work = [&caller = caller_, id = plan.id, misplaced, unsent, another_class,
                 place = place_rule(plan.policy), utc](store::Store& store) {
      if (another_class) store.log_attempt(caller.logged_now(*another_class));
      store.release(id, unsent);
      if (!misplaced.empty()) store.settle(id, misplaced, place, utc);
    };
    const auto corrected = co_await services_.store.run(std::move(work));
    if (!corrected) {
      store_failed(corrected.error());
      for (const auto& person : misplaced)
        unsent.push_back(person.email);
      for (const auto& person : people)
        unsent.push_back(person.email);
      people.clear();
      co_await give_back(plan.id, std::move(unsent));
    }
  }
  if (people.empty()) co_return nullptr;
  co_return call;
}

}  // namespace stibee_sync::pipeline
