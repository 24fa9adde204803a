#pragma once

#include "stibee_sync/json/value.hpp"
#include "stibee_sync/pipeline/reconciler.hpp"

#include <string>
#include <vector>

namespace stibee_sync::app {

/// One mirror's comparison, for the report.
struct ReconcileView {
  std::string name;
  pipeline::ReconcileReport report;
};

/// JSON in the contract's shape: the comparison of every mirror. Shows addresses: for a human who asks. Pure.
json::Value reconcile_report(const std::vector<ReconcileView>& mirrors);
/// How far it is: `running`, `phase`, `read`, `total`. Pure.
json::Value reconcile_progress(const std::vector<ReconcileView>& mirrors);
/// Both as text for a terminal, from their JSON. Pure.
std::string render_reconcile(const json::Value& report);
std::string render_reconcile_progress(const json::Value& progress);
/// 0; 2 when differences remain; 69 a list cannot be read, 75 later, 77 the key is refused.
int reconcile_exit_code(const json::Value& report);

}  // namespace stibee_sync::app
