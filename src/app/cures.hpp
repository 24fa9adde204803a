#pragma once

#include "app/language.hpp"

#include <string_view>

namespace stibee_sync::app {

/// What helps whoever is parked for that reason, in words for ops: the one table of it, for `failures`,
/// `explain`, the page and the runbook. Never empty. Pure.
std::string_view cure_of(std::string_view reason, Language language = Language::English);

}  // namespace stibee_sync::app
