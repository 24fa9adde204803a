#include "store/ledger_row.hpp"

#include <algorithm>

namespace stibee_sync::store {
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

// A call for what was wanted before is out, or its answer was lost, and something else is wanted now.
// Whatever that call may have done is taken for done where this leads to a call that puts it right: a
// repeated call is harmless, a missing one is not.
void assume_worst(Confirmed& confirmed, Lane lane, const Wanted& sent, const Wanted& now_wanted,
                  UtcTime now) {
  if (lane != Lane::Upsert) {
    const bool perhaps_there =
        lane == Lane::Optout && confirmed.status == RemoteStatus::Unknown && confirmed.maybe_subscribed;
    if (now_wanted.intent == Intent::Subscribed &&
        (confirmed.status == RemoteStatus::Subscribed || perhaps_there)) {
      confirmed.status = RemoteStatus::Unsubscribed;
      confirmed.since = now;
      // Assumed, not known: should the row say no again before anything else went out, it is said again.
      confirmed.maybe_subscribed = true;
    }
    return;
  }
  if (confirmed.status == RemoteStatus::Subscribed) {
    if (sent.fields != confirmed.fields) confirmed.fields.reset();
    if (sent.ad_agreed != confirmed.ad_agreed) confirmed.ad_agreed.reset();
  } else {
    confirmed.maybe_subscribed = true;
  }
  if (confirmed.status == RemoteStatus::Purged) return;  // its groups say what was wanted, not what is there
  const auto perhaps_assigned = minus(sent.groups, confirmed.groups);
  const auto perhaps_released = minus(confirmed.groups, sent.groups);
  confirmed.groups = minus(confirmed.groups, perhaps_released);
  confirmed.maybe_groups = joined(confirmed.maybe_groups, joined(perhaps_assigned, perhaps_released));
}

void forget_failures(LedgerRow& row) {
  row.attempts = 0;
  row.not_before = {};
  row.batch_limit = 0;
  row.error.clear();
  row.message.clear();
}

void leave_parking(LedgerRow& row) {
  row.parked.clear();
  row.parked_since = {};
  row.parked_by_rule = false;
}

void leave_queue(LedgerRow& row) {
  row.lane.reset();
  row.shape.clear();
  row.due = {};
  row.pending_since = {};
}

bool needs_values(const LedgerRow& row) {
  return row.wanted.intent == Intent::Subscribed && row.confirmed.fields != row.wanted.fields;
}

}  // namespace

std::optional<Confirmed> known_before(const std::optional<Confirmed>& trace,
                                      const std::optional<Suppression>& suppression) {
  if (!suppression) return trace;
  auto confirmed = trace.value_or(Confirmed{});
  if (confirmed.status != RemoteStatus::OptedOut) confirmed.since.reset();
  confirmed.status = RemoteStatus::OptedOut;
  confirmed.since = std::max(confirmed.since.value_or(suppression->at), suppression->at);
  return confirmed;
}

LedgerRow row_from_trace(const Confirmed& confirmed) {
  LedgerRow row;
  row.confirmed = confirmed;
  return row;
}

std::optional<Confirmed> trace_of(const LedgerRow& row) {
  Confirmed trace;
  trace.status = row.confirmed.status;
  trace.since = row.confirmed.since;
  if (trace.status != RemoteStatus::Purged)
    trace.maybe_groups = joined(row.confirmed.groups, row.confirmed.maybe_groups);
  if (row.confirmed.maybe_subscribed &&
      (trace.status == RemoteStatus::Unknown || trace.status == RemoteStatus::Unsubscribed)) {
    trace.status = RemoteStatus::Subscribed;
  }
  if (trace.status == RemoteStatus::Unknown) return std::nullopt;
  return trace;
}

Fate place_again(LedgerRow& row, const PlaceRule& place, UtcTime now) {
  auto placement = place(row.wanted, row.confirmed, now);
  if (placement.finished) return Fate::Erase;
  row.lacks_values = false;
  if (!placement.impossible.empty()) {
    if (row.parked != placement.impossible || !row.parked_by_rule) row.parked_since = now;
    row.parked = std::move(placement.impossible);
    row.parked_by_rule = true;
    leave_queue(row);
    return Fate::Keep;  // with its values: a change of the rules may send it
  }
  if (row.parked_by_rule) {
    leave_parking(row);
    forget_failures(row);
  }
  const bool sends_values = placement.lane && row.wanted.intent == Intent::Subscribed;
  if (!sends_values) row.values.reset();
  if (!row.parked.empty()) {
    leave_queue(row);
    return Fate::Keep;
  }
  if (!placement.lane) {
    leave_queue(row);
    forget_failures(row);
    return Fate::Keep;
  }
  if (*placement.lane == Lane::Upsert && !row.values && needs_values(row)) {
    row.lacks_values = true;
    leave_queue(row);
    return Fate::Keep;
  }
  const bool stays = row.lane == placement.lane && row.pending_since <= now && placement.due <= now;
  if (!stays) row.pending_since = std::max(now, placement.due);
  row.lane = placement.lane;
  row.shape = std::move(placement.shape);
  row.due = row.attempts > 0 ? std::max(row.not_before, row.pending_since) : row.pending_since;
  return Fate::Keep;
}

