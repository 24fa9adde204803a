#include "pipeline/call.hpp"

#include <algorithm>

// The judging half of Dispatch: from a call's result to limiter, circuit, log, metrics and settlements.

namespace stibee_sync::pipeline {

using delivery::CallVerdict;
using domain::OutcomeKind;
using telemetry::Event;
using telemetry::Level;

namespace {

telemetry::CallOutcome outcome_label(OutcomeKind kind) {
  return telemetry::label_from<telemetry::CallOutcome>(domain::name(kind))
      .value_or(telemetry::CallOutcome::Unknown);
}

telemetry::CallOutcome outcome_label(const delivery::CallResult& result) {
  switch (result.verdict) {
    case CallVerdict::Answered:
      return telemetry::CallOutcome::Delivered;
    case CallVerdict::BatchRefused:
      return telemetry::CallOutcome::Rejected;
    case CallVerdict::Throttled:
      return telemetry::CallOutcome::Throttled;
    case CallVerdict::Unauthorised:
      return telemetry::CallOutcome::Unauthorised;
    case CallVerdict::ServerTrouble:
      break;
  }
  const bool unknown = !result.outcomes.empty() && result.outcomes.front().kind == OutcomeKind::Unknown;
  return unknown ? telemetry::CallOutcome::Unknown : telemetry::CallOutcome::Transient;
}

telemetry::RetryReason retry_label(CallVerdict verdict, OutcomeKind kind) {
  if (verdict == CallVerdict::BatchRefused) return telemetry::RetryReason::Split;
  if (kind == OutcomeKind::Throttled) return telemetry::RetryReason::Throttled;
  return kind == OutcomeKind::Transient ? telemetry::RetryReason::Transient : telemetry::RetryReason::Unknown;
}

constexpr std::size_t most_parked_lines = 20;

}  // namespace

void Dispatch::report_circuit(delivery::CircuitBreaker::Change change, const std::string& why) {
  using Change = delivery::CircuitBreaker::Change;
  if (change == Change::None) return;
  const bool opened = change == Change::Opened;
  services_.metrics.circuit_open(opened);
  if (opened) {
    services_.log.event(Level::Error, Event::ApiCircuitOpen, "calls to Stibee stop; one probe every 30 s",
                        {{"reason", why}});
  } else {
    services_.log.event(Level::Info, Event::ApiCircuitClosed, "Stibee answers again");
  }
}

void Dispatch::judge_call(const Call& call, const delivery::CallResult& result, domain::Duration took) {
  const auto now = services_.clock.monotonic();
  const auto endpoint = delivery::name(call.request.endpoint);
  if (const auto label = telemetry::label_from<telemetry::Endpoint>(endpoint)) {
    services_.metrics.api_request(*label, outcome_label(result), took);
    std::map<OutcomeKind, std::uint64_t> people;
    for (const auto& outcome : result.outcomes)
      ++people[outcome.kind];
    for (const auto& [kind, count] : people)
      services_.metrics.api_people(*label, outcome_label(kind), count);
  }
  const auto why = result.reason;
  const std::initializer_list<telemetry::Field> fields = {{"endpoint", endpoint},
                                                          {"reason", why},
                                                          {"people", call.recipients.size()},
                                                          {"mirror", plan_of(call.claimed.mirror).name},
                                                          {"seconds", took}};
  switch (result.verdict) {
    case CallVerdict::Answered:
      problem_.clear();
      services_.log.debug("call answered", fields);
      report_circuit(circuit_.succeeded(), "");
      break;
    case CallVerdict::BatchRefused:
      problem_.clear();
      services_.log.event(Level::Warn, Event::ApiRequestFailed, "Stibee refused a call as a whole", fields);
      report_circuit(circuit_.succeeded(), "");
      break;
    case CallVerdict::Throttled:
      limiter_.throttled(now);
      if (result.retry_after) limiter_.hold_until(now + *result.retry_after);
      services_.log.event(Level::Warn, Event::ApiThrottled, "Stibee says it is too much: the rate is halved",
                          fields);
      // It answers, so a probe has succeeded; but that is no reason to call the trouble over.
      if (circuit_.state() != delivery::CircuitBreaker::State::Closed)
        report_circuit(circuit_.succeeded(), "");
      break;
    case CallVerdict::ServerTrouble:
      if (result.reason == "stale_connection") {
        services_.log.debug("a kept connection had been closed by the other end", fields);
        break;
      }
      problem_ = result.message.empty() ? result.reason : result.message;
      services_.log.event(Level::Warn, Event::ApiRequestFailed, "a call failed and will be repeated", fields);
      report_circuit(circuit_.failed(now), why);
      break;
    case CallVerdict::Unauthorised: {
      problem_ = "Stibee refuses the API key";
      const bool known = circuit_.key_refused();
      const auto change = circuit_.unauthorised(now);
      if (!known) {
        services_.log.event(Level::Error, Event::ApiUnauthorised,
                            "Stibee refuses the API key: put a valid one into stibee.api_key_file and reload",
                            fields);
      }
      report_circuit(change, "key refused");
      break;
    }
  }
}

std::vector<store::Settlement> Dispatch::settlements(const Call& call, const delivery::CallResult& result) {
  using Next = store::Settlement::Next;
  const auto now = services_.clock.utc();
  const auto& plan = plan_of(call.claimed.mirror);
  const auto size = call.recipients.size();
  // One draw for the whole call: a batch that failed together is repeated together.
  const double draw = services_.random();
  const auto random = [draw] { return draw; };
  std::size_t parked = 0;
  std::vector<store::Settlement> people;
  people.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    const auto& claimed = call.claimed.people[i];
    const auto& outcome = result.outcomes[i];
    store::Settlement person;
    person.email = claimed.email;
    person.reason = outcome.reason;
    person.message = outcome.message;
    person.confirmed = delivery::confirmed_after(claimed.confirmed, call.recipients[i].operation,
                                                 claimed.wanted, outcome, now);
    switch (outcome.kind) {
      case OutcomeKind::Delivered:
      case OutcomeKind::AlreadyInState:
        break;
      case OutcomeKind::Rejected:
        if (result.verdict == CallVerdict::BatchRefused && (size > 1 || call.claimed.batch_limit == 0)) {
          // Somebody in the batch is the culprit. Once more as it is, since the trouble may pass; then in
          // halves, at once, until the culprit is alone.
          person.next = Next::Retry;
          const bool repeated = call.claimed.batch_limit > 0;
          person.batch_limit = static_cast<std::uint32_t>(repeated ? (size + 1) / 2 : size);
          person.not_before = repeated ? now : delivery::retry_at(outcome, 1, now, random);
          break;
        }
        person.next = Next::Park;
        person.attempts = claimed.attempts + 1;
        ++parked;
        if (parked <= most_parked_lines) {
          services_.log.event(Level::Warn, Event::PersonParked, "Stibee refuses a person; see `failures`",
                              {{"mirror", plan.name},
                               {"ref", services_.store.key().ref(claimed.email.text())},
                               {"reason", outcome.reason}});
        }
        break;
      case OutcomeKind::Unauthorised:
        // Nobody's fault: the circuit decides when to try again.
        person.next = Next::Retry;
        person.attempts = claimed.attempts;
        person.not_before = now;
        break;
      case OutcomeKind::Throttled:
      case OutcomeKind::Transient:
      case OutcomeKind::Unknown:
        person.next = Next::Retry;
        if (result.reason == "stale_connection") {
          person.attempts = claimed.attempts;
          person.not_before = now;
        } else {
          person.attempts = claimed.attempts + 1;
          person.not_before = delivery::retry_at(outcome, person.attempts, now, random);
        }
        break;
    }
    people.push_back(std::move(person));
  }
  if (parked > most_parked_lines) {
    services_.log.event(Level::Warn, Event::PersonParked, "Stibee refuses more people; see `failures`",
                        {{"mirror", plan.name}, {"count", parked - most_parked_lines}});
  }
  const auto retried = std::find_if(people.begin(), people.end(), [](const store::Settlement& person) {
    return person.next == Next::Retry;
  });
  if (retried != people.end()) {
    const auto& outcome = result.outcomes[static_cast<std::size_t>(retried - people.begin())];
    services_.metrics.api_retry(retry_label(result.verdict, outcome.kind));
  }
  return people;
}

}  // namespace stibee_sync::pipeline
