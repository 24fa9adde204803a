#pragma once

#include "stibee_sync/domain/email_address.hpp"
#include "stibee_sync/domain/fingerprint.hpp"
#include "stibee_sync/domain/member.hpp"
#include "stibee_sync/domain/reason.hpp"
#include "stibee_sync/domain/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stibee_sync::domain {

/// What the source wants of an address. Absent: no row bears it any more.
enum class Intent { Subscribed, Unsubscribed, Absent };

/// The source's side of a ledger row. Written by ingest only.
struct Wanted {
  Intent intent = Intent::Absent;
  Fingerprint fields;
  std::optional<bool> ad_agreed;
  GroupSet groups;
  std::optional<UtcTime> consented_at;  // the row's own consent time, if mapped
  std::optional<UtcTime> opted_in_at;   // when a read saw the row go from not subscribed to subscribed
  std::optional<UtcTime> left_at;       // when a read found that no row bears the address any more
  /// Absent: whoever bore the address said no, or bears another one now: not kept subscribed, whatever
  /// `on_leave` says.
  bool silenced = false;
  /// Which opt-out, by its time, the table's consent overcomes: set by a read that found it newer, so that
  /// nobody is due for a resubscribe whom the guard has not counted.
  std::optional<UtcTime> renewed;
  friend bool operator==(const Wanted&, const Wanted&) = default;
};

/// A person's status in Stibee's list, as far as we know it.
enum class RemoteStatus {
  Unknown,       // nothing known: never sent, or deleted by us
  Subscribed,    //
  Unsubscribed,  // by a call of ours, because the source said so
  OptedOut,      // at Stibee, by whomever; only a newer consent lifts it
  AutoDeleted,   // by Stibee, after a bounce
  Purged,        // deleted for good by hand at Stibee
  Ready,         // asked to confirm (double opt-in), has not yet
  Moved,         // at Stibee, to another address
};

std::string_view name(RemoteStatus status);  // "unknown", "subscribed", …
std::string_view name(Intent intent);

/// Lanes in the order in which they are served.
enum class Lane { Optout, Delete, Upsert };
inline constexpr Lane all_lanes[] = {Lane::Optout, Lane::Delete, Lane::Upsert};
std::string_view name(Lane lane);  // "optout", "delete", "upsert"

/// When the last call that may have been applied was answered, by lane: its echo may still come. Resubscribes
/// are calls of the lane `upsert`, too, but come back as events of another kind.
struct CallTimes {
  std::optional<UtcTime> optout, deletion, upsert, resubscribe;
  std::optional<UtcTime>& of(Lane lane);
  const std::optional<UtcTime>& of(Lane lane) const;
  friend bool operator==(const CallTimes&, const CallTimes&) = default;
};

/// Stibee's side of a ledger row. Written when calls are settled, and by what Stibee tells us.
struct Confirmed {
  RemoteStatus status = RemoteStatus::Unknown;
  std::optional<UtcTime> since;       // when the status was learnt
  std::optional<Fingerprint> fields;  // nullopt: not known to be there (Purged: what was wanted then)
  std::optional<bool> ad_agreed;      // nullopt: never sent
  GroupSet groups;                    // those of ours that we know to be assigned
  GroupSet maybe_groups;              // those that we may have assigned: released once they are not wanted
  /// A call that adds or updates went out and nobody knows whether it was applied, or will be: whoever must
  /// not be mailed has to be unsubscribed, whatever `status` says.
  bool maybe_subscribed = false;
  /// The table said no after the status was learnt. It is said to Stibee once, whatever `status` says: what
  /// is believed of Stibee may be wrong.
  bool owes_no = false;
  /// When the last unsubscribe or delete, which followed a call of unknown end, is to be said once more.
  std::optional<UtcTime> repeat_at;
  std::optional<UtcTime> consent_then;  // OptedOut: what consent the table showed when it was learnt
  std::string moved_to;                 // Moved: the address, normalised
  CallTimes called;
  friend bool operator==(const Confirmed&, const Confirmed&) = default;
};

enum class OperationKind { Subscribe, Update, Resubscribe, Unsubscribe, Delete, AssignGroup, ReleaseGroup };
inline constexpr OperationKind all_operation_kinds[] = {
    OperationKind::Subscribe,   OperationKind::Update, OperationKind::Resubscribe,
    OperationKind::Unsubscribe, OperationKind::Delete, OperationKind::AssignGroup,
    OperationKind::ReleaseGroup};
std::string_view name(OperationKind kind);  // "subscribe", "group_assign", …

/// How the consent flag of a Subscribe, Update or Resubscribe goes out: with the values of everybody in the
/// call; in a call of the person's own, because a shared one carries no consent flags (v2); or not at all.
enum class ConsentRide { WithTheRest, Alone, NotSent };

/// One step for one person.
struct Operation {
  OperationKind kind = OperationKind::Subscribe;
  GroupSet groups;  // Subscribe, Resubscribe: assigned with the same call; Assign/ReleaseGroup: exactly one
  ConsentRide consent = ConsentRide::WithTheRest;
  bool confirm = false;  // Subscribe, Resubscribe: Stibee asks the person to confirm (double opt-in)
  friend bool operator==(const Operation&, const Operation&) = default;
};

Lane lane_of(OperationKind kind);

/// What a call did to one person. Total: every answer of Stibee becomes one of these.
enum class OutcomeKind { Delivered, AlreadyInState, Rejected, Throttled, Transient, Unknown, Unauthorised };
std::string_view name(OutcomeKind kind);  // "delivered", "already_in_state", …

struct Outcome {
  OutcomeKind kind = OutcomeKind::Unknown;
  std::optional<Reason> reason;  // none if Delivered
  std::string message;           // Stibee's own words, sanitised; for `failures`
  /// Delivered, where the answer tells what the call did not count on: the person was in the list before,
  /// though it was to add them (groups that rode along are not taken as assigned), or was not, though it was
  /// to update them (whatever groups they were in are gone).
  std::optional<bool> existed;
  std::optional<Duration> retry_after;
  std::optional<RemoteStatus> observed;  // a status that the answer showed
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

}  // namespace stibee_sync::domain