Fate apply_decision(LedgerRow& row, const AddressDecision& decision, bool is_new, const InFlight* in_flight,
                    const PlaceRule& place, UtcTime now) {
  const bool changed = is_new || row.wanted != decision.wanted;
  if (decision.key) row.key = decision.key;
  if (!changed && !(decision.values && (row.lacks_values || row.parked_by_rule))) return Fate::Keep;
  if (changed) {
    if (in_flight != nullptr) {
      assume_worst(row.confirmed, in_flight->lane, in_flight->sent ? *in_flight->sent : row.wanted,
                   decision.wanted, now);
    } else if (row.in_doubt) {
      assume_worst(row.confirmed, lane_of_call(row), row.wanted, decision.wanted, now);
    }
    row.in_doubt = false;
    row.wanted = decision.wanted;
    leave_parking(row);
    forget_failures(row);
  }
  if (decision.values) row.values = decision.values;
  // Nothing was ever sent or stored for a new row: no values are its values.
  if (is_new && !row.values) row.values.emplace();
  return place_again(row, place, now);
}

Fate apply_settlement(LedgerRow& row, const Settlement& settlement, const InFlight& call,
                      const PlaceRule& place, UtcTime now, const CrossRule& cross, std::size_t person) {
  if (!call.observed) {
    row.confirmed = settlement.confirmed;
  } else if (cross) {
    row.confirmed = cross(person, row.confirmed);
  }
  // A refusal speaks of its own attempt only, not of an earlier one whose answer was lost.
  if (settlement.next != Settlement::Next::Park) row.in_doubt = false;
  leave_parking(row);
  forget_failures(row);
  if (call.sent) {
    // Whatever Stibee said, it spoke of what is no longer wanted. What is wanted now gets an attempt of its
    // own, without the backoff of the other: it may be an opt-out.
    if (settlement.next == Settlement::Next::Retry) {
      assume_worst(row.confirmed, call.lane, *call.sent, row.wanted, now);
    }
    return place_again(row, place, now);
  }
  auto next = settlement.next;
  if (call.observed && next != Settlement::Next::Continue &&
      place(row.wanted, row.confirmed, now).lane != call.lane) {
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
      row.parked = settlement.reason.empty() ? "rejected" : settlement.reason;
      row.parked_since = now;
      break;
  }
  return place_again(row, place, now);
}

Fate apply_observation(LedgerRow& row, const RemoteChange& change, const InFlight* in_flight,
                       const PlaceRule& place, UtcTime now) {
  auto fate = Fate::Keep;
  if (change.confirmed && *change.confirmed != row.confirmed) {
    row.confirmed = *change.confirmed;
    // Should the answer be lost with the process, the call may have been applied after what was observed.
    if (in_flight != nullptr) row.in_doubt = true;
    const auto placement = place(row.wanted, row.confirmed, now);
    if (!placement.lane) {
      leave_parking(row);
      forget_failures(row);
    } else if (row.parked.empty() && (placement.lane != row.lane || placement.shape != row.shape)) {
      forget_failures(
          row);  // another call than the one that failed: it may be an opt-out, and waits for nothing
    }
    fate = place_again(row, place, now);
  }
  if (change.wanted && *change.wanted != row.wanted) {
    AddressDecision decision;
    decision.wanted = *change.wanted;
    fate = apply_decision(row, decision, false, in_flight, place, now);
  }
  return in_flight == nullptr ? fate : Fate::Keep;
}

void apply_suppression(LedgerRow& row, const Suppression& suppression) {
  row.confirmed = known_before(row.confirmed, suppression).value();
  // An unsubscribe that is due does no harm; anything else might.
  if (row.lane != Lane::Optout) leave_queue(row);
}

