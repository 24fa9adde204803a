#pragma once

#include "app/chronicle.hpp"
#include "app/mirror_health.hpp"
#include "stibee_sync/delivery/schedule.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/pipeline/dispatch.hpp"
#include "stibee_sync/pipeline/ingest.hpp"
#include "stibee_sync/store/store.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::app {

/// What a report needs of one mirror. `condition` is known only inside the daemon.
struct MirrorView {
  std::string name;
  std::int64_t list_id = 0;
  bool paused = false;
  bool changefeed = false;  // as configured
  store::Summary summary;
  std::size_t suppressed = 0;  // opt-outs on record, of people in the table or not
  bool forbidden = false;      // Stibee does not let the key use the list
  std::string refused;         // why Stibee refuses its calls, whoever they are for
  bool taking_over = false;    // its list is read first
  bool stands_by = false;      // another daemon works
  std::string leader_problem;  // why this one could not
  std::string trouble;         // why that lasts; "": nothing is wrong
  pipeline::DeliveryProgress progress;
  std::optional<pipeline::SourceCondition> condition;
  std::optional<MirrorHistory> history;
};

struct DaemonView {
  std::vector<MirrorView> mirrors;
  std::optional<pipeline::DispatchCondition> dispatch;  // nothing: no daemon runs
  domain::UtcTime now{};
  std::optional<DaemonFacts> facts;  // of the daemon; nothing: none runs
  std::vector<Happening> happened;   // newest first
  bool needs_daemon = true;          // false: of a pass without one, which is well if it went well
  /// As configured; nullptr where no limiter is to be reported.
  std::shared_ptr<const delivery::Dialect> dialect;
  delivery::Limits limits;
  std::size_t max_in_flight = 8;
};

/// All reports are JSON in the contract's shape; text for people is rendered from them (render.hpp). Pure.
json::Value status_report(const DaemonView& view);
json::Value guard_report(const DaemonView& view);

/// All that the table had by then is known.
std::optional<domain::UtcTime> last_success_of(const MirrorView& mirror);
std::size_t people_waiting(const MirrorView& mirror);
MirrorHealth health_of(const MirrorView& mirror, const DaemonView& view);
/// One line for `systemctl status`: the state of each mirror, and why.
std::string state_line(const DaemonView& view);
/// How long the limits alone make so many people wait.
double seconds_at_limits(const DaemonView& view, const std::map<domain::Lane, std::size_t>& people);

/// Reads what the views need. Blocking: on the store's thread. Throws store::StoreError.
std::vector<MirrorView> view_mirrors(const store::Store& store,
                                     const std::vector<pipeline::MirrorPlan>& plans, domain::UtcTime now);

}  // namespace stibee_sync::app
