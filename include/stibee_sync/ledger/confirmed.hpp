#pragma once

#include "stibee_sync/domain/ledger.hpp"

#include <chrono>

namespace stibee_sync::ledger {

/// A call of ours comes back as an event within this time, retries of the sender included.
inline constexpr std::chrono::minutes echo_window{15};

/// After which an unsubscribe or delete, which followed a call of unknown end, is said once more.
inline constexpr std::chrono::minutes repeat_gap{1};

/// Whether a status ended a subscription by the person, a bounce or an administrator: an unsubscribe of ours
/// does not make it ours.
bool ended_there(domain::RemoteStatus status);

/// What is confirmed once Stibee showed (by an answer, a webhook, its list) that the person's status is
/// `observed`. An opt-out is only lifted by Subscribed or Ready; a purge remembers what was wanted then, so
/// that a later change of the row can be told. A call of ours that was answered lately may have brought the
/// person back after an opt-out that is shown now: `maybe_subscribed`.
domain::Confirmed with_observed(const domain::Confirmed& before, const domain::Wanted& wanted,
                                domain::RemoteStatus observed, domain::UtcTime now);

/// What is confirmed after `outcome` of `operation`, which was built from `wanted`. Pure. Outcomes that prove
/// nothing (Throttled, Transient, Unknown, Unauthorised) leave it as it was, but for a status they observed
/// and for `maybe_subscribed` after a (re)subscribe that may have been applied.
domain::Confirmed confirmed_after(const domain::Confirmed& before, const domain::Operation& operation,
                                  const domain::Wanted& wanted, const domain::Outcome& outcome,
                                  domain::UtcTime now);

/// The same for a call that was out while Stibee showed something of the person, so that `observed` is what
/// is confirmed since. What ends a subscription stands, whatever the answer says: nobody knows which came
/// first. A resubscribe that may have come after it leaves `maybe_subscribed`. Pure.
domain::Confirmed confirmed_after_crossing(const domain::Confirmed& observed,
                                           const domain::Operation& operation, const domain::Wanted& wanted,
                                           const domain::Outcome& outcome, domain::UtcTime now);

}  // namespace stibee_sync::ledger
