#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <iterator>
#include <optional>
#include <string_view>

namespace stibee_sync::telemetry {
class Log;
}

namespace stibee_sync::pipeline {

/// Tells a second program that changes the same list, such as another daemon without a leader lock, from a
/// human who does so now and then: it undoes what we sent again and again. Pure: time is passed in.
class ForeignHands {
 public:
  /// What we sent longer ago is not undone, but overtaken.
  static constexpr std::chrono::hours window{24};
  /// So many within the window are no accident.
  static constexpr std::size_t suspicious = 5;
  /// It is said that often.
  static constexpr std::chrono::hours said_every{1};

  /// Something of ours was undone. How many within the window, when that is to be said now.
  std::optional<std::size_t> undone(domain::MonotonicTime now) {
    while (!times_.empty() && now - times_.front() >= window)
      times_.pop_front();
    times_.push_back(now);
    if (times_.size() > most_kept) times_.pop_front();
    if (times_.size() < suspicious || (said_ && now - *said_ < said_every)) return std::nullopt;
    said_ = now;
    return times_.size();
  }

 private:
  static constexpr std::size_t most_kept = 10'000;
  std::deque<domain::MonotonicTime> times_;
  std::optional<domain::MonotonicTime> said_;
};

/// One warning, the same whoever noticed.
void tell_of_foreign_hands(telemetry::Log& log, std::string_view mirror, std::size_t people);

/// Whether a call for the person went out within that window. Pure.
inline bool sent_lately(const domain::CallTimes& called, domain::UtcTime now) {
  return std::any_of(std::begin(domain::all_lanes), std::end(domain::all_lanes), [&](domain::Lane lane) {
    const auto& time = called.of(lane);
    return time && *time <= now && now - *time < ForeignHands::window;
  });
}

}  // namespace stibee_sync::pipeline