SuppressionStep suppression_step(const Confirmed& before, const Confirmed& after) {
  const bool was_out = before.status == RemoteStatus::OptedOut;
  if (after.status == RemoteStatus::OptedOut)
    return was_out && before.since == after.since ? SuppressionStep::None : SuppressionStep::Add;
  const bool lifted = after.status == RemoteStatus::Subscribed || after.status == RemoteStatus::Ready;
  return was_out && lifted ? SuppressionStep::Lift : SuppressionStep::None;
}

Suppression suppression_by_answer(std::optional<Suppression> known, const Confirmed& after, UtcTime now) {
  auto suppression = known.value_or(Suppression{{}, "unknown", ""});
  suppression.at = std::max(suppression.at, after.since.value_or(now));
  return suppression;
}

const Suppression& newer_of(const Suppression& known, const Suppression& learnt) {
  return learnt.at < known.at ? known : learnt;
}

Fate unpark(LedgerRow& row, const PlaceRule& place, UtcTime now) {
  // Whoever asks for it takes upon themselves that a second confirmation mail may go out.
  if (row.parked == "confirmation_in_doubt") row.confirmed.maybe_subscribed = false;
  leave_parking(row);
  forget_failures(row);
  return place_again(row, place, now);
}

bool hasten_row(LedgerRow& row, UtcTime now) {
  if (!row.lane || row.attempts == 0 || row.not_before <= now) return false;
  row.not_before = now;
  row.due = std::max(now, row.pending_since);
  return true;
}

void mark_in_doubt(LedgerRow& row) {
  // Out of the queue: settled before the crash, as others of the same call were not; or, with a doubt
  // already, taken out by an observation while the call was out.
  if (!row.lane && (!row.in_doubt || !row.parked.empty())) return;
  row.in_doubt = true;
  if (lane_of_call(row) == Lane::Upsert && row.confirmed.status != RemoteStatus::Subscribed) {
    row.confirmed.maybe_subscribed = true;
  }
}

std::size_t most_examined(std::size_t most_people) {
  return 4 * most_people + 1000;
}

// Who is parked, or was taken out by an observation, is in no lane, but a call may be out all the same.
Lane lane_of_call(const LedgerRow& row) {
  return row.lane.value_or(row.wanted.intent == Intent::Subscribed ? Lane::Upsert : Lane::Optout);
}

RemoteView view_of_trace(const Confirmed& trace, const std::optional<Suppression>& suppression) {
  RemoteView view;
  view.ledger = LedgerView{Wanted{}, known_before(trace, suppression).value()};
  view.is_trace = true;
  return view;
}

RemoteView view_of(const LedgerRow& row, const InFlight* in_flight) {
  RemoteView view;
  view.ledger = LedgerView{row.wanted, row.confirmed};
  if (in_flight != nullptr) {
    view.in_flight = in_flight->lane;
  } else if (row.in_doubt) {
    view.in_flight = row.lane;
  }
  view.pending = row.lane.has_value();
  view.parked = row.parked;
  view.key = row.key;
  return view;
}

std::optional<std::int64_t> consent_day(const Wanted& wanted) {
  if (wanted.intent != Intent::Subscribed || !wanted.consented_at) return std::nullopt;
  if (*wanted.consented_at == domain::no_consent) return std::nullopt;
  return std::chrono::floor<std::chrono::days>(*wanted.consented_at).time_since_epoch().count();
}

std::int64_t last_due_consent_day(UtcTime now) {
  constexpr std::chrono::days term{700};
  return (std::chrono::floor<std::chrono::days>(now) - term).time_since_epoch().count();
}

LedgerEntry entry_of(const LedgerRow& row) {
  LedgerEntry entry;
  entry.wanted = row.wanted;
  entry.confirmed = row.confirmed;
  entry.key = row.key;
  entry.has_values = row.values.has_value();
  entry.lane = row.lane;
  entry.shape = row.shape;
  entry.due = row.due;
  entry.pending_since = row.pending_since;
  entry.attempts = row.attempts;
  entry.error = row.error;
  entry.message = row.message;
  entry.parked = row.parked;
  return entry;
}

std::string rejected_message(std::string_view column) {
  return column.empty() ? std::string() : "column " + std::string(column);
}

std::vector<bool> shadowed_flags(const std::vector<BearerRow>& bearers) {
  std::vector<bool> flags;
  flags.reserve(bearers.size());
  for (const auto& bearer : bearers)
    flags.push_back(bearers.size() > 1 && !bearer.rejected);
  return flags;
}

}  // namespace stibee_sync::store
