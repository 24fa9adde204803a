#pragma once

#include "stibee_sync/domain/time.hpp"

#include <string>
#include <string_view>

// Times for people: in this host's zone, which is named, and to the second.

namespace stibee_sync::app {

/// `2026-11-28 19:00:12 KST`.
std::string local_time(domain::UtcTime time);
/// Of a time as the JSON reports write it; anything else is given back as it is.
std::string local_time(std::string_view iso_utc);

}  // namespace stibee_sync::app
