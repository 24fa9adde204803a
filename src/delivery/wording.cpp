#include "wording.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace stibee_sync::delivery {

namespace {

constexpr std::size_t longest_message = 200;
constexpr std::size_t digits_of_a_person = 7;
// What is read of a message at all: the rest would be cut off anyway.
constexpr std::size_t longest_read = 2048;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// The sign itself, as HTML or URLs write it, and its full-width form.
bool holds_address(std::string_view word) {
  return contains_any(lower_case(word), {"@", "%40", "&#64;", "&#x40;", "\xEF\xBC\xA0", "\xEF\xB9\xAB"});
}

bool joins_digits(char c) {
  return c == '-' || c == '.' || c == '(' || c == ')' || c == '+' || c == ' ' || c == '/';
}

// Hides numbers by which a person could be known, also when they are written in groups (010-1234-5678).
std::string without_long_numbers(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      out += text[at++];
      continue;
    }
    std::size_t digits = 0;
    std::size_t end = at;
    for (std::size_t i = at; i < text.size(); ++i) {
      if (is_digit(text[i])) {
        ++digits;
        end = i + 1;
      } else if (!joins_digits(text[i]) || !(i + 1 < text.size()) ||
                 !(is_digit(text[i + 1]) || joins_digits(text[i + 1]))) {
        break;
      }
    }
    if (digits >= digits_of_a_person) {
      out += "[number]";
    } else {
      out.append(text, at, end - at);
    }
    at = end;
  }
  return out;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string bare(std::string_view text) {
  std::string result;
  for (const char c : lower_case(text)) {
    if (is_lower(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80) result += c;
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

std::string safe_message(std::string_view text) {
  text = text.substr(0, longest_read);
  std::string words;
  for (std::size_t at = 0; at < text.size();) {
    if (is_space(text[at]) || is_control(text[at])) {
      if (!words.empty() && words.back() != ' ') words += ' ';
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && !is_space(text[end]) && !is_control(text[end]))
      ++end;
    const std::string_view word = text.substr(at, end - at);
    if (holds_address(word)) {
      words += "[address]";
    } else {
      words += word;
    }
    at = end;
  }
  while (!words.empty() && words.back() == ' ')
    words.pop_back();
  std::string result = without_long_numbers(words);
  if (result.size() > longest_message) {
    std::size_t end = longest_message;
    while (end > 0 && (static_cast<unsigned char>(result[end]) & 0xC0) == 0x80)
      --end;
    result.resize(end);
  }
  return result;
}

}  // namespace stibee_sync::delivery
