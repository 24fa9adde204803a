#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/reason.hpp"
#include "stibee_sync/ledger/policy.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace stibee_sync::ledger {

/// Where a ledger row stands in the outbound queue: the stored form of a NextStep.
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

}  // namespace stibee_sync::ledger
