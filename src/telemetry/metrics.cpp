#include "stibee_sync/telemetry/metrics.hpp"

#include "telemetry/process.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace stibee_sync::telemetry {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;

// From a local exchange to the longest time-out.
const Histogram::BucketBoundaries call_buckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                               1,     2.5,  5,     10,   30,  60};
const Histogram::BucketBoundaries query_buckets{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1,
                                                2.5,   5,     10,   30,   60,  300};
const Histogram::BucketBoundaries cycle_buckets{0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600};

constexpr std::string_view other = "other";

double amount(std::uint64_t count) {
  return static_cast<double>(count);
}

double unix_seconds(Metrics::WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

template <class Metric, ClosedLabel Label>
using PerLabel = std::array<Metric*, label_count<Label>>;

Labels with(Labels labels, const std::string& key, std::string_view value) {
  labels[key] = std::string(value);
  return labels;
}

/// One metric for each value of a closed set, all present from now on.
template <ClosedLabel Label, class Metric>
PerLabel<Metric, Label> each(Family<Metric>& family, const std::string& key, const Labels& base = {}) {
  PerLabel<Metric, Label> metrics{};
  for (std::size_t i = 0; i < metrics.size(); ++i)
    metrics[i] = &family.Add(with(base, key, label_names<Label>[i]));
  return metrics;
}

template <class Metric, ClosedLabel Label>
Metric& at(const PerLabel<Metric, Label>& metrics, Label label) {
  return *metrics[static_cast<std::size_t>(label)];
}

template <class Metric, std::size_t Count>
void remove(Family<Metric>& family, const std::array<Metric*, Count>& metrics) {
  for (Metric* metric : metrics)
    family.Remove(metric);
}

struct Registered {
  prometheus::Registry registry;

  Family<Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
};

struct MirrorMetrics {
  PerLabel<Counter, CycleResult> cycles;
  Gauge* last_success;
  PerLabel<Counter, ChangeOperation> changes;
  PerLabel<Counter, FeedGap> feed_missed;
  Gauge* feed_lag;
  PerLabel<Gauge, GuardClass> held;
  PerLabel<Gauge, LaneLabel> pending;
  PerLabel<Gauge, LaneLabel> pending_oldest;
  std::map<std::string, Gauge*, std::less<>> parked;
  PerLabel<Gauge, DriftKind> drift;
  Gauge* last_compared;
  Gauge* drift_left;
  Gauge* refused;
  Gauge* last_delivery;
  Gauge* source_members;
  PerLabel<Gauge, PersonStatus> members;
  Gauge* paused;
  PerLabel<Gauge, HealthState> state;
};

}  // namespace

struct Metrics::State : Registered {
  explicit State(MetricsOptions with_options) : options(std::move(with_options)) {
    gauges("stibee_build_info", "Always 1; the labels tell which program runs.")
        .Add({{"version", options.version}, {"api", options.api_v2 ? "v2" : "v1"}})
        .Set(1);
    leader.Set(1);
    const std::size_t endpoints = options.api_v2 ? label_count<EndpointLabel> : v1_endpoints;
    for (std::size_t i = 0; i < endpoints; ++i) {
      const std::string_view endpoint = label_names<EndpointLabel>[i];
      each<CallOutcome>(requests, "outcome", {{"endpoint", std::string(endpoint)}});
      each<CallOutcome>(people, "outcome", {{"endpoint", std::string(endpoint)}});
      request_durations.Add({{"endpoint", std::string(endpoint)}}, call_buckets);
    }
    for (const std::string_view action : label_names<WebhookAction>) {
      each<WebhookEffect>(webhook_events, "effect", {{"action", std::string(action)}});
    }
    if (std::ranges::find(options.parked_reasons, other) == options.parked_reasons.end()) {
      options.parked_reasons.emplace_back(other);
    }
  }

  MetricsOptions options;

