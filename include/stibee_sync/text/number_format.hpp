#pragma once

#include <cstdint>
#include <string>

namespace stibee_sync::text {

/// As a person reads it: 1,234,567.
std::string with_thousands(std::int64_t number);
std::string with_thousands(std::uint64_t number);

}  // namespace stibee_sync::text
