#pragma once

#include "app/page/reader.hpp"

namespace stibee_sync::app {

/// The last things that happened, the newest first.
Markup happened_section(const json::Value& status, const Reader& reader);

}  // namespace stibee_sync::app
