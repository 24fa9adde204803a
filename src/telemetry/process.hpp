#pragma once

#include <chrono>
#include <cstdint>

namespace stibee_sync::telemetry {

/// What this process uses. What cannot be learnt is 0.
struct ProcessUse {
  std::chrono::duration<double> cpu{};
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_files = 0;
  double started = 0;  // Unix time, in seconds
};
/// From /proc/self. Never throws.
ProcessUse process_use();

}  // namespace stibee_sync::telemetry
