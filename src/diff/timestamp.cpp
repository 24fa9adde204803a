#include "diff/timestamp.hpp"

#include "stibee_sync/text/ascii.hpp"

#include <chrono>
#include <cstddef>

namespace stibee_sync::diff {
namespace {

constexpr std::size_t date_time_length = 19;  // yyyy-MM-dd HH:mm:ss

// Matches `text` against `form`, where `0` stands for a digit and everything else for itself.
bool has_form(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '0' ? !text::is_digit(text[i]) : text[i] != form[i]) return false;
  }
  return true;
}

int number(std::string_view text, std::size_t at, std::size_t digits) {
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i)
    value = value * 10 + (text[i] - '0');
  return value;
}

// Takes `.` and 1 to 6 digits off the front of `rest`; 0 if there is none, -1 if it is malformed.
int take_milliseconds(std::string_view& rest) {
  if (!rest.starts_with('.')) return 0;
  std::size_t end = 1;
  int value = 0;
  for (; end < rest.size() && text::is_digit(rest[end]); ++end) {
    if (end <= 3) value = value * 10 + (rest[end] - '0');
  }
  if (end == 1 || end > 7) return -1;
  for (std::size_t digits = end - 1; digits < 3; ++digits)
    value *= 10;
  rest.remove_prefix(end);
  return value;
}

// `+09`, `-03:30`, `+08:27:52` (local mean times of long ago).
std::optional<std::chrono::seconds> parse_offset(std::string_view text) {
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const std::string_view digits = text.substr(1);
  const bool minutes = has_form(digits, "00:00"), seconds = has_form(digits, "00:00:00");
  if (!minutes && !seconds && !has_form(digits, "00")) return std::nullopt;
  std::chrono::seconds offset = std::chrono::hours(number(digits, 0, 2));
  if (minutes || seconds) offset += std::chrono::minutes(number(digits, 3, 2));
  if (seconds) offset += std::chrono::seconds(number(digits, 6, 2));
  return text[0] == '-' ? -offset : offset;
}

}  // namespace

std::optional<domain::UtcTime> parse_timestamptz(std::string_view text) {
  using namespace std::chrono;
  if (!has_form(text.substr(0, date_time_length), "0000-00-00 00:00:00")) return std::nullopt;
  const year_month_day date{year(number(text, 0, 4)), month(static_cast<unsigned>(number(text, 5, 2))),
                            day(static_cast<unsigned>(number(text, 8, 2)))};
  const int hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;

  std::string_view rest = text.substr(date_time_length);
  const int fraction = take_milliseconds(rest);
  if (fraction < 0) return std::nullopt;
  const auto offset = parse_offset(rest);
  if (!offset) return std::nullopt;
  return domain::UtcTime(sys_days(date)) + hours(hour) + minutes(minute) + seconds(second) +
         milliseconds(fraction) - *offset;
}

std::optional<std::string_view> stibee_date(std::string_view text, bool with_time) {
  if (!with_time) {
    if (!has_form(text, "0000-00-00")) return std::nullopt;
    return text;
  }
  if (!has_form(text.substr(0, date_time_length), "0000-00-00 00:00:00")) return std::nullopt;
  // The session's TimeZone is the mirror's, so the offset says nothing more; ` BC` must not be cut with it.
  std::string_view rest = text.substr(date_time_length);
  if (take_milliseconds(rest) < 0 || (!rest.empty() && !parse_offset(rest))) return std::nullopt;
  return text.substr(0, date_time_length);
}

}  // namespace stibee_sync::diff
