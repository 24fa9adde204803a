#pragma once

#include "stibee_sync/domain/time.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace stibee_sync::pipeline {

/// What the last read of a table told of the database's clock, beside ours: two that agree are believed. A
/// value; pure, times are passed in. The loop's.
class DatabaseClock {
 public:
  /// What cannot be undone is not done while they are further apart.
  static constexpr std::chrono::minutes forgiven{5};
  /// Further apart than this is worth a warning.
  static constexpr std::chrono::seconds noticed{30};

  /// The database's clock showed `theirs` when the monotonic one showed `at`.
  void compared(domain::UtcTime theirs, domain::MonotonicTime at) { compared_ = Compared{theirs, at}; }

  /// How far it is ahead of ours (negative: behind), which may have been set since; nullopt: never compared.
  std::optional<domain::Duration> ahead(domain::UtcTime ours, domain::MonotonicTime at) const {
    if (!compared_) return std::nullopt;
    return compared_->theirs + std::chrono::floor<domain::Duration>(at - compared_->at) - ours;
  }

  /// Whether our time may be acted upon for good: not before a read has compared the clocks, and not after a
  /// jump of ours.
  bool agrees(domain::UtcTime ours, domain::MonotonicTime at) const {
    const auto apart = ahead(ours, at);
    return apart && std::chrono::abs(*apart) <= forgiven;
  }

  /// By which an opt-out is dated: none is taken for older than a consent that the table showed before it.
  domain::UtcTime later(domain::UtcTime ours, domain::MonotonicTime at) const {
    return ours + std::max(ahead(ours, at).value_or(domain::Duration::zero()), domain::Duration::zero());
  }

 private:
  struct Compared {
    domain::UtcTime theirs;
    domain::MonotonicTime at;
  };
  std::optional<Compared> compared_;
};

}  // namespace stibee_sync::pipeline
