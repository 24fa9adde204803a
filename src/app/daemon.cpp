#include "app/daemon.hpp"

#include "app/exit_code.hpp"
#include "app/page/page.hpp"
#include "app/writeback_check.hpp"
#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/runtime/system_clock.hpp"
#include "stibee_sync/settings/reload.hpp"

#include <csignal>
#include <iostream>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <climits>

namespace stibee_sync::app {

namespace asio = boost::asio;
using telemetry::Event;
using telemetry::Level;

namespace {

/// After this much of SIGTERM's 5 s the process ends whatever still runs: an unfinished transaction is rolled
/// back at the next start, and every call is safe to repeat.
constexpr std::chrono::milliseconds drain_limit{3500};
constexpr std::chrono::milliseconds stop_limit{4700};

/// Of the 64 that the pages have: so that whoever leaves connections open does not take all.
constexpr std::size_t admin_connections_of_one = 48;

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, HOST_NAME_MAX) == 0 ? name : "unknown";
}

std::chrono::nanoseconds cpu_time_of_thread() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace

Daemon::Daemon(Options options, settings::Settings settings, telemetry::Log& log,
               const telemetry::ServiceManager& service, std::unique_ptr<store::Store> store,
               std::unique_ptr<MoreTime> starting)
    : options_(std::move(options)),
      settings_(std::move(settings)),
      log_(log),
      key_(store->key()),
      metrics_(telemetry::MetricsOptions{STIBEE_VERSION, settings_.stibee.api == settings::ApiVersion::V2,
                                         parked_reasons()}),
      clock_(runtime::make_system_clock(context_.get_executor())),
      store_(std::make_unique<runtime::Confined<store::Store>>(
          std::move(store), runtime::make_timed_worker(runtime::make_thread_worker("store"),
                                                       [this](auto took) { metrics_.store_busy(took); }))),
      source_worker_(runtime::make_thread_worker("source")),
      trial_worker_(runtime::make_thread_worker("trial")),
      service_(service),
      starting_(std::move(starting)),
      signals_(context_, SIGTERM, SIGINT, SIGHUP),
      ground_{context_, *clock_, *source_worker_, *store_, key_, log_, metrics_},
      leadership_(ground_),
      engines_(*clock_),
      chronicle_{{STIBEE_VERSION, host_name(), clock_->utc()}, {}, {}},
      control_(ground_, engines_, health_, chronicle_, leadership_, [this] { return reload_and_wait(); }),
      events_(ground_, engines_),
      notices_(ground_, system_random(), host_name(), real_post(context_.get_executor())),
      told_(clock_->make_timer()),
      reloaded_(*clock_) {
  for (const auto& mirror : settings_.mirrors)
    metrics_.declare_mirror(mirror.name);
  log_.watch([this](Event event, auto time, std::span<const telemetry::Field> fields) {
    const auto at = std::chrono::floor<domain::UtcTime::duration>(time);
    if (auto happening = happening_of(event, at, fields)) chronicle_.happenings.add(std::move(*happening));
  });
}

Daemon::~Daemon() {
  log_.watch({});
  // The threads first: their jobs resume on the context.
  store_.reset();
  source_worker_.reset();
  trial_worker_.reset();
}

int Daemon::run() {
  log_.event(Level::Info, Event::DaemonStart, "starting",
             {{"version", STIBEE_VERSION},
              {"config", options_.config.string()},
              {"mirrors", settings_.mirrors.size()}});
  try {
    listen();
  } catch (const std::system_error& error) {
    const bool taken = error.code() == std::errc::address_in_use;
    log_.event(Level::Error, Event::DaemonStopped, error.what(),
               {{"cure", taken ? "free the address, or choose another" : "make it so, or choose another"}});
    return ExitCode::unavailable;
  }
  await_signal();
  asio::co_spawn(context_, live(), [this](std::exception_ptr error) { ended(error); });
  turn();
  return code_;
}

