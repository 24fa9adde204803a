#pragma once

#include <string>
#include <string_view>

namespace stibee_sync::text {

/// ASCII only and of no locale: bytes beyond it belong to no class and have no case. Pure; any thread.

constexpr bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_letter(char c) {
  return is_lower(c) || is_upper(c);
}
constexpr bool is_letter_or_digit(char c) {
  return is_letter(c) || is_digit(c);
}
/// Blank, tab, line feed, vertical tab, form feed, carriage return.
constexpr bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

constexpr char lower(char c) {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string lower_case(std::string_view text);
bool equal_ignoring_case(std::string_view left, std::string_view right);

/// Without the white space (see is_space) at both ends.
std::string_view trimmed(std::string_view text);
/// Every control character becomes `instead`.
std::string without_controls(std::string_view text, char instead = ' ');
/// Every run of white space and control characters becomes one blank, none at the ends.
std::string single_spaced(std::string_view text);

}  // namespace stibee_sync::text
