#include "app/control_service.hpp"
#include "app/exit_code.hpp"
#include "app/foreground.hpp"
#include "app/lone_engine.hpp"
#include "app/progress.hpp"
#include "app/render.hpp"
#include "app/report.hpp"
#include "app/setup.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <iostream>

namespace stibee_sync::app {
namespace {

namespace asio = boost::asio;

class OnePass {
 public:
  OnePass(const Ground& ground, const settings::Settings& settings, const Options& options)
      : ground_(ground),
        engine_(ground, settings),
        view_(daemon_view({}, settings, ground.clock.utc())),
        timeout_(options.timeout),
        with_report_(options.json),
        timer_(ground.clock.make_timer()) {
    view_.needs_daemon = false;
  }

  asio::awaitable<void> run() {
    const auto led_elsewhere = co_await engine_.open();
    if (led_elsewhere) {
      std::cerr << *led_elsewhere << "\n";
      code_ = ExitCode::try_later;
      co_return;
    }
    engine_.take_over();
    engine_->start_adopting();
    for (std::size_t i = 0; i < engine_->mirrors().size() && !interrupted_; ++i)
      co_await read(i);
    // One whose table cannot be read keeps nobody of the others waiting.
    if (!interrupted_) co_await deliver();
    if (code_ == ExitCode::ok) {
      const auto unwritten = co_await engine_.write_back();
      if (!unwritten.empty()) {
        progress_.end();
        std::cerr << unwritten << "\n";
        code_ = ExitCode::try_later;
      }
    }
    progress_.end();
    if (code_ == ExitCode::ok) code_ = unread_;
    for (std::size_t i = 0; i < engine_->mirrors().size() && code_ != ExitCode::internal; ++i) {
      if (!engine_->forbidden(i)) continue;
      std::cerr << engine_->mirrors()[i].name << ": Stibee does not let this key use list "
                << engine_->mirrors()[i].list_id
                << "; check `list_id`, the workspace of the key, and its plan\n";
      if (code_ == ExitCode::ok) code_ = ExitCode::try_later;
    }
    for (std::size_t i = 0; i < engine_->mirrors().size() && code_ != ExitCode::internal; ++i) {
      const auto refused = engine_->refused(i);
      if (refused.empty() || engine_->forbidden(i)) continue;
      std::cerr << engine_->mirrors()[i].name << ": " << refused << "\n";
      if (code_ == ExitCode::ok) code_ = ExitCode::try_later;
    }
    if (code_ == ExitCode::ok && held_) {
      std::cerr << "the guard holds changes back; see `stibee-syncd guard`\n";
      code_ = ExitCode::held;
    }
    if (code_ == ExitCode::ok && paused_) code_ = ExitCode::try_later;
    co_await engine_.stop();
    if (with_report_) {
      auto look = [plans = engine_->mirrors(), now = ground_.clock.utc()](store::Store& store) {
        return view_mirrors(store, plans, now);
      };
      const auto seen = co_await ground_.store.run(std::move(look));
      view_ = view_of(*engine_, seen.value(), ground_.clock.utc());
      view_.needs_daemon = false;
    }
  }

  void interrupt() {
    code_ = ExitCode::try_later;
    interrupted_ = true;
    engine_.interrupt();
    if (engine_) engine_->ingest().stop();
    timer_->wake();
  }
  int code() const { return code_; }
  pipeline::DispatchCondition condition() const { return engine_->dispatch().condition(); }
  /// Once it has run, if it was to make one.
  json::Value report() const { return status_report(view_); }

 private:
  asio::awaitable<void> read(std::size_t mirror) {
    const auto& name = engine_->mirrors()[mirror].name;
    if (engine_->paused(mirror)) {
      std::cerr << name << " is paused: nothing is read or sent until `stibee-syncd resume`\n";
      paused_ = true;
      co_return;
    }
    progress_.show(name + ": reading the table");
    const auto outcome = co_await engine_->ingest().cycle(mirror);
    if (outcome == pipeline::CycleOutcome::Held) held_ = true;
    if (outcome != pipeline::CycleOutcome::Failed && outcome != pipeline::CycleOutcome::Untrusted) co_return;
    const auto& condition = engine_->ingest().condition(mirror);
    progress_.end();
    std::cerr << name << ": " << condition.problem << "\n";
    source::SourceError error;
    error.kind = condition.kind;
    if (unread_ == ExitCode::ok) unread_ = exit_code_of(error);
    // What it said before may be old; who leaves goes.
    engine_->await_read(mirror);
    // Its list waits for the table. In this life only: the state does not hear of it.
    if (!engine_->reconciler().adopted(mirror)) engine_->set_paused(mirror, true);
  }

