#pragma once

#include "app/engine_slot.hpp"
#include "app/report.hpp"
#include "stibee_sync/http/server.hpp"
#include "stibee_sync/json/value.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::app {

/// What ops can ask of a running daemon, over its control socket or its admin listener. On the loop thread.
class ControlService {
 public:
  ControlService(Ground ground, EngineSlot& engines, telemetry::Health& health);

  /// GET /status /failures /guard /guard/show, POST /guard/approve /retry /pause /resume /sync-now;
  /// POST /reconcile begins a comparison, GET /reconcile tells how far it is, or its report. Bodies and
  /// answers are JSON.
  http::Handler control_handler(const std::filesystem::path& socket);
  /// GET /livez /readyz /metrics /status /status.css.
  http::Handler admin_handler();
  /// What `systemctl status` shows. Throws store::StoreError.
  boost::asio::awaitable<std::string> state_line();

 private:
  boost::asio::awaitable<http::ServerResponse> guarded_control(std::filesystem::path socket,
                                                               http::ServerRequest request);
  boost::asio::awaitable<http::ServerResponse> control(http::ServerRequest request);
  boost::asio::awaitable<http::ServerResponse> admin(http::ServerRequest request);
  boost::asio::awaitable<DaemonView> view(Engine* engine);
  boost::asio::awaitable<json::Value> failures(Engine* engine, std::size_t most);
  boost::asio::awaitable<http::ServerResponse> approve(Engine* engine, std::string digest);
  boost::asio::awaitable<http::ServerResponse> show_held(Engine* engine, std::string query);
  boost::asio::awaitable<http::ServerResponse> retry(Engine* engine, std::string what);
  boost::asio::awaitable<http::ServerResponse> pause(Engine* engine, std::string mirror, bool paused);
  boost::asio::awaitable<http::ServerResponse> sync_now(Engine* engine);
  boost::asio::awaitable<http::ServerResponse> lend_slot(Engine* engine, std::string limiter_class);
  http::ServerResponse start_reconcile(Engine& engine, bool repair);
  http::ServerResponse reconcile_state(Engine& engine);
  boost::asio::awaitable<std::string> metrics_text(Engine* engine);
  http::ServerResponse health_page(const telemetry::Health::Status& status) const;

  Ground ground_;
  EngineSlot& engines_;
  telemetry::Health& health_;
};

/// How long an approval of a held change set is good for.
inline constexpr std::chrono::hours approval_lifetime{1};

/// Approves a hold of any of the mirrors. False: no such digest is held. Blocking, on the store's thread.
bool approve_hold(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                  const std::string& digest, domain::UtcTime now);
/// Rows that are no members as they stand have nothing to send; their row has to change.
inline constexpr std::string_view nobody_to_retry =
    "nobody with this reason or address is parked whom sending again could help; "
    "a row that is wrong itself is sent when it changes";
/// Sends parked people again, by reason, by address, or all (""). Blocking, on the store's thread.
std::size_t retry_parked(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                         const std::string& what, domain::UtcTime now);
/// A daemon's view for the reports; `dispatch` is filled in by the daemon itself.
DaemonView daemon_view(std::vector<MirrorView> mirrors, const settings::Settings& settings,
                       domain::UtcTime now);

}  // namespace stibee_sync::app