void Daemon::turn() {
  using Clock = std::chrono::steady_clock;
  while (!context_.stopped()) {
    const auto began = Clock::now();
    if (context_.poll_one() > 0) {
      metrics_.loop_block(Clock::now() - began);
      continue;
    }
    // Nothing was ready: of what comes first after a rest, the rest is no part. Its CPU time is known.
    const auto used = cpu_time_of_thread();
    context_.run_one();
    metrics_.loop_block(cpu_time_of_thread() - used);
  }
}

asio::awaitable<void> Daemon::live() {
  leadership_.follow(settings_);
  co_await start_engine();
  asio::co_spawn(context_, leadership_.run(hooks_of(engine_, leadership_)), [](std::exception_ptr) {});
  started();
  for (;;) {
    while (!stopping_ && !next_settings_)
      co_await told_->wait_until(runtime::forever);
    // Who calls meanwhile is still served: an event is on disk whatever engine took it.
    co_await engine_->stop(drain_limit);
    if (stopping_) break;
    co_await engines_.take_back();
    remember_engine();
    const auto missed = engine_->lists_with_missed_events();
    const auto turn = reloads_;
    auto report = report_reload(settings_, *next_settings_, engine_->refused_secrets(), system_environment);
    engine_.reset();
    auto fresh = std::move(*next_settings_);
    next_settings_.reset();
    put_in_force(std::move(fresh));
    leadership_.follow(settings_);
    co_await start_engine();
    for (const auto list_id : missed)
      engine_->event_missed(list_id);
    metrics_.config_reload(true);
    log_.event(report.warns ? Level::Warn : Level::Info, Event::DaemonReload, report.text,
               {{"mirrors", settings_.mirrors.size()}, {"new_secrets", report.renewed}});
    service_.ready("running");
    last_reload_ = std::move(report);
    reloads_done_ = turn;
    reloaded_.ring();
  }
  // What the logs hold goes into the files: each can be copied, or put in its place, by itself.
  co_await store_->close();
}

asio::awaitable<void> Daemon::start_engine() {
  auto may_call = std::function<bool()>([this] { return leadership_.may_call(); });
  auto opened = co_await Engine::open(&ground_, &settings_, std::move(may_call));
  engine_ = std::move(opened);
  if (!leadership_.leads()) engine_->stand_by();
  engine_->events().others_called_until(leadership_.leads_since());
  engine_->watch_over(health_);
  engine_->start([this](const std::string& what) { engine_failed(what); });
  engines_.lend(*engine_);
  asio::co_spawn(context_, try_writebacks(), [](std::exception_ptr) {});
}

void Daemon::remember_engine() {
  for (std::size_t i = 0; i < engine_->mirrors().size(); ++i) {
    const auto progress = engine_->dispatch().progress(i);
    chronicle_.history.note(engine_->mirrors()[i].name, {progress.people_so_far, progress.calls_so_far, 0},
                            clock_->utc());
  }
  chronicle_.history.begin_anew();
}

asio::awaitable<void> Daemon::try_writebacks() {
  const auto tried = std::make_shared<const settings::Settings>(settings_);
  auto work = [tried] {
    const auto dialect = make_dialect(*tried);
    const auto writer = source::make_postgres_writer(write_connection(*tried));
    return prepare_writebacks(*writer, *tried, *dialect);
  };
  const auto prepared = co_await runtime::offload(*trial_worker_, std::move(work));
  log_problems(log_, prepared.broken);
  // May be granted while the daemon runs.
  for (const auto& problem : prepared.forbidden) {
    log_.event(Level::Error, Event::WritebackFailed, settings::to_string(problem));
  }
}

/// Only a bug gets here. systemd starts us anew, and the state on disk is whole.
void Daemon::engine_failed(const std::string& what) {
  log_.event(Level::Error, Event::DaemonStopping, "internal error: " + what);
  code_ = ExitCode::internal;
  begin_stop();
}

void Daemon::ended(const std::exception_ptr& error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const store::StoreError& failure) {
    log_.event(Level::Error, Event::StoreFailed, failure.what());
    code_ = ExitCode::io_error;
  } catch (const std::exception& failure) {
    log_.event(Level::Error, Event::DaemonStopping, "internal error: " + privacy::sanitise(failure.what()));
    code_ = ExitCode::internal;
  }
  finish();
}

