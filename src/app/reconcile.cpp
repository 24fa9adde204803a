#include "app/ask.hpp"
#include "app/control_service.hpp"
#include "app/exit_code.hpp"
#include "app/progress.hpp"
#include "app/reconcile_report.hpp"
#include "app/render.hpp"
#include "app/setup.hpp"
#include "stibee_sync/runtime/system_clock.hpp"

#include <csignal>
#include <exception>
#include <iostream>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

// `reconcile`: beside a daemon, which does it, or else by itself.

namespace stibee_sync::app {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds poll_pause{300};

int print(const Options& options, const json::Value& report) {
  if (options.json) {
    std::cout << json::to_pretty_string(report) << "\n";
  } else {
    std::cout << render_reconcile(report);
  }
  return reconcile_exit_code(report);
}

std::string error_of(const Answer& answer) {
  const auto error = text_of(answer.body, "error");
  return error.empty() ? "the daemon answers oddly" : error;
}

/// The daemon has begun; a big list takes many minutes.
int follow(const Options& options, const settings::Settings& settings) {
  Progress progress;
  for (;;) {
    const auto answer = ask_daemon(settings, "GET", "/reconcile");
    if (!answer || answer->status != 200) {
      progress.end();
      std::cerr << (answer ? error_of(*answer) : std::string("the daemon has stopped")) << "\n";
      return ExitCode::unavailable;
    }
    const auto* running = answer->body.find("running");
    if (running == nullptr || running->if_bool() == nullptr || !*running->if_bool()) {
      progress.end();
      return print(options, answer->body);
    }
    progress.show(render_reconcile_progress(answer->body));
    std::this_thread::sleep_for(poll_pause);
  }
}

/// One comparison of every mirror without a daemon. With --repair this is a daemon without listeners until
/// what was mended is delivered: the table is read first, so that nothing is sent that it no longer wants.
class LoneComparison {
 public:
  LoneComparison(Ground ground, Engine& engine, bool repair)
      : engine_(engine), repair_(repair), timer_(ground.clock.make_timer()), clock_(ground.clock) {}

  asio::awaitable<void> run() {
    const auto failed = [this](const std::string& what) {
      std::cerr << "internal error: " << what << "\n";
      code_ = ExitCode::internal;
      interrupt();
    };
    // Calls that only ask need the outbound loop, too.
    engine_.block_all(true);
    if (!repair_) {
      engine_.start_dispatch(failed);
    } else {
      co_await read_tables();
      if (code_ == ExitCode::ok) {
        engine_.start_dispatch(failed);
        engine_.start_ingest();
        engine_.block_all(false);
      }
    }
    for (std::size_t i = 0; i < engine_.mirrors().size() && code_ == ExitCode::ok; ++i)
      co_await engine_.reconciler().compare_list(i, repair_, pipeline::most_list_failures_asked);
    progress_.end();
    co_await engine_.stop(std::chrono::seconds(4));
    done_ = true;
  }

  asio::awaitable<void> show() {
    while (!done_) {
      progress_.show(render_reconcile_progress(reconcile_progress(views())));
      co_await timer_->wait_until(clock_.monotonic() + std::chrono::milliseconds(500));
    }
  }

  std::vector<ReconcileView> views() const {
    std::vector<ReconcileView> views;
    for (std::size_t i = 0; i < engine_.mirrors().size(); ++i)
      views.push_back({engine_.mirrors()[i].name, engine_.reconciler().report(i)});
    return views;
  }

  void interrupt() {
    if (code_ == ExitCode::ok) code_ = ExitCode::try_later;
    engine_.reconciler().stop();
    engine_.dispatch().stop();
    engine_.ingest().stop();
  }
  int code() const { return code_; }

 private:
  asio::awaitable<void> read_tables() {
    for (std::size_t i = 0; i < engine_.mirrors().size() && code_ == ExitCode::ok; ++i) {
      progress_.show(engine_.mirrors()[i].name + ": reading the table");
      const auto outcome = co_await engine_.ingest().cycle(i);
      if (outcome != pipeline::CycleOutcome::Failed && outcome != pipeline::CycleOutcome::Untrusted) continue;
      progress_.end();
      const auto& condition = engine_.ingest().condition(i);
      std::cerr << engine_.mirrors()[i].name << ": " << condition.problem << "\n";
      source::SourceError error;
      error.kind = condition.kind;
      code_ = exit_code_of(error);
    }
  }

  Engine& engine_;
  bool repair_;
  std::unique_ptr<runtime::Timer> timer_;
  runtime::Clock& clock_;
  Progress progress_;
  int code_ = ExitCode::ok;
  bool done_ = false;
};

int compare_alone(const Options& options) {
  const auto settings = load_settings(options, settings::SecretFiles::Read);
  auto log = make_log(settings);
  auto state = open_state(settings, log);
  telemetry::Metrics metrics(telemetry::MetricsOptions{STIBEE_VERSION, false, {}});
  for (const auto& mirror : settings.mirrors)
    metrics.declare_mirror(mirror.name);

  asio::io_context context(1);
  const auto clock = runtime::make_system_clock(context.get_executor());
  auto source_worker = runtime::make_thread_worker("source");
  const auto key = state.store->key();
  auto mirrors = open_mirrors(*state.store, mirror_plans(settings, *make_dialect(settings)));
  auto confined = std::make_unique<runtime::Confined<store::Store>>(std::move(state.store),
                                                                    runtime::make_thread_worker("store"));
  Ground ground{context, *clock, *source_worker, *confined, key, log, metrics};
  auto engine = std::make_unique<Engine>(ground, settings, std::move(mirrors));
  // Asked of paused mirrors too: "no differences" must not mean that nobody looked.
  bool all_adopted = true;
  for (std::size_t i = 0; i < engine->mirrors().size(); ++i)
    all_adopted = all_adopted && engine->reconciler().adopted(i);
  if (!all_adopted) {
    std::cerr
        << "nothing was sent to this list yet, so there is nothing to compare: run `stibee-syncd sync`, "
           "or the daemon, first\n";
    confined.reset();
    source_worker.reset();
    return ExitCode::try_later;
  }
  LoneComparison comparison(ground, *engine, options.repair);
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) comparison.interrupt();
  });
  asio::co_spawn(context, comparison.show(), [](std::exception_ptr) {});
  asio::co_spawn(context, comparison.run(), [&](std::exception_ptr error) {
    signals.cancel();
    context.stop();
    if (error) std::rethrow_exception(error);
  });
  context.run();
  int code = comparison.code();
  if (code == ExitCode::ok) code = print(options, reconcile_report(comparison.views()));
  // The threads first: their jobs resume on the context.
  confined.reset();
  source_worker.reset();
  engine.reset();
  return code;
}

}  // namespace

int reconcile(const Options& options) {
  const auto settings = load_settings(options, settings::SecretFiles::Skip);
  json::Value body = json::Value::object();
  body.set("repair", options.repair);
  const auto answer = ask_daemon(settings, "POST", "/reconcile", body);
  if (!answer) return compare_alone(options);
  if (answer->status == 200) return follow(options, settings);
  std::cerr << error_of(*answer) << "\n";
  if (answer->status == 403) return ExitCode::refused;
  return answer->status == 409 ? ExitCode::try_later : ExitCode::internal;
}

}  // namespace stibee_sync::app
