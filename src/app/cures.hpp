#pragma once

#include <string_view>

namespace stibee_sync::app {

/// What helps whoever is parked for that reason, in words for ops: the one table of it, for `failures`,
/// `explain`, the page and the runbook. Never empty. Pure.
std::string_view cure_of(std::string_view reason);

}  // namespace stibee_sync::app
