#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::text {

/// Letters that must be added, removed, replaced or exchanged with their neighbour to make one of the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// Those of `candidates` that `word` may have been meant to be, whatever their ASCII case: at most `most`,
/// nearest first, equally near ones in alphabetical order. A third of the shorter one's letters may be wrong,
/// but always `slips`.
std::vector<std::string> nearest(std::string_view word, std::span<const std::string> candidates,
                                 std::size_t most, std::size_t slips);

}  // namespace stibee_sync::text
