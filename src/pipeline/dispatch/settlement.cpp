#include "pipeline/dispatch/call.hpp"
#include "stibee_sync/ledger/confirmed.hpp"

#include <algorithm>

// From a call's result to what is kept of it.

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using delivery::CallVerdict;
using domain::OutcomeKind;
using Next = ledger::Settlement::Next;
using telemetry::Event;
using telemetry::Level;

namespace {

telemetry::RetryReason retry_label(CallVerdict verdict, OutcomeKind kind) {
  if (verdict == CallVerdict::BatchRefused) return telemetry::RetryReason::Split;
  if (kind == OutcomeKind::Throttled) return telemetry::RetryReason::Throttled;
  return kind == OutcomeKind::Transient ? telemetry::RetryReason::Transient : telemetry::RetryReason::Unknown;
}

constexpr std::size_t most_parked_lines = 20;

delivery::CallResult result_of(const std::vector<delivery::Recipient>& recipients, const Attempted& attempted,
                               const delivery::Dialect& dialect) {
  const auto& none = attempted.reply.no_answer();
  if (!none) return dialect.read(recipients, attempted.reply.answer());
  auto result = delivery::read_no_answer(recipients.size(), *none);
  if (result.message.empty()) result.message = attempted.trouble;
  if (attempted.stale_connection) result.reason = domain::Reason::StaleConnection;
  return result;
}

bool has_arrived(const domain::Outcome& outcome) {
  return outcome.kind == OutcomeKind::Delivered || outcome.kind == OutcomeKind::AlreadyInState;
}

/// What became of one person, whatever follows for them.
ledger::Settlement seen_of(const ClaimedPerson& claimed, const domain::Operation& operation,
                           const domain::Outcome& outcome, domain::UtcTime now) {
  ledger::Settlement person;
  person.email = claimed.email;
  person.reason = outcome.reason;
  person.message = outcome.message;
  person.sent = ledger::SentCall{operation, claimed.wanted, outcome};
  person.confirmed = ledger::confirmed_after(claimed.confirmed, operation, claimed.wanted, outcome, now);
  return person;
}

/// It would be parked, were it no opt-out or deletion: those are never given up.
void give_up(ledger::Settlement& person, const ClaimedPerson& claimed, domain::Lane lane,
             const domain::Outcome& outcome, domain::UtcTime now, double draw) {
  person.attempts = claimed.attempts + 1;
  if (lane == domain::Lane::Upsert) {
    person.next = Next::Park;
    return;
  }
  person.next = Next::Retry;
  person.not_before = delivery::retry_at(outcome, person.attempts, now, [draw] { return draw; });
}

}  // namespace

ledger::Settlement Dispatch::after_refusal(const Call& call, const ClaimedPerson& claimed,
                                           const domain::Outcome& outcome, const delivery::CallResult& result,
                                           double draw) {
  using Finding = delivery::Suspicion::Finding;
  const auto now = services_.clock.utc();
  const auto& line = call.claimed.line;
  const auto people = call.recipients.size();
  const bool repeated = call.claimed.batch_limit > 0;
  ledger::Settlement person;
  person.next = Next::Retry;
  person.batch_limit = call.claimed.batch_limit;
  const auto finding =
      people == 1 ? refusals_.judge(line, {claimed.email, repeated}, result, services_.clock.monotonic())
                  : Finding::Open;
  if (refusals_.in_trouble(line)) {
    // Nobody's fault: they wait for the line's next probe, which is another person's first.
    person.attempts = people == 1 ? claimed.attempts + 1 : claimed.attempts;
    person.not_before = now;
    return person;
  }
  if (finding == Finding::Guilty) {
    give_up(person, claimed, line.lane, outcome, now, draw);
    person.batch_limit = 1;  // an opt-out comes again, and keeps nobody else
    return person;
  }
  // Once more as it is, since the trouble may pass; then in halves, at once, until the culprit is alone; who
  // is alone waits longer each time. Halves come before other refused batches: one search ends before the
  // next begins.
  const bool halves = people > 1 && repeated;
  person.attempts = halves ? std::max(claimed.attempts, 1) : claimed.attempts + 1;
  if (people > 1) person.batch_limit = static_cast<std::uint32_t>(halves ? (people + 1) / 2 : people);
  person.not_before =
      halves ? domain::UtcTime{} : delivery::retry_at(outcome, person.attempts, now, [draw] { return draw; });
  return person;
}

ledger::Settlement Dispatch::next_step(const Call& call, const ClaimedPerson& claimed,
                                       const domain::Outcome& outcome, const delivery::CallResult& result,
                                       double draw) {
  const auto now = services_.clock.utc();
  ledger::Settlement person;
  switch (outcome.kind) {
    case OutcomeKind::Delivered:
    case OutcomeKind::AlreadyInState:
      break;
    case OutcomeKind::Rejected:
      if (result.verdict == CallVerdict::BatchRefused)
        return after_refusal(call, claimed, outcome, result, draw);
      give_up(person, claimed, call.claimed.line.lane, outcome, now, draw);
      break;
    case OutcomeKind::Unauthorised:
      // Nobody's fault: the circuit, or the mirror's next probe, decides when to try again.
      person.next = Next::Retry;
      person.attempts = claimed.attempts;
      person.not_before = now;
      break;
    case OutcomeKind::Throttled:
    case OutcomeKind::Transient:
    case OutcomeKind::Unknown:
      person.next = Next::Retry;
      if (result.reason == domain::Reason::StaleConnection) {
        person.attempts = claimed.attempts;
        person.not_before = now;
      } else {
        person.attempts = claimed.attempts + 1;
        person.not_before = delivery::retry_at(outcome, person.attempts, now, [draw] { return draw; });
      }
      break;
  }
  return person;
}