void Daemon::started() {
  health_.config_loaded(true);
  metrics_.config_reload(true);  // an alert on 0 must not fire until somebody reloads
  health_.state_open(true);
  asio::co_spawn(context_, watch(), [](std::exception_ptr) {});
  asio::co_spawn(context_, control_.end_pauses(), [this](std::exception_ptr error) { page_failed(error); });
  notices_.admit(settings_);
  asio::co_spawn(context_, tell_state(), [](std::exception_ptr) {});
  asio::co_spawn(context_, notices_.run(), [](std::exception_ptr) {});
  starting_.reset();
  service_.ready("running");
  log_.event(
      Level::Info, Event::DaemonReady, "ready",
      {{"webhook", webhook_ ? text::ListenAddress{settings_.webhook->listen.host, webhook_->port()}.text()
                            : std::string("off")},
       {"admin", admin_ ? text::ListenAddress{settings_.admin.listen->host, admin_->port()}.text()
                        : std::string("off")},
       {"control", settings_.control.socket.string()}});
}

void Daemon::put_in_force(settings::Settings fresh) {
  for (const auto& mirror : settings_.mirrors)
    metrics_.remove_mirror(mirror.name);
  settings_ = std::move(fresh);
  for (const auto& mirror : settings_.mirrors)
    metrics_.declare_mirror(mirror.name);
  hide_secrets(log_, settings_);
  log_.set_level(log_level(settings_.log.level));
  if (settings_.webhook) events_.admit(*settings_.webhook);
  notices_.admit(settings_);
}

void Daemon::listen() {
  if (settings_.admin.listen) {
    http::ServerOptions options(*settings_.admin.listen);
    options.allowed_hosts = settings_.admin.allowed_hosts;
    options.host_cure = "ask by address, or add the name to admin.allowed_hosts";
    options.content_security_policy = page_policy;
    options.peer_connections = [](const std::string&) { return admin_connections_of_one; };
    options.on_error = [this](std::exception_ptr error) { page_failed(error); };
    admin_ =
        std::make_unique<http::Server>(context_.get_executor(), std::move(options), control_.admin_handler());
    admin_->start();
  }
  if (settings_.webhook) {
    events_.admit(*settings_.webhook);
    webhook_ = std::make_unique<http::Server>(context_.get_executor(),
                                              events_.server_options(*settings_.webhook), events_.handler());
    webhook_->start();
  }
  http::ServerOptions options{http::UnixSocketAddress{settings_.control.socket, settings_.control.group}};
  options.allowed_methods = {"GET", "POST"};
  options.max_body_bytes = 64 * 1024;
  options.on_error = [this](std::exception_ptr error) { page_failed(error); };
  control_.on_store_error([this](const std::string& what) { store_failed(what); });
  socket_ = std::make_unique<http::Server>(context_.get_executor(), std::move(options),
                                           control_.control_handler(settings_.control.socket));
  socket_->start();
}

void Daemon::page_failed(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const store::StoreError& failure) {
    store_failed(failure.what());
  } catch (const std::exception& failure) {
    log_.debug("a page failed", {{"detail", failure.what()}});
  }
}

void Daemon::store_failed(const std::string& what) {
  metrics_.store_error();
  if (const auto left_out = page_trouble_.happened(clock_->monotonic(), what))
    log_.event(Level::Error, Event::StoreFailed, what, {{"left_out", *left_out}});
}

void Daemon::await_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal == SIGHUP) {
      if (!stopping_) reload();
    } else if (stopping_) {
      ::_exit(128 + signal);  // the second one: at once
    } else {
      begin_stop();
    }
    await_signal();
  });
}

void Daemon::begin_stop() {
  if (stopping_) return;
  stopping_ = true;
  log_.event(Level::Info, Event::DaemonStopping, "no new calls; waiting for those in flight");
  service_.stopping("stopping");
  health_.stopping();
  if (webhook_) webhook_->stop();
  if (admin_) admin_->stop();
  if (socket_) socket_->stop();
  notices_.stop();
  told_->wake();
  asio::co_spawn(context_, cut_off(), [](std::exception_ptr) {});
}

