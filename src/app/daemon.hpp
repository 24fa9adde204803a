#pragma once

#include "app/control_service.hpp"
#include "app/setup.hpp"
#include "app/webhook_service.hpp"
#include "stibee_sync/telemetry/service_manager.hpp"

#include <exception>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace stibee_sync::app {

/// The composition root of `run`: threads, engine, listeners, signals. One thread, the caller's, is the loop.
class Daemon {
 public:
  /// `log` outlives the daemon. `mirrors` are those of the settings, opened in `store`.
  Daemon(Options options, settings::Settings settings, telemetry::Log& log,
         std::unique_ptr<store::Store> store, OpenedMirrors mirrors);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Returns an exit code only if it could not start; a running daemon ends the process itself.
  int run();

 private:
  void start_engine(OpenedMirrors mirrors);
  void listen();
  void page_failed(const std::exception_ptr& error);
  void await_signal();
  void begin_stop();
  void finish();
  void reload_failed(const std::string& why);
  void reload_ended(const std::exception_ptr& failure);
  boost::asio::awaitable<void> stop();
  boost::asio::awaitable<void> cut_off();
  boost::asio::awaitable<void> reload();
  boost::asio::awaitable<void> watch();

  Options options_;
  settings::Settings settings_;
  telemetry::Log& log_;
  domain::StateKey key_;
  OpenedMirrors mirrors_;  // for the first engine
  boost::asio::io_context context_{1};
  telemetry::Metrics metrics_;
  telemetry::Health health_;
  std::unique_ptr<runtime::Clock> clock_;
  std::unique_ptr<runtime::Confined<store::Store>> store_;
  std::unique_ptr<runtime::Worker> source_worker_;
  telemetry::ServiceManager service_;
  boost::asio::signal_set signals_;
  Ground ground_;
  ControlService control_;
  WebhookService events_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<http::Server> admin_;
  std::unique_ptr<http::Server> socket_;
  std::unique_ptr<http::Server> webhook_;
  bool stopping_ = false;
  bool reloading_ = false;
  int code_ = 0;
};

}  // namespace stibee_sync::app
