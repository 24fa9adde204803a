#include "stibee_sync/ledger/next_operation.hpp"

#include "stibee_sync/ledger/confirmed.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stibee_sync::ledger {

namespace {

/// Of the clock that stamps consents. A stamp further ahead is a mistake, of the time zone, say.
constexpr std::chrono::minutes forgiven_skew{5};

using domain::Confirmed;
using domain::GroupSet;
using domain::Intent;
using domain::joined;
using domain::minus;
using domain::Operation;
using domain::OperationKind;
using domain::RemoteStatus;
using domain::UtcTime;
using domain::Wanted;

bool consent_differs(const Wanted& wanted, const Confirmed& confirmed) {
  return wanted.ad_agreed && confirmed.ad_agreed != wanted.ad_agreed;
}

bool values_differ(const Wanted& wanted, const Confirmed& confirmed) {
  return confirmed.fields != wanted.fields || consent_differs(wanted, confirmed);
}

// Since the purge. Without a memory of what was wanted then, nothing can be told and nothing is done.
bool row_changed(const Wanted& wanted, const Confirmed& purged) {
  if (!purged.fields) return false;
  return values_differ(wanted, purged) || wanted.groups != purged.groups ||
         (purged.since && wanted.opted_in_at && *wanted.opted_in_at > *purged.since);
}

Operation with_values(OperationKind kind, domain::ConsentRide consent) {
  Operation operation;
  operation.kind = kind;
  operation.consent = consent;
  return operation;
}

domain::ConsentRide ride(bool consent_matters, const Policy& policy) {
  if (!policy.consent_alone) return domain::ConsentRide::WithTheRest;
  return consent_matters ? domain::ConsentRide::Alone : domain::ConsentRide::NotSent;
}

// One mail per person and consent: after an attempt that may have sent it, a human decides.
bool confirmation_in_doubt(const Confirmed& confirmed, const Policy& policy) {
  return policy.confirm_email && confirmed.maybe_subscribed;
}

NextStep add(Operation operation, const Wanted& wanted, const Confirmed& confirmed, const Policy& policy) {
  if (confirmation_in_doubt(confirmed, policy)) return Impossible{domain::Reason::ConfirmationInDoubt};
  if (policy.groups_with_subscribe) operation.groups = wanted.groups;
  operation.confirm = policy.confirm_email;
  return operation;
}

NextStep subscribe(const Wanted& wanted, const Confirmed& confirmed, const Policy& policy) {
  // Who is new has not agreed unless somebody says so.
  const auto consent = ride(wanted.ad_agreed == true, policy);
  return add(with_values(OperationKind::Subscribe, consent), wanted, confirmed, policy);
}

NextStep resubscribe(const Wanted& wanted, const Confirmed& confirmed, const Policy& policy) {
  if (!policy.can_resubscribe) return Impossible{domain::Reason::ResubscribeUnsupported};
  // The call is v1's, whatever the mirror's API.
  const auto consent = domain::ConsentRide::WithTheRest;
  return add(with_values(OperationKind::Resubscribe, consent), wanted, confirmed, policy);
}

Operation unsubscribe() {
  return Operation{OperationKind::Unsubscribe, {}};
}

NextStep keep_subscribed(const Wanted& wanted, const Confirmed& confirmed, const Policy& policy) {
  if (values_differ(wanted, confirmed))
    return with_values(OperationKind::Update, ride(consent_differs(wanted, confirmed), policy));
  if (const GroupSet missing = minus(wanted.groups, confirmed.groups); !missing.empty())
    return Operation{OperationKind::AssignGroup, {missing.front()}};
  const GroupSet there = joined(confirmed.groups, confirmed.maybe_groups);
  if (const GroupSet extra = minus(there, wanted.groups); !extra.empty())
    return Operation{OperationKind::ReleaseGroup, {extra.front()}};
  return Rest::Settled;
}

NextStep when_subscribed(const Wanted& wanted, const Confirmed& confirmed, const Policy& policy) {
  switch (confirmed.status) {
    case RemoteStatus::Unknown:
      return subscribe(wanted, confirmed, policy);
    case RemoteStatus::Subscribed:
      return keep_subscribed(wanted, confirmed, policy);
    case RemoteStatus::Unsubscribed:
      return resubscribe(wanted, confirmed, policy);
    case RemoteStatus::OptedOut:
      if (overcome(wanted, confirmed)) return resubscribe(wanted, confirmed, policy);
      // A resubscribe of an earlier consent crossed with the opt-out, and may have come to Stibee after it;
      // or the opt-out is a member's, and was said under another address.
      if (confirmed.maybe_subscribed || confirmed.owes_no) return unsubscribe();
      return Rest::OptedOut;
    case RemoteStatus::AutoDeleted:
      return Rest::AutoDeleted;
    case RemoteStatus::Purged:
      if (policy.on_remote_purge == OnRemotePurge::Restore || row_changed(wanted, confirmed))
        return subscribe(wanted, confirmed, policy);
      return Rest::Purged;
    case RemoteStatus::Ready:
      return Rest::AwaitingConfirmation;
    case RemoteStatus::Moved:
      return Rest::Moved;
  }
  std::abort();
}

// Of who is not wanted: whoever may be mailed is not at rest.
Rest rest_of(RemoteStatus status) {
  switch (status) {
    case RemoteStatus::Unknown:
      return Rest::NeverCreated;
    case RemoteStatus::Subscribed:
    case RemoteStatus::Ready:
    case RemoteStatus::Unsubscribed:
      return Rest::Settled;
    case RemoteStatus::OptedOut:
      return Rest::OptedOut;
    case RemoteStatus::AutoDeleted:
      return Rest::AutoDeleted;
    case RemoteStatus::Purged:
      return Rest::Purged;
    case RemoteStatus::Moved:
      return Rest::Moved;
  }
  std::abort();
}

bool may_be_mailed(const Confirmed& confirmed) {
  return confirmed.status == RemoteStatus::Subscribed || confirmed.status == RemoteStatus::Ready ||
         confirmed.maybe_subscribed || confirmed.owes_no;
}

// The call of unknown end that went before may be applied after the one that undid it.
std::optional<NextStep> said_again(Operation operation, const Confirmed& confirmed, UtcTime now) {
  if (!confirmed.repeat_at) return std::nullopt;
  // A time further ahead was told by a clock that was wrong.
  if (*confirmed.repeat_at <= now || *confirmed.repeat_at > now + repeat_gap) return operation;
  return Later{std::move(operation), *confirmed.repeat_at};
}

NextStep when_unsubscribed(const Confirmed& confirmed, UtcTime now) {
  if (may_be_mailed(confirmed)) return unsubscribe();
  return said_again(unsubscribe(), confirmed, now).value_or(rest_of(confirmed.status));
}

// The opt-out of somebody who left stays on record at Stibee, unless the table said no after it: else only
// those whom we subscribed or unsubscribed are deleted.
bool may_be_deleted(const Confirmed& confirmed) {
  return confirmed.status == RemoteStatus::Unsubscribed || confirmed.owes_no ||
         (may_be_mailed(confirmed) && confirmed.status != RemoteStatus::OptedOut);
}

NextStep when_absent(const Wanted& wanted, const Confirmed& confirmed, const Policy& policy, UtcTime now) {
  // Whoever said no, or bears another address now, is not kept under this one.
  const bool is_owed_a_no = confirmed.status == RemoteStatus::OptedOut && may_be_mailed(confirmed);
  if (policy.on_leave == OnLeave::Keep && !wanted.silenced && !is_owed_a_no) return Rest::Kept;
  const Operation deletion{OperationKind::Delete, {}};
  const bool deletes = policy.on_leave == OnLeave::Delete && !policy.delete_after;
  if (deletes && may_be_deleted(confirmed)) return deletion;
  if (may_be_mailed(confirmed)) return unsubscribe();
  if (auto again = said_again(deletes ? deletion : unsubscribe(), confirmed, now)) return std::move(*again);
  if (policy.delete_after && may_be_deleted(confirmed)) {
    // `left_at` is always set for the absent; were it not, the unsubscribe is the next best start of the
    // wait.
    const UtcTime left = wanted.left_at ? *wanted.left_at : confirmed.since.value_or(now);
    const UtcTime due = left + *policy.delete_after;
    if (due <= now) return deletion;
    return Later{deletion, due};
  }
  return rest_of(confirmed.status);
}

}  // namespace

bool newer_consent(const Wanted& wanted, const Confirmed& confirmed, UtcTime now) {
  // An opt-out of unknown time counts as the newest there is.
  if (!confirmed.since) return false;
  if (!wanted.consented_at) return wanted.opted_in_at && *wanted.opted_in_at > *confirmed.since;
  const auto consent = *wanted.consented_at;
  return consent > *confirmed.since && consent <= now + forgiven_skew && consent != confirmed.consent_then;
}

bool overcome(const Wanted& wanted, const Confirmed& opted_out) {
  return wanted.renewed && opted_out.since && *wanted.renewed >= *opted_out.since;
}

NextStep next_operation(const Wanted& wanted, const Confirmed& confirmed, const Policy& policy, UtcTime now) {
  switch (wanted.intent) {
    case Intent::Subscribed:
      return when_subscribed(wanted, confirmed, policy);
    case Intent::Unsubscribed:
      return when_unsubscribed(confirmed, now);
    case Intent::Absent:
      return when_absent(wanted, confirmed, policy, now);
  }
  std::abort();
}

}  // namespace stibee_sync::ledger
