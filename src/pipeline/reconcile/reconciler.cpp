#include "stibee_sync/pipeline/reconciler.hpp"

#include "pipeline/reconcile/reconcile_pass.hpp"
#include "stibee_sync/pipeline/foreign_hands.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <utility>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using runtime::offload;
using telemetry::Event;
using telemetry::Level;

namespace {

constexpr std::size_t most_refs = 5;

/// After a comparison that failed; lists are read on a schedule of hours.
constexpr domain::Duration retry_pause = std::chrono::minutes(15);
/// The same where an event was missed.
constexpr domain::Duration missed_retry_pause = std::chrono::minutes(1);
/// Events that cannot be taken come in bursts, and are repeated: one reading is for all of them.
constexpr domain::Duration missed_pause = std::chrono::seconds(5);
constexpr domain::Duration between_missed = std::chrono::seconds(45);

/// Another attempt would end in the same way.
bool is_lasting(const std::optional<ListReadEnd>& failed) {
  return failed == ListReadEnd::KeyRefused || failed == ListReadEnd::Forbidden ||
         failed == ListReadEnd::NoSuchList || failed == ListReadEnd::NotUnderstood;
}

}  // namespace

std::string_view name(ReconcileReport::Phase phase) {
  switch (phase) {
    case ReconcileReport::Phase::Never:
      return "never";
    case ReconcileReport::Phase::Reading:
      return "reading";
    case ReconcileReport::Phase::Comparing:
      return "comparing";
    case ReconcileReport::Phase::Delivering:
      return "delivering";
    case ReconcileReport::Phase::Finished:
      return "finished";
  }
  std::abort();
}

std::size_t ReconcileReport::all() const {
  return std::accumulate(counts.begin(), counts.end(), std::size_t{0});
}

std::size_t ReconcileReport::remaining() const {
  // Of those that are not kept one by one it is known only that what mends them is in the queue.
  auto done = std::accumulate(mended.begin(), mended.end(), std::size_t{0});
  for (const auto& difference : differences) {
    if (difference.mended && !difference.done) --done;
  }
  return all() - done;
}

Reconciler::Reconciler(Services services, runtime::Worker& worker, Asker& asker,
                       const delivery::Dialect& dialect, const std::vector<MirrorState>& mirrors,
                       ReconcilerOptions options, ReconcilerHooks hooks)
    : services_(std::move(services)),
      worker_(worker),
      asker_(asker),
      dialect_(dialect),
      options_(options),
      hooks_(std::move(hooks)),
      states_(mirrors.size()) {
  for (std::size_t i = 0; i < mirrors.size(); ++i) {
    auto& state = states_[i];
    const auto& mirror = mirrors[i];
    state.timer = services_.clock.make_timer();
    state.last = mirror.reconciled ? mirror.reconciled : mirror.adopted;
    state.adopted =
        mirror.adopted.has_value() || hooks_.plan(i).reconcile.mode == settings::ReconcileMode::Off;
    state.table_read = mirror.table_read;
  }
}

void Reconciler::stop() {
  stopping_ = true;
  wake();
}

void Reconciler::wake() {
  for (auto& state : states_)
    state.timer->wake();
}

void Reconciler::stand_by() {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    auto& state = states_[i];
    ++state.stood_by;
    if (hooks_.plan(i).reconcile.mode != settings::ReconcileMode::Off) state.adopted = false;
  }
  wake();
}

void Reconciler::lead() {
  for (auto& state : states_)
    state.table_read = false;
  wake();
}

void Reconciler::table_was_read(std::size_t mirror) {
  if (std::exchange(states_[mirror].table_read, true)) return;
  states_[mirror].timer->wake();
}

void Reconciler::event_missed(std::size_t mirror) {
  auto& state = states_[mirror];
  if (state.missed_at) return;
  state.missed_at = services_.clock.monotonic();
  state.timer->wake();
}

