#include "simulation/simulated_daemon.hpp"

#include <mutex>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace stibee_sync::simulation {

namespace asio = boost::asio;

namespace {

std::function<double()> uniform(std::uint64_t seed) {
  return [engine = std::mt19937_64(seed)]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

std::unique_ptr<delivery::Dialect> dialect_of(Api api) {
  switch (api) {
    case Api::V1:
      return delivery::make_v1();
    case Api::V2:
      return delivery::make_v2();
    case Api::Both:
      return delivery::make_v2_resubscribing_via_v1();
  }
  return nullptr;
}

pipeline::CallerOptions caller_options(const Surroundings& around) {
  using delivery::LimiterClass;
  pipeline::CallerOptions options;
  options.limits[LimiterClass::List] = {100, std::chrono::minutes(1)};
  options.limits[LimiterClass::Other] = {1000, std::chrono::minutes(1)};
  if (around.api != Api::V2) options.limits[LimiterClass::All] = {10, std::chrono::seconds(1)};
  if (around.api != Api::V1) options.limits[LimiterClass::Bulk] = {10, std::chrono::minutes(1)};
  for (const auto& [limiter_class, rate] : around.limits)
    options.limits[limiter_class] = rate;
  options.main = around.api == Api::V1 ? delivery::Api::V1 : delivery::Api::V2;
  options.api_key = privacy::Secret(around.api_key);
  options.boot_id = "boot";
  options.leads = around.leads;
  return options;
}

/// What a start does with the store; it may die meanwhile.
template <class Work>
auto or_crash(const test_disk::SimulatedDisk& disk, Work work) {
  try {
    auto done = work();
    if (disk.dead()) throw Crash{};
    return done;
  } catch (const store::StoreError&) {
    if (disk.dead()) throw Crash{};
    throw;
  }
}

}  // namespace

SimulatedDaemon::SimulatedDaemon(Surroundings around)
    : clock_(context_, runtime::UtcTime(FarEnd::zero), around.now),
      wall_(clock_, around.wall_ahead),
      worker_(runtime::make_inline_worker()),
      owned_(or_crash(around.disk, [&] { return test_disk::open_state(around.disk); })),
      log_(telemetry::Log::to([this](std::string_view line) { log_text_ += line; },
                              telemetry::LogOptions{telemetry::Level::Debug, telemetry::LineFormat::Json})),
      metrics_(telemetry::MetricsOptions{"test", false, {}}),
      dialect_(dialect_of(around.api)),
      random_(around.seed),
      transport_(around.far_end, clock_, random_, false) {
  auto mirrors = std::move(around.more_mirrors);
  mirrors.insert(mirrors.begin(), around.mirror);
  for (const auto& mirror : mirrors) {
    metrics_.declare_mirror(mirror.name);
    auto plan = pipeline::make_mirror_plan(mirror, *dialect_);
    plan.id = or_crash(around.disk, [&] { return store_->open_mirror(plan.name, plan.list_id); });
    plans_.push_back(std::move(plan));
  }
  pipeline::Services services{wall_, confined_, key_, log_, metrics_, uniform(random_())};
  dispatch_ = std::make_unique<pipeline::Dispatch>(services, context_.get_executor(), transport_, *dialect_,
                                                   plans_, caller_options(around));
  services.random = uniform(random_());
  reader_.next = std::move(around.read_table);
  ingest_ =
      std::make_unique<pipeline::Ingest>(services, *worker_, reader_, plans_, [this] { dispatch_->wake(); });
  groups_ = std::make_unique<pipeline::GroupKeeper>(services, *dispatch_, plans_);
  ingest_->keep_groups(*groups_);
  dispatch_->on_missing_group([this](std::size_t mirror, const domain::GroupSet& groups) {
    if (groups_->missing(mirror, groups)) ingest_->sync_now(mirror);
  });
  ingest_->set_first_part(around.first_part);
  if (around.drain_feed) {
    feed_.next = [drain = std::move(around.drain_feed)](const source::FeedPlan&) { return drain(); };
    feed_.on_discard = [discard = std::move(around.discard_feed)](
                           const std::string&, const std::vector<std::int64_t>& ids) { return discard(ids); };
    listener_ = std::make_unique<source::ScriptedListener>(
        [this](const std::string& mirror, source::FeedListener::Why why) { ingest_->heard(mirror, why); });
    ingest_->watch_feeds(feed_, *listener_);
  }
  // Before whatever the job that was killed would have led to.
  around.disk.on_death([this] { asio::post(context_, [] { throw Crash{}; }); });
  const auto crashed = [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  };
  if (around.sends) asio::co_spawn(context_, dispatch_->run(), crashed);
  asio::co_spawn(context_, ingest_->run(), crashed);
}

SimulatedDaemon::~SimulatedDaemon() = default;

void SimulatedDaemon::hear() {
  listener_->wake(plans_.front().name, source::FeedListener::Why::Notified);
}

std::size_t SimulatedDaemon::counted(const std::string& series) const {
  const auto text = metrics_.text();
  const auto at = text.find(series + " ");
  if (at == std::string::npos) throw std::logic_error("no such metric");
  return std::stoul(text.substr(at + series.size() + 1));
}

std::size_t SimulatedDaemon::missed_by_feed(const std::string& cause) const {
  return counted("stibee_feed_missed_total{cause=\"" + cause + "\",mirror=\"" + plans_.front().name + "\"}");
}

std::size_t SimulatedDaemon::retry(std::string_view reason, std::string_view email) {
  store::Transaction transaction(*store_);
  const auto count =
      pipeline::unpark(transaction, plans_.front().id, reason, email, plans_.front().policy, wall_.utc());
  transaction.commit();
  dispatch_->wake();
  return count;
}

void SimulatedDaemon::approve(const std::string& digest) {
  store::Transaction transaction(*store_);
  transaction.approve(plans_.front().id, digest, wall_.utc() + std::chrono::hours(1));
  transaction.commit();
}

}  // namespace stibee_sync::simulation
