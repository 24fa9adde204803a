#pragma once

#include <chrono>

namespace stibee_sync::domain {

/// Wall-clock time in UTC, to the millisecond: what the state file and reports hold.
using UtcTime = std::chrono::sys_time<std::chrono::milliseconds>;
/// Time since an arbitrary start that never jumps.
using MonotonicTime = std::chrono::sys_time<std::chrono::nanoseconds>;
using Duration = std::chrono::milliseconds;

}  // namespace stibee_sync::domain
