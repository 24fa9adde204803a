#include "app/foreground.hpp"

#include "stibee_sync/runtime/system_clock.hpp"

#include <csignal>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

namespace stibee_sync::app {

namespace asio = boost::asio;

Foreground::Foreground(const settings::Settings& settings, telemetry::Log& log,
                       std::unique_ptr<store::Store> store)
    : key_(store->key()),
      metrics_(
          telemetry::MetricsOptions{STIBEE_VERSION, settings.stibee.api == settings::ApiVersion::V2, {}}),
      clock_(runtime::make_system_clock(context_.get_executor())),
      source_worker_(runtime::make_thread_worker("source")),
      store_(std::make_unique<runtime::Confined<store::Store>>(std::move(store),
                                                               runtime::make_thread_worker("store"))),
      ground_{context_, *clock_, *source_worker_, *store_, key_, log, metrics_} {
  for (const auto& mirror : settings.mirrors)
    metrics_.declare_mirror(mirror.name);
}

Foreground::~Foreground() {
  // The threads first: their jobs resume on the context.
  store_.reset();
  source_worker_.reset();
}

void Foreground::run(asio::awaitable<void> task, std::function<void()> interrupted) {
  asio::signal_set signals(context_, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) interrupted();
  });
  asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error) {
    signals.cancel();
    context_.stop();
    if (error) std::rethrow_exception(error);
  });
  context_.restart();
  context_.run();
}

}  // namespace stibee_sync::app
