#pragma once

#include "stibee_sync/notice/occasion.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

// What is said to people in their language. JSON, logs and the command line are English.

namespace stibee_sync::app {

using notice::Language;
std::string_view code(Language language);  // "en", "ko"

/// One sentence in every language, with {0}, {1} … for values. A text that lacks a language, or a value in
/// one of them, does not compile.
struct Text {
  consteval Text(std::string_view english, std::string_view korean) : en(english), ko(korean) {
    if (en.empty() || ko.empty() || values_of(en) != values_of(ko)) throw "a language or a value is missing";
  }
  constexpr std::string_view in(Language language) const { return language == Language::Korean ? ko : en; }

  std::string_view en;
  std::string_view ko;

 private:
  /// A bit for each value that is named.
  static constexpr unsigned values_of(std::string_view text) {
    unsigned values = 0;
    for (std::size_t i = 0; i + 2 < text.size(); ++i) {
      if (text[i] == '{' && text[i + 2] == '}') values |= 1U << static_cast<unsigned>(text[i + 1] - '0');
    }
    return values;
  }
};

/// The text with its values.
std::string say(const Text& text, Language language, std::initializer_list<std::string> values = {});
/// "16 s", "5 min", "3 h", "2 days": rounded down.
std::string about(std::chrono::seconds time, Language language);

/// The language that the browser's `Accept-Language` prefers, of those that there are; English if it prefers
/// none.
Language preferred_language(std::string_view accept_language);
/// The one that the query names by `lang=`, else the preferred one.
Language language_asked(std::string_view query, std::string_view accept_language);

}  // namespace stibee_sync::app
