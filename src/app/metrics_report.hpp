#pragma once

#include "app/report.hpp"
#include "stibee_sync/telemetry/metrics.hpp"

namespace stibee_sync::app {

/// What is counted in the state, and how each mirror fares, as a scrape shows it. With the daemon's own
/// numbers in `seen`. On the loop thread.
void show_in_metrics(telemetry::Metrics& metrics, const DaemonView& seen);

}  // namespace stibee_sync::app
