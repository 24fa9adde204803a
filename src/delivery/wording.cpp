#include "wording.hpp"

#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <cstddef>

namespace stibee_sync::delivery {

namespace {

using text::is_digit;
using text::is_lower;
using text::is_upper;

constexpr std::size_t longest_reason = 48;
constexpr std::size_t digits_of_a_person = 7;

}  // namespace

std::string bare(std::string_view text) {
  std::string result;
  for (const char c : text::lower_case(text)) {
    if (is_lower(c) || is_digit(c) || !text::is_ascii(c)) result += c;
  }
  return result;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

std::string reason_of(std::string_view code, std::string_view prefix, std::string_view otherwise) {
  if (privacy::holds_at_sign(code)) return std::string(otherwise);
  for (const std::string_view leading :
       {prefix, std::string_view("stberror."), std::string_view("Errors.")}) {
    if (code.size() > leading.size() && text::equal_ignoring_case(code.substr(0, leading.size()), leading))
      code.remove_prefix(leading.size());
  }
  std::string result;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < code.size() && result.size() < longest_reason; ++i) {
    const char c = code[i];
    digits = is_digit(c) ? digits + 1 : 0;
    if (digits >= digits_of_a_person) return std::string(otherwise);
    if (is_upper(c)) {
      // A word begins at a capital after a small letter, and at the last of several capitals ("HTMLError").
      const bool after_small = i > 0 && (is_lower(code[i - 1]) || is_digit(code[i - 1]));
      const bool before_small =
          i > 0 && is_upper(code[i - 1]) && i + 1 < code.size() && is_lower(code[i + 1]);
      if ((after_small || before_small) && !result.empty() && result.back() != '_') result += '_';
      result += text::lower(c);
    } else if (is_lower(c) || is_digit(c)) {
      result += c;
    } else if (!result.empty() && result.back() != '_') {
      result += '_';
    }
  }
  if (result.size() > longest_reason) result.resize(longest_reason);
  while (!result.empty() && result.back() == '_')
    result.pop_back();
  return result.empty() ? std::string(otherwise) : result;
}

}  // namespace stibee_sync::delivery
