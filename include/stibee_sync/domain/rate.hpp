#pragma once

#include <chrono>
#include <cstddef>

namespace stibee_sync::domain {

/// At most `calls` in any window of length `window`.
struct Rate {
  std::size_t calls = 10;
  std::chrono::nanoseconds window = std::chrono::seconds(1);
  friend bool operator==(const Rate&, const Rate&) = default;
};

}  // namespace stibee_sync::domain
