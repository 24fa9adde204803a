#include "integration/e2e/canaries.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/hex.hpp"

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace stibee_sync::e2e {
namespace {

/// Of the bytes that are whole when so many others stand before them.
std::string base64(std::string_view bytes, std::size_t before) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string padded = std::string(before, '\0') + std::string(bytes);
  std::string out;
  for (std::size_t bit = 0; bit + 6 <= padded.size() * 8; bit += 6) {
    unsigned value = 0;
    for (std::size_t i = bit; i < bit + 6; ++i)
      value = value << 1 | (static_cast<unsigned char>(padded[i / 8]) >> (7 - i % 8) & 1);
    out += letters[value];
  }
  // The first letters hold bits of what stands before.
  return out.substr(before == 0 ? 0 : before + 1);
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes)
    text::append_hex(out, byte);
  return out;
}

/// UTF-8 of at most three bytes a character, with the number of each that is not ASCII between `open` and
/// `close`.
std::string escaped(std::string_view utf8, const char* format) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto first = static_cast<unsigned char>(utf8[i]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : 3;
    if (length == 1) {
      out += utf8[i++];
      continue;
    }
    unsigned value = length == 2 ? first & 0x1F : first & 0x0F;
    for (std::size_t k = 1; k < length; ++k)
      value = value << 6 | (static_cast<unsigned char>(utf8[i + k]) & 0x3F);
    char number[16];
    std::snprintf(number, sizeof number, format, value);
    out += number;
    i += length;
  }
  return out;
}

}  // namespace

Canary::Canary(std::string name, std::string_view text) : name_(std::move(name)) {
  for (std::size_t before = 0; before < 3; ++before)
    forms_.push_back(base64(text, before));
  lower_case_ = {std::string(text),        text::percent_encoded(text), hex(text),
                 escaped(text, "\\u%04x"), escaped(text, "&#%u;"),      escaped(text, "&#x%x;")};
  for (auto& form : lower_case_)
    form = text::lower_case(form);
}

bool Canary::is_in(std::string_view text) const {
  for (const auto& form : forms_) {
    if (text.find(form) != std::string_view::npos) return true;
  }
  const auto lower = text::lower_case(text);
  for (const auto& form : lower_case_) {
    if (lower.find(form) != std::string::npos) return true;
  }
  return false;
}

std::vector<std::string> found_in(const std::vector<Canary>& canaries, std::string_view text) {
  std::vector<std::string> found;
  // Line by line, so that a failure shows where.
  for (const auto& canary : canaries) {
    if (!canary.is_in(text)) continue;
    std::string where;
    for (std::size_t at = 0; at < text.size() && where.empty();) {
      const auto end = std::min(text.find('\n', at), text.size());
      if (canary.is_in(text.substr(at, end - at)))
        where = text.substr(at, std::min<std::size_t>(end - at, 500));
      at = end + 1;
    }
    found.push_back(canary.name() + ": " + where);
  }
  return found;
}

std::vector<std::string> found_below(const std::vector<Canary>& canaries,
                                     const std::filesystem::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    for (const auto& canary : canaries) {
      if (canary.is_in(content)) found.push_back(canary.name() + " in " + entry.path().string());
    }
  }
  return found;
}

}  // namespace stibee_sync::e2e
