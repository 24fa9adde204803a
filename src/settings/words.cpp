#include "words.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/nearest.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <algorithm>
#include <optional>

namespace stibee_sync::settings {

std::string printable(std::string_view text, std::size_t longest) {
  std::string out = text::without_controls(text::cut(text, longest), '?');
  if (text.size() > longest) out += text::ellipsis;
  return out;
}

std::string shown(std::string_view text, std::size_t longest) {
  return "\"" + printable(text, longest) + "\"";
}

std::string in_ticks(std::string_view path) {
  return "`" + printable(path, 160) + "`";  // keys of `groups` and `fields` are free text
}

std::string joined(std::span<const std::string_view> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  constexpr std::size_t longest_key = 40;
  if (word.size() > longest_key) return {};
  std::string given(word);
  std::replace_if(given.begin(), given.end(), [](char c) { return c == '-' || c == ' '; }, '_');
  std::string_view best;
  std::optional<std::size_t> fewest;
  for (const auto candidate : candidates) {
    const auto slips = text::slips_between(given, candidate, 1);
    if (!slips || (fewest && *slips >= *fewest)) continue;
    best = candidate;
    fewest = slips;
  }
  return best;
}

bool is_alphanumeric(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [others](char c) {
    return text::is_letter_or_digit(c) || others.find(c) != others.npos;
  });
}

}  // namespace stibee_sync::settings
