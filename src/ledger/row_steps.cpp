#include "ledger/row_steps.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::ledger {

using domain::Intent;
using domain::Lane;
using domain::RemoteStatus;
using domain::UtcTime;

void forget_failures(LedgerRow& row) {
  row.attempts = 0;
  row.not_before = {};
  row.due = row.pending_since;
  row.batch_limit = 0;
  row.error.reset();
  row.message.clear();
}

void leave_parking(LedgerRow& row) {
  row.parked.reset();
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
  if (row.wanted.intent != Intent::Subscribed) return false;
  // After a purge the fields say what was wanted then; none of it is there.
  return row.confirmed.status == RemoteStatus::Purged || row.confirmed.fields != row.wanted.fields;
}

Fate place_again(LedgerRow& row, const Policy& policy, UtcTime now) {
  return stand(row, place(row.wanted, row.confirmed, policy, now), now);
}

void keep_or_erase(Person& person, LedgerRow row, Fate fate) {
  switch (fate) {
    case Fate::Keep:
      person.row = std::move(row);
      person.trace.reset();
      return;
    case Fate::Erase:
      if (person.row) person.trace = trace_of(row.confirmed);
      person.row.reset();
      return;
  }
}

void put_on_record(Person& person, std::optional<Suppression> opt_out) {
  if (!opt_out) return;
  if (!opt_out->consent && person.row) opt_out->consent = person.row->wanted.consented_at;
  person.suppression = person.suppression ? newer_of(*person.suppression, *opt_out) : *opt_out;
}

Fate stand(LedgerRow& row, Placement placement, UtcTime now) {
  if (placement.finished) return Fate::Erase;
  row.lacks_values = false;
  if (placement.impossible) {
    if (row.parked != placement.impossible || !row.parked_by_rule) row.parked_since = now;
    row.parked = placement.impossible;
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
  if (row.parked) {
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

}  // namespace stibee_sync::ledger
