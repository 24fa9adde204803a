#pragma once

#include "app/control_service.hpp"
#include "app/leadership.hpp"
#include "app/more_time.hpp"
#include "app/notifier.hpp"
#include "app/setup.hpp"
#include "app/webhook_service.hpp"
#include "stibee_sync/runtime/bell.hpp"
#include "stibee_sync/telemetry/service_manager.hpp"
#include "stibee_sync/telemetry/trouble.hpp"

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace stibee_sync::app {

/// The composition root of `run`: threads, engine, listeners, signals. One thread, the caller's, is the loop.
/// A reload is a restart in small: the engine is drained and another is opened as at the start, while the
/// listeners go on.
class Daemon {
 public:
  /// `log` and `service` outlive the daemon. `starting` ends when it is ready.
  Daemon(Options options, settings::Settings settings, telemetry::Log& log,
         const telemetry::ServiceManager& service, std::unique_ptr<store::Store> store,
         std::unique_ptr<MoreTime> starting);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Returns an exit code only if it could not start; a running daemon ends the process itself.
  int run();

 private:
  void listen();
  /// From the first engine to the end of the last.
  boost::asio::awaitable<void> live();
  boost::asio::awaitable<void> start_engine();
  /// What the engine sent since somebody looked last: it is about to go.
  void remember_engine();
  /// A statement that cannot work is told at once, not when the first event needs it; of a database that is
  /// away, nothing is.
  boost::asio::awaitable<void> try_writebacks();
  void engine_failed(const std::string& what);
  void ended(const std::exception_ptr& error);
  void started();
  void put_in_force(settings::Settings fresh);
  void page_failed(const std::exception_ptr& error);
  void store_failed(const std::string& what);
  void await_signal();
  void begin_stop();
  void finish();
  /// nullopt: the file is good, and in force once the engine is drained. Otherwise it is refused.
  std::optional<ReloadReport> reload();
  boost::asio::awaitable<ReloadReport> reload_and_wait();
  ReloadReport reload_failed(const std::string& why, const std::vector<settings::Problem>& problems = {});
  boost::asio::awaitable<void> cut_off();
  boost::asio::awaitable<void> watch();
  /// Keeps `systemctl status` up to date, the history of the last 24 hours, and whoever is told of changes.
  boost::asio::awaitable<void> tell_state();
  /// The loop, and how long it was busy with one thing at most.
  void turn();

  Options options_;
  settings::Settings settings_;
  telemetry::Log& log_;
  domain::StateKey key_;
  std::optional<settings::Settings> next_settings_;  // valid: to be in force as soon as the engine is drained
  boost::asio::io_context context_{1};
  telemetry::Metrics metrics_;
  telemetry::Health health_;
  std::unique_ptr<runtime::Clock> clock_;
  std::unique_ptr<runtime::Confined<store::Store>> store_;
  std::unique_ptr<runtime::Worker> source_worker_;
  std::unique_ptr<runtime::Worker> trial_worker_;
  const telemetry::ServiceManager& service_;
  std::unique_ptr<MoreTime> starting_;
  boost::asio::signal_set signals_;
  Ground ground_;
  Leadership leadership_;
  EngineSlot engines_;
  Chronicle chronicle_;
  ControlService control_;
  WebhookService events_;
  Notifier notices_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<http::Server> admin_;
  std::unique_ptr<http::Server> socket_;
  std::unique_ptr<http::Server> webhook_;
  std::unique_ptr<runtime::Timer> told_;  // to stop, or that there are other settings
  std::uint64_t reloads_ = 0;             // good files that were read
  std::uint64_t reloads_done_ = 0;        // of them: in force, or overtaken by a later one that is
  ReloadReport last_reload_;
  runtime::Bell reloaded_;
  telemetry::LastingTrouble page_trouble_;
  bool stopping_ = false;
  int code_ = 0;
};

}  // namespace stibee_sync::app
