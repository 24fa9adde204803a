#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace stibee_sync::telemetry {

/// Tells systemd how the daemon fares (sd_notify). Does nothing where no service manager listens
/// (NOTIFY_SOCKET is not set), and never fails: a lost message costs a status line. Any thread; the messages
/// of one thread stay in order.
class ServiceManager {
 public:
  /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which stay set.
  static ServiceManager from_environment();
  /// One that tells nobody.
  ServiceManager() = default;

  bool listening() const { return listening_; }

  void ready(std::string_view status = {}) const;
  /// Before a reload; ready() afterwards, whether it worked or not. `monotonic` is CLOCK_MONOTONIC's reading.
  void reloading(std::chrono::microseconds monotonic) const;
  void stopping(std::string_view status = {}) const;
  /// One line for `systemctl status`; control characters become spaces.
  void status(std::string_view text) const;
  void feed_watchdog() const;
  /// Asks for that much more time, counted from now, before start or stop is taken for a failure.
  void extend_timeout(std::chrono::microseconds more) const;

  /// systemd ends the daemon when it was not fed for this long; feed it at half of it. Empty: no watchdog.
  std::optional<std::chrono::microseconds> watchdog_timeout() const { return watchdog_timeout_; }

 private:
  void notify(std::string_view message) const;

  bool listening_ = false;
  std::optional<std::chrono::microseconds> watchdog_timeout_;
};

}  // namespace stibee_sync::telemetry