  Family<Counter>& cycles =
      counters("stibee_sync_cycles_total", "Passes over a mirror's source, by how they ended.");
  Family<Gauge>& last_success = gauges("stibee_sync_last_success_timestamp_seconds",
                                       "When a pass last succeeded, as Unix time; 0: never.");
  Family<Counter>& changes = counters("stibee_changes_total", "Changes that became wanted, in people.");
  Family<Counter>& feed_missed =
      counters("stibee_feed_missed_total",
               "Changed rows that a read found and the change feed had not told, by cause; `feed` stays 0.");
  Family<Gauge>& feed_lag = gauges("stibee_feed_lag_seconds",
                                   "How old what is known through the change feed may be; 0 without one.");
  Family<Gauge>& held = gauges("stibee_guard_held", "People whose changes the guard holds for a human.");
  Family<Gauge>& pending = gauges("stibee_pending", "People whose changes wait to be delivered.");
  Family<Gauge>& pending_oldest =
      gauges("stibee_pending_oldest_timestamp_seconds",
             "When the oldest waiting change became wanted, as Unix time; 0: none waits.");
  Family<Gauge>& parked = gauges("stibee_parked", "People whose changes cannot be delivered as they are.");
  Family<Gauge>& drift = gauges("stibee_reconcile_drift",
                                "Differences to Stibee's own list that the last comparison since the start "
                                "left, in people.");
  Family<Gauge>& last_compared =
      gauges("stibee_reconcile_last_timestamp_seconds",
             "When the list was last compared with the table, as Unix time; 0: never.");
  Family<Gauge>& drift_left =
      gauges("stibee_reconcile_remaining",
             "Differences that the last comparison left, in people; kept over a restart.");
  Family<Gauge>& refused =
      gauges("stibee_mirror_refused", "1 while Stibee refuses calls of a mirror, whoever they are for.");
  Family<Gauge>& last_delivery =
      gauges("stibee_last_delivery_timestamp_seconds",
             "When somebody last became as wanted at Stibee, as Unix time; 0: never.");
  Family<Gauge>& source_members =
      gauges("stibee_source_members", "Rows of the table at the last complete read.");
  Family<Gauge>& members = gauges("stibee_mirrored_members", "People by their status at Stibee.");
  Family<Gauge>& paused = gauges("stibee_paused", "1 while somebody has paused the mirror.");
  Family<Gauge>& state =
      gauges("stibee_mirror_state", "1 for the state that `status` shows of the mirror, 0 for the others.");
  Family<Counter>& requests = counters("stibee_api_requests_total", "Calls to Stibee, attempts included.");
  Family<Histogram>& request_durations =
      histograms("stibee_api_request_duration_seconds", "Time from sending a call to the end of its answer.");
  Family<Counter>& people =
      counters("stibee_api_people_total", "People in calls to Stibee, by what became of each.");
  Family<Counter>& webhook_events =
      counters("stibee_webhook_events_total", "People in Stibee's events, by effect.");

  Histogram& cycle_durations =
      histograms("stibee_sync_cycle_duration_seconds", "Time taken by a pass over a source.")
          .Add({}, cycle_buckets);
  Gauge& in_flight = gauges("stibee_in_flight", "Calls to Stibee that wait for their answer.").Add({});
  PerLabel<Counter, RetryReason> retries =
      each<RetryReason>(counters("stibee_api_retries_total", "Calls that repeat an earlier one."), "reason");
  PerLabel<Counter, LimiterLabel> limiter_waits = each<LimiterLabel>(
      counters("stibee_api_limiter_wait_seconds_total", "Time that calls waited for Stibee's limits."),
      "class");
  PerLabel<Gauge, LimiterLabel> limiter_calls = each<LimiterLabel>(
      gauges("stibee_api_limiter_calls", "Calls a window that the limit in force allows; 0: no such calls."),
      "class");
  Gauge& circuit_open =
      gauges("stibee_api_circuit_open", "1 while calls are held back after repeated failures.").Add({});
  Gauge& db_up = gauges("stibee_db_up", "1 while the database answers.").Add({});
  Histogram& query_durations =
      histograms("stibee_db_query_duration_seconds",
                 "Time that the database took for a read: of a table, or of what a change feed told.")
          .Add({}, query_buckets);
  PerLabel<Counter, WebhookOutcome> webhook_requests =
      each<WebhookOutcome>(counters("stibee_webhook_requests_total",
                                    "Requests to the webhook listener, by how they were answered."),
                           "outcome");
  Gauge& suppressed =
      gauges("stibee_suppressed_people", "People kept from being mailed because they opted out.").Add({});
  PerLabel<Counter, WritebackResult> writebacks = each<WritebackResult>(
      counters("stibee_writeback_total", "Statements run to carry events to the source."), "result");
  PerLabel<Counter, NotifyResult> notices = each<NotifyResult>(
      counters("stibee_notify_total", "Notices posted, by what became of each."), "result");
  Counter& store_errors =
      counters("stibee_store_errors_total", "Failed operations on the state file.").Add({});
  Gauge& state_free =
      gauges("stibee_state_free_bytes", "Free space on the state directory's file system.").Add({});
  Gauge& leader = gauges("stibee_leader",
                         "1 while this daemon does the work; 0: another one does, and this one stands by.")
                      .Add({});
  Gauge& reload =
      gauges("stibee_config_reload_success", "1 when the configuration was last loaded without error.")
          .Add({});