asio::awaitable<void> Daemon::cut_off() {
  const auto timer = clock_->make_timer();
  co_await timer->wait_until(clock_->monotonic() + stop_limit);
  finish();
}

void Daemon::finish() {
  log_.event(Level::Info, Event::DaemonStopped, "stopped");
  log_.flush(std::chrono::milliseconds(200));
  // Not through destructors: a name server that does not answer would hold them up. The state is closed, or
  // all of it that counts is on disk.
  std::cout.flush();
  ::_exit(code_);
}

std::optional<ReloadReport> Daemon::reload() {
  service_.reloading(std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now().time_since_epoch()));
  auto result = load_settings_quietly(options_.config, settings::SecretFiles::Read);
  if (!result) {
    log_problems(log_, result.problems());
    return reload_failed("the old settings stay in force", result.problems());
  }
  auto fresh = std::move(result).settings();
  const auto restart = settings::needs_restart(settings_, fresh);
  if (!restart.empty()) {
    std::string keys;
    for (const auto& key : restart)
      keys += (keys.empty() ? "" : ", ") + key;
    return reload_failed("these keys only change with a restart: " + keys +
                         "; the old settings stay in force");
  }
  next_settings_ = std::move(fresh);
  ++reloads_;
  told_->wake();
  return std::nullopt;
}

asio::awaitable<ReloadReport> Daemon::reload_and_wait() {
  auto refused = reload();
  if (refused) co_return std::move(*refused);
  const auto mine = reloads_;
  while (reloads_done_ < mine)
    co_await reloaded_.wait();
  co_return last_reload_;
}

ReloadReport Daemon::reload_failed(const std::string& why, const std::vector<settings::Problem>& problems) {
  metrics_.config_reload(false);
  log_.event(Level::Error, Event::DaemonReloadFailed, why, {{"config", options_.config.string()}});
  service_.ready("running");
  return refused_reload(why, problems);
}

asio::awaitable<void> Daemon::watch() {
  const auto timer = clock_->make_timer();
  const auto watchdog = service_.watchdog_timeout();
  const auto pause = watchdog ? std::min<std::chrono::nanoseconds>(*watchdog / 2, std::chrono::seconds(5))
                              : std::chrono::nanoseconds(std::chrono::seconds(5));
  while (!stopping_) {
    const auto live = health_.live(telemetry::Health::Time::clock::now());
    if (live.ok) service_.feed_watchdog();
    const auto next = clock_->monotonic() + pause;
    co_await timer->wait_until(next);
    // Also where the whole process stood still.
    metrics_.loop_block(clock_->monotonic() - next);
  }
}

asio::awaitable<void> Daemon::tell_state() {
  const auto timer = clock_->make_timer();
  while (!stopping_) {
    auto look = control_.look();
    const auto seen = co_await runtime::answer_of<store::StoreError>(std::move(look));
    if (stopping_) break;
    service_.status(seen ? state_line(seen.value()) : "the state cannot be read: " + seen.error());
    if (seen) notices_.look(seen.value());
    co_await timer->wait_until(clock_->monotonic() + std::chrono::seconds(5));
  }
}

int run_daemon(const Options& options) {
  auto loaded = load_settings_quietly(options.config, settings::SecretFiles::Read);
  if (!loaded) {
    // Nobody may read a daemon's standard error but through what collects its log.
    auto log = make_log(settings::Settings{});
    log_problems(log, loaded.problems());
    return ExitCode::bad_config;
  }
  auto settings = std::move(loaded).settings();
  auto log = make_log(settings);
  const auto service = telemetry::ServiceManager::from_environment();
  auto starting = std::make_unique<MoreTime>(service);
  // The database is not asked: one that is away when a machine boots, or a table that is, must not keep the
  // daemon from being there for webhooks and for whoever asks.
  auto state = open_state(settings, log, Complaint::Logged);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is like a full disk
  Daemon daemon(options, std::move(settings), log, service, std::move(state.store), std::move(starting));
  return daemon.run();
}

}  // namespace stibee_sync::app
