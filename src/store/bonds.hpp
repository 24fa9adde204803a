#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace stibee_sync::store {

/// Decisions that wait or go together, by their numbers.
class Bonds {
 public:
  explicit Bonds(std::size_t decisions) : next_(decisions) { std::iota(next_.begin(), next_.end(), 0U); }
  /// The number of one of those that it is bound to, or its own: the same for all of them.
  std::uint32_t of(std::uint32_t decision) {
    while (next_[decision] != decision) {
      next_[decision] = next_[next_[decision]];
      decision = next_[decision];
    }
    return decision;
  }
  void join(std::uint32_t one, std::uint32_t other) { next_[of(one)] = of(other); }

 private:
  std::vector<std::uint32_t> next_;
};

}  // namespace stibee_sync::store
