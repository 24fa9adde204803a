#include "stibee_sync/text/utf8.hpp"

#include <cstdint>
#include <cstring>

#include <unistr.h>

namespace stibee_sync::text {
namespace {

const std::uint8_t* units(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

/// Most values are ASCII: eight bytes at a time, which is several times faster than u8_check.
std::string_view without_leading_ascii(std::string_view text) {
  std::uint64_t word = 0;
  while (text.size() >= sizeof word) {
    std::memcpy(&word, text.data(), sizeof word);
    if ((word & 0x8080808080808080u) != 0) break;
    text.remove_prefix(sizeof word);
  }
  return text;
}

}  // namespace

std::optional<Character> first_character(std::string_view text) {
  if (text.empty()) return std::nullopt;
  ucs4_t value = 0;
  const int length = u8_mbtoucr(&value, units(text), text.size());
  if (length <= 0) return std::nullopt;
  return Character{static_cast<char32_t>(value), static_cast<std::size_t>(length)};
}

bool is_valid_utf8(std::string_view text) {
  text = without_leading_ascii(text);
  return text.empty() || u8_check(units(text), text.size()) == nullptr;
}

std::string valid_utf8(std::string_view text, std::string_view instead) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    // u8_check says where the first byte is that belongs to nothing.
    const std::uint8_t* const bad = u8_check(units(text), text.size());
    const auto good = bad == nullptr ? text.size() : static_cast<std::size_t>(bad - units(text));
    out += text.substr(0, good);
    text.remove_prefix(good);
    if (text.empty()) break;
    out += instead;
    text.remove_prefix(1);
  }
  return out;
}

std::string_view cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && is_continuation(text[bytes]))
    --bytes;
  return text.substr(0, bytes);
}

std::string cut_with_ellipsis(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  return std::string(cut(text, bytes - ellipsis.size())).append(ellipsis);
}

}  // namespace stibee_sync::text
