#pragma once

#include "stibee_sync/json/value.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/store/store.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::app {

inline constexpr std::string_view no_such_set =
    "no change set with this digest is held, or was within the last hour; see `stibee-syncd guard`";

struct HeldSetAsked {
  std::string digest;
  bool reveal = false;  // addresses in full
};
/// From and to the query of a request to the control socket.
HeldSetAsked held_set_asked(std::string_view query);
std::string query_of(const HeldSetAsked& asked);

/// Who is in a held set and what would happen to each; nullopt: there is no such set.
std::optional<json::Value> held_set_report(const store::Store& store,
                                           const std::vector<pipeline::MirrorPlan>& plans,
                                           const HeldSetAsked& asked, domain::UtcTime now);

}  // namespace stibee_sync::app
