#include "app/more_time.hpp"

#include <condition_variable>
#include <mutex>

namespace stibee_sync::app {

MoreTime::MoreTime(const telemetry::ServiceManager& service, std::chrono::milliseconds period) {
  if (!service.listening()) return;
  asking_ = std::jthread([&service, period](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      service.extend_timeout(3 * period);
      stopped.wait_for(lock, stop, period, [] { return false; });
    }
  });
}

}  // namespace stibee_sync::app
