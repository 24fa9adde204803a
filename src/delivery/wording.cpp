#include "wording.hpp"

#include "stibee_sync/text/ascii.hpp"

#include <algorithm>

namespace stibee_sync::delivery {

std::string bare(std::string_view text) {
  std::string result;
  for (const char c : text::lower_case(text)) {
    if (text::is_lower(c) || text::is_digit(c) || !text::is_ascii(c)) result += c;
  }
  return result;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

std::string with_code(std::string_view code, std::string_view words) {
  std::string result(code);
  if (!code.empty() && !words.empty()) result += ": ";
  return result.append(words);
}

}  // namespace stibee_sync::delivery
