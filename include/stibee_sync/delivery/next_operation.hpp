#pragma once

#include "stibee_sync/domain/ledger.hpp"

#include <optional>
#include <string>
#include <variant>

namespace stibee_sync::delivery {

enum class OnLeave { Unsubscribe, Delete, Keep };
enum class OnRemotePurge { Respect, Restore };

/// The rules of one mirror that decide what a difference means.
struct Policy {
  OnLeave on_leave = OnLeave::Unsubscribe;
  std::optional<domain::Duration> delete_after;
  OnRemotePurge on_remote_purge = OnRemotePurge::Respect;
  bool can_resubscribe = true;        // v1 yes; v2 has no documented call
  bool groups_with_subscribe = true;  // v1 yes; v2 assigns groups by calls of their own
  bool consent_alone = false;         // v2: a call for several people carries no consent flags
  bool confirm_email = false;         // double opt-in
  friend bool operator==(const Policy&, const Policy&) = default;
};

/// Why nothing is to be done now, though the two sides may differ.
enum class Rest { Settled, NeverCreated, OptedOut, AutoDeleted, Purged, Kept, AwaitingConfirmation };

/// Nothing to do before `due` (a deletion postponed by `delete_after`).
struct Later {
  domain::Operation operation;
  domain::UtcTime due;
};
/// Cannot be done until the row changes or somebody asks for a retry: ResubscribeUnsupported,
/// ConfirmationInDoubt.
struct Impossible {
  domain::Reason reason;
};

using Decision = std::variant<domain::Operation, Rest, Later, Impossible>;

/// The one rule of the program: what is sent next for a person. Total and pure; table in docs/ledger.md.
Decision next_operation(const domain::Wanted& wanted, const domain::Confirmed& confirmed,
                        const Policy& policy, domain::UtcTime now);

/// What is confirmed once Stibee showed (by an answer, a webhook, its list) that the person's status is
/// `observed`. An opt-out is only lifted by Subscribed or Ready; a purge remembers what was wanted then, so
/// that a later change of the row can be told.
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

/// Where a ledger row stands in the outbound queue: the stored form of a Decision.
struct Placement {
  std::optional<domain::Lane> lane;          // nullopt: not in the queue
  std::string shape;                         // rows of one shape can share a call
  domain::UtcTime due{};                     // not before
  std::optional<domain::Reason> impossible;  // if it is to be parked
  bool finished = false;  // absent and settled: nothing about the person need be kept but a trace
};
Placement place(const domain::Wanted& wanted, const domain::Confirmed& confirmed, const Policy& policy,
                domain::UtcTime now);

/// Text form of an operation, stored as the shape: "subscribe:12,34", "group_assign:12", "unsubscribe".
/// Updates have the shape "subscribe:" (the same call as a subscribe without groups). What must be alone in
/// its call for the consent flag is "subscribe_alone:", what asks for a confirmation "subscribe_confirm:…".
std::string shape_of(const domain::Operation& operation);
/// The reverse, for shapes that `shape_of` made (an Update comes back as a Subscribe, a consent flag that is
/// not sent as one that is). Anything else comes back as a Subscribe.
domain::Operation operation_of_shape(std::string_view shape);

}  // namespace stibee_sync::delivery
