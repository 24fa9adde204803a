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

// An answer that does not say whether somebody is back: they may be.
bool perhaps_back(const domain::Outcome& outcome) {
  return outcome.kind == domain::OutcomeKind::Rejected &&
         outcome.reason == domain::Reason(domain::Reason::ResubscribeUnsupported);
}

// Nothing of the call was done.
bool refused(const domain::Outcome& outcome) {
  if (perhaps_back(outcome)) return false;
  return outcome.kind == domain::OutcomeKind::Rejected || outcome.kind == domain::OutcomeKind::Throttled ||
         outcome.kind == domain::OutcomeKind::Unauthorised;
}

bool succeeded(const domain::Outcome& outcome) {
  return outcome.kind == domain::OutcomeKind::Delivered ||
         outcome.kind == domain::OutcomeKind::AlreadyInState;
}

bool says_no(const Operation& operation) {
  return operation.kind == OperationKind::Unsubscribe || operation.kind == OperationKind::Delete;
}

// An update of somebody who was deleted meanwhile adds them again.
bool adds(const Operation& operation) {
  return is_subscribe(operation) || operation.kind == OperationKind::Update;
}

void set_status(Confirmed& confirmed, RemoteStatus status, UtcTime now) {
  if (confirmed.status != status) confirmed.since = now;
  confirmed.status = status;
  if (status != RemoteStatus::Moved) confirmed.moved_to.clear();
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

Confirmed nobody_there(const Confirmed& before) {
  Confirmed confirmed;
  confirmed.called = before.called;
  return confirmed;
}

// By a call that brings back, or adds, even somebody who had said no.
bool added_lately(const domain::CallTimes& called, UtcTime now) {
  // Also of a time ahead, which a clock told that was set back since: one more no is harmless.
  const auto lately = [now](const std::optional<UtcTime>& time) { return time && now - *time < echo_window; };
  return lately(called.resubscribe) || (lately(called.deletion) && lately(called.upsert));
}

// Its echo may come as an event.
void remember_call(Confirmed& confirmed, const Operation& operation, const domain::Outcome& outcome,
                   UtcTime now) {
  if (refused(outcome)) return;
  confirmed.called.of(domain::lane_of(operation.kind)) = now;
  if (operation.kind == OperationKind::Resubscribe) confirmed.called.resubscribe = now;
}

// A call of unknown end went before: it may come to Stibee after this one.
std::optional<UtcTime> repeat_after(const Confirmed& before, UtcTime now) {
  if (!before.maybe_subscribed) return std::nullopt;
  return now + repeat_gap;
}

void after_subscribe(Confirmed& confirmed, const Operation& operation, const Wanted& wanted,
                     const domain::Outcome& outcome, UtcTime now) {
  confirmed.maybe_subscribed = false;
  confirmed.owes_no = false;
  confirmed.repeat_at.reset();
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
  if (refused(outcome) || confirmed.status == RemoteStatus::Purged) return;
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
      confirmed.maybe_subscribed = false;
      if (outcome.existed == false) {
        confirmed.groups.clear();
        confirmed.ad_agreed.reset();
      }
      take_values(confirmed, operation, wanted, outcome.existed != false);
      return;
    case OperationKind::Unsubscribe:
      confirmed.repeat_at = repeat_after(confirmed, now);
      confirmed.maybe_subscribed = false;
      confirmed.owes_no = false;
      // What was there before this call is not our doing.
      if (!ended_there(confirmed.status)) set_status(confirmed, RemoteStatus::Unsubscribed, now);
      return;
    case OperationKind::Delete: {
      const auto repeat = repeat_after(confirmed, now);
      confirmed = nobody_there(confirmed);
      confirmed.repeat_at = repeat;
      return;
    }
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

bool ended_there(RemoteStatus status) {
  return status == RemoteStatus::OptedOut || status == RemoteStatus::AutoDeleted ||
         status == RemoteStatus::Purged;
}

Confirmed with_observed(const Confirmed& before, const Wanted& wanted, RemoteStatus observed, UtcTime now) {
  Confirmed after = before;
  switch (observed) {
    case RemoteStatus::Subscribed:
    case RemoteStatus::Ready:
      if (before.status == RemoteStatus::Purged) forget_values(after);
      after.maybe_subscribed = false;
      after.owes_no = false;
      set_status(after, observed, now);
      return after;
    case RemoteStatus::OptedOut:
      // Again opted out: consents given in between are overtaken.
      set_status(after, observed, now);
      after.since = now;
      after.consent_then = wanted.consented_at;
      if (added_lately(before.called, now)) after.maybe_subscribed = true;
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
    case RemoteStatus::Moved:
      set_status(after, observed, now);
      return after;
    case RemoteStatus::Unknown:
      return before.status == RemoteStatus::OptedOut ? before : nobody_there(before);
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
      if (adds(operation) && !operation.confirm) after.maybe_subscribed = true;
      break;
    case domain::OutcomeKind::Unknown:
      if (adds(operation)) after.maybe_subscribed = true;
      break;
    case domain::OutcomeKind::Rejected:
      if (perhaps_back(outcome)) after.maybe_subscribed = true;
      break;
    case domain::OutcomeKind::Throttled:
    case domain::OutcomeKind::Unauthorised:
      break;
  }
  remember_call(after, operation, outcome, now);
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
    case RemoteStatus::Purged:
    case RemoteStatus::Moved: {
      Confirmed after = observed;
      remember_groups(after, operation, outcome);
      after.maybe_groups = minus(after.maybe_groups, after.groups);
      remember_call(after, operation, outcome, now);
      if (says_no(operation) && succeeded(outcome)) after.owes_no = false;
      // Only this call brings somebody back who is out; an ordinary subscribe leaves their status alone.
      if (operation.kind == OperationKind::Resubscribe && !refused(outcome)) after.maybe_subscribed = true;
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