  asio::awaitable<void> deliver() {
    engine_->dispatch().on_progress([this] { timer_->wake(); });
    engine_->start_dispatch([this](const std::string& what) {
      std::cerr << "internal error: " << what << "\n";
      code_ = ExitCode::internal;
      timer_->wake();
    });
    const auto total = co_await pending();
    auto left = total;
    auto last_progress = ground_.clock.monotonic();
    std::size_t last_settled = 0;
    std::size_t last_read = 0;
    // Before its list was taken over, a mirror is not served.
    while ((left > 0 || engine_->adopting()) && code_ == ExitCode::ok && !interrupted_) {
      co_await read_for_groups();
      const auto now = ground_.clock.monotonic();
      const auto condition = engine_->dispatch().condition();
      const auto read = entries_read();
      if (condition.settled != last_settled || read != last_read) {
        last_settled = condition.settled;
        last_read = read;
        last_progress = now;
      }
      if (condition.key_refused) {
        std::cerr << "Stibee refuses the API key; nothing is lost: " << text::with_thousands(left)
                  << " people wait\n";
        code_ = ExitCode::try_later;
        break;
      }
      if (now - last_progress >= timeout_) {
        std::cerr << "no progress for " << duration_text(std::chrono::duration<double>(timeout_).count())
                  << (condition.problem.empty() ? "" : ": " + condition.problem)
                  << "; nothing is lost: " << text::with_thousands(left) << " people wait\n";
        code_ = ExitCode::try_later;
        break;
      }
      if (engine_->adopting()) {
        progress_.show("reading the list, " + text::with_thousands(read) + " people");
      } else {
        show(total, left, condition);
      }
      co_await timer_->wait_until(std::min(now + std::chrono::milliseconds(500), last_progress + timeout_));
      left = co_await pending();
    }
  }

  asio::awaitable<void> read_for_groups() {
    for (std::size_t i = 0; i < engine_->mirrors().size(); ++i) {
      if (engine_->misses_group(i)) co_await read(i);
    }
  }

  std::size_t entries_read() const {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < engine_->mirrors().size(); ++i)
      sum += engine_->reconciler().report(i).read;
    return sum;
  }

  void show(std::size_t total, std::size_t left, const pipeline::DispatchCondition& condition) {
    const auto done = static_cast<std::int64_t>(total - std::min(total, left));
    // Of what waits, nearly all are subscribes.
    const double seconds = seconds_at_limits(view_, {{domain::Lane::Upsert, left}});
    progress_.show(text::with_thousands(done) + " of " + text::with_thousands(total) + " people, " +
                   text::with_thousands(condition.calls) + " calls, " + duration_text(seconds) +
                   " left at the limit" + (condition.problem.empty() ? "" : " (" + condition.problem + ")"));
  }

  asio::awaitable<std::size_t> pending() {
    struct Served {
      store::MirrorId id;
      bool without_upserts = false;
    };
    std::vector<Served> mirrors;
    for (std::size_t i = 0; i < engine_->mirrors().size(); ++i) {
      if (!engine_->paused(i) && !engine_->forbidden(i))
        mirrors.push_back({engine_->mirrors()[i].id, engine_->awaits_read(i)});
    }
    auto work = [mirrors = std::move(mirrors), now = ground_.clock.utc()](store::Store& store) {
      std::size_t sum = 0;
      for (const auto& [id, without_upserts] : mirrors) {
        sum += store.pending(id, now);
        if (without_upserts) sum -= store.backlog(id, now).pending[domain::Lane::Upsert].people;
      }
      return sum;
    };
    const auto waiting = co_await ground_.store.run(std::move(work));
    co_return waiting.value();
  }

  const Ground& ground_;
  LoneEngine engine_;
  DaemonView view_;
  domain::Duration timeout_;
  bool with_report_;
  std::unique_ptr<runtime::Timer> timer_;
  Progress progress_;
  int code_ = ExitCode::ok;
  int unread_ = ExitCode::ok;  // what is wrong with the first table that could not be read
  bool held_ = false;
  bool paused_ = false;
  bool interrupted_ = false;
};

}  // namespace

int sync(const Options& options) {
  const auto settings = load_settings(options, settings::SecretFiles::Read);
  auto log = make_log(settings);
  auto state = open_state(settings, log);
  bool is_sound = true;
  {
    const auto dialect = make_dialect(settings);
    const auto reader = source::make_postgres_reader(database_connection(settings));
    const auto described = describe_sources(*reader, settings, *dialect);
    for (const auto& problem : described.problems)
      std::cerr << settings::to_string(problem) << "\n";
    is_sound = described.problems.empty();
    // Of several mirrors, the others go on.
    if (!is_sound && settings.mirrors.size() == 1) return ExitCode::bad_config;
  }
  Foreground foreground(settings, log, std::move(state.store));
  OnePass pass(foreground.ground(), settings, options);
  foreground.run(pass.run(), [&] { pass.interrupt(); });
  if (options.json) {
    std::cout << json::to_pretty_string(pass.report()) << "\n";
  } else if (pass.code() == ExitCode::ok || pass.code() == ExitCode::held) {
    const auto condition = pass.condition();
    std::cout << (pass.code() == ExitCode::held ? "in step but for what is held: " : "in step: ")
              << text::with_thousands(condition.settled) << " people brought up to date with "
              << condition.calls << " calls\n";
  }
  return pass.code() == ExitCode::ok && !is_sound ? ExitCode::bad_config : pass.code();
}

}  // namespace stibee_sync::app
