#include "stibee_sync/ledger/transitions.hpp"

#include "ledger/row_steps.hpp"
#include "stibee_sync/domain/backoff.hpp"
#include "stibee_sync/ledger/confirmed.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::ledger {
namespace {

using domain::Confirmed;
using domain::GroupSet;
using domain::Intent;
using domain::joined;
using domain::Lane;
using domain::minus;
using domain::RemoteStatus;
using domain::UtcTime;
using domain::Wanted;

// Of a call that may have been applied.
void assume_groups(Confirmed& confirmed, const Wanted& sent) {
  if (confirmed.status == RemoteStatus::Purged) return;  // its groups say what was wanted, not what is there
  const auto perhaps_assigned = minus(sent.groups, confirmed.groups);
  const auto perhaps_released = minus(confirmed.groups, sent.groups);
  confirmed.groups = minus(confirmed.groups, perhaps_released);
  confirmed.maybe_groups = joined(confirmed.maybe_groups, joined(perhaps_assigned, perhaps_released));
}

// A call for what was wanted before is out, or its answer was lost, and something else is wanted now.
// Whatever that call may have done is taken for done where this leads to a call that puts it right: a
// repeated call is harmless, a missing one is not. False: it leads nowhere yet, the doubt stays.
bool assume_worst(Confirmed& confirmed, Lane lane, const Wanted& sent, const Wanted& now_wanted,
                  UtcTime now) {
  confirmed.called.of(lane) =
      now;  // its echo may come, though nothing else tells of a call that a crash cut off
  if (lane != Lane::Upsert) {
    if (now_wanted.intent != Intent::Subscribed) return false;
    const bool perhaps_there =
        lane == Lane::Optout && confirmed.status == RemoteStatus::Unknown && confirmed.maybe_subscribed;
    if (confirmed.status == RemoteStatus::Subscribed || perhaps_there) {
      confirmed.status = RemoteStatus::Unsubscribed;
      confirmed.since = now;
      // Assumed, not known: should the row say no again before anything else went out, it is said again.
      confirmed.maybe_subscribed = true;
    }
    return true;
  }
  if (confirmed.status == RemoteStatus::Subscribed) {
    if (sent.fields != confirmed.fields) confirmed.fields.reset();
    if (sent.ad_agreed != confirmed.ad_agreed) confirmed.ad_agreed.reset();
  }
  confirmed.maybe_subscribed = true;
  assume_groups(confirmed, sent);
  return true;
}

// Whether a no of the table's is newer than what Stibee was last known to show.
bool is_no_anew(const LedgerRow& row) {
  return row.wanted.intent == Intent::Subscribed && ended_there(row.confirmed.status);
}

// Another row bears an address that Stibee knows no more.
bool moves_on(const LedgerRow& row, const AddressDecision& decision) {
  return row.confirmed.status == RemoteStatus::Moved && decision.key && row.key && *decision.key != *row.key;
}

void take_wanted(LedgerRow& row, const Wanted& wanted) {
  if (wanted.intent == Intent::Subscribed) {
    if (row.wanted.intent != Intent::Subscribed) row.no_is_ours = false;
    if (row.confirmed.status != RemoteStatus::OptedOut) row.confirmed.owes_no = false;
  } else if (is_no_anew(row) && !std::exchange(row.no_is_ours, false)) {
    row.confirmed.owes_no = true;
  }
  row.wanted = wanted;
}

Fate apply_decision(LedgerRow& row, const AddressDecision& decision, bool is_new, const CallOut* in_flight,
                    const Policy& policy, UtcTime now) {
  const bool inherits = decision.inherits && is_news(*decision.inherits, row.confirmed);
  if (inherits) row.confirmed = inheriting(std::move(row.confirmed), *decision.inherits);
  const bool changed = is_new || inherits || row.wanted != decision.wanted;
  if (decision.key) row.key = decision.key;
  if (!changed && !(decision.values && (row.lacks_values || row.parked_by_rule))) return Fate::Keep;
  if (changed) {
    if (in_flight != nullptr) {
      const bool settled =
          assume_worst(row.confirmed, in_flight->lane, in_flight->sent ? *in_flight->sent : row.wanted,
                       decision.wanted, now);
      // The call that is out may be the second try of one that was applied.
      row.in_doubt = row.in_doubt && !settled;
    } else if (row.in_doubt) {
      row.in_doubt = !assume_worst(row.confirmed, lane_of_call(row), row.wanted, decision.wanted, now);
    }
    take_wanted(row, decision.wanted);
    // The other one may have subscribed them meanwhile, and not have seen that they left.
    if (policy.shares_list && row.wanted.intent == Intent::Absent &&
        row.confirmed.status == RemoteStatus::Unknown)
      row.confirmed.maybe_subscribed = true;
    leave_parking(row);
    forget_failures(row);
  }
  if (decision.values) row.values = decision.values;
  // Nothing was ever sent or stored for a new row: no values are its values.
  if (is_new && !row.values) row.values.emplace();
  return place_again(row, policy, now);
}

Fate apply_settlement(LedgerRow& row, const Settlement& settlement, const CallOut& call, const Policy& policy,
                      UtcTime now) {
  if (!call.observed) {
    // A no that the table said meanwhile is no part of what was known when the call was made.
    const bool owes_no = row.confirmed.owes_no && call.lane == Lane::Upsert;
    row.confirmed = settlement.confirmed;
    row.confirmed.owes_no = row.confirmed.owes_no || (owes_no && ended_there(row.confirmed.status));
  } else if (settlement.sent) {
    const auto& sent = *settlement.sent;
    row.confirmed = confirmed_after_crossing(row.confirmed, sent.operation, sent.wanted, sent.outcome, now);
  }
  // The table's no may have been lost, and what was shown meanwhile may be older than it.
  if (call.observed && call.lane != Lane::Upsert && settlement.next == Settlement::Next::Retry &&
      row.wanted.intent != Intent::Subscribed && ended_there(row.confirmed.status))
    row.confirmed.owes_no = true;
  // A refusal speaks of its own attempt only, not of an earlier one whose answer was lost.
  if (settlement.next != Settlement::Next::Park) row.in_doubt = false;
  leave_parking(row);
  forget_failures(row);
  if (call.sent) {
    // Whatever Stibee said, it spoke of what is no longer wanted. What is wanted now gets an attempt of its
    // own, without the backoff of the other: it may be an opt-out.
    if (settlement.next == Settlement::Next::Retry) {
      row.in_doubt = !assume_worst(row.confirmed, call.lane, *call.sent, row.wanted, now);
    }
    return place_again(row, policy, now);
  }
  auto next = settlement.next;
  if (call.observed && next != Settlement::Next::Continue &&
      place(row.wanted, row.confirmed, policy, now).lane != call.lane) {
    // By what was observed meanwhile another call is due, or none: it neither waits for the backoff of the
    // one that failed, nor is there anything for a human to mend.
    row.in_doubt = row.in_doubt || next == Settlement::Next::Retry;
    next = Settlement::Next::Continue;
  }
  switch (next) {
    case Settlement::Next::Continue:
      break;
    case Settlement::Next::Retry:
      row.in_doubt = true;
      row.attempts = settlement.attempts;
      row.not_before = settlement.not_before;
      row.batch_limit = settlement.batch_limit;
      row.error = settlement.reason;
      row.message = settlement.message;
      break;
    case Settlement::Next::Park:
      row.attempts = settlement.attempts;
      row.message = settlement.message;
      row.parked = settlement.reason.value_or(domain::Reason::Refused);
      row.parked_since = now;
      break;
  }
  return place_again(row, policy, now);
}

Fate apply_observation(LedgerRow& row, const RemoteChange& change, const CallOut* in_flight,
                       const Policy& policy, UtcTime now) {
  auto fate = Fate::Keep;
  if (change.no_is_ours) row.no_is_ours = true;
  if (change.confirmed && *change.confirmed != row.confirmed) {
    // What is shown may be older than the table's no: that is said all the same.
    // But not where only another daemon may have subscribed them: what is shown is what it did.
    const bool never_ours = row.confirmed.status == RemoteStatus::Unknown && !row.confirmed.called.upsert;
    const bool no_is_due = in_flight == nullptr && !never_ours && row.pending_since <= now &&
                           (row.lane == Lane::Optout || row.lane == Lane::Delete);
    row.confirmed = *change.confirmed;
    if (no_is_due && ended_there(row.confirmed.status)) row.confirmed.owes_no = true;
    // Should the answer be lost with the process, the call may have been applied after what was observed.
    if (in_flight != nullptr) row.in_doubt = true;
    const auto placement = place(row.wanted, row.confirmed, policy, now);
    if (!placement.lane) {
      leave_parking(row);
      forget_failures(row);
    } else if (!row.parked && (placement.lane != row.lane || placement.shape != row.shape)) {
      forget_failures(
          row);  // another call than the one that failed: it may be an opt-out, and waits for nothing
    }
    fate = place_again(row, policy, now);
  }
  if (change.wanted && *change.wanted != row.wanted) {
    AddressDecision decision;
    decision.wanted = *change.wanted;
    fate = apply_decision(row, decision, false, in_flight, policy, now);
  }
  return in_flight == nullptr ? fate : Fate::Keep;
}

const CallOut* call_of(const Person& person) {
  return person.call ? &*person.call : nullptr;
}

}  // namespace

