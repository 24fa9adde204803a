#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace stibee_sync::text {

enum class HexCase { Lower, Upper };

/// Two digits a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);
void append_hex(std::string& out, char byte, HexCase digits = HexCase::Lower);

/// 0 to 15; -1 for what is no hexadecimal digit (of either case).
int hex_digit(char c);

/// As in a URL (RFC 3986): all but letters, digits and -._~ becomes %XX.
std::string percent_encoded(std::string_view text, HexCase digits = HexCase::Upper);
/// %XX becomes its byte; a `%` that no two digits follow stays as it is.
std::string percent_decoded(std::string_view text);

}  // namespace stibee_sync::text
