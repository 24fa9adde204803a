#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/reason.hpp"
#include "stibee_sync/ledger/policy.hpp"

#include <variant>

namespace stibee_sync::ledger {

/// Why nothing is to be done now, though the two sides may differ.
enum class Rest { Settled, NeverCreated, OptedOut, AutoDeleted, Purged, Kept, AwaitingConfirmation, Moved };

/// Nothing to do before `due` (a deletion postponed by `delete_after`, a no that is to be said again).
struct Later {
  domain::Operation operation;
  domain::UtcTime due;
};
/// Cannot be done until the row changes or somebody asks for a retry: ResubscribeUnsupported,
/// ConfirmationInDoubt.
struct Impossible {
  domain::Reason reason;
};

using NextStep = std::variant<domain::Operation, Rest, Later, Impossible>;

/// The one rule of the program: what is sent next for a person. Total and pure; table in docs/design.md.
NextStep next_operation(const domain::Wanted& wanted, const domain::Confirmed& confirmed,
                        const Policy& policy, domain::UtcTime now);

/// Whether the table shows a consent that is newer than the opt-out that is confirmed: given after it, not in
/// the future, and not the one that the table showed when the opt-out was learnt. The only place that
/// compares the two. A read that finds it so writes it down as `Wanted::renewed`.
bool newer_consent(const domain::Wanted& wanted, const domain::Confirmed& confirmed, domain::UtcTime now);
/// Whether a read found such a consent for the opt-out that is confirmed now: then it is no reason to send
/// nothing.
bool overcome(const domain::Wanted& wanted, const domain::Confirmed& opted_out);

}  // namespace stibee_sync::ledger
