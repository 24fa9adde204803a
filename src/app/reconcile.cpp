#include "app/ask.hpp"
#include "app/control_service.hpp"
#include "app/exit_code.hpp"
#include "app/foreground.hpp"
#include "app/lone_engine.hpp"
#include "app/mirror_choice.hpp"
#include "app/progress.hpp"
#include "app/reconcile_report.hpp"
#include "app/render.hpp"
#include "app/setup.hpp"

#include <algorithm>
#include <exception>
#include <iostream>
#include <thread>

#include <boost/asio/co_spawn.hpp>

// `reconcile`: beside a daemon, which does it, or else by itself.

namespace stibee_sync::app {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds poll_pause{300};
/// Of a list that is taken over.
constexpr std::chrono::minutes most_silence{10};

int print(const Options& options, const json::Value& report) {
  if (options.json) {
    std::cout << json::to_pretty_string(report) << "\n";
  } else {
    std::cout << render_reconcile(report);
  }
  return reconcile_exit_code(report);
}

/// The daemon has begun; a big list takes many minutes.
int follow(const Options& options, Whereabouts& where) {
  Progress progress;
  for (;;) {
    const auto query = options.mirror.empty() ? std::string() : "?" + mirror_query(options.mirror);
    const auto answer = ask_daemon(where, "GET", "/reconcile" + query);
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

/// One comparison of those mirrors without a daemon. With --repair this is a daemon without listeners until
/// what was mended is delivered: the table is read first, so that nothing is sent that it no longer wants.
class LoneComparison {
 public:
  LoneComparison(const Ground& ground, const settings::Settings& settings, std::vector<std::size_t> meant,
                 bool repair)
      : ground_(ground),
        meant_(std::move(meant)),
        repair_(repair),
        timer_(ground.clock.make_timer()),
        engine_(ground, settings) {}

  asio::awaitable<void> run() {
    // Whoever only looks sends nothing; but its calls count.
    const auto led_elsewhere = co_await engine_.open();
    if (led_elsewhere) {
      std::cerr << *led_elsewhere << "\n";
      code_ = ExitCode::try_later;
      co_return;
    }
    if (all_adopted()) {
      co_await compare();
    } else {
      std::cerr << "nothing was sent to this list yet, so there is nothing to compare: run `stibee-syncd "
                   "sync`, or the daemon, first\n";
      code_ = ExitCode::try_later;
    }
    co_await engine_.stop();
    done_ = true;
  }

  std::vector<ReconcileView> views() const {
    std::vector<ReconcileView> views;
    for (const auto i : meant_)
      views.push_back({engine_->mirrors()[i].name, engine_->reconciler().report(i)});
    return views;
  }

  void interrupt() {
    if (code_ == ExitCode::ok) code_ = ExitCode::try_later;
    engine_.interrupt();
    if (!engine_) return;
    engine_->reconciler().stop();
    engine_->dispatch().stop();
    engine_->ingest().stop();
  }
  int code() const { return code_; }

 private:
  asio::awaitable<void> compare() {
    leave_others_alone();
    asio::co_spawn(ground_.context, show(), [](std::exception_ptr) {});
    const auto failed = [this](const std::string& what) {
      std::cerr << "internal error: " << what << "\n";
      code_ = ExitCode::internal;
      interrupt();
    };
    // Calls that only ask need the outbound loop, too.
    engine_->block_all(true);
    if (!repair_) {
      engine_->start_dispatch(failed);
    } else {
      engine_.take_over();
      co_await read_tables();
      if (code_ == ExitCode::ok) engine_->start_dispatch(failed);
      co_await lists_taken_over();
      if (code_ == ExitCode::ok) {
        engine_->start_ingest();
        engine_->block_all(false);
      }
    }
    for (const auto i : meant_) {
      if (code_ == ExitCode::ok)
        co_await engine_->reconciler().compare_list(i, repair_, pipeline::most_list_failures_asked);
    }
    // A later no in the table comes before an earlier yes that waits to be written to it.
    if (code_ == ExitCode::ok && !repair_) {
      const auto to_write = co_await engine_.writebacks();
      if (to_write > 0) co_await read_tables();
    }
    std::string unwritten;
    if (code_ == ExitCode::ok) unwritten = co_await engine_.write_back();
    progress_.end();
    if (!unwritten.empty()) std::cerr << unwritten << "\n";
  }

  /// Where a lead was gained. Whoever only looks needs none of that.
  asio::awaitable<void> lists_taken_over() {
    engine_->start_adopting();
    auto until = ground_.clock.monotonic() + most_silence;
    std::size_t read = 0;
    while (code_ == ExitCode::ok && engine_->adopting()) {
      std::size_t now_read = 0;
      for (const auto i : meant_)
        now_read += engine_->reconciler().report(i).read;
      const auto now = ground_.clock.monotonic();
      if (std::exchange(read, now_read) != now_read) until = now + most_silence;
      if (now >= until) {
        progress_.end();
        std::cerr << "the list could not be taken over; see the log, and try again later\n";
        code_ = ExitCode::try_later;
        break;
      }
      co_await timer_->wait_until(now + std::chrono::milliseconds(200));
    }
  }

  // Asked of paused mirrors too: "no differences" must not mean that nobody looked.
  bool all_adopted() const {
    return std::all_of(meant_.begin(), meant_.end(),
                       [this](std::size_t i) { return engine_->reconciler().adopted(i); });
  }

  /// In this life only: the state does not hear of it.
  void leave_others_alone() {
    for (std::size_t i = 0; i < engine_->mirrors().size(); ++i) {
      if (std::find(meant_.begin(), meant_.end(), i) == meant_.end()) engine_->set_paused(i, true);
    }
  }

  asio::awaitable<void> show() {
    while (!done_) {
      progress_.show(render_reconcile_progress(reconcile_progress(views())));
      co_await timer_->wait_until(ground_.clock.monotonic() + std::chrono::milliseconds(500));
    }
  }

  asio::awaitable<void> read_tables() {
    for (const auto i : meant_) {
      if (code_ != ExitCode::ok) break;
      progress_.show(engine_->mirrors()[i].name + ": reading the table");
      const auto outcome = co_await engine_->ingest().cycle(i);
      if (outcome != pipeline::CycleOutcome::Failed && outcome != pipeline::CycleOutcome::Untrusted) continue;
      progress_.end();
      const auto& condition = engine_->ingest().condition(i);
      std::cerr << engine_->mirrors()[i].name << ": " << condition.problem << "\n";
      source::SourceError error;
      error.kind = condition.kind;
      code_ = exit_code_of(error);
    }
  }

  const Ground& ground_;
  std::vector<std::size_t> meant_;
  bool repair_;
  std::unique_ptr<runtime::Timer> timer_;
  LoneEngine engine_;
  Progress progress_;
  int code_ = ExitCode::ok;
  bool done_ = false;
};

int compare_alone(const Options& options) {
  const auto settings = load_settings(options, settings::SecretFiles::Read);
  const auto names = names_of(settings);
  auto meant = mirrors_meant(names, options.mirror);
  if (meant.empty()) {
    std::cerr << no_such_mirror(names, options.mirror) << "\n";
    return ExitCode::no_such_thing;
  }
  auto log = make_log(settings);
  auto state = open_state(settings, log);
  Foreground foreground(settings, log, std::move(state.store));
  LoneComparison comparison(foreground.ground(), settings, std::move(meant), options.repair);
  foreground.run(comparison.run(), [&] { comparison.interrupt(); });
  if (comparison.code() != ExitCode::ok) return comparison.code();
  return print(options, reconcile_report(comparison.views()));
}

}  // namespace

int reconcile(const Options& options) {
  auto where = whereabouts(options, Intent::Change);
  json::Value body = json::Value::object();
  body.set("repair", options.repair);
  if (!options.mirror.empty()) body.set("mirror", options.mirror);
  const auto answer = ask_daemon(where, "POST", "/reconcile", body);
  if (!answer && !where.usable()) return ExitCode::bad_config;
  if (!answer) return compare_alone(options);
  if (answer->status == 200) return follow(options, where);
  return exit_code_of(*answer);
}

}  // namespace stibee_sync::app
