#pragma once

#include "app/page/reader.hpp"

#include <cstddef>
#include <string_view>

namespace stibee_sync::app {

/// All that the report says of one mirror, of which it is number `n`. `started`: since when is counted.
Markup mirror_section(const json::Value& mirror, std::size_t n, std::string_view started,
                      const Reader& reader);
/// A state's word in colour and text.
Markup state_mark(std::string_view state, const Reader& reader);
/// "removals" → "unsubscribes and deletions"; any other text as it is.
Markup class_of_changes(std::string_view name, const Reader& reader);

}  // namespace stibee_sync::app
