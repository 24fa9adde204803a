#include "stibee_sync/telemetry/service_manager.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

#include <systemd/sd-daemon.h>

namespace stibee_sync::telemetry {
namespace {

constexpr std::size_t status_bytes = 512;

// A line break would start a new assignment in the protocol.
std::string one_line(std::string_view text) {
  return text::without_controls(text::cut(text, status_bytes));
}

std::string with_status(std::string message, std::string_view status) {
  if (!status.empty()) message += "\nSTATUS=" + one_line(status);
  return message;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  const char* socket = std::getenv("NOTIFY_SOCKET");
  manager.listening_ = socket != nullptr && *socket != '\0';
  std::uint64_t timeout = 0;
  // Without somebody to feed there is nothing to be late for.
  if (manager.listening_ && sd_watchdog_enabled(0, &timeout) > 0 && timeout > 0) {
    manager.watchdog_timeout_ = std::chrono::microseconds(timeout);
  }
  return manager;
}

void ServiceManager::notify(std::string_view message) const {
  if (!listening_) return;
  sd_notify(0, std::string(message).c_str());  // the environment stays, for the next message
}

void ServiceManager::ready(std::string_view status) const {
  notify(with_status("READY=1", status));
}

void ServiceManager::reloading(std::chrono::microseconds monotonic) const {
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic.count()));
}

void ServiceManager::stopping(std::string_view status) const {
  notify(with_status("STOPPING=1", status));
}

void ServiceManager::status(std::string_view text) const {
  notify("STATUS=" + one_line(text));
}

void ServiceManager::feed_watchdog() const {
  notify("WATCHDOG=1");
}

void ServiceManager::extend_timeout(std::chrono::microseconds more) const {
  notify("EXTEND_TIMEOUT_USEC=" + std::to_string(more.count()));
}

}  // namespace stibee_sync::telemetry
