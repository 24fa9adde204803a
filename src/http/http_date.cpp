#include "http/http_date.hpp"

#include "stibee_sync/text/time_format.hpp"

#include <ctime>
#include <utility>

namespace stibee_sync::http {
namespace {

constexpr const char* usual_form = "%a, %d %b %Y %H:%M:%S GMT";
constexpr const char* oldest_form = "%A, %d-%b-%y %H:%M:%S GMT";
constexpr const char* asctime_form = "%a %b %e %H:%M:%S %Y";

}  // namespace

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                        std::chrono::system_clock::time_point now) {
  const std::string terminated(text);
  for (const char* form : {usual_form, oldest_form, asctime_form}) {
    std::tm parts{};
    const char* const end = ::strptime(terminated.c_str(), form, &parts);
    if (end != terminated.data() + terminated.size()) continue;
    // The library's century has a fixed turn; the standard's goes with the clock: at most fifty years ahead.
    const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now)};
    const int this_year = static_cast<int>(today.year());
    if (form == oldest_form && parts.tm_year + 2000 <= this_year + 50) parts.tm_year += 100;
    // timegm() makes 2 March of 30 February.
    const int day = parts.tm_mday;
    const auto seconds = std::exchange(parts.tm_sec, 0);
    const std::time_t minute = ::timegm(&parts);
    if (parts.tm_mday != day) return std::nullopt;
    return std::chrono::sys_seconds(std::chrono::seconds(minute + seconds));
  }
  return std::nullopt;
}

std::string format_http_date(std::chrono::sys_seconds time) {
  return text::format_utc(time, usual_form);
}

}  // namespace stibee_sync::http
