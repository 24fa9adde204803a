#include "stibee_sync/pipeline/caller.hpp"

#include <array>
#include <vector>

// The judging half of Caller: from a call's result to limiter, circuit, log and metrics.

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
    case CallVerdict::Forbidden:
      return telemetry::CallOutcome::Unauthorised;
    case CallVerdict::ServerTrouble:
      break;
  }
  const bool unknown = !result.outcomes.empty() && result.outcomes.front().kind == OutcomeKind::Unknown;
  return unknown ? telemetry::CallOutcome::Unknown : telemetry::CallOutcome::Transient;
}

}  // namespace

void Caller::report_circuit(delivery::Api api, delivery::CircuitBreaker::Change change,
                            const std::string& why) {
  using Change = delivery::CircuitBreaker::Change;
  // The other API's circuit is nobody's alarm: whoever asks there says what it means.
  if (change == Change::None || api != options_.main) return;
  const bool opened = change == Change::Opened;
  services_.metrics.circuit_open(opened);
  if (opened) {
    services_.log.event(Level::Error, Event::ApiCircuitOpen, "calls to Stibee stop; one probe every 30 s",
                        {{"reason", why}});
  } else {
    services_.log.event(Level::Info, Event::ApiCircuitClosed, "Stibee answers again");
  }
}

void Caller::judge_refused_key(const Facts& facts, const std::string& why,
                               std::span<const telemetry::Field> fields) {
  const auto api = delivery::api_of(facts.limiter_class);
  auto& circuit = circuits_.at(api);
  const bool known = circuit.key_refused();
  const auto change = circuit.unauthorised(services_.clock.monotonic());
  if (api != options_.main) {
    if (!known) {
      const bool newer = api == delivery::Api::V2;
      services_.log.event(Level::Warn, Event::ApiRequestFailed,
                          newer ? "Stibee refuses the API key on API v2, which reading the list back needs; "
                                  "a key made after January 2025 works on both"
                                : "Stibee refuses the API key on API v1, which `resubscribe_via` needs",
                          fields);
    }
    return;
  }
  problem_ = "Stibee refuses the API key";
  if (!known) {
    services_.log.event(
        Level::Error, Event::ApiUnauthorised,
        "Stibee refuses the API key: put a valid one into stibee.api_key_file, then " + options_.key_cure,
        fields);
  }
  report_circuit(api, change, why);
}

void Caller::count(const Facts& facts, const delivery::CallResult& result) {
  if (const auto label = telemetry::label_from<telemetry::EndpointLabel>(delivery::name(facts.endpoint))) {
    services_.metrics.api_request(*label, outcome_label(result), facts.took);
    std::map<OutcomeKind, std::uint64_t> people;
    for (const auto& outcome : result.outcomes)
      ++people[outcome.kind];
    for (const auto& [kind, count] : people)
      services_.metrics.api_people(*label, outcome_label(kind), count);
  }
}

/// One line a call, for whoever debugs. Of the people in it, only their number.
void Caller::trace(const Facts& facts, const delivery::CallResult& result) {
  if (!services_.log.enabled(Level::Debug)) return;
  services_.log.debug("a call", {{"endpoint", delivery::name(facts.endpoint)},
                                 {"mirror", facts.mirror},
                                 {"people", facts.people},
                                 {"status", facts.status},
                                 {"ms", facts.took.count()},
                                 {"outcome", telemetry::name(outcome_label(result))},
                                 {"reason", name(result.reason)}});
}

void Caller::worked(const Facts& facts) {
  const auto now = services_.clock.monotonic();
  const auto api = delivery::api_of(facts.limiter_class);
  release(facts.limiter_class, facts.sent);
  if (api == options_.main) problem_.clear();
  if (const auto past = failing_[api].over(now)) {
    services_.log.event(Level::Info, Event::ApiRecovered, "calls to Stibee get through again",
                        {{"failures", past->times}, {"seconds", past->lasted}});
  }
  report_circuit(api, circuits_.at(api).succeeded(), "");
}

/// Once when it begins, and once a minute: a batch that is halved, or a server that is away, makes many.
void Caller::tell(std::optional<std::uint64_t> left_out, Event event, std::string_view msg,
                  std::span<const telemetry::Field> fields) {
  if (!left_out) return;
  std::vector<telemetry::Field> all(fields.begin(), fields.end());
  all.emplace_back("left_out", *left_out);
  services_.log.event(Level::Warn, event, msg, all);
}

void Caller::judge(const Facts& facts, const delivery::CallResult& result) {
  count(facts, result);
  trace(facts, result);
  const auto now = services_.clock.monotonic();
  const auto endpoint = delivery::name(facts.endpoint);
  const auto api = delivery::api_of(facts.limiter_class);
  auto& circuit = circuits_.at(api);
  auto& limiter = limiters_.at(facts.limiter_class);
  const auto why = name(result.reason);
  const std::array fields = {telemetry::Field("endpoint", endpoint), telemetry::Field("reason", why),
                             telemetry::Field("people", facts.people),
                             telemetry::Field("mirror", facts.mirror),
                             telemetry::Field("seconds", facts.took)};
  switch (result.verdict) {
    case CallVerdict::Answered:
      worked(facts);
      if (const auto past = throttled_[facts.limiter_class].over(now)) {
        services_.log.event(Level::Info, Event::ApiRecovered, "Stibee takes calls at the lower rate",
                            {{"class", delivery::name(facts.limiter_class)}, {"throttled", past->times}});
      }
      break;
    case CallVerdict::BatchRefused:
      tell(refused_.happened(now, std::string(endpoint) + " " + why), Event::ApiRequestFailed,
           "Stibee refused a call as a whole", fields);
      worked(facts);
      break;
    case CallVerdict::Throttled:
      limiter.throttled(now);
      if (result.retry_after) hold(facts.limiter_class, *result.retry_after);
      tell(throttled_[facts.limiter_class].happened(now), Event::ApiThrottled,
           "Stibee says it is too much: the rate is halved", fields);
      // It answers, so a probe has succeeded; but that is no reason to call the trouble over.
      if (circuit.state() != delivery::CircuitBreaker::State::Closed)
        report_circuit(api, circuit.succeeded(), "");
      break;
    case CallVerdict::ServerTrouble:
      // A kept connection that the other end had closed is none.
      if (result.reason == domain::Reason::StaleConnection) break;
      if (api == options_.main)
        problem_ = "calls to Stibee fail: " + (result.message.empty() ? why : result.message);
      tell(failing_[api].happened(now, why), Event::ApiRequestFailed, "a call failed and will be repeated",
           fields);
      if (result.retry_after) hold(facts.limiter_class, *result.retry_after);
      report_circuit(api, circuit.failed(now), why);
      break;
    case CallVerdict::Forbidden:
      // Of one list, or one kind of call: whoever made it says what it means, and no other list waits for it.
      // But what the queue sends by the other API it can send for no list.
      if (api != options_.main && !facts.mirror.empty()) {
        judge_refused_key(facts, why, fields);
      } else {
        worked(facts);
      }
      break;
    case CallVerdict::Unauthorised:
      judge_refused_key(facts, why, fields);
      break;
  }
}

}  // namespace stibee_sync::pipeline
