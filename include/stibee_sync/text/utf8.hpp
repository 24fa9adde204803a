#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace stibee_sync::text {

/// Well-formed is what Unicode 15, table 3-7 says: no overlong forms, no surrogates, nothing beyond U+10FFFF,
/// nothing cut off. NUL is a character like any other. Pure; any thread.

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  // U+FFFD
inline constexpr std::string_view ellipsis = "\xE2\x80\xA6";               // …

struct Character {
  char32_t value;
  std::size_t length;  // in bytes
};

/// The character at the start of `text`; nullopt where there is no well-formed one.
std::optional<Character> first_character(std::string_view text);

bool is_valid_utf8(std::string_view text);

/// Every byte that belongs to no well-formed character becomes `instead`.
std::string valid_utf8(std::string_view text, std::string_view instead = replacement_character);

/// Whether `byte` goes on with a character instead of beginning one.
constexpr bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// At most the first `bytes` bytes, without part of a character at the end.
std::string_view cut(std::string_view text, std::size_t bytes);
/// The same for longer texts, which then end with an ellipsis that counts (`bytes` ≥ 3).
std::string cut_with_ellipsis(std::string_view text, std::size_t bytes);

}  // namespace stibee_sync::text
