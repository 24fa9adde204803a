#include "http/http_date.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace stibee_sync::http {
namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 12> month_names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> weekday_names = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

std::optional<unsigned> number(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<sys_seconds> assemble(std::optional<unsigned> year, std::string_view month_name,
                                    std::string_view day, std::string_view clock) {
  unsigned month = 0;
  for (unsigned i = 0; i < month_names.size(); ++i) {
    if (month_names[i] == month_name) month = i + 1;
  }
  if (!day.empty() && day.front() == ' ') day.remove_prefix(1);
  const auto day_number = number(day);
  if (!year || month == 0 || !day_number) return std::nullopt;
  if (clock.size() != 8 || clock[2] != ':' || clock[5] != ':') return std::nullopt;
  const auto hours = number(clock.substr(0, 2));
  const auto minutes = number(clock.substr(3, 2));
  const auto seconds = number(clock.substr(6, 2));
  if (!hours || !minutes || !seconds || *hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)},
                                         std::chrono::month{month}, std::chrono::day{*day_number}};
  if (!date.ok()) return std::nullopt;
  return sys_days{date} + std::chrono::hours{*hours} + std::chrono::minutes{*minutes} +
         std::chrono::seconds{*seconds};
}

std::optional<unsigned> full_year(std::string_view two_digits, std::chrono::system_clock::time_point now) {
  const auto short_year = number(two_digits);
  if (!short_year) return std::nullopt;
  const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now)};
  const auto this_year = static_cast<unsigned>(static_cast<int>(today.year()));
  unsigned year = this_year - this_year % 100 + *short_year;
  if (year > this_year + 50) year -= 100;
  return year;
}

}  // namespace

std::optional<sys_seconds> parse_http_date(std::string_view text, std::chrono::system_clock::time_point now) {
  if (text.size() == 29 && text.substr(3, 2) == ", " && text.substr(25) == " GMT") {
    if (text[7] != ' ' || text[11] != ' ' || text[16] != ' ') return std::nullopt;
    return assemble(number(text.substr(12, 4)), text.substr(8, 3), text.substr(5, 2), text.substr(17, 8));
  }
  if (text.size() == 24 && text[3] == ' ' && text[7] == ' ' && text[10] == ' ' && text[19] == ' ') {
    return assemble(number(text.substr(20, 4)), text.substr(4, 3), text.substr(8, 2), text.substr(11, 8));
  }
  const auto comma = text.find(", ");
  if (comma == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(comma + 2);
  if (rest.size() != 22 || rest[2] != '-' || rest[6] != '-' || rest[9] != ' ' || rest.substr(18) != " GMT") {
    return std::nullopt;
  }
  return assemble(full_year(rest.substr(7, 2), now), rest.substr(3, 3), rest.substr(0, 2),
                  rest.substr(10, 8));
}

std::string format_http_date(sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                weekday_names[std::chrono::weekday{day}.c_encoding()].data(),
                static_cast<unsigned>(date.day()),
                month_names[static_cast<unsigned>(date.month()) - 1].data(), static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

}  // namespace stibee_sync::http
