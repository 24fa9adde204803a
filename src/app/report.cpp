#include "app/report.hpp"

#include "app/local_time.hpp"
#include "app/report_members.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <algorithm>

namespace stibee_sync::app {
namespace {

using json::Value;
using pipeline::CycleOutcome;

std::size_t pending_of(const store::Summary& summary, domain::Lane lane) {
  const auto found = summary.pending.find(lane);
  return found == summary.pending.end() ? 0 : found->second.people;
}

std::size_t people_of(const store::Summary& summary, domain::RemoteStatus status) {
  const auto found = summary.people.find(status);
  return found == summary.people.end() ? 0 : found->second;
}

std::size_t all_pending(const store::Summary& summary) {
  std::size_t sum = 0;
  for (const auto lane : domain::all_lanes)
    sum += pending_of(summary, lane);
  return sum;
}

/// Until when Stibee wants no calls for people, if that is long; nullopt: it does not say so.
std::optional<pipeline::LimiterCondition> long_hold(const DaemonView& view) {
  if (!view.dispatch) return std::nullopt;
  for (const auto& limiter : view.dispatch->limiters) {
    if (limiter.held_until && limiter.limiter_class != delivery::LimiterClass::List) return limiter;
  }
  return std::nullopt;
}

std::string problem_of(const pipeline::LimiterCondition& held) {
  return "Stibee wants no calls (" + std::string(delivery::name(held.limiter_class)) + ") before " +
         text::iso_utc(*held.held_until) +
         ": one probe a minute while an opt-out waits, one in 15 minutes else";
}

bool nobody_runs(const DaemonView& view) {
  return !view.dispatch && view.needs_daemon;
}

/// Who waits, and who arrived since the present burst began.
std::map<domain::Lane, std::size_t> burst_of(const MirrorView& mirror) {
  std::map<domain::Lane, std::size_t> people;
  for (const auto lane : domain::all_lanes) {
    const auto done = mirror.progress.done.find(lane);
    people[lane] = pending_of(mirror.summary, lane) + (done == mirror.progress.done.end() ? 0 : done->second);
  }
  return people;
}

Value progress_of(const MirrorView& mirror, const DaemonView& view) {
  const auto pending = all_pending(mirror.summary);
  std::size_t total = 0;
  std::map<domain::Lane, std::size_t> left;
  for (const auto& [lane, people] : burst_of(mirror)) {
    total += people;
    left[lane] = pending_of(mirror.summary, lane);
  }
  if (pending == 0) total = 0;  // it is through
  Value progress;
  progress.set("done", static_cast<std::int64_t>(total - pending));
  progress.set("total", static_cast<std::int64_t>(total));
  progress.set("seconds_left", seconds_at_limits(view, left));
  return progress;
}

MirrorSigns::Source source_of(const MirrorView& mirror) {
  if (!mirror.condition || !mirror.condition->last) return MirrorSigns::Source::Fine;
  switch (*mirror.condition->last) {
    case CycleOutcome::Untrusted:
      return MirrorSigns::Source::Untrusted;
    case CycleOutcome::Failed:
      return MirrorSigns::Source::Failing;
    case CycleOutcome::Applied:
    case CycleOutcome::Held:
    case CycleOutcome::Cancelled:
      break;
  }
  return MirrorSigns::Source::Fine;
}

std::string refusal_of(const MirrorView& mirror) {
  if (!mirror.refused.empty()) return mirror.refused;
  if (mirror.forbidden) return "Stibee does not let this key use list " + std::to_string(mirror.list_id);
  return mirror.trouble;
}

/// What the calls of the present bursts took at least: groups, halves of refused batches and the like make
/// more of them than people alone tell.
double seconds_of_calls(const DaemonView& view) {
  if (!view.dialect) return 0;
  double per_second = 0;
  for (const auto limiter_class : delivery::limiter_classes_of(*view.dialect)) {
    const auto limit = view.limits.find(limiter_class);
    if (limit == view.limits.end()) continue;
    per_second += static_cast<double>(limit->second.calls) /
                  std::chrono::duration<double>(limit->second.window).count();
  }
  std::size_t calls = 0;
  for (const auto& each : view.mirrors)
    calls += each.progress.calls;
  return per_second > 0 ? static_cast<double>(calls) / per_second : 0;
}

/// Mirrors share the limits, so that the burst of one explains the wait of another.
std::map<domain::Lane, MirrorSigns::Lane> lanes_of(const MirrorView& mirror, const DaemonView& view) {
  std::map<domain::Lane, MirrorSigns::Lane> lanes;
  std::map<domain::Lane, std::size_t> before;
  for (const auto which : domain::all_lanes) {
    for (const auto& each : view.mirrors)
      before[which] += burst_of(each)[which];
    auto& lane = lanes[which];
    lane.people = pending_of(mirror.summary, which);
    if (lane.people == 0) continue;
    lane.oldest = mirror.summary.pending.at(which).oldest;
    lane.seconds_at_limits = seconds_at_limits(view, before);
    if (which == domain::Lane::Upsert)
      lane.seconds_at_limits = std::max(lane.seconds_at_limits, seconds_of_calls(view));
    const bool urgent = which == domain::Lane::Optout;
    if (view.dispatch) lane.limited = urgent ? view.dispatch->urgent_limited : view.dispatch->limited;
    const auto arrival = mirror.progress.since_arrival.find(which);
    if (arrival != mirror.progress.since_arrival.end()) lane.since_arrival = arrival->second;
  }
  return lanes;
}

domain::Duration longest_window(const DaemonView& view) {
  domain::Duration longest{};
  if (!view.dialect) return longest;
  for (const auto limiter_class : delivery::limiter_classes_of(*view.dialect)) {
    const auto limit = view.limits.find(limiter_class);
    if (limit != view.limits.end())
      longest = std::max(longest, std::chrono::ceil<domain::Duration>(limit->second.window));
  }
  return longest;
}

/// Rows whose address another row bears are none of them: that row is sent.
std::size_t unsendable_of(const store::Summary& summary) {
  std::size_t sum = 0;
  for (const auto& [reason, count] : summary.parked) {
    if (reason != name(domain::Reason(domain::Reason::DuplicateAddress))) sum += count;
  }
  return sum;
}

MirrorSigns signs_of(const MirrorView& mirror, const DaemonView& view) {
  MirrorSigns signs;
  signs.served = !nobody_runs(view);
  signs.stands_by = mirror.stands_by;
  signs.leader_problem = mirror.leader_problem;
  signs.paused = mirror.paused;
  if (const auto until = mirror.summary.milestones.paused_until) signs.paused_until = local_time(*until);
  for (const auto& hold : mirror.summary.holds)
    signs.held += hold.count;
  signs.source = source_of(mirror);
  if (mirror.condition) signs.source_problem = mirror.condition->problem;
  if (mirror.condition && mirror.condition->feed.state == pipeline::FeedState::Lost)
    signs.feed_problem = mirror.condition->feed.problem;
  signs.refused = refusal_of(mirror);
  if (view.dispatch) {
    signs.key_refused = view.dispatch->key_refused;
    signs.circuit_open = view.dispatch->circuit != delivery::CircuitBreaker::State::Closed;
    signs.calls_problem = view.dispatch->problem;
  }
  if (const auto held = long_hold(view)) signs.calls_unwanted = problem_of(*held);
  signs.served_for = mirror.progress.served;
  signs.under_way = mirror.progress.under_way;
  signs.taking_over = mirror.taking_over;
  signs.imported = mirror.summary.milestones.imported.has_value();
  signs.lanes = lanes_of(mirror, view);
  signs.longest_window = longest_window(view);
  signs.rows = mirror.summary.facts.last_rows;
  signs.unsendable = unsendable_of(mirror.summary);
  return signs;
}

std::vector<pipeline::LimiterCondition> limiters_of(const DaemonView& view) {
  if (view.dispatch) return view.dispatch->limiters;
  std::vector<pipeline::LimiterCondition> configured;
  for (const auto& [limiter_class, rate] : view.limits)
    configured.push_back({limiter_class, rate.calls, rate.calls, rate.window});
  return configured;
}

Value people_report(const store::Summary& summary) {
  Value people;
  people.set("subscribed", people_of(summary, domain::RemoteStatus::Subscribed));
  people.set("unsubscribed", people_of(summary, domain::RemoteStatus::Unsubscribed));
  people.set("opted_out", people_of(summary, domain::RemoteStatus::OptedOut));
  people.set("auto_deleted", people_of(summary, domain::RemoteStatus::AutoDeleted));
  people.set("ready", people_of(summary, domain::RemoteStatus::Ready));
  return people;
}

Value pending_report(const store::Summary& summary) {
  Value pending;
  Value by_lane;
  std::optional<domain::UtcTime> oldest;
  for (const auto lane : domain::all_lanes) {
    pending.set(std::string(domain::name(lane)), pending_of(summary, lane));
    const auto found = summary.pending.find(lane);
    const auto first = found == summary.pending.end() ? std::nullopt : found->second.oldest;
    by_lane.set(std::string(domain::name(lane)), time_or_null(first));
    if (first && (!oldest || *first < *oldest)) oldest = first;
  }
  pending.set("oldest", time_or_null(oldest));
  pending.set("oldest_by_lane", std::move(by_lane));
  return pending;
}

Value hold_report(const store::HeldChanges& hold) {
  Value one;
  one.set("class", hold.change_class);
  one.set("count", hold.count);
  one.set("digest", hold.digest);
  one.set("since", text::iso_utc(hold.since));
  one.set("why", hold.why);
  return one;
}

/// Null where there is none, or no daemon looks at it.
Value feed_report(const MirrorView& mirror) {
  if (!mirror.condition || mirror.condition->feed.state == pipeline::FeedState::Off) return {};
  Value feed;
  feed.set("state", pipeline::name(mirror.condition->feed.state));
  feed.set("problem", mirror.condition->feed.problem);
  feed.set("in_step", time_or_null(mirror.condition->feed.in_step));
  return feed;
}

Value mirror_report(const MirrorView& mirror, const MirrorHealth& health, const DaemonView& view) {
  const auto& summary = mirror.summary;
  const auto& milestones = summary.milestones;
  Value parked = Value::object();
  for (const auto& [reason, count] : summary.parked)
    parked.set(reason, count);
  Value held = Value::array();
  for (const auto& hold : summary.holds)
    held.push_back(hold_report(hold));

  Value one;
  one.set("name", mirror.name);
  one.set("list_id", mirror.list_id);
  one.set("state", telemetry::name(health.state));
  one.set("problem", health.problem);
  Value problems = Value::array();
  for (const auto& problem : health.problems)
    problems.push_back(problem_report(problem));
  one.set("problems", std::move(problems));
  one.set("last_success", time_or_null(last_success_of(mirror)));
  one.set("last_delivery", time_or_null(milestones.last_delivery));
  one.set("last_compared", time_or_null(milestones.last_compared));
  one.set("drift", milestones.last_compared ? Value(static_cast<std::int64_t>(milestones.drift)) : Value());
  one.set("paused_since", mirror.paused ? time_or_null(milestones.paused_since) : Value());
  one.set("paused_until", mirror.paused ? time_or_null(milestones.paused_until) : Value());
  one.set("detect", mirror.changefeed ? "changefeed" : "scan");
  one.set("feed", feed_report(mirror));
  one.set("source_members", summary.facts.last_rows);
  one.set("people", people_report(summary));
  one.set("suppressed", mirror.suppressed);
  one.set("pending", pending_report(summary));
  one.set("parked", std::move(parked));
  one.set("held", std::move(held));
  one.set("writebacks", summary.writebacks);
  one.set("progress", progress_of(mirror, view));
  one.set("history", mirror.history ? history_report(*mirror.history) : Value());
  return one;
}

constexpr std::string_view not_running =
    "not running: no daemon answers here, so nothing is read or sent; see `systemctl status stibee-syncd`";

}  // namespace

std::optional<domain::UtcTime> last_success_of(const MirrorView& mirror) {
  const auto read = mirror.summary.facts.last_success;
  if (!mirror.condition || !mirror.condition->feed.in_step) return read;
  return read ? std::max(*read, *mirror.condition->feed.in_step) : mirror.condition->feed.in_step;
}

std::size_t people_waiting(const MirrorView& mirror) {
  return all_pending(mirror.summary);
}

MirrorHealth health_of(const MirrorView& mirror, const DaemonView& view) {
  return judge(signs_of(mirror, view), view.now);
}

std::string state_line(const DaemonView& view) {
  std::string line;
  for (const auto& mirror : view.mirrors) {
    const auto health = health_of(mirror, view);
    line += (line.empty() ? "" : "; ") + mirror.name + ": " + std::string(telemetry::name(health.state));
    if (!health.problem.empty()) line += " (" + health.problem + ")";
  }
  return line;
}

double seconds_at_limits(const DaemonView& view, const std::map<domain::Lane, std::size_t>& people) {
  if (!view.dialect) return 0;
  const auto load = delivery::load_of(*view.dialect, people);
  return delivery::best_schedule(load, *view.dialect, view.limits, view.max_in_flight).seconds;
}

Value status_report(const DaemonView& view) {
  const bool runs = view.dispatch.has_value();
  bool healthy = !nobody_runs(view);
  Value mirrors = Value::array();
  for (const auto& mirror : view.mirrors) {
    const auto health = health_of(mirror, view);
    healthy = healthy && app::healthy(health.state);
    mirrors.push_back(mirror_report(mirror, health, view));
  }

  Value limiters = Value::array();
  for (const auto& condition : limiters_of(view)) {
    Value limiter;
    limiter.set("class", delivery::name(condition.limiter_class));
    limiter.set("limit", condition.limit);
    limiter.set("current", condition.current);
    limiter.set("used", condition.used);
    limiter.set("window_seconds", std::chrono::duration<double>(condition.window).count());
    limiter.set("held_until", time_or_null(condition.held_until));
    limiters.push_back(std::move(limiter));
  }

  Value report;
  report.set("version", 1);
  report.set("healthy", healthy);
  report.set("running", runs);
  report.set("mirrors", std::move(mirrors));
  report.set("limiter", std::move(limiters));
  report.set("circuit", view.dispatch ? delivery::name(view.dispatch->circuit) : std::string_view("closed"));
  report.set("key_refused", view.dispatch && view.dispatch->key_refused);
  report.set("in_flight", view.dispatch ? view.dispatch->in_flight : std::size_t{0});
  const auto held = long_hold(view);
  if (held) {
    report.set("problem", problem_of(*held));
  } else {
    report.set("problem", runs ? view.dispatch->problem : std::string(nobody_runs(view) ? not_running : ""));
  }
  report.set("now", text::iso_utc(view.now));
  report.set("daemon", view.facts ? facts_report(*view.facts, view.now) : Value());
  report.set("happened", happened_report(view.happened));
  return report;
}

Value guard_report(const DaemonView& view) {
  Value held = Value::array();
  for (const auto& mirror : view.mirrors) {
    for (const auto& hold : mirror.summary.holds) {
      Value refs = Value::array();
      for (const auto& ref : hold.refs)
        refs.push_back(ref);
      Value one;
      one.set("mirror", mirror.name);
      one.set("class", hold.change_class);
      one.set("count", hold.count);
      one.set("of", hold.of);
      one.set("digest", hold.digest);
      one.set("since", text::iso_utc(hold.since));
      one.set("why", hold.why);
      one.set("refs", std::move(refs));
      held.push_back(std::move(one));
    }
  }
  Value report;
  report.set("version", 1);
  report.set("held", std::move(held));
  return report;
}

std::vector<MirrorView> view_mirrors(const store::Store& store,
                                     const std::vector<pipeline::MirrorPlan>& plans, domain::UtcTime now) {
  std::vector<MirrorView> views;
  for (const auto& plan : plans) {
    MirrorView view;
    view.name = plan.name;
    view.list_id = plan.list_id;
    view.paused = store.paused(plan.id);
    view.changefeed = plan.changefeed;
    view.summary = store.summary(plan.id, now);
    view.suppressed = store.suppressed(plan.id);
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace stibee_sync::app
