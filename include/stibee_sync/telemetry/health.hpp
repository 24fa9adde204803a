#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stibee_sync::telemetry {

/// Whether the daemon lives and whether it is ready, decided from nothing but what it was told and the time.
/// Pure: the time is passed in. One thread (the loop's).
class Health {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  /// `problems` says in words why the answer is no; free of personal data.
  struct Status {
    bool ok = true;
    std::vector<std::string> problems;
  };

  /// Announces a loop that beats at least once per `deadline`; the first beat is counted at `now`. A loop
  /// that is known already gets the new deadline.
  void expect(std::string_view loop, Duration deadline, Time now);
  void forget(std::string_view loop);

  /// The loop turns. `next_within` replaces the deadline until the next beat, for work that is known to be
  /// long. A loop that was never announced is ignored.
  void beat(std::string_view loop, Time now, std::optional<Duration> next_within = std::nullopt);

  void state_open(bool open) { state_open_ = open; }
  /// Why nothing can be kept in the state though it is open; "": it can.
  void state_trouble(std::string why) { state_trouble_ = std::move(why); }
  void config_loaded(bool loaded) { config_loaded_ = loaded; }
  void stopping() { stopping_ = true; }

  /// /livez, and the reason to feed the watchdog: every announced loop has beaten in time.
  Status live(Time now) const;
  /// /readyz: state open and writable, configuration loaded, not stopping.
  Status ready() const;

 private:
  struct Loop {
    std::string name;
    Duration deadline;
    Time due;
  };
  Loop* find(std::string_view loop);

  std::vector<Loop> loops_;  // a handful
  bool state_open_ = false;
  std::string state_trouble_;
  bool config_loaded_ = false;
  bool stopping_ = false;
};

}  // namespace stibee_sync::telemetry