  Gauge& longest_block = gauges("stibee_loop_longest_block_seconds",
                                "The longest time for which the event loop was busy with one thing.")
                             .Add({});
  Gauge& longest_transaction =
      gauges("stibee_store_longest_transaction_seconds",
             "The longest time for which one piece of work kept the state file's thread.")
          .Add({});
  Counter& cpu = counters("process_cpu_seconds_total", "CPU time that the process has used.").Add({});
  Gauge& resident = gauges("process_resident_memory_bytes", "Resident memory of the process.").Add({});
  Gauge& open_files = gauges("process_open_fds", "Open file descriptors of the process.").Add({});
  Gauge& started =
      gauges("process_start_time_seconds", "When the process was started, as Unix time.").Add({});

  std::mutex mutex;  // guards what follows; the metrics themselves are atomic
  std::map<std::string, MirrorMetrics, std::less<>> mirrors;

  /// Runs `change` on a declared mirror's metrics.
  template <class Change>
  void on(std::string_view mirror, Change change) {
    const std::lock_guard lock(mutex);
    const auto found = mirrors.find(mirror);
    if (found != mirrors.end()) change(found->second);
  }
};

Metrics::Metrics(MetricsOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Metrics::~Metrics() = default;

void Metrics::declare_mirror(std::string_view mirror) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (s.mirrors.contains(mirror)) return;
  const Labels base{{"mirror", std::string(mirror)}};
  MirrorMetrics metrics{.cycles = each<CycleResult>(s.cycles, "result", base),
                        .last_success = &s.last_success.Add(base),
                        .changes = each<ChangeOperation>(s.changes, "operation", base),
                        .feed_missed = each<FeedGap>(s.feed_missed, "cause", base),
                        .feed_lag = &s.feed_lag.Add(base),
                        .held = each<GuardClass>(s.held, "class", base),
                        .pending = each<LaneLabel>(s.pending, "lane", base),
                        .pending_oldest = each<LaneLabel>(s.pending_oldest, "lane", base),
                        .parked = {},
                        .drift = each<DriftKind>(s.drift, "kind", base),
                        .last_compared = &s.last_compared.Add(base),
                        .drift_left = &s.drift_left.Add(base),
                        .refused = &s.refused.Add(base),
                        .last_delivery = &s.last_delivery.Add(base),
                        .source_members = &s.source_members.Add(base),
                        .members = each<PersonStatus>(s.members, "status", base),
                        .paused = &s.paused.Add(base),
                        .state = each<HealthState>(s.state, "state", base)};
  for (const std::string& reason : s.options.parked_reasons) {
    metrics.parked.emplace(reason, &s.parked.Add(with(base, "reason", reason)));
  }
  s.mirrors.emplace(mirror, std::move(metrics));
}

