#include "diff/text_array.hpp"

#include "stibee_sync/text/ascii.hpp"

#include <cstddef>
#include <utility>

namespace stibee_sync::diff {
namespace {

// Takes `[1:2]=` off; an array with several dimensions is left alone and fails at its nested braces.
std::string_view without_bounds(std::string_view text) {
  if (!text.starts_with('[')) return text;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return text;
  if (text.substr(0, equals).find_first_not_of("[]:+-0123456789") != std::string_view::npos) return text;
  return text.substr(equals + 1);
}

}  // namespace

std::optional<std::vector<std::optional<std::string>>> parse_text_array(std::string_view text) {
  text = without_bounds(text);
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return std::nullopt;
  std::vector<std::optional<std::string>> elements;
  if (text.size() == 2) return elements;

  // The last character is a brace: neither a backslash nor a comma can be the end.
  std::size_t i = 1;
  while (true) {
    std::string element;
    const bool quoted = text[i] == '"';
    bool escaped = false;
    if (quoted) {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
        element += text[i];
      }
      if (i == text.size()) return std::nullopt;
      ++i;
    } else {
      for (; i < text.size() && text[i] != ',' && text[i] != '}'; ++i) {
        if (text[i] == '{' || text[i] == '"') return std::nullopt;
        if (text[i] == '\\') {
          escaped = true;
          ++i;
        }
        element += text[i];
      }
      if (element.empty()) return std::nullopt;
    }
    if (i >= text.size()) return std::nullopt;
    // In any case, as PostgreSQL reads it; a text "NULL" is always written with quotes.
    if (!quoted && !escaped && text::equal_ignoring_case(element, "NULL")) {
      elements.emplace_back(std::nullopt);
    } else {
      elements.emplace_back(std::move(element));
    }
    if (text[i] == '}') break;
    if (text[i] != ',') return std::nullopt;
    ++i;
  }
  if (i + 1 != text.size()) return std::nullopt;
  return elements;
}

}  // namespace stibee_sync::diff
