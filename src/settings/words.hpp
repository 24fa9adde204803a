#pragma once

#include <span>
#include <string>
#include <string_view>

/// How messages show what somebody wrote.
namespace stibee_sync::settings {

/// The text, shortened, control characters replaced: fit for a message on one line.
std::string printable(std::string_view text, std::size_t longest = 40);
std::string shown(std::string_view text, std::size_t longest = 40);  ///< the same in double quotes
std::string in_ticks(std::string_view path);                         ///< the same between `ticks`

/// `a, b or c`
std::string joined(std::span<const std::string_view> names);
/// The candidate with the fewest typing errors between it and `word`, if few enough to be a guess worth
/// making; the first of several. It does not matter whether `-` or `_` separates words.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// Whether there is nothing in it but ASCII letters, digits and `others`.
bool is_alphanumeric(std::string_view text, std::string_view others);

}  // namespace stibee_sync::settings
