#pragma once

#include "app/engine.hpp"
#include "stibee_sync/telemetry/log.hpp"
#include "stibee_sync/telemetry/metrics.hpp"

#include <functional>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace stibee_sync::app {

/// What a command stands on that does a daemon's work without one: loop, threads and store. One thread, the
/// caller's, is the loop.
class Foreground {
 public:
  /// `log` outlives it.
  Foreground(const settings::Settings& settings, telemetry::Log& log, std::unique_ptr<store::Store> store);
  ~Foreground();
  Foreground(const Foreground&) = delete;
  Foreground& operator=(const Foreground&) = delete;

  const Ground& ground() const { return ground_; }
  /// Runs the task to its end, which is the end of the loop; what it throws comes out. SIGINT and SIGTERM
  /// call `interrupted`. Another task may follow.
  void run(boost::asio::awaitable<void> task, std::function<void()> interrupted);

 private:
  domain::StateKey key_;
  telemetry::Metrics metrics_;
  boost::asio::io_context context_{1};
  std::unique_ptr<runtime::Clock> clock_;
  std::unique_ptr<runtime::Worker> source_worker_;
  std::unique_ptr<runtime::Confined<store::Store>> store_;
  Ground ground_;
};

}  // namespace stibee_sync::app
