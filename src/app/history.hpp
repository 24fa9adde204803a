#pragma once

#include "stibee_sync/domain/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

// What the last 24 hours were like, for the page: in memory, bounded, and counted since the start.

namespace stibee_sync::app {

/// A quarter of an hour of one mirror.
struct Quarter {
  std::uint64_t changes = 0;  // people who arrived at Stibee
  std::uint64_t calls = 0;    // that were made for them
  std::uint64_t waiting = 0;  // people who waited, at most
  friend bool operator==(const Quarter&, const Quarter&) = default;
};

/// What a mirror's counters show at one moment; both count from when the engine was made.
struct MirrorCounts {
  std::uint64_t people = 0;
  std::uint64_t calls = 0;
  std::uint64_t waiting = 0;
};

/// The quarters of one mirror, without a gap. Pure: some 2.5 KB.
class MirrorHistory {
 public:
  static constexpr std::chrono::minutes step{15};
  static constexpr std::size_t most = 96;  // 24 hours

  /// A clock that was set back leaves all in the quarter that was the last.
  void note(const MirrorCounts& counts, domain::UtcTime now);
  /// The counters begin at 0 again: another engine has been made.
  void begin_anew() { last_ = {}; }
  /// Oldest first; the last one is the present one.
  const std::deque<Quarter>& quarters() const { return quarters_; }
  /// When the first of them begins.
  domain::UtcTime begin() const;

 private:
  std::deque<Quarter> quarters_;
  std::int64_t present_ = 0;  // number of the last one
  MirrorCounts last_;
};

/// Of all mirrors, by name; one that a reload takes out of the file and another brings back goes on. Pure.
class History {
 public:
  void note(const std::string& mirror, const MirrorCounts& counts, domain::UtcTime now);
  void begin_anew();
  /// nullptr: nothing was noted of it.
  const MirrorHistory* of(const std::string& mirror) const;

 private:
  std::map<std::string, MirrorHistory> mirrors_;
};

}  // namespace stibee_sync::app
