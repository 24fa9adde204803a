#pragma once

#include "app/page/reader.hpp"

namespace stibee_sync::app {

/// Calls to Stibee: the limits in plain words, and whether it answers.
Markup limits_section(const json::Value& status, const Reader& reader);

}  // namespace stibee_sync::app
