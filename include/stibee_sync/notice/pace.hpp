#pragma once

#include "stibee_sync/domain/backoff.hpp"

#include <functional>
#include <optional>

namespace stibee_sync::notice {

/// When the next letter may go out: ten seconds after the one before at least, so that what happens meanwhile
/// is joined into one, and after the backoff of calls to Stibee where the one before did not arrive. Pure.
class Pace {
 public:
  static constexpr std::chrono::seconds between_letters{10};

  bool may_send(domain::MonotonicTime now) const { return now >= next_; }
  domain::MonotonicTime next() const { return next_; }
  /// How many in a row did not arrive.
  int failures() const { return failures_; }

  void arrived(domain::MonotonicTime now);
  /// `retry_after`: that long the receiver wants none, which is believed up to an hour. `random` is uniform
  /// in [0, 1).
  void failed(domain::MonotonicTime now, std::optional<std::chrono::seconds> retry_after, double random);

 private:
  domain::MonotonicTime next_{};
  int failures_ = 0;
};

}  // namespace stibee_sync::notice
