#pragma once

#include <chrono>
#include <string>

namespace stibee_sync::text {

using UtcMilliseconds = std::chrono::sys_time<std::chrono::milliseconds>;

/// `pattern` is strftime's, in the C locale; a result has at most 63 bytes. Any thread.
std::string format_utc(std::chrono::sys_seconds time, const char* pattern);

/// `2025-03-01T12:30:00.250Z`
std::string iso_utc(UtcMilliseconds time);
/// `2025-03-01 12:30:00.250+00`, as PostgreSQL writes a timestamptz.
std::string timestamptz(UtcMilliseconds time);

}  // namespace stibee_sync::text
