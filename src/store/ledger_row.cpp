#include "store/ledger_row.hpp"

#include <algorithm>
#include <iterator>

namespace stibee_sync::store {
namespace {

using domain::Confirmed;
using domain::GroupSet;
using domain::Intent;
using domain::Lane;
using domain::RemoteStatus;
using domain::UtcTime;
using domain::Wanted;

GroupSet minus(const GroupSet& a, const GroupSet& b) {
  GroupSet result;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(result));
  return result;
}

GroupSet joined(const GroupSet& a, const GroupSet& b) {
  GroupSet result;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(result));
  return result;
}

// A call for what was wanted before is out, or its answer was lost, and something else is wanted now.
// Whatever that call may have done is taken for done where this leads to a call that puts it right: a
// repeated call is harmless, a missing one is not.
void assume_worst(Confirmed& confirmed, Lane lane, const Wanted& sent, const Wanted& now_wanted,
                  UtcTime now) {
  if (lane != Lane::Upsert) {
    if (now_wanted.intent == Intent::Subscribed && confirmed.status == RemoteStatus::Subscribed) {
      confirmed.status = RemoteStatus::Unsubscribed;
      confirmed.since = now;
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
      // Who is parked is in no lane, but an earlier attempt may have been applied all the same.
      const auto lane =
          row.lane.value_or(row.wanted.intent == Intent::Subscribed ? Lane::Upsert : Lane::Optout);
      assume_worst(row.confirmed, lane, row.wanted, decision.wanted, now);
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
                      const PlaceRule& place, UtcTime now) {
  row.confirmed = settlement.confirmed;
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
  switch (settlement.next) {
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

Fate unpark(LedgerRow& row, const PlaceRule& place, UtcTime now) {
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
  if (!row.lane) return;  // settled before the crash, as others of the same call were not
  row.in_doubt = true;
  if (row.lane == Lane::Upsert && row.confirmed.status != RemoteStatus::Subscribed) {
    row.confirmed.maybe_subscribed = true;
  }
}

std::size_t most_examined(std::size_t most_people) {
  return 4 * most_people + 1000;
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