Person after_decision(Person person, const AddressDecision& decision, const Policy& policy, UtcTime now) {
  if (person.row && moves_on(*person.row, decision)) {
    // It was another row's person who went to another address: this one is as new.
    auto known = known_before(trace_of(person.row->confirmed), person.suppression);
    person.row->confirmed = std::move(known).value_or(Confirmed{});
    person.row->wanted = Wanted{};
  }
  if (!person.row) {
    if (decision.wanted.intent == Intent::Absent) return person;
    LedgerRow row;
    row.confirmed = known_before(person.trace, person.suppression).value_or(Confirmed{});
    const auto fate = apply_decision(row, decision, true, nullptr, policy, now);
    keep_or_erase(person, std::move(row), fate);
    put_on_record(person, decision.inherits);
    return person;
  }
  auto row = *person.row;
  const auto fate = apply_decision(row, decision, false, call_of(person), policy, now);
  if (person.call && !person.call->sent && row.wanted != person.row->wanted)
    person.call->sent = person.row->wanted;
  const auto& was = person.row->confirmed;
  if (person.call && (row.confirmed.status != was.status || row.confirmed.since != was.since))
    person.call->observed = true;
  // While a call is out, its end is waited for.
  if (person.call && fate == Fate::Erase) leave_queue(row);
  keep_or_erase(person, std::move(row), person.call ? Fate::Keep : fate);
  put_on_record(person, decision.inherits);
  return person;
}