asio::awaitable<std::shared_ptr<Dispatch::Answer>> Dispatch::read(
    std::shared_ptr<Call> call, std::shared_ptr<const Attempted> attempted) const {
  auto work = [call = std::move(call), attempted = std::move(attempted), &dialect = dialect_,
               now = services_.clock.utc()] {
    auto answer = std::make_shared<Answer>();
    answer->result = result_of(call->recipients, *attempted, dialect);
    answer->people.reserve(call->recipients.size());
    for (std::size_t i = 0; i < call->recipients.size(); ++i) {
      const auto& operation = call->recipients[i].operation;
      const auto& outcome = answer->result.outcomes[i];
      answer->people.push_back(seen_of(call->claimed.people[i], operation, outcome, now));
      if (has_arrived(outcome)) ++answer->arrived[operation.kind];
    }
    return answer;
  };
  return runtime::offload(*services_.compute, std::move(work));
}

asio::awaitable<void> Dispatch::settle(std::shared_ptr<Call> call, std::shared_ptr<Answer> answer) {
  const auto& plan = plan_of(call->claimed.line.mirror);
  decide(*call, *answer);
  remember(*call, *answer);
  const auto work = store::in_transaction([id = plan.id, answer, policy = plan.policy,
                                           now = services_.clock.utc()](store::Transaction& transaction) {
    auto settled = pipeline::settle(transaction, id, answer->people, policy, now);
    pipeline::note_delivery(transaction, id, settled, now);
    return settled;
  });
  // What became of a call is never given up: were its people released as unsent, a row that says no meanwhile
  // would find nothing to take back. They stay claimed until it is kept.
  const auto timer = services_.clock.make_timer();
  for (;;) {
    auto attempt = work;
    const auto settled = co_await services_.store.run(std::move(attempt));
    if (settled) {
      services_.store_worked();
      report(settled.value(), plan.name);
      note_arrivals(*call, *answer, settled.value());
      settled_ += answer->all_arrived();
      co_return;
    }
    store_failed(settled.error());
    while (!stopping_ && services_.clock.monotonic() < store_not_before_)
      co_await timer->wait_until(services_.clock.monotonic() + std::chrono::milliseconds(500));
    // The claim is on disk, so that the next start knows the doubt.
    if (stopping_) co_return;
  }
}

void Dispatch::report(const Settled& settled, const std::string& mirror) {
  if (settled.lifted > 0)
    services_.log.event(Level::Info, Event::SuppressionLifted, "a newer consent overcame opt-outs",
                        {{"mirror", mirror}, {"count", settled.lifted}, {"by", "consent"}});
  if (settled.erased > 0)
    services_.log.event(Level::Info, Event::PrivacyErased, "people who left are erased, but for a keyed hash",
                        {{"mirror", mirror}, {"count", settled.erased}});
}

void Dispatch::remember(const Call& call, const Answer& answer) {
  const auto people = call.recipients.size();
  // Of a call with more than it holds, the last ones would push out the first.
  for (std::size_t i = 0; i < std::min(people, CallMemory::most); ++i) {
    const auto& recipient = call.recipients[i];
    const auto& outcome = answer.result.outcomes[i];
    memory_.note(call.claimed.line.mirror, services_.key.fingerprint(recipient.email.text()),
                 {services_.clock.utc(), recipient.operation.kind, people, outcome.kind, outcome.reason,
                  outcome.message});
  }
}

void Dispatch::decide(const Call& call, Answer& answer) {
  auto& people = answer.people;
  // Of thousands who have all arrived the loop looks at nobody.
  if (answer.all_arrived() == people.size()) return;
  // One draw for the whole call: a batch that failed together is repeated together.
  const double draw = services_.random();
  for (std::size_t i = 0; i < people.size(); ++i) {
    if (has_arrived(answer.result.outcomes[i])) continue;
    const auto step = next_step(call, call.claimed.people[i], answer.result.outcomes[i], answer.result, draw);
    people[i].next = step.next;
    people[i].attempts = step.attempts;
    people[i].not_before = step.not_before;
    people[i].batch_limit = step.batch_limit;
  }
  report(people, answer.result, plan_of(call.claimed.line.mirror).name);
}

void Dispatch::report(const std::vector<ledger::Settlement>& people, const delivery::CallResult& result,
                      const std::string& mirror) {
  std::size_t parked = 0;
  std::optional<OutcomeKind> retried;
  for (std::size_t i = 0; i < people.size(); ++i) {
    const auto& person = people[i];
    if (person.next == Next::Retry && !retried) retried = result.outcomes[i].kind;
    if (person.next != Next::Park || ++parked > most_parked_lines) continue;
    services_.log.event(Level::Warn, Event::PersonParked, "Stibee refuses a person; see `failures`",
                        {{"mirror", mirror},
                         {"ref", services_.key.ref(person.email.text())},
                         {"reason", name(person.reason)}});
  }
  if (parked > most_parked_lines) {
    services_.log.event(Level::Warn, Event::PersonParked, "Stibee refuses more people; see `failures`",
                        {{"mirror", mirror}, {"count", parked - most_parked_lines}});
  }
  if (retried) services_.metrics.api_retry(retry_label(result.verdict, *retried));
}

}  // namespace stibee_sync::pipeline
