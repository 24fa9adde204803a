#include "app/local_time.hpp"

#include <ctime>
#include <sstream>

namespace stibee_sync::app {

std::string local_time(domain::UtcTime time) {
  const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %Z", &parts));
}

std::string local_time(std::string_view iso_utc) {
  std::tm parts{};
  const std::string given(iso_utc);
  const char* rest = ::strptime(given.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr || !given.ends_with('Z')) return given;
  return local_time(domain::UtcTime(std::chrono::seconds(::timegm(&parts))));
}

}  // namespace stibee_sync::app
