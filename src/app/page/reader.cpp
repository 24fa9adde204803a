#include "app/page/reader.hpp"

#include "app/local_time.hpp"
#include "app/page/texts.hpp"
#include "app/why_words.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>

namespace stibee_sync::app {
namespace {

/// As a shell takes it.
std::string one_word(std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return text::is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
  });
  if (plain && text.front() != '-') return std::string(text);
  std::string quoted = "'";
  for (const char c : text)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

domain::UtcTime time_of(std::string_view iso) {
  std::tm parts{};
  const std::string given(iso);
  if (::strptime(given.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return {};
  return domain::UtcTime(std::chrono::seconds(::timegm(&parts)));
}

Markup Reader::why(std::string_view english) const {
  if (language_ == Language::English) return in_code_where_quoted(english);
  if (const auto korean = why_in_korean(english)) return in_code_where_quoted(*korean);
  return element("span", in_code_where_quoted(english), {{"lang", "en"}});
}

Markup Reader::time(std::string_view iso) const {
  return element("time", escaped(local_time(iso)), {{"datetime", iso}});
}

std::string Reader::age(std::string_view iso) const {
  if (iso.empty()) return about(std::chrono::seconds(0), language_);
  return about(std::chrono::floor<std::chrono::seconds>(time_of(now_) - time_of(iso)), language_);
}

Markup Reader::ago(std::string_view iso) const {
  if (iso.empty()) return text(texts::never);
  return say(texts::ago, {escaped(age(iso))}) + " "_html + element("span", time(iso), {{"class", "when"}});
}

Markup Reader::duration(double seconds) const {
  return escaped(about(std::chrono::seconds(std::llround(seconds)), language_));
}

Markup figure(std::int64_t number) {
  return escaped(text::with_thousands(number));
}

Markup command_line(std::string_view command, std::string_view mirror) {
  auto line = "stibee-syncd " + std::string(command);
  if (!mirror.empty()) line += " --mirror " + one_word(mirror);
  return element("code", escaped(line), {{"class", "command"}});
}

}  // namespace stibee_sync::app
