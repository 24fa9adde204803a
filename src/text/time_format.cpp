#include "stibee_sync/text/time_format.hpp"

#include <ctime>

namespace stibee_sync::text {
namespace {

/// ".250"
std::string fraction(UtcMilliseconds time) {
  const auto milliseconds = (time - std::chrono::floor<std::chrono::seconds>(time)).count();
  return "." + std::to_string(1000 + milliseconds).substr(1);
}

}  // namespace

std::string format_utc(std::chrono::sys_seconds time, const char* pattern) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, pattern, &parts));
}

std::string iso_utc(UtcMilliseconds time) {
  return format_utc(std::chrono::floor<std::chrono::seconds>(time), "%Y-%m-%dT%H:%M:%S") + fraction(time) +
         "Z";
}

std::string timestamptz(UtcMilliseconds time) {
  return format_utc(std::chrono::floor<std::chrono::seconds>(time), "%Y-%m-%d %H:%M:%S") + fraction(time) +
         "+00";
}

}  // namespace stibee_sync::text
