#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::text {

/// Letters that must be added, removed, replaced or exchanged with their neighbour to make one of the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// edit_distance whatever their ASCII case; nullopt when it is too large for a guess: a third of the shorter
/// one's letters may be wrong, but always `slips`.
std::optional<std::size_t> slips_between(std::string_view word, std::string_view candidate,
                                         std::size_t slips);

/// Those of `candidates` that `word` may have been meant to be (see slips_between): at most `most`, nearest
/// first, equally near ones in alphabetical order.
std::vector<std::string> nearest(std::string_view word, std::span<const std::string> candidates,
                                 std::size_t most, std::size_t slips);

}  // namespace stibee_sync::text
