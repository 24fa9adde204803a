#include "stibee_sync/ledger/placement.hpp"

#include "stibee_sync/ledger/next_operation.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace stibee_sync::ledger {

namespace {

using domain::OperationKind;

constexpr std::string_view confirming = "_confirm";
constexpr std::string_view alone = "_alone";

std::string with_groups(std::string name, const domain::GroupSet& groups) {
  name += ':';
  bool first = true;
  for (const domain::GroupId group : groups) {
    if (!first) name += ',';
    first = false;
    name += std::to_string(group);
  }
  return name;
}

Placement queued(const domain::Operation& operation, domain::UtcTime due) {
  Placement placement;
  placement.lane = domain::lane_of(operation.kind);
  placement.shape = shape_of(operation);
  placement.due = due;
  return placement;
}

}  // namespace

std::string shape_of(const domain::Operation& operation) {
  switch (operation.kind) {
    case OperationKind::Subscribe:
    case OperationKind::Update:
    case OperationKind::Resubscribe: {
      std::string call = operation.kind == OperationKind::Resubscribe ? "resubscribe" : "subscribe";
      if (operation.confirm) call += confirming;
      if (operation.consent == domain::ConsentRide::Alone) call += alone;
      return with_groups(std::move(call), operation.groups);
    }
    case OperationKind::AssignGroup:
    case OperationKind::ReleaseGroup:
      return with_groups(std::string(domain::name(operation.kind)), operation.groups);
    case OperationKind::Unsubscribe:
    case OperationKind::Delete:
      return std::string(domain::name(operation.kind));
  }
  std::abort();
}

domain::Operation operation_of_shape(std::string_view shape) {
  const std::size_t colon = std::min(shape.find(':'), shape.size());
  std::string_view call = shape.substr(0, colon);
  domain::Operation operation;
  if (call.ends_with(alone)) {
    operation.consent = domain::ConsentRide::Alone;
    call.remove_suffix(alone.size());
  }
  if (call.ends_with(confirming)) {
    operation.confirm = true;
    call.remove_suffix(confirming.size());
  }
  for (const OperationKind kind : domain::all_operation_kinds) {
    if (domain::name(kind) == call) operation.kind = kind;
  }
  const char* const end = shape.data() + shape.size();
  const char* at = shape.data() + colon;
  while (at != end) {
    domain::GroupId group = 0;
    const auto [next, error] = std::from_chars(++at, end, group);
    if (error != std::errc()) break;
    operation.groups.push_back(group);
    at = next;
  }
  return operation;
}

Placement place(const domain::Wanted& wanted, const domain::Confirmed& confirmed, const Policy& policy,
                domain::UtcTime now) {
  const NextStep decision = next_operation(wanted, confirmed, policy, now);
  if (const auto* operation = std::get_if<domain::Operation>(&decision)) return queued(*operation, now);
  if (const auto* later = std::get_if<Later>(&decision)) return queued(later->operation, later->due);
  Placement placement;
  if (const auto* impossible = std::get_if<Impossible>(&decision)) {
    placement.impossible = impossible->reason;
  } else {
    placement.finished = wanted.intent == domain::Intent::Absent;
  }
  return placement;
}

}  // namespace stibee_sync::ledger
