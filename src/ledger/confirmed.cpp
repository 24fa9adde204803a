#include "stibee_sync/ledger/confirmed.hpp"

#include <algorithm>
#include <cstdlib>

namespace stibee_sync::ledger {

namespace {

using domain::Confirmed;
using domain::joined;
using domain::minus;
using domain::Operation;
using domain::OperationKind;
using domain::RemoteStatus;
using domain::UtcTime;
using domain::Wanted;

bool is_subscribe(const Operation& operation) {
  return operation.kind == OperationKind::Subscribe || operation.kind == OperationKind::Resubscribe;
}

void set_status(Confirmed& confirmed, RemoteStatus status, UtcTime now) {
  if (confirmed.status != status) confirmed.since = now;
  confirmed.status = status;
}

void forget_values(Confirmed& confirmed) {
  confirmed.fields.reset();
  confirmed.ad_agreed.reset();
  confirmed.groups.clear();
  confirmed.maybe_groups.clear();
}

void take_values(Confirmed& confirmed, const Operation& operation, const Wanted& wanted, bool existed) {
  confirmed.fields = wanted.fields;
  if (!wanted.ad_agreed) return;
  if (operation.consent != domain::ConsentRide::NotSent) {
    confirmed.ad_agreed = wanted.ad_agreed;
  } else if (!existed) {
    confirmed.ad_agreed = false;
  }
}

void after_subscribe(Confirmed& confirmed, const Operation& operation, const Wanted& wanted,
                     const domain::Outcome& outcome, UtcTime now) {
  confirmed.maybe_subscribed = false;
  if (outcome.kind == domain::OutcomeKind::AlreadyInState) {
    set_status(confirmed, RemoteStatus::Subscribed, now);
    return;
  }
  const bool was_there = outcome.existed == true;
  const bool existed = was_there || operation.kind == OperationKind::Resubscribe;
  const bool asked_to_confirm = operation.confirm && !was_there;
  set_status(confirmed, asked_to_confirm ? RemoteStatus::Ready : RemoteStatus::Subscribed, now);
  if (operation.kind == OperationKind::Resubscribe && was_there) {
    // SUBSCRIBER leaves the values of somebody who is subscribed as they are, and one observed answer names
    // such people in `update` all the same: an Update follows.
    confirmed.fields.reset();
    confirmed.ad_agreed.reset();
  } else {
    take_values(confirmed, operation, wanted, existed);
  }
  // Whether somebody who has yet to confirm was put into groups is not known.
  if (!was_there && !asked_to_confirm) confirmed.groups = joined(confirmed.groups, operation.groups);
}

// A call that carried groups may have assigned them, unless it was refused.
void remember_groups(Confirmed& confirmed, const Operation& operation, const domain::Outcome& outcome) {
  using domain::OutcomeKind;
  if (outcome.kind == OutcomeKind::Rejected || outcome.kind == OutcomeKind::Throttled ||
      outcome.kind == OutcomeKind::Unauthorised || confirmed.status == RemoteStatus::Purged) {
    return;
  }
  if (is_subscribe(operation) || operation.kind == OperationKind::AssignGroup) {
    confirmed.maybe_groups = joined(confirmed.maybe_groups, operation.groups);
  } else if (operation.kind == OperationKind::ReleaseGroup && outcome.kind != OutcomeKind::Delivered &&
             outcome.kind != OutcomeKind::AlreadyInState) {
    confirmed.maybe_groups = joined(confirmed.maybe_groups, operation.groups);
    confirmed.groups = minus(confirmed.groups, operation.groups);
  }
}

void after_success(Confirmed& confirmed, const Operation& operation, const Wanted& wanted,
                   const domain::Outcome& outcome, UtcTime now) {
  // What a purged person's row holds is what was wanted then, not what Stibee has.
  if (confirmed.status == RemoteStatus::Purged) forget_values(confirmed);
  switch (operation.kind) {
    case OperationKind::Subscribe:
    case OperationKind::Resubscribe:
      after_subscribe(confirmed, operation, wanted, outcome, now);
      return;
    case OperationKind::Update:
      if (outcome.existed == false) {
        confirmed.groups.clear();
        confirmed.ad_agreed.reset();
      }
      take_values(confirmed, operation, wanted, outcome.existed != false);
      return;
    case OperationKind::Unsubscribe:
      confirmed.maybe_subscribed = false;
      // An opt-out that was on record before this call is not ours.
      if (confirmed.status != RemoteStatus::OptedOut) set_status(confirmed, RemoteStatus::Unsubscribed, now);
      return;
    case OperationKind::Delete:
      confirmed = Confirmed{};
      return;
    case OperationKind::AssignGroup:
      confirmed.groups = joined(confirmed.groups, operation.groups);
      return;
    case OperationKind::ReleaseGroup:
      confirmed.groups = minus(confirmed.groups, operation.groups);
      confirmed.maybe_groups = minus(confirmed.maybe_groups, operation.groups);
      return;
  }
  std::abort();
}

}  // namespace

Confirmed with_observed(const Confirmed& before, const Wanted& wanted, RemoteStatus observed, UtcTime now) {
  Confirmed after = before;
  switch (observed) {
    case RemoteStatus::Subscribed:
    case RemoteStatus::Ready:
      if (before.status == RemoteStatus::Purged) forget_values(after);
      after.maybe_subscribed = false;
      set_status(after, observed, now);
      return after;
    case RemoteStatus::OptedOut:
      // Again opted out: consents given in between are overtaken.
      after.status = observed;
      after.since = now;
      return after;
    case RemoteStatus::Unsubscribed:
    case RemoteStatus::AutoDeleted:
      if (before.status != RemoteStatus::OptedOut) set_status(after, observed, now);
      return after;
    case RemoteStatus::Purged:
      if (before.status == RemoteStatus::OptedOut || before.status == RemoteStatus::Purged) return after;
      set_status(after, observed, now);
      after.fields = wanted.fields;
      after.ad_agreed = wanted.ad_agreed;
      after.groups = wanted.groups;
      return after;
    case RemoteStatus::Unknown:
      return before.status == RemoteStatus::OptedOut ? before : Confirmed{};
  }
  std::abort();
}

Confirmed confirmed_after(const Confirmed& before, const Operation& operation, const Wanted& wanted,
                          const domain::Outcome& outcome, UtcTime now) {
  Confirmed after = before;
  remember_groups(after, operation, outcome);
  switch (outcome.kind) {
    case domain::OutcomeKind::Delivered:
    case domain::OutcomeKind::AlreadyInState:
      after_success(after, operation, wanted, outcome, now);
      break;
    case domain::OutcomeKind::Transient:
      // Not applied, as far as anybody knows: enough to be careful, not enough to withhold a confirmation
      // mail.
      if (is_subscribe(operation) && !operation.confirm) after.maybe_subscribed = true;
      break;
    case domain::OutcomeKind::Unknown:
      if (is_subscribe(operation)) after.maybe_subscribed = true;
      break;
    case domain::OutcomeKind::Rejected:
    case domain::OutcomeKind::Throttled:
    case domain::OutcomeKind::Unauthorised:
      break;
  }
  // What is known for certain is no longer a doubt.
  after.maybe_groups = minus(after.maybe_groups, after.groups);
  if (!outcome.observed) return after;
  // Whom an answer to something else shows as unsubscribed was not unsubscribed by us.
  const bool not_ours =
      *outcome.observed == RemoteStatus::Unsubscribed && operation.kind != OperationKind::Unsubscribe;
  after = with_observed(after, wanted, not_ours ? RemoteStatus::OptedOut : *outcome.observed, now);
  // The answer to the call itself is newer than any doubt about an earlier one.
  if (outcome.kind == domain::OutcomeKind::Delivered || outcome.kind == domain::OutcomeKind::AlreadyInState ||
      outcome.kind == domain::OutcomeKind::Rejected)
    after.maybe_subscribed = false;
  return after;
}

Confirmed confirmed_after_crossing(const Confirmed& observed, const Operation& operation,
                                   const Wanted& wanted, const domain::Outcome& outcome, UtcTime now) {
  switch (observed.status) {
    case RemoteStatus::OptedOut:
    case RemoteStatus::AutoDeleted:
    case RemoteStatus::Purged: {
      Confirmed after = observed;
      remember_groups(after, operation, outcome);
      after.maybe_groups = minus(after.maybe_groups, after.groups);
      // Only this call brings somebody back who is out; an ordinary subscribe leaves their status alone.
      const bool refused = outcome.kind == domain::OutcomeKind::Rejected ||
                           outcome.kind == domain::OutcomeKind::Throttled ||
                           outcome.kind == domain::OutcomeKind::Unauthorised;
      if (operation.kind == OperationKind::Resubscribe && !refused) after.maybe_subscribed = true;
      return after;
    }
    case RemoteStatus::Unknown:
    case RemoteStatus::Subscribed:
    case RemoteStatus::Unsubscribed:
    case RemoteStatus::Ready:
      break;
  }
  Confirmed after = confirmed_after(observed, operation, wanted, outcome, now);
  // They confirmed before the answer to the call that asked them to was here.
  if (observed.status == RemoteStatus::Subscribed && after.status == RemoteStatus::Ready) {
    after.status = observed.status;
    after.since = observed.since;
  }
  return after;
}

}  // namespace stibee_sync::ledger
