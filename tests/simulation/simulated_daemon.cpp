#include "simulation/simulated_daemon.hpp"

#include <mutex>

#include <boost/asio/co_spawn.hpp>

namespace stibee_sync::simulation {

namespace asio = boost::asio;

namespace {

std::function<double()> uniform(std::uint64_t seed) {
  return [engine = std::mt19937_64(seed)]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

}  // namespace

SimulatedDaemon::SimulatedDaemon(Surroundings around)
    : clock_(context_, runtime::UtcTime(std::chrono::hours(24 * 365 * 56)), around.now),
      worker_(runtime::make_inline_worker()),
      store_(store::make_memory_store(around.state, std::move(around.hooks))),
      log_(telemetry::Log::to([this](std::string_view line) { log_text_ += line; },
                              telemetry::LogOptions{telemetry::Level::Debug, telemetry::LogFormat::Json})),
      metrics_(telemetry::MetricsOptions{"test", false, {}}),
      dialect_(around.v2 ? delivery::make_v2() : delivery::make_v1()),
      random_(around.seed),
      transport_(around.far_end, clock_, random_, false) {
  metrics_.declare_mirror(around.mirror.name);
  plan_ = pipeline::make_mirror_plan(around.mirror, *dialect_);
  plan_.id = store_->open_mirror(plan_.name, plan_.list_id);
  pipeline::Services services{clock_, *worker_, *store_, log_, metrics_, uniform(random_())};
  pipeline::CallerOptions options;
  if (around.v2) {
    options.main = delivery::Api::V2;
    options.limits[delivery::LimiterClass::Bulk] = {10, std::chrono::minutes(1)};
  } else {
    options.limits[delivery::LimiterClass::All] = {10, std::chrono::seconds(1)};
  }
  options.limits[delivery::LimiterClass::List] = {100, std::chrono::minutes(1)};
  options.limits[delivery::LimiterClass::Other] = {1000, std::chrono::minutes(1)};
  options.api_key = around.api_key;
  options.boot_id = "boot";
  dispatch_ = std::make_unique<pipeline::Dispatch>(services, context_.get_executor(), transport_, *dialect_,
                                                   std::vector{plan_}, options);
  services.random = uniform(random_());
  reader_.next = std::move(around.read_table);
  ingest_ = std::make_unique<pipeline::Ingest>(services, *worker_, reader_, std::vector{plan_},
                                               [this] { dispatch_->wake(); });
  const auto crashed = [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  };
  asio::co_spawn(context_, dispatch_->run(), crashed);
  asio::co_spawn(context_, ingest_->run(), crashed);
}

SimulatedDaemon::~SimulatedDaemon() = default;

}  // namespace stibee_sync::simulation
