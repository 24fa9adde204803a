#pragma once

#include "app/engine_slot.hpp"
#include "app/explainer.hpp"
#include "app/leadership.hpp"
#include "app/reload_report.hpp"
#include "app/report.hpp"
#include "app/reveals.hpp"
#include "stibee_sync/http/server.hpp"
#include "stibee_sync/json/value.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::app {

/// What ops can ask of a running daemon, over its control socket or its admin listener. On the loop thread.
class ControlService {
 public:
  /// Reads the configuration again, and ends when what it says is in force, or refused.
  using Reload = std::function<boost::asio::awaitable<ReloadReport>()>;
  /// All of it outlives the service. Each look at the state is noted in the chronicle.
  ControlService(Ground ground, EngineSlot& engines, telemetry::Health& health, Chronicle& chronicle,
                 const Leadership& leadership, Reload reload);
  /// Ends what is read for somebody who asked.
  ~ControlService();

  /// Is told of each request that failed since the state could not be read or written (507).
  void on_store_error(std::function<void(const std::string&)> told) { store_failed_ = std::move(told); }
  /// GET /status /config /failures /guard /guard/show, POST /guard/approve /retry /pause /resume /sync-now
  /// /reload /explain /forget; POST /reconcile begins a comparison, GET /reconcile tells how far it is, or
  /// its report. Bodies and answers are JSON. A `mirror`, in the body of a POST or the query of a GET, means
  /// that one alone, where a command can be about one: 404 if there is none of that name.
  http::Handler control_handler(const std::filesystem::path& socket);
  /// GET /livez /readyz /metrics /status, and what that page is made of: /status.css /status.js /status.svg.
  http::Handler admin_handler();
  /// Ends each pause whose time is over; for as long as the daemon runs.
  boost::asio::awaitable<void> end_pauses();
  /// What all reports are made of. Throws store::StoreError.
  boost::asio::awaitable<DaemonView> look();

 private:
  boost::asio::awaitable<http::ServerResponse> guarded_control(std::filesystem::path socket,
                                                               http::ServerRequest request);
  boost::asio::awaitable<http::ServerResponse> control(http::ServerRequest request);
  boost::asio::awaitable<http::ServerResponse> admin(http::ServerRequest request);
  boost::asio::awaitable<http::ServerResponse> reload();
  boost::asio::awaitable<DaemonView> view(Engine* engine);
  /// Notes in the chronicle what is seen, and adds what the chronicle has.
  void remember(DaemonView& seen);
  using Meant = std::vector<std::size_t>;  // indices of the engine's mirrors
  boost::asio::awaitable<http::ServerResponse> failures(Engine* engine, Meant meant,
                                                        http::ServerRequest request);
  boost::asio::awaitable<http::ServerResponse> approve(Engine* engine, std::string digest);
  /// Who asks is told apart for the log.
  using Peer = std::optional<http::PeerCredentials>;
  boost::asio::awaitable<http::ServerResponse> explain(Peer peer, json::Value body);
  boost::asio::awaitable<http::ServerResponse> show_held(Peer peer, std::string query);
  boost::asio::awaitable<http::ServerResponse> forget(json::Value body);
  /// `plan` reads the state by itself, and says here whom it shows.
  boost::asio::awaitable<http::ServerResponse> plan_revealed(Peer peer, std::int64_t people);
  /// Ended with this object. A table is read for whoever asks by a connection of its own.
  std::shared_ptr<source::Reader> people_reader(const settings::Settings& settings);
  /// All that the daemon adds to what the state and the table have.
  boost::asio::awaitable<void> complete(std::shared_ptr<PersonFacts> facts);
  boost::asio::awaitable<void> log_reveal(Peer peer, Reveal reveal);
  boost::asio::awaitable<http::ServerResponse> retry(Engine* engine, Meant meant, std::string what);
  boost::asio::awaitable<http::ServerResponse> pause(Engine* engine, Meant meant, json::Value body,
                                                     Peer peer);
  boost::asio::awaitable<http::ServerResponse> resume(Engine* engine, Meant meant, Peer peer);
  /// Their name on this host, which the system's list of users tells; "": nobody knows who it is.
  boost::asio::awaitable<std::string> user_of(Peer peer);
  /// Logs what the peer wanted.
  boost::asio::awaitable<void> tell(Engine* engine, Meant meant, std::vector<PauseChange> changes, Peer peer);
  /// Ends the pauses whose time is over. How long it is until the next one is; nullopt: none will be.
  boost::asio::awaitable<std::optional<domain::Duration>> end_due();
  boost::asio::awaitable<http::ServerResponse> sync_now(Engine* engine, Meant meant);
  /// Of Stibee, since it stands by; "": it leads.
  std::string why_it_asks_nothing(const Engine& engine) const;
  boost::asio::awaitable<http::ServerResponse> lend_slot(Engine* engine, std::string limiter_class);
  http::ServerResponse start_reconcile(Engine& engine, const Meant& meant, bool repair);
  http::ServerResponse reconcile_state(Engine& engine, const Meant& meant);
  boost::asio::awaitable<std::string> metrics_text(Engine* engine);
  http::ServerResponse health_page(const telemetry::Health::Status& status) const;

  Ground ground_;
  std::function<void(const std::string&)> store_failed_;
  EngineSlot& engines_;
  telemetry::Health& health_;
  Chronicle& chronicle_;
  const Leadership& leadership_;
  Reload reload_;
  std::unique_ptr<runtime::Timer> pause_ends_;
  std::unique_ptr<runtime::Worker> names_;   // looks up users
  std::unique_ptr<runtime::Worker> people_;  // reads tables for whoever asks about a person
  std::vector<std::weak_ptr<source::Reader>> people_readers_;
  Explainer explainer_;
};

/// How a mirror is named in the query of a GET.
std::string mirror_query(const std::string& name);
/// A daemon's view for the reports; `dispatch` is filled in by the daemon itself.
DaemonView daemon_view(std::vector<MirrorView> mirrors, const settings::Settings& settings,
                       domain::UtcTime now);
/// The same with all that a running engine knows.
DaemonView view_of(Engine& engine, std::vector<MirrorView> mirrors, domain::UtcTime now);

}  // namespace stibee_sync::app
