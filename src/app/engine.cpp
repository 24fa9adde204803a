#include "app/engine.hpp"

#include "app/setup.hpp"
#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/runtime/system_clock.hpp"
#include "stibee_sync/settings/credential.hpp"

#include <exception>
#include <random>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace stibee_sync::app {

namespace asio = boost::asio;

std::function<double()> system_random() {
  return [engine = std::mt19937_64(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
  };
}

std::unique_ptr<delivery::Dialect> make_dialect(const settings::Settings& settings) {
  if (settings.stibee.api == settings::ApiVersion::V1) return delivery::make_v1();
  if (settings.stibee.resubscribe_via == settings::ResubscribeVia::V1)
    return delivery::make_v2_resubscribing_via_v1();
  return delivery::make_v2();
}

delivery::Limits limits(const settings::Settings& settings) {
  const auto& stibee = settings.stibee;
  delivery::Limits limits;
  for (const auto limiter_class : delivery::limiter_classes_of(*make_dialect(settings))) {
    limits[limiter_class] = limiter_class == delivery::LimiterClass::All    ? stibee.rate_limit
                            : limiter_class == delivery::LimiterClass::Bulk ? stibee.rate_limits.bulk
                                                                            : stibee.rate_limits.other;
  }
  // A list is read through v2, whatever the API of the writes.
  limits[delivery::LimiterClass::List] = stibee.rate_limits.list;
  limits[delivery::LimiterClass::Other] = stibee.rate_limits.other;
  return limits;
}

source::Connection database_connection(const settings::Settings& settings) {
  source::Connection connection;
  connection.url = settings.database.url;
  if (settings.database.password) connection.password = *settings.database.password;
  return connection;
}

source::Connection write_connection(const settings::Settings& settings) {
  auto connection = database_connection(settings);
  connection.statement_timeout = std::chrono::seconds(30);
  return connection;
}

http::ClientOptions client_options(const settings::Settings& settings) {
  const auto url = http::parse_base_url(settings.stibee.base_url);
  if (const auto* problem = std::get_if<std::string>(&url))
    throw std::runtime_error("stibee.base_url: " + *problem);
  http::ClientOptions options(std::get<http::BaseUrl>(url));
  options.ca_file = settings.stibee.ca_file;
  if (const auto& proxy = settings.stibee.proxy) options.proxy = http::ProxyAddress{proxy->host, proxy->port};
  options.request_timeout = settings.stibee.request_timeout;
  options.max_idle = static_cast<std::size_t>(settings.stibee.max_in_flight);
  return options;
}

std::vector<pipeline::MirrorPlan> mirror_plans(const settings::Settings& settings,
                                               const delivery::Dialect& dialect) {
  std::vector<pipeline::MirrorPlan> plans;
  for (const auto& mirror : settings.mirrors) {
    auto& plan = plans.emplace_back(pipeline::make_mirror_plan(mirror, dialect));
    plan.policy.shares_list = settings.database.leader_lock;
  }
  return plans;
}

std::vector<pipeline::MirrorPlan> mirrors_in(store::Store& store, const settings::Settings& settings,
                                             const delivery::Dialect& dialect) {
  return open_mirrors(store, mirror_plans(settings, dialect)).plans;
}

asio::awaitable<std::unique_ptr<Engine>> Engine::open(const Ground* ground,
                                                      const settings::Settings* settings,
                                                      std::function<bool()> may_call) {
  const auto dialect = make_dialect(*settings);
  auto work = [plans = mirror_plans(*settings, *dialect), now = ground->clock.utc()](store::Store& store) {
    OpenedMirrors opened;
    opened.matched = open_mirrors(store, plans);
    retire(store, opened.matched.unconfigured);
    opened.resumed = end_due_pauses(store, opened.matched.plans, now);
    for (const auto& plan : opened.matched.plans)
      opened.states.push_back(pipeline::state_of(store, plan.id));
    return opened;
  };
  auto answer = co_await ground->store.run(std::move(work));
  auto opened = std::move(answer).value();
  tell_of(ground->log, opened.matched);
  for (const auto& change : opened.resumed)
    tell_of_pause(ground->log, opened.matched.plans[change.mirror], change, {});
  // To read the certificates that are trusted takes long enough to be noticed on the loop.
  auto reach = [ground, settings] {
    return std::make_unique<Outside>(ground->outside(ground->context.get_executor(), *settings));
  };
  const auto outside = co_await runtime::offload(ground->source_worker, std::move(reach));
  co_return std::make_unique<Engine>(*ground, *settings, std::move(opened), std::move(*outside),
                                     std::move(may_call));
}

Engine::Engine(const Ground& ground, const settings::Settings& settings, OpenedMirrors mirrors,
               Outside outside, std::function<bool()> may_call)
    : ground_(ground),
      settings_(settings),
      outside_(std::move(outside)),
      compute_(outside_.make_worker("compute")),
      dialect_(make_dialect(settings)),
      may_call_(std::move(may_call)),
      ended_(ground.clock.make_timer()) {
  auto plans = std::move(mirrors.matched.plans);
  pipeline::CallerOptions options;
  options.limits = limits(settings);
  options.main = settings.stibee.api == settings::ApiVersion::V1 ? delivery::Api::V1 : delivery::Api::V2;
  options.max_in_flight = static_cast<std::size_t>(settings.stibee.max_in_flight);
  options.api_key = settings.stibee.api_key;
  options.boot_id = outside_.boot_id;
  options.key_cure = settings::how_to_renew(settings.stibee.api_key_file, system_environment);
  options.leads = may_call_;
  for (const auto& state : mirrors.states) {
    paused_.push_back(state.paused);
    has_past_.push_back(state.has_past);
  }
  awaits_read_.resize(paused_.size());
  reads_from_.resize(paused_.size());
  dispatch_ = std::make_unique<pipeline::Dispatch>(services(), ground_.context.get_executor(),
                                                   *outside_.transport, *dialect_, plans, std::move(options));
  events_ = std::make_unique<pipeline::EventIntake>(services(), plans);
  writer_worker_ = outside_.make_worker("writer");
  writeback_ = std::make_unique<pipeline::Writeback>(services(), *writer_worker_, *outside_.writer, plans);
  groups_ = std::make_unique<pipeline::GroupKeeper>(services(), *dispatch_, plans);
  ingest_ = std::make_unique<pipeline::Ingest>(services(), ground_.source_worker, *outside_.reader,
                                               std::move(plans), [this] { dispatch_->wake(); });
  ingest_->keep_groups(*groups_);
  dispatch_->on_missing_group([this](std::size_t mirror, const domain::GroupSet& groups) {
    if (groups_->missing(mirror, groups)) ingest_->sync_now(mirror);
  });
  for (std::size_t i = 0; i < paused_.size(); ++i) {
    ingest_->set_paused(i, paused_[i]);
    dispatch_->set_paused(i, paused_[i]);
    writeback_->set_paused(i, paused_[i]);
  }
  make_reconciler(mirrors.states);
}

pipeline::Services Engine::services() const {
  return {ground_.clock,          ground_.store,   ground_.key, ground_.log,   ground_.metrics,
          outside_.make_random(), database_clock_, compute_,    store_trouble_};
}

Engine::~Engine() = default;

RefusedSecrets Engine::refused_secrets() const {
  RefusedSecrets refused;
  refused.key = dispatch_->condition().key_refused;
  for (std::size_t i = 0; i < mirrors().size(); ++i) {
    const auto& seen = ingest_->condition(i);
    // A missing privilege is refused, too, but by another code.
    const bool of_password = seen.sqlstate.empty() || seen.sqlstate.starts_with("28");
    refused.password = refused.password || (!seen.problem.empty() && of_password &&
                                            seen.kind == source::SourceError::Kind::Refused);
  }
  return refused;
}

void Engine::events_applied() {
  dispatch_->wake();
  writeback_->wake();
}

void Engine::event_missed(std::optional<std::int64_t> list_id) {
  for (std::size_t i = 0; i < mirrors().size(); ++i) {
    if (!list_id || mirrors()[i].list_id == *list_id) reconciler_->event_missed(i);
  }
}

std::vector<std::int64_t> Engine::lists_with_missed_events() const {
  std::vector<std::int64_t> lists;
  for (std::size_t i = 0; i < mirrors().size(); ++i) {
    if (reconciler_->misses_event(i)) lists.push_back(mirrors()[i].list_id);
  }
  return lists;
}

void Engine::make_reconciler(const std::vector<pipeline::MirrorState>& states) {
  list_worker_ = outside_.make_worker("list");
  pipeline::ReconcilerHooks hooks;
  hooks.plan = [this](std::size_t mirror) -> const pipeline::MirrorPlan& { return mirrors()[mirror]; };
  hooks.paused = [this](std::size_t mirror) { return paused_[mirror] || !leads_; };
  hooks.adopted = [this](std::size_t mirror) {
    // Of an empty list, before it is kept as taken over.
    dispatch_->set_blocked(mirror, !leads_);
  };
  hooks.changed = [this] {
    dispatch_->wake();
    writeback_->wake();
    ingest_->sync_now();  // the values of those who are sent again come with the next read
  };
  pipeline::ReconcilerOptions options;
  options.writes_on_v1 = settings_.stibee.api == settings::ApiVersion::V1;
  reconciler_ = std::make_unique<pipeline::Reconciler>(services(), *list_worker_, *dispatch_, *dialect_,
                                                       states, options, std::move(hooks));
  for (std::size_t i = 0; i < mirrors().size(); ++i)
    serve(i);
  ingest_->on_commit([this](std::size_t mirror, runtime::MonotonicTime began) {
    has_past_[mirror] = true;
    if (began < reads_from_[mirror]) return;
    if (awaits_read_[mirror]) set_awaits_read(mirror, false);
    reconciler_->table_was_read(mirror);
  });
}

void Engine::spawn(asio::awaitable<void> loop) {
  ++running_;
  asio::co_spawn(ground_.context, std::move(loop), [this](std::exception_ptr error) {
    --running_;
    if (error) {
      std::string what = "unknown";
      try {
        std::rethrow_exception(error);
      } catch (const std::exception& failure) {
        what = privacy::sanitise(failure.what());
      }
      if (failed_) failed_(what);
    }
    ended_->wake();
  });
}

void Engine::start_dispatch(std::function<void(std::string)> failed) {
  failed_ = std::move(failed);
  spawn(dispatch_->run());
}

void Engine::start(std::function<void(std::string)> failed) {
  for (std::size_t i = 0; i < mirrors().size(); ++i)
    set_awaits_read(i, has_past_[i]);
  start_dispatch(std::move(failed));
  watch_feeds();
  start_ingest();
  start_writeback();
  for (std::size_t i = 0; i < mirrors().size(); ++i)
    spawn(reconciler_->run(i));
}

void Engine::watch_feeds() {
  std::vector<std::string> names;
  for (const auto& plan : mirrors()) {
    if (plan.changefeed) names.push_back(plan.name);
  }
  if (names.empty()) return;
  auto wake = [context = &ground_.context, self = std::weak_ptr(self_)](const std::string& mirror,
                                                                        source::FeedListener::Why why) {
    asio::post(*context, [self, mirror, why] {
      if (const auto engine = self.lock()) (*engine)->ingest().heard(mirror, why);
    });
  };
  feed_ = outside_.change_feed();
  listener_ = outside_.listener(std::move(names), std::move(wake));
  ingest_->watch_feeds(*feed_, *listener_, may_call_);
  if (!leads_) ingest_->stand_by();
}

void Engine::start_ingest() {
  spawn(ingest_->run());
}

void Engine::start_writeback() {
  spawn(writeback_->run());
}

void Engine::start_adopting() {
  for (std::size_t i = 0; i < mirrors().size(); ++i) {
    if (!paused_[i] && !reconciler_->adopted(i)) spawn(reconciler_->adopt(i));
  }
}

bool Engine::adopting() const {
  for (std::size_t i = 0; i < mirrors().size(); ++i) {
    if (!paused_[i] && !forbidden(i) && !reconciler_->adopted(i)) return true;
  }
  return false;
}

void Engine::block_all(bool blocked) {
  all_blocked_ = blocked;
  for (std::size_t i = 0; i < mirrors().size(); ++i)
    serve(i);
}

void Engine::serve(std::size_t mirror) {
  dispatch_->set_blocked(mirror, !leads_ || all_blocked_ || !reconciler_->adopted(mirror));
}

/// What waits is what the table, or a person, said before: a later no in the table comes first.
void Engine::set_awaits_read(std::size_t mirror, bool awaits) {
  awaits_read_[mirror] = awaits;
  if (awaits) reads_from_[mirror] = ground_.clock.monotonic();
  dispatch_->set_awaits_read(mirror, awaits);
  writeback_->set_paused(mirror, paused_[mirror] || awaits);
}

void Engine::stand_by() {
  leads_ = false;
  ingest_->stand_by();
  reconciler_->stand_by();
  for (std::size_t i = 0; i < mirrors().size(); ++i)
    serve(i);
}

void Engine::lead(const std::map<delivery::LimiterClass, std::size_t>& calls) {
  leads_ = true;
  dispatch_->inherit(calls);
  ingest_->lead();
  reconciler_->lead();
  for (std::size_t i = 0; i < mirrors().size(); ++i) {
    reads_from_[i] = ground_.clock.monotonic();
    set_awaits_read(i, has_past_[i]);
    serve(i);
  }
  ingest_->sync_now();
}

void Engine::set_paused(std::size_t mirror, bool paused) {
  const bool ends = paused_[mirror] && !paused;
  paused_[mirror] = paused;
  set_awaits_read(mirror, ends || awaits_read_[mirror]);
  serve(mirror);
  ingest_->set_paused(mirror, paused);
  dispatch_->set_paused(mirror, paused);
  // Also where a change feed would be drained otherwise, and perhaps found empty.
  if (ends) ingest_->sync_now(mirror);
  reconciler_->wake();
}

asio::awaitable<void> Engine::stop(domain::Duration limit) {
  stopping_ = true;
  ingest_->stop();
  dispatch_->stop();
  writeback_->stop();
  reconciler_->stop();
  const auto deadline = ground_.clock.monotonic() + limit;
  while (running_ > 0 && ground_.clock.monotonic() < deadline)
    co_await ended_->wait_until(deadline);
  outside_.cut_off();
  writeback_->cut_off();
  while (running_ > 0)
    co_await ended_->wait_until(runtime::forever);
  // Its thread may take a moment to end.
  auto end = [listener = std::shared_ptr(std::move(listener_))]() mutable { listener.reset(); };
  co_await runtime::offload(*list_worker_, std::move(end));
}

void Engine::watch_over(telemetry::Health& health) {
  const auto now = [] { return telemetry::Health::Time::clock::now(); };
  health.expect("ingest", std::chrono::seconds(30), now());
  health.expect("dispatch", std::chrono::seconds(60), now());
  health.expect("writeback", std::chrono::seconds(60), now());
  ingest_->on_beat(
      [&health, now](std::optional<domain::Duration> within) { health.beat("ingest", now(), within); });
  dispatch_->on_beat([&health, now] { health.beat("dispatch", now()); });
  writeback_->on_beat(
      [&health, now](std::optional<domain::Duration> within) { health.beat("writeback", now(), within); });
}

}  // namespace stibee_sync::app
