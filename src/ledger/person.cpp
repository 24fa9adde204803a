#include "stibee_sync/ledger/person.hpp"

#include <chrono>

namespace stibee_sync::ledger {

using domain::Confirmed;
using domain::Intent;
using domain::Lane;
using domain::RemoteStatus;

std::optional<Confirmed> trace_of(const Confirmed& confirmed) {
  Confirmed trace;
  trace.status = confirmed.status;
  trace.since = confirmed.since;
  if (trace.status != RemoteStatus::Purged)
    trace.maybe_groups = domain::joined(confirmed.groups, confirmed.maybe_groups);
  if (confirmed.maybe_subscribed && trace.status == RemoteStatus::Unknown)
    trace.status = RemoteStatus::Subscribed;
  trace.maybe_subscribed = confirmed.maybe_subscribed && trace.status == RemoteStatus::Unsubscribed;
  // Under another address now, nobody is there under this one.
  if (trace.status == RemoteStatus::Moved) trace = Confirmed{};
  trace.called = confirmed.called;
  if (trace.status == RemoteStatus::Unknown && !trace.called.deletion) return std::nullopt;
  return trace;
}

// Who is parked, or was taken out by an observation, is in no lane, but a call may be out all the same.
Lane lane_of_call(const LedgerRow& row) {
  return row.lane.value_or(row.wanted.intent == Intent::Subscribed ? Lane::Upsert : Lane::Optout);
}

std::optional<LedgerView> ledger_view(const Person& person) {
  if (person.row) return LedgerView{person.row->wanted, person.row->confirmed};
  auto known = known_before(person.trace, person.suppression);
  if (!known) return std::nullopt;
  return LedgerView{domain::Wanted{}, std::move(*known)};
}

RemoteView view_of(const Person& person) {
  RemoteView view;
  view.suppression = person.suppression;
  if (person.row) {
    const auto& row = *person.row;
    view.ledger = LedgerView{row.wanted, row.confirmed};
    if (person.call) {
      view.in_flight = person.call->lane;
    } else if (row.in_doubt) {
      view.in_flight = row.lane;
    }
    view.pending = row.lane.has_value();
    view.parked = row.parked;
    view.key = row.key;
  } else if (person.trace) {
    view.ledger = LedgerView{domain::Wanted{}, known_before(person.trace, person.suppression).value()};
    view.is_trace = true;
  }
  return view;
}

std::optional<Suppression> opt_out_on_record(const RemoteView& view) {
  if (view.suppression) return view.suppression;
  if (!view.ledger || view.ledger->confirmed.status != RemoteStatus::OptedOut) return std::nullopt;
  return Suppression{view.ledger->confirmed.since.value_or(domain::UtcTime{}), "unknown", ""};
}

std::optional<std::int64_t> consent_day(const domain::Wanted& wanted) {
  if (wanted.intent != Intent::Subscribed || !wanted.consented_at) return std::nullopt;
  if (*wanted.consented_at == domain::no_consent) return std::nullopt;
  return std::chrono::floor<std::chrono::days>(*wanted.consented_at).time_since_epoch().count();
}

std::int64_t last_due_consent_day(domain::UtcTime now) {
  constexpr std::chrono::days term{700};
  return (std::chrono::floor<std::chrono::days>(now) - term).time_since_epoch().count();
}

}  // namespace stibee_sync::ledger
