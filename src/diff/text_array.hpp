#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::diff {

/// The elements of a one-dimensional PostgreSQL array in its text form (`{a,"b c",NULL}`, also with bounds,
/// `[0:1]={a,b}`); an element nullopt is SQL NULL. nullopt: a nested array, or not an array at all.
std::optional<std::vector<std::optional<std::string>>> parse_text_array(std::string_view text);

}  // namespace stibee_sync::diff