bool Reconciler::request(bool repair, const std::vector<std::size_t>& mirrors) {
  if (std::any_of(mirrors.begin(), mirrors.end(), [this](std::size_t mirror) { return running(mirror); }))
    return false;
  for (const auto mirror : mirrors) {
    auto& state = states_[mirror];
    state.report = ReconcileReport{};
    state.report.repair = repair;
    if (state.adopted) {
      state.report.phase = ReconcileReport::Phase::Reading;
      state.requested = repair;
    } else {
      state.report.phase = ReconcileReport::Phase::Finished;
      state.report.failed = ListReadEnd::Unavailable;
      state.report.problem = "the list has not been taken over yet; see the log, and try again later";
    }
  }
  wake();
  return true;
}

asio::awaitable<void> Reconciler::pause(std::size_t mirror, domain::Duration time) {
  return states_[mirror].timer->wait_until(services_.clock.monotonic() + time);
}

asio::awaitable<void> Reconciler::until_table_read(std::size_t mirror) {
  while (!states_[mirror].table_read && !stopping_)
    co_await pause(mirror, std::chrono::seconds(5));
}

asio::awaitable<std::shared_ptr<store::ListScan>> Reconciler::begin_list(store::MirrorId id) {
  auto work = [id](store::Store& store) { return std::make_shared<store::ListScan>(store.begin_list(id)); };
  auto begun = co_await services_.store.run(std::move(work));
  co_return std::move(begun).value();
}

asio::awaitable<void> Reconciler::drop(std::shared_ptr<store::ListScan> scan) {
  auto work = [scan = std::move(scan)]() mutable { scan.reset(); };
  return offload(worker_, std::move(work));
}

ListReadHooks Reconciler::read_hooks(std::size_t mirror, int most_failures) {
  return ListReadHooks([this] { return stopping_; },
                       [this, mirror](std::size_t read, std::size_t total) {
                         states_[mirror].report.read = read;
                         states_[mirror].report.total = total;
                       },
                       most_failures);
}

void Reconciler::store_failed(std::size_t mirror, const std::string& what) {
  services_.store_failed(what, {{"mirror", hooks_.plan(mirror).name}});
}

std::optional<domain::UtcTime> Reconciler::due(std::size_t mirror) const {
  const auto& state = states_[mirror];
  if (state.requested) return services_.clock.utc();
  if (hooks_.paused(mirror)) return std::nullopt;
  if (state.missed_at) {
    const auto at = std::max(*state.missed_at + missed_pause, state.missed_not_before);
    return services_.clock.utc() +
           std::chrono::duration_cast<domain::Duration>(at - services_.clock.monotonic());
  }
  const auto& settings = hooks_.plan(mirror).reconcile;
  if (settings.mode == settings::ReconcileMode::Off) return std::nullopt;
  auto at = state.last.value_or(services_.clock.utc()) + settings.interval;
  if (state.not_before) at = std::max(at, *state.not_before);
  return at;
}

asio::awaitable<void> Reconciler::run(std::size_t mirror) {
  auto& state = states_[mirror];
  while (!stopping_) {
    if (!state.adopted) {
      co_await adopt(mirror);
      continue;  // or it is to stop
    }
    if (!state.last) state.last = services_.clock.utc();
    const auto at = due(mirror);
    const auto wait = at ? *at - services_.clock.utc() : domain::Duration(std::chrono::seconds(30));
    if (wait > domain::Duration::zero()) {
      co_await pause(mirror, std::min<domain::Duration>(wait, std::chrono::seconds(30)));
      continue;
    }
    const bool repair =
        state.requested.value_or(hooks_.plan(mirror).reconcile.mode == settings::ReconcileMode::Repair);
    const int most_failures = state.requested ? most_list_failures_asked : most_list_failures;
    state.requested.reset();
    co_await compare_list(mirror, repair, most_failures);
  }
  if (state.report.running()) {
    state.report.phase = ReconcileReport::Phase::Finished;
    state.report.problem = "stopped";
  }
}

