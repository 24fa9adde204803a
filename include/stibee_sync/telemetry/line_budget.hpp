#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace stibee_sync::telemetry {

/// How many log lines of one kind may be written, where strangers decide how often something happens: so many
/// at once, and one more after each `every`. A value; pure.
class LineBudget {
 public:
  using Time = std::chrono::sys_time<std::chrono::nanoseconds>;  // of a clock that only counts

  LineBudget(std::uint64_t burst, std::chrono::nanoseconds every)
      : burst_(burst), every_(every), left_(burst) {}

  /// Whether a line may be written now; then the number of those left out since the last one.
  std::optional<std::uint64_t> take(Time now) {
    if (left_ < burst_) {
      const auto earned = static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now - since_) / every_));
      since_ += every_ * static_cast<std::int64_t>(earned);
      left_ = std::min(burst_, left_ + earned);
    }
    if (left_ == 0) {
      ++left_out_;
      return std::nullopt;
    }
    if (left_ == burst_) since_ = now;
    --left_;
    const auto left_out = left_out_;
    left_out_ = 0;
    return left_out;
  }

 private:
  std::uint64_t burst_;
  std::chrono::nanoseconds every_;
  std::uint64_t left_;
  std::uint64_t left_out_ = 0;
  Time since_{};
};

}  // namespace stibee_sync::telemetry
