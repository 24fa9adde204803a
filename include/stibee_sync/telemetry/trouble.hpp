#pragma once

#include "stibee_sync/telemetry/line_budget.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stibee_sync::telemetry {

/// The same trouble again and again: one line when it begins, one a minute with a count, one when it ends. Of
/// what comes and goes within a minute there are no more lines than of what lasts. A value; pure.
class LastingTrouble {
 public:
  using Time = LineBudget::Time;

  /// A trouble that is over.
  struct Past {
    std::uint64_t times = 0;
    std::chrono::nanoseconds lasted{};
  };

  /// It happened. Whether a line is due; then how often it happened since the last one without a line. `what`
  /// it is: another one is told at once.
  std::optional<std::uint64_t> happened(Time now, std::string_view what = {}) {
    if (times_++ == 0) began_ = now;
    const auto left_out = lines_about(what).take(now);
    told_ = told_ || left_out;
    return left_out;
  }
  /// It did not happen this time. Nothing where there was none, or no line said so.
  std::optional<Past> over(Time now) {
    if (times_ == 0) return std::nullopt;
    const Past past{times_, now - began_};
    times_ = 0;
    if (!std::exchange(told_, false)) return std::nullopt;
    return past;
  }
  /// It happened, and is not over.
  bool lasts() const { return times_ > 0; }
  std::uint64_t times() const { return times_; }

 private:
  struct Lines {
    std::string what;
    LineBudget budget{1, std::chrono::minutes(1)};
  };
  static constexpr std::size_t most_kinds = 8;

  LineBudget& lines_about(std::string_view what) {
    const auto known =
        std::find_if(lines_.begin(), lines_.end(), [what](const Lines& each) { return each.what == what; });
    if (known != lines_.end()) return known->budget;
    if (lines_.size() == most_kinds) return others_;
    return lines_.emplace_back(Lines{std::string(what)}).budget;
  }

  std::vector<Lines> lines_;
  // So that whoever thinks up new kinds does not fill the log.
  LineBudget others_{1, std::chrono::minutes(1)};
  std::uint64_t times_ = 0;
  Time began_{};
  bool told_ = false;
};

}  // namespace stibee_sync::telemetry
