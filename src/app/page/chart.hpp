#pragma once

#include "app/page/reader.hpp"

namespace stibee_sync::app {

/// The last 24 hours of one mirror, from its `history`: three charts, and the same by the hour as a table for
/// whoever cannot see them.
Markup day_charts(const json::Value& history, const Reader& reader);

}  // namespace stibee_sync::app