void Metrics::remove_mirror(std::string_view mirror) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  const auto found = s.mirrors.find(mirror);
  if (found == s.mirrors.end()) return;
  const MirrorMetrics& metrics = found->second;
  remove(s.cycles, metrics.cycles);
  s.last_success.Remove(metrics.last_success);
  remove(s.changes, metrics.changes);
  remove(s.feed_missed, metrics.feed_missed);
  s.feed_lag.Remove(metrics.feed_lag);
  remove(s.held, metrics.held);
  remove(s.pending, metrics.pending);
  remove(s.pending_oldest, metrics.pending_oldest);
  for (const auto& [reason, gauge] : metrics.parked)
    s.parked.Remove(gauge);
  remove(s.drift, metrics.drift);
  s.last_compared.Remove(metrics.last_compared);
  s.drift_left.Remove(metrics.drift_left);
  s.refused.Remove(metrics.refused);
  s.last_delivery.Remove(metrics.last_delivery);
  s.source_members.Remove(metrics.source_members);
  remove(s.members, metrics.members);
  s.paused.Remove(metrics.paused);
  remove(s.state, metrics.state);
  s.mirrors.erase(found);
}

void Metrics::refused(std::string_view mirror, bool is_refused) {
  state_->on(mirror, [&](MirrorMetrics& m) { m.refused->Set(is_refused ? 1 : 0); });
}

void Metrics::cycle(std::string_view mirror, CycleResult result, Seconds took) {
  state_->on(mirror, [&](MirrorMetrics& m) {
    at(m.cycles, result).Increment();
    state_->cycle_durations.Observe(took.count());
  });
}

void Metrics::last_success(std::string_view mirror, WallTime when) {
  state_->on(mirror, [&](MirrorMetrics& m) { m.last_success->Set(unix_seconds(when)); });
}

void Metrics::source_members(std::string_view mirror, std::uint64_t people) {
  state_->on(mirror, [&](MirrorMetrics& m) { m.source_members->Set(amount(people)); });
}

void Metrics::mirrored_members(std::string_view mirror, PersonStatus status, std::uint64_t people) {
  state_->on(mirror, [&](MirrorMetrics& m) { at(m.members, status).Set(amount(people)); });
}

void Metrics::paused(std::string_view mirror, bool is_paused) {
  state_->on(mirror, [&](MirrorMetrics& m) { m.paused->Set(is_paused ? 1 : 0); });
}

void Metrics::state(std::string_view mirror, HealthState state) {
  state_->on(mirror, [&](MirrorMetrics& m) {
    for (Gauge* each : m.state)
      each->Set(0);
    at(m.state, state).Set(1);
  });
}

void Metrics::last_delivery(std::string_view mirror, WallTime when) {
  state_->on(mirror, [&](MirrorMetrics& m) { m.last_delivery->Set(unix_seconds(when)); });
}

void Metrics::changes(std::string_view mirror, ChangeOperation operation, std::uint64_t people) {
  state_->on(mirror, [&](MirrorMetrics& m) { at(m.changes, operation).Increment(amount(people)); });
}

void Metrics::feed_missed(std::string_view mirror, FeedGap gap, std::uint64_t rows) {
  state_->on(mirror, [&](MirrorMetrics& m) { at(m.feed_missed, gap).Increment(amount(rows)); });
}

void Metrics::feed_lag(std::string_view mirror, Seconds lag) {
  state_->on(mirror, [&](MirrorMetrics& m) { m.feed_lag->Set(lag.count()); });
}

void Metrics::guard_held(std::string_view mirror, GuardClass held, std::uint64_t people) {
  state_->on(mirror, [&](MirrorMetrics& m) { at(m.held, held).Set(amount(people)); });
}

void Metrics::pending(std::string_view mirror, LaneLabel lane, std::uint64_t people,
                      std::optional<WallTime> oldest) {
  state_->on(mirror, [&](MirrorMetrics& m) {
    at(m.pending, lane).Set(amount(people));
    at(m.pending_oldest, lane).Set(oldest ? unix_seconds(*oldest) : 0);
  });
}

void Metrics::parked(std::string_view mirror,
                     std::span<const std::pair<std::string, std::uint64_t>> people_by_reason) {
  state_->on(mirror, [&](MirrorMetrics& m) {
    std::map<Gauge*, std::uint64_t> people;
    for (const auto& [reason, gauge] : m.parked)
      people[gauge] = 0;
    for (const auto& [reason, count] : people_by_reason) {
      const auto known = m.parked.find(reason);
      people[known == m.parked.end() ? m.parked.find(other)->second : known->second] += count;
    }
    for (const auto& [gauge, count] : people)
      gauge->Set(amount(count));
  });
}

void Metrics::in_flight(std::uint64_t calls) {
  state_->in_flight.Set(amount(calls));
}

