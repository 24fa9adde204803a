#pragma once

#include "app/asked.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/store/store.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::app {

/// How many of each reason with its cure, then who. Blocking, on the store's thread. Throws
/// store::StoreError.
json::Value failures_report(const store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                            const FailuresAsked& asked, domain::UtcTime now);
/// Of the report: whose addresses are in it in full, if they were asked for.
std::size_t addresses_in(const json::Value& report);
std::string render_failures(const json::Value& report);

}  // namespace stibee_sync::app
