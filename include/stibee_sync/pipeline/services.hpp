#pragma once

#include "stibee_sync/runtime/clock.hpp"
#include "stibee_sync/runtime/worker.hpp"
#include "stibee_sync/store/store.hpp"
#include "stibee_sync/telemetry/log.hpp"
#include "stibee_sync/telemetry/metrics.hpp"

#include <functional>

namespace stibee_sync::pipeline {

/// What both loops stand on. All of it outlives the loops.
struct Services {
  runtime::Clock& clock;
  runtime::Worker& store_worker;  // the only place where `store` is called
  store::Store& store;
  telemetry::Log& log;
  telemetry::Metrics& metrics;
  std::function<double()> random;  // uniform in [0, 1)
};

}  // namespace stibee_sync::pipeline