void Metrics::api_request(EndpointLabel endpoint, CallOutcome outcome, Seconds took) {
  const std::string of(name(endpoint));
  state_->requests.Add({{"endpoint", of}, {"outcome", std::string(name(outcome))}}).Increment();
  state_->request_durations.Add({{"endpoint", of}}, call_buckets).Observe(took.count());
}

void Metrics::api_unreachable(EndpointLabel endpoint) {
  const auto outcome = name(CallOutcome::Unreachable);
  state_->requests.Add({{"endpoint", std::string(name(endpoint))}, {"outcome", std::string(outcome)}})
      .Increment();
}

void Metrics::api_people(EndpointLabel endpoint, CallOutcome outcome, std::uint64_t people) {
  state_->people.Add({{"endpoint", std::string(name(endpoint))}, {"outcome", std::string(name(outcome))}})
      .Increment(amount(people));
}

void Metrics::api_retry(RetryReason reason) {
  at(state_->retries, reason).Increment();
}
void Metrics::limiter_wait(LimiterLabel limiter, Seconds waited) {
  at(state_->limiter_waits, limiter).Increment(std::max(0.0, waited.count()));
}
void Metrics::limiter_calls(LimiterLabel limiter, std::uint64_t calls) {
  at(state_->limiter_calls, limiter).Set(amount(calls));
}
void Metrics::circuit_open(bool open) {
  state_->circuit_open.Set(open ? 1 : 0);
}
void Metrics::db_up(bool up) {
  state_->db_up.Set(up ? 1 : 0);
}
void Metrics::db_query(Seconds took) {
  state_->query_durations.Observe(took.count());
}
void Metrics::webhook_request(WebhookOutcome outcome) {
  at(state_->webhook_requests, outcome).Increment();
}
void Metrics::webhook_event(WebhookAction action, WebhookEffect effect) {
  state_->webhook_events.Add({{"action", std::string(name(action))}, {"effect", std::string(name(effect))}})
      .Increment();
}
void Metrics::suppressed_people(std::uint64_t people) {
  state_->suppressed.Set(amount(people));
}
void Metrics::writeback(WritebackResult result) {
  at(state_->writebacks, result).Increment();
}
void Metrics::reconcile_drift(std::string_view mirror, DriftKind kind, std::uint64_t people) {
  state_->on(mirror, [&](MirrorMetrics& m) { at(m.drift, kind).Set(amount(people)); });
}
void Metrics::last_compared(std::string_view mirror, WallTime when, std::uint64_t left) {
  state_->on(mirror, [&](MirrorMetrics& m) {
    m.last_compared->Set(unix_seconds(when));
    m.drift_left->Set(amount(left));
  });
}
void Metrics::notify(NotifyResult result) {
  at(state_->notices, result).Increment();
}
void Metrics::store_error() {
  state_->store_errors.Increment();
}
void Metrics::state_free_bytes(std::uint64_t bytes) {
  state_->state_free.Set(amount(bytes));
}
void Metrics::leader(bool leads) {
  state_->leader.Set(leads ? 1 : 0);
}

void Metrics::config_reload(bool worked) {
  state_->reload.Set(worked ? 1 : 0);
}

void Metrics::loop_block(Seconds took) {
  // The loop alone calls it.
  if (took.count() > state_->longest_block.Value()) state_->longest_block.Set(took.count());
}

void Metrics::store_busy(Seconds took) {
  // The store's thread alone calls it.
  if (took.count() > state_->longest_transaction.Value()) state_->longest_transaction.Set(took.count());
}

std::string Metrics::scrape() {
  const auto use = process_use();
  State& s = *state_;
  {
    const std::lock_guard lock(s.mutex);
    s.cpu.Increment(std::max(0.0, use.cpu.count() - s.cpu.Value()));
  }
  s.resident.Set(amount(use.resident_bytes));
  s.open_files.Set(amount(use.open_files));
  s.started.Set(use.started);
  return text();
}

std::string Metrics::text() const {
  std::ostringstream out;
  prometheus::TextSerializer{}.Serialize(out, state_->registry.Collect());
  return std::move(out).str();
}

}  // namespace stibee_sync::telemetry
