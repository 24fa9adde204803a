#pragma once

#include "stibee_sync/telemetry/labels.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stibee_sync::telemetry {

struct MetricsOptions {
  std::string version;                      // of the daemon
  bool api_v2 = false;                      // also show v2's endpoints as 0 from the start
  std::vector<std::string> parked_reasons;  // the closed set; any other reason is counted as `other`
};

/// The daemon's metrics in Prometheus' text format; every family has the prefix `stibee_` (but for the usual
/// ones of the process), base units, closed label sets, and is present as 0 from the start. Any thread. Calls
/// for a mirror that is not declared change nothing, so that a late call cannot bring back a mirror that a
/// reload has removed.
class Metrics {
 public:
  using Seconds = std::chrono::duration<double>;
  using WallTime = std::chrono::system_clock::time_point;

  explicit Metrics(MetricsOptions options);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void declare_mirror(std::string_view mirror);
  void remove_mirror(std::string_view mirror);

  // Ingest
  void cycle(std::string_view mirror, CycleResult result, Seconds took);
  void last_success(std::string_view mirror, WallTime when);
  void source_members(std::string_view mirror, std::uint64_t people);
  void mirrored_members(std::string_view mirror, PersonStatus status, std::uint64_t people);
  void paused(std::string_view mirror, bool is_paused);
  void state(std::string_view mirror, HealthState state);
  void changes(std::string_view mirror, ChangeOperation operation, std::uint64_t people = 1);
  /// A read of the table found that many rows changed of which the change feed had said nothing.
  void feed_missed(std::string_view mirror, FeedGap gap, std::uint64_t rows);
  /// How old what is known through the change feed may be; 0 without one.
  void feed_lag(std::string_view mirror, Seconds lag);
  void guard_held(std::string_view mirror, GuardClass held, std::uint64_t people);  // 0: not held

  // Dispatch
  void last_delivery(std::string_view mirror, WallTime when);
  void pending(std::string_view mirror, LaneLabel lane, std::uint64_t people, std::optional<WallTime> oldest);
  /// The whole picture: reasons that are not named have nobody parked.
  void parked(std::string_view mirror,
              std::span<const std::pair<std::string, std::uint64_t>> people_by_reason);
  void in_flight(std::uint64_t calls);
  /// One call made; `took` from its first byte sent to its last byte read.
  void api_request(EndpointLabel endpoint, CallOutcome outcome, Seconds took);
  /// One that no connection was made for.
  void api_unreachable(EndpointLabel endpoint);
  void api_people(EndpointLabel endpoint, CallOutcome outcome, std::uint64_t people);
  void api_retry(RetryReason reason);
  void limiter_wait(LimiterLabel limiter, Seconds waited);
  /// Calls a window that are made at most, for now.
  void limiter_calls(LimiterLabel limiter, std::uint64_t calls);
  void circuit_open(bool open);
  /// Stibee refuses calls of the mirror, whoever they are for.
  void refused(std::string_view mirror, bool is_refused);

  // Database
  void db_up(bool up);
  void db_query(Seconds took);

  // Webhooks, consent, write-back
  void webhook_request(WebhookOutcome outcome);
  void webhook_event(WebhookAction action, WebhookEffect effect);
  void suppressed_people(std::uint64_t people);
  void writeback(WritebackResult result);
  void reconcile_drift(std::string_view mirror, DriftKind kind, std::uint64_t people);
  /// When the list was last compared, also before the daemon's start, and how many differences that left.
  void last_compared(std::string_view mirror, WallTime when, std::uint64_t left);

  void notify(NotifyResult result);

  // The daemon itself
  void store_error();
  void state_free_bytes(std::uint64_t bytes);
  /// Whether this daemon does the work; from the start it does.
  void leader(bool leads);
  void config_reload(bool worked);
  /// The thread of the state was busy with one piece of work for that long; the longest one is shown. On that
  /// thread.
  void store_busy(Seconds took);
  /// The loop was busy with one thing for that long; the longest one is shown.
  void loop_block(Seconds took);

  /// Looks at what the process uses, and answers with all; else as `text`. Blocking, but for a moment only.
  std::string scrape();
  /// The page that /metrics answers with: `text/plain; version=0.0.4`.
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stibee_sync::telemetry
