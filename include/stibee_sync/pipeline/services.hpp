#pragma once

#include "stibee_sync/pipeline/database_clock.hpp"
#include "stibee_sync/runtime/clock.hpp"
#include "stibee_sync/runtime/confined.hpp"
#include "stibee_sync/store/store.hpp"
#include "stibee_sync/telemetry/log.hpp"
#include "stibee_sync/telemetry/metrics.hpp"
#include "stibee_sync/telemetry/trouble.hpp"

#include <functional>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

namespace stibee_sync::pipeline {

/// What all loops stand on. All of it outlives the loops.
struct Services {
  runtime::Clock& clock;
  runtime::Confined<store::Store>& store;
  const domain::StateKey& key;  // the store's
  telemetry::Log& log;
  telemetry::Metrics& metrics;
  std::function<double()> random;  // uniform in [0, 1)
  std::shared_ptr<DatabaseClock> database_clock = std::make_shared<DatabaseClock>();
  /// Where what takes long and only makes values of values is done: packing a call of thousands of people,
  /// reading its answer.
  std::shared_ptr<runtime::Worker> compute = runtime::make_inline_worker();

  /// The store's, for all loops.
  std::shared_ptr<telemetry::LastingTrouble> store_trouble = std::make_shared<telemetry::LastingTrouble>();

  /// Counts and logs that the store could not do something.
  void store_failed(std::string_view why, std::initializer_list<telemetry::Field> fields = {}) const {
    metrics.store_error();
    const auto left_out = store_trouble->happened(clock.monotonic(), why);
    if (!left_out) return;
    std::vector<telemetry::Field> all(fields);
    all.emplace_back("left_out", *left_out);
    log.event(telemetry::Level::Error, telemetry::Event::StoreFailed, why, all);
  }
  /// It kept something.
  void store_worked() const {
    const auto past = store_trouble->over(clock.monotonic());
    if (!past) return;
    log.event(telemetry::Level::Info, telemetry::Event::StoreFailed, "the state takes changes again",
              {{"failures", past->times}, {"seconds", past->lasted}});
  }
};

}  // namespace stibee_sync::pipeline
