#include "stibee_sync/domain/ledger.hpp"

#include <cstdlib>

namespace stibee_sync::domain {

// The switches have no default, so that a new value is a compile error here; a value that is none of them is
// memory gone wrong.

std::string_view name(RemoteStatus status) {
  switch (status) {
    case RemoteStatus::Unknown:
      return "unknown";
    case RemoteStatus::Subscribed:
      return "subscribed";
    case RemoteStatus::Unsubscribed:
      return "unsubscribed";
    case RemoteStatus::OptedOut:
      return "opted_out";
    case RemoteStatus::AutoDeleted:
      return "auto_deleted";
    case RemoteStatus::Purged:
      return "purged";
    case RemoteStatus::Ready:
      return "ready";
    case RemoteStatus::Moved:
      return "moved";
  }
  std::abort();
}

std::string_view name(Intent intent) {
  switch (intent) {
    case Intent::Subscribed:
      return "subscribed";
    case Intent::Unsubscribed:
      return "unsubscribed";
    case Intent::Absent:
      return "absent";
  }
  std::abort();
}

std::string_view name(OperationKind kind) {
  switch (kind) {
    case OperationKind::Subscribe:
      return "subscribe";
    case OperationKind::Update:
      return "update";
    case OperationKind::Resubscribe:
      return "resubscribe";
    case OperationKind::Unsubscribe:
      return "unsubscribe";
    case OperationKind::Delete:
      return "delete";
    case OperationKind::AssignGroup:
      return "group_assign";
    case OperationKind::ReleaseGroup:
      return "group_release";
  }
  std::abort();
}

std::string_view name(Lane lane) {
  switch (lane) {
    case Lane::Optout:
      return "optout";
    case Lane::Delete:
      return "delete";
    case Lane::Upsert:
      return "upsert";
  }
  std::abort();
}

std::optional<UtcTime>& CallTimes::of(Lane lane) {
  switch (lane) {
    case Lane::Optout:
      return optout;
    case Lane::Delete:
      return deletion;
    case Lane::Upsert:
      return upsert;
  }
  std::abort();
}

const std::optional<UtcTime>& CallTimes::of(Lane lane) const {
  return const_cast<CallTimes*>(this)->of(lane);
}

Lane lane_of(OperationKind kind) {
  switch (kind) {
    case OperationKind::Unsubscribe:
      return Lane::Optout;
    case OperationKind::Delete:
      return Lane::Delete;
    case OperationKind::Subscribe:
    case OperationKind::Update:
    case OperationKind::Resubscribe:
    case OperationKind::AssignGroup:
    case OperationKind::ReleaseGroup:
      return Lane::Upsert;
  }
  std::abort();
}

std::string_view name(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::Delivered:
      return "delivered";
    case OutcomeKind::AlreadyInState:
      return "already_in_state";
    case OutcomeKind::Rejected:
      return "rejected";
    case OutcomeKind::Throttled:
      return "throttled";
    case OutcomeKind::Transient:
      return "transient";
    case OutcomeKind::Unknown:
      return "unknown";
    case OutcomeKind::Unauthorised:
      return "unauthorised";
  }
  std::abort();
}

}  // namespace stibee_sync::domain
