#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

namespace stibee_sync::telemetry {

/// The closed sets of label values. The name of a value is `name(value)`; names are a contract with
/// dashboards.
template <class Label>
inline constexpr int label_names = 0;

template <class Label>
concept ClosedLabel = std::is_enum_v<Label> && !std::same_as<decltype(label_names<Label>), const int>;

template <std::size_t Count>
using LabelNames = std::array<std::string_view, Count>;

enum class CycleResult { Ok, Failed, Held, Untrusted };
template <>
inline constexpr auto label_names<CycleResult> = LabelNames<4>{"ok", "failed", "held", "untrusted"};

/// How a mirror fares: the word that `status`, the page, systemd and the metrics say. From well to worst.
enum class HealthState { Ok, Importing, Standby, Paused, Held, Untrusted, Failing };
template <>
inline constexpr auto label_names<HealthState> =
    LabelNames<7>{"ok", "importing", "standby", "paused", "held", "untrusted", "failing"};

enum class PersonStatus { Subscribed, Unsubscribed, OptedOut, AutoDeleted, Ready };
template <>
inline constexpr auto label_names<PersonStatus> =
    LabelNames<5>{"subscribed", "unsubscribed", "opted_out", "auto_deleted", "ready"};

/// Update: other values, or other groups.
enum class ChangeOperation { Subscribe, Update, Resubscribe, Unsubscribe, Delete };
template <>
inline constexpr auto label_names<ChangeOperation> =
    LabelNames<5>{"subscribe", "update", "resubscribe", "unsubscribe", "delete"};

enum class GuardClass { Removals, Optouts, Resubscribes, Updates, Adds };
template <>
inline constexpr auto label_names<GuardClass> =
    LabelNames<5>{"removals", "optouts", "resubscribes", "updates", "adds"};

/// Why a read of the table found what its change feed had not told. Feed: nothing explains it. Condition:
/// `where` may look at more than the row. Unwatched: the feed was missing, broken, or not yet believed.
/// Everything: a TRUNCATE, or too many keys. Catalog: the table itself, its partitions or triggers were
/// changed.
enum class FeedGap { Feed, Condition, Unwatched, Everything, Catalog };
template <>
inline constexpr auto label_names<FeedGap> =
    LabelNames<5>{"feed", "condition", "unwatched", "everything", "catalog"};

enum class LaneLabel { Optout, Delete, Upsert };
template <>
inline constexpr auto label_names<LaneLabel> = LabelNames<3>{"optout", "delete", "upsert"};

/// Connect: a connection for what would be sent next, which is decided when there is one. Lists is v1's GET
/// /v1/lists; Count and List read a list's people, which v2 does for both. Those from SubscribeBulk on are v2
/// only.
enum class EndpointLabel {
  Connect,
  Subscribe,
  Unsubscribe,
  Delete,
  GroupAssign,
  GroupRelease,
  Lists,
  Count,
  List,
  SubscribeBulk,
  Update,
  DoubleOptin,
  AuthCheck,
  Groups
};
template <>
inline constexpr auto label_names<EndpointLabel> = LabelNames<14>{
    "connect", "subscribe", "unsubscribe",    "delete", "group_assign", "group_release", "lists",
    "count",   "list",      "subscribe_bulk", "update", "double_optin", "auth_check",    "groups"};
inline constexpr std::size_t v1_endpoints = 9;  // the first ones

/// Unreachable: no connection, so that no byte of the call was sent.
enum class CallOutcome {
  Delivered,
  AlreadyInState,
  Rejected,
  Throttled,
  Transient,
  Unknown,
  Unauthorised,
  Unreachable
};
template <>
inline constexpr auto label_names<CallOutcome> =
    LabelNames<8>{"delivered", "already_in_state", "rejected",     "throttled",
                  "transient", "unknown",          "unauthorised", "unreachable"};

/// Split: a batch that was refused as a whole, sent again in halves.
enum class RetryReason { Throttled, Transient, Unknown, Split };
template <>
inline constexpr auto label_names<RetryReason> = LabelNames<4>{"throttled", "transient", "unknown", "split"};

enum class LimiterLabel { V1, Bulk, List, Other };
template <>
inline constexpr auto label_names<LimiterLabel> = LabelNames<4>{"v1", "bulk", "list", "other"};

/// Accepted: answered 2xx and on disk. Ignored: answered 200 for a list that is not ours.
enum class WebhookOutcome { Accepted, Ignored, Malformed, Forbidden, TooLarge, TimedOut, Failed };
template <>
inline constexpr auto label_names<WebhookOutcome> =
    LabelNames<7>{"accepted", "ignored", "malformed", "forbidden", "too_large", "timed_out", "failed"};

enum class WebhookAction { Subscribed, Updated, Unsubscribed, Resubscribed, Deleted, Purged, Other };
template <>
inline constexpr auto label_names<WebhookAction> =
    LabelNames<7>{"subscribed", "updated", "unsubscribed", "resubscribed", "deleted", "purged", "other"};

enum class WebhookEffect { Applied, Echo, Ignored };
template <>
inline constexpr auto label_names<WebhookEffect> = LabelNames<3>{"applied", "echo", "ignored"};

enum class WritebackResult { Done, NoRow, ManyRows, Failed };
template <>
inline constexpr auto label_names<WritebackResult> = LabelNames<4>{"done", "no_row", "many_rows", "failed"};

/// Refused: the receiver wants no such letter (an address that is gone, say); all the same it is tried again.
enum class NotifyResult { Sent, Failed, Refused };
template <>
inline constexpr auto label_names<NotifyResult> = LabelNames<3>{"sent", "failed", "refused"};

enum class DriftKind {
  MissingThere,
  StrayThere,
  OptedOutThere,
  SubscribedThere,
  AutoDeleted,
  Purged,
  FieldsDiffer,
  GroupsDiffer
};
template <>
inline constexpr auto label_names<DriftKind> =
    LabelNames<8>{"missing_there", "stray_there", "opted_out_there", "subscribed_there",
                  "auto_deleted",  "purged",      "fields_differ",   "groups_differ"};

template <ClosedLabel Label>
inline constexpr std::size_t label_count = label_names<Label>.size();

template <ClosedLabel Label>
constexpr std::string_view name(Label label) {
  return label_names<Label>[static_cast<std::size_t>(label)];
}

/// The value of that name, for rooms that hold their own words for the same set.
template <ClosedLabel Label>
constexpr std::optional<Label> label_from(std::string_view text) {
  for (std::size_t i = 0; i < label_count<Label>; ++i) {
    if (label_names<Label>[i] == text) return static_cast<Label>(i);
  }
  return std::nullopt;
}

}  // namespace stibee_sync::telemetry
