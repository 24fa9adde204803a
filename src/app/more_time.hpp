#pragma once

#include "stibee_sync/telemetry/service_manager.hpp"

#include <chrono>
#include <thread>

namespace stibee_sync::app {

/// As long as it is there, systemd is told that the start goes on: a large state is checked, and a start that
/// takes longer than TimeoutStartSec= would otherwise be killed and begun anew for ever. From a thread of its
/// own, since what takes long does so on the caller's.
class MoreTime {
 public:
  /// Each message asks for three times `period`. `service` outlives it.
  explicit MoreTime(const telemetry::ServiceManager& service,
                    std::chrono::milliseconds period = std::chrono::seconds(10));

 private:
  std::jthread asking_;  // stops and joins at the end
};

}  // namespace stibee_sync::app
