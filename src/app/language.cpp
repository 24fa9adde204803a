#include "app/language.hpp"

#include "stibee_sync/http/query.hpp"
#include "stibee_sync/text/ascii.hpp"

#include <charconv>
#include <optional>

namespace stibee_sync::app {
namespace {

constexpr Text seconds_text{"{0} s", "{0}초"};
constexpr Text minutes_text{"{0} min", "{0}분"};
constexpr Text hours_text{"{0} h", "{0}시간"};
constexpr Text days_text{"{0} days", "{0}일"};

/// The part before the separator; `text` keeps what follows it.
std::string_view cut(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const auto part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return part;
}

/// `ko`, `ko-KR`, `*`; nullopt: one that there is not.
std::optional<Language> language_of(std::string_view tag) {
  const auto primary = text::lower_case(cut(tag, '-'));
  if (primary == "ko") return Language::Korean;
  if (primary == "en" || primary == "*") return Language::English;
  return std::nullopt;
}

double quality_of(std::string_view parameters) {
  const auto equals = parameters.find("q=");
  if (equals == std::string_view::npos) return 1;
  const auto number = parameters.substr(equals + 2);
  double quality = 0;
  std::from_chars(number.data(), number.data() + number.size(), quality);
  return quality;
}

}  // namespace

std::string_view code(Language language) {
  switch (language) {
    case Language::English:
      return "en";
    case Language::Korean:
      return "ko";
  }
  return "en";
}

std::string say(const Text& text, Language language, std::initializer_list<std::string> values) {
  const auto form = text.in(language);
  std::string said;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool is_value = form[i] == '{' && i + 2 < form.size() && form[i + 2] == '}';
    const auto which = is_value ? static_cast<std::size_t>(form[i + 1] - '0') : values.size();
    if (which < values.size()) {
      said += values.begin()[which];
      i += 2;
    } else {
      said += form[i];
    }
  }
  return said;
}

std::string about(std::chrono::seconds time, Language language) {
  const auto seconds = std::max<std::chrono::seconds::rep>(time.count(), 0);
  if (seconds < 120) return say(seconds_text, language, {std::to_string(seconds)});
  if (seconds < 7200) return say(minutes_text, language, {std::to_string(seconds / 60)});
  if (seconds < 48 * 3600) return say(hours_text, language, {std::to_string(seconds / 3600)});
  return say(days_text, language, {std::to_string(seconds / (24 * 3600))});
}

Language preferred_language(std::string_view accept_language) {
  auto preferred = Language::English;
  double best = 0;
  while (!accept_language.empty()) {
    auto each = cut(accept_language, ',');
    const auto language = language_of(text::trimmed(cut(each, ';')));
    const double quality = quality_of(each);
    if (!language || quality <= best) continue;
    best = quality;
    preferred = *language;
  }
  return preferred;
}

Language language_asked(std::string_view query, std::string_view accept_language) {
  const auto asked = http::query_value(query, "lang");
  if (asked == "ko") return Language::Korean;
  if (asked == "en") return Language::English;
  return preferred_language(accept_language);
}

}  // namespace stibee_sync::app