asio::awaitable<void> Reconciler::compare_list(std::size_t mirror, bool repair, int most_failures) {
  auto& state = states_[mirror];
  state.report = ReconcileReport{};
  state.report.repair = repair;
  state.report.phase = ReconcileReport::Phase::Reading;
  state.made_up_for = std::exchange(state.missed_at, std::nullopt);
  const auto began = services_.clock.monotonic();
  auto comparison = compare_or_throw(mirror, repair, most_failures);
  const auto compared = co_await runtime::answer_of<store::StoreError>(std::move(comparison));
  if (!compared) {
    store_failed(mirror, compared.error());
    state.report.problem = compared.error();
  }
  finish(mirror, std::chrono::duration_cast<domain::Duration>(services_.clock.monotonic() - began));
}

void Reconciler::finish(std::size_t mirror, domain::Duration took) {
  auto& state = states_[mirror];
  auto& report = state.report;
  const auto& plan = hooks_.plan(mirror);
  report.phase = ReconcileReport::Phase::Finished;
  const auto now = services_.clock.utc();
  state.missed_not_before = services_.clock.monotonic() + between_missed;
  if (!report.problem.empty() && !is_lasting(report.failed)) make_up_again(mirror);
  if (!report.problem.empty()) {
    state.not_before = now + std::min<domain::Duration>(plan.reconcile.interval, retry_pause);
    if (stopping_) return;
    services_.log.event(Level::Warn, Event::ReconcileFinished,
                        "the list could not be compared: " + report.problem, {{"mirror", plan.name}});
    return;
  }
  state.not_before.reset();
  state.last = now;
  std::vector<telemetry::Field> fields{{"mirror", plan.name},
                                       {"mode", report.repair ? "repair" : "report"},
                                       {"compared", report.compared},
                                       {"differences", report.all()},
                                       {"remaining", report.remaining()},
                                       {"unknown_status", report.unknown_status},
                                       {"seconds", took}};
  for (std::size_t i = 0; i < drift_kinds; ++i) {
    if (report.counts[i] > 0)
      fields.emplace_back(telemetry::name(static_cast<DriftKind>(i)), report.counts[i]);
  }
  services_.log.event(Level::Info, Event::ReconcileFinished, "the list was compared with the table", fields);
  report_drift(mirror);
}

void Reconciler::make_up_again(std::size_t mirror) {
  auto& state = states_[mirror];
  if (!state.made_up_for) return;
  state.missed_at = state.made_up_for;
  state.missed_not_before = services_.clock.monotonic() + missed_retry_pause;
}

void Reconciler::report_drift(std::size_t mirror) {
  const auto& report = states_[mirror].report;
  const auto& plan = hooks_.plan(mirror);
  for (std::size_t i = 0; i < drift_kinds; ++i) {
    const auto kind = static_cast<DriftKind>(i);
    services_.metrics.reconcile_drift(plan.name, kind, report.counts[i] - report.mended[i]);
    if (report.counts[i] == 0) continue;
    std::string refs;
    std::size_t shown = 0;
    for (const auto& difference : report.differences) {
      if (difference.drift.kind != kind) continue;
      if (shown++ == most_refs) break;
      refs += (refs.empty() ? "" : " ") + services_.key.ref(difference.email.text());
    }
    services_.log.event(Level::Warn, Event::ReconcileDrift,
                        "the list differs from the table; see `reconcile`",
                        {{"mirror", plan.name},
                         {"kind", telemetry::name(kind)},
                         {"count", report.counts[i]},
                         {"mended", report.mended[i]},
                         {"refs", refs}});
  }
  if (report.undone >= ForeignHands::suspicious)
    tell_of_foreign_hands(services_.log, plan.name, report.undone);
  if (report.held_back > 0) {
    services_.log.event(
        Level::Warn, Event::ReconcileDrift,
        "more people are subscribed there against the table than a repair unsubscribes by itself",
        {{"mirror", plan.name},
         {"count", report.held_back},
         {"cure", "look at `reconcile`; if it is meant, raise guard.max_removals or max_removal_percent"}});
  }
}

}  // namespace stibee_sync::pipeline
