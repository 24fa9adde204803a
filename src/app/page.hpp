#pragma once

#include "stibee_sync/json/value.hpp"

#include <string>

namespace stibee_sync::app {

/// The status report as a page for people: no script, everything escaped. Pure.
std::string status_page(const json::Value& status);
std::string status_style();

}  // namespace stibee_sync::app
