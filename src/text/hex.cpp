#include "stibee_sync/text/hex.hpp"

#include "stibee_sync/text/ascii.hpp"

namespace stibee_sync::text {

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes)
    append_hex(out, static_cast<char>(byte));
  return out;
}

void append_hex(std::string& out, char byte, HexCase digits) {
  const std::string_view alphabet = digits == HexCase::Upper ? "0123456789ABCDEF" : "0123456789abcdef";
  out += alphabet[static_cast<unsigned char>(byte) >> 4];
  out += alphabet[static_cast<unsigned char>(byte) & 15];
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percent_encoded(std::string_view text, HexCase digits) {
  constexpr std::string_view unreserved = "-._~";
  std::string out;
  out.reserve(3 * text.size());  // may be a secret: it leaves no outgrown memory behind
  for (const char c : text) {
    if (is_letter_or_digit(c) || unreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      append_hex(out, c, digits);
    }
  }
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size();
    const int high = escape ? hex_digit(text[i + 1]) : -1;
    const int low = escape ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

}  // namespace stibee_sync::text
