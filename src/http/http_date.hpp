#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace stibee_sync::http {

/// The three date forms of RFC 9110 (5.6.7). `now` decides the century of the two-digit years of the oldest
/// one.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                        std::chrono::system_clock::time_point now);

/// `Sun, 06 Nov 1994 08:49:37 GMT`
std::string format_http_date(std::chrono::sys_seconds time);

}  // namespace stibee_sync::http