Person after_answer(Person person, const Settlement& settlement, const Policy& policy, UtcTime now) {
  const auto call = std::exchange(person.call, std::nullopt);
  if (!person.row) return person;
  auto row = *person.row;
  CallOut unclaimed;
  unclaimed.lane = row.lane.value_or(unclaimed.lane);
  const auto fate = apply_settlement(row, settlement, call.value_or(unclaimed), policy, now);
  person.suppression =
      suppression_after_answer(person.suppression, person.row->confirmed, row.confirmed, now);
  keep_or_erase(person, std::move(row), fate);
  return person;
}

Person after_observation(Person person, const RemoteChange& change, const Policy& policy, UtcTime now) {
  if (person.row) {
    auto row = *person.row;
    const auto fate = apply_observation(row, change, call_of(person), policy, now);
    if (person.call && row != *person.row) {
      auto& call = *person.call;
      call.observed = call.observed || row.confirmed != person.row->confirmed;
      if (row.wanted != person.row->wanted && !call.sent) call.sent = person.row->wanted;
    }
    keep_or_erase(person, std::move(row), fate);
  } else if (person.trace && change.confirmed) {
    person.trace = trace_of(*change.confirmed);
  }
  if (change.lift) person.suppression.reset();
  put_on_record(person, change.suppress);
  return person;
}

Person placed_again(Person person, const Policy& policy, UtcTime now) {
  if (!person.row) return person;
  auto row = *person.row;
  // No backoff ends later than the longest one: such a time was told by a clock that was wrong.
  if (row.attempts > 0 && row.not_before > now + domain::longest_backoff(row.attempts)) row.not_before = now;
  const auto fate = place_again(row, policy, now);
  keep_or_erase(person, std::move(row), fate);
  return person;
}

Person unparked(Person person, const Policy& policy, UtcTime now) {
  if (!person.row) return person;
  auto row = *person.row;
  // Whoever asks for it takes upon themselves that a second confirmation mail may go out.
  if (row.parked == domain::Reason::ConfirmationInDoubt) row.confirmed.maybe_subscribed = false;
  leave_parking(row);
  forget_failures(row);
  const auto fate = place_again(row, policy, now);
  keep_or_erase(person, std::move(row), fate);
  return person;
}

Person hastened(Person person, UtcTime now) {
  if (!person.row || !person.row->lane || person.row->attempts == 0 || person.row->not_before <= now)
    return person;
  person.row->not_before = now;
  person.row->due = std::max(now, person.row->pending_since);
  return person;
}

Person after_crash(Person person) {
  if (!person.row) return person;
  auto& row = *person.row;
  // Out of the queue: settled before the crash, as others of the same call were not; or, with a doubt
  // already, taken out by an observation while the call was out.
  // Whoever is gone would have been erased then.
  const bool settled = row.wanted.intent != Intent::Absent && (!row.in_doubt || row.parked);
  if (!row.lane && settled) return person;
  row.in_doubt = true;
  if (lane_of_call(row) == Lane::Upsert) row.confirmed.maybe_subscribed = true;
  return person;
}

}  // namespace stibee_sync::ledger
