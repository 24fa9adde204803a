#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/pipeline/drift.hpp"

#include <chrono>
#include <cstdlib>
#include <utility>

// What a list that is taken over tells of one person.
namespace stibee_sync::pipeline {

using domain::Confirmed;
using domain::RemoteStatus;
using domain::UtcTime;

namespace {

/// When it happened is told by no time that Stibee shows for certain, so it counts from now: a consent given
/// before must not bring back somebody who may have said no after it.
ledger::Suppression opt_out_seen(UtcTime now) {
  ledger::Suppression suppression;
  suppression.at = now;
  suppression.by = "unknown";
  return suppression;
}

void take_values(Confirmed& confirmed, const store::Listed& listed) {
  confirmed.fields = listed.fields;
  confirmed.ad_agreed = listed.ad_agreed;
  if (!listed.groups) return;
  confirmed.groups = *listed.groups;
  confirmed.maybe_groups.clear();
}

/// Whether whom the list shows unsubscribed has been so since it was learnt here: not brought back meanwhile,
/// by another daemon, to say no once more. When Stibee last changed them tells.
bool out_as_known(const store::Listed& listed, const domain::Wanted& wanted, const Confirmed& before) {
  // Between a change there and what we made of it, and between two clocks.
  constexpr std::chrono::minutes apart{5};
  if (before.status != RemoteStatus::OptedOut && before.status != RemoteStatus::Unsubscribed) return false;
  if (!listed.modified || !before.since) return false;
  // Whatever happened there, they said yes after it. (When a column turned is when it was seen to, by this
  // state.)
  if (wanted.consented_at && *wanted.consented_at > *listed.modified) return true;
  if (before.status == RemoteStatus::OptedOut) return *listed.modified <= *before.since;
  // Since when we take somebody for unsubscribed by ourselves may be assumed only.
  return wanted.intent != domain::Intent::Subscribed && *listed.modified <= *before.since + apart;
}

/// What became of somebody who is known, while nobody looked here: in a state that was put back, or of a
/// daemon that stood by.
Consequence since_then(const store::Listed& listed, const ledger::RemoteView& view, UtcTime asked,
                       UtcTime said, UtcTime now) {
  Consequence change;
  const auto& person = *view.ledger;
  const auto& before = person.confirmed;
  // What was learnt while the list was read may be newer than what it shows. What is dated later than now was
  // dated by a clock that was wrong, of another host perhaps.
  const bool older = !before.since || *before.since < asked || *before.since > said;
  if (!older || !listed.status) return change;
  const auto there = *listed.status;
  const bool is_out = there == RemoteStatus::OptedOut || there == RemoteStatus::Unsubscribed;
  // Of whom a trace tells, nothing is to be sent; and only a newer consent lifts an opt-out. But who came
  // back, by another daemon perhaps, and is not wanted subscribed, is to be told no.
  if (!is_out && view.is_trace) return change;
  if (!is_out && before.status == RemoteStatus::OptedOut) {
    const bool is_mailed = there == RemoteStatus::Subscribed || there == RemoteStatus::Ready;
    if (!is_mailed || person.wanted.intent == domain::Intent::Subscribed) return change;
    change.confirmed = before;
    change.confirmed->owes_no = true;
    return change;
  }
  switch (there) {
    case RemoteStatus::OptedOut:
    case RemoteStatus::Unsubscribed:
      if (out_as_known(listed, person.wanted, before)) return change;
      change.confirmed = ledger::with_observed(before, person.wanted, RemoteStatus::OptedOut, now);
      change.suppress = opt_out_seen(now);
      return change;
    case RemoteStatus::Subscribed: {
      auto confirmed =
          before.status == there ? before : ledger::with_observed(before, person.wanted, there, now);
      take_values(confirmed, listed);
      if (confirmed != before) change.confirmed = std::move(confirmed);
      return change;
    }
    case RemoteStatus::AutoDeleted:
    case RemoteStatus::Purged:
      if (before.status != there) change.confirmed = ledger::with_observed(before, person.wanted, there, now);
      return change;
    case RemoteStatus::Ready:
    case RemoteStatus::Moved:
    case RemoteStatus::Unknown:
      return change;
  }
  std::abort();
}

/// A subscribe of unknown end, of an earlier life perhaps, settles nothing; but whom the list shows
/// unsubscribed then has opted out, and is to be unsubscribed once more should the call be applied yet.
Consequence opt_out_met(const store::Listed& listed, const ledger::RemoteView& view, UtcTime now) {
  Consequence change;
  if (listed.status != RemoteStatus::OptedOut || view.in_flight != domain::Lane::Upsert || !view.ledger)
    return change;
  const auto& before = view.ledger->confirmed;
  // Whom we unsubscribed ourselves, or who consented since, comes back by that call.
  if (out_as_known(listed, view.ledger->wanted, before)) return change;
  change.confirmed = ledger::with_observed(before, view.ledger->wanted, RemoteStatus::OptedOut, now);
  change.confirmed->maybe_subscribed = true;
  change.suppress = opt_out_seen(now);
  return change;
}

}  // namespace

Consequence unsubscribed_for_a_move(const ledger::RemoteView& view, UtcTime now) {
  Consequence change;
  if (view.is_trace) return change;
  const auto& [wanted, confirmed] = *view.ledger;
  if (confirmed.status == RemoteStatus::OptedOut) return change;
  change.confirmed = ledger::with_observed(confirmed, wanted, RemoteStatus::Unsubscribed, now);
  // Without a call of ours the doubt was what the list shows.
  if (!confirmed.called.upsert) change.confirmed->maybe_subscribed = false;
  return change;
}

Consequence adopt_change(const store::Listed& listed, const ledger::RemoteView& view, UtcTime asked,
                         UtcTime said, UtcTime now) {
  Consequence change;
  if (view.in_flight) return opt_out_met(listed, view, now);
  const bool known = view.ledger && view.ledger->confirmed.status != RemoteStatus::Unknown;
  if (known) return since_then(listed, view, asked, said, now);
  if (listed.status == RemoteStatus::OptedOut && !view.suppression) change.suppress = opt_out_seen(now);
  if (!view.ledger || view.is_trace) return change;
  // A status that nobody knows: the one state in which nothing is ever sent.
  const auto status = listed.status.value_or(RemoteStatus::AutoDeleted);
  if (status == RemoteStatus::Unknown) return change;
  auto confirmed = ledger::with_observed(view.ledger->confirmed, view.ledger->wanted, status, now);
  // Without a call of ours the doubt was what the list shows.
  if (!confirmed.called.upsert) confirmed.maybe_subscribed = false;
  if (status != RemoteStatus::Purged) {
    confirmed.fields = listed.fields;
    confirmed.ad_agreed = listed.ad_agreed;
    confirmed.groups = listed.groups.value_or(domain::GroupSet{});
  }
  change.confirmed = std::move(confirmed);
  return change;
}

}  // namespace stibee_sync::pipeline
