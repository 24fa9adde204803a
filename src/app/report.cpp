#include "app/report.hpp"

#include "stibee_sync/text/time_format.hpp"

#include <algorithm>

namespace stibee_sync::app {
namespace {

using json::Value;
using pipeline::CycleOutcome;

Value time_or_null(const std::optional<domain::UtcTime>& time) {
  return time ? Value(text::iso_utc(*time)) : Value();
}

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

std::string state_of(const MirrorView& mirror, const DaemonView& view) {
  if (mirror.paused) return "paused";
  if (!mirror.summary.holds.empty()) return "held";
  if (mirror.condition) {
    if (mirror.condition->last == CycleOutcome::Untrusted) return "untrusted";
    if (mirror.condition->last == CycleOutcome::Failed) return "failing";
  }
  if (view.dispatch &&
      (view.dispatch->key_refused || view.dispatch->circuit != delivery::CircuitBreaker::State::Closed)) {
    return "failing";
  }
  if (mirror.forbidden || !mirror.refused.empty() || nobody_runs(view)) return "failing";
  if (all_pending(mirror.summary) > 0 && long_hold(view)) return "failing";
  // A first import: nobody, or only a part, has arrived yet.
  const auto upserts = pending_of(mirror.summary, domain::Lane::Upsert);
  if (upserts > 0 && upserts > people_of(mirror.summary, domain::RemoteStatus::Subscribed) / 2)
    return "importing";
  return "ok";
}

bool healthy_state(const std::string& state) {
  return state != "held" && state != "untrusted" && state != "failing";
}

Value progress_of(const MirrorView& mirror, const DaemonView& view) {
  const auto pending = all_pending(mirror.summary);
  const auto backlog = mirror.condition ? std::max(mirror.condition->backlog, pending) : pending;
  std::map<domain::Lane, std::size_t> people;
  for (const auto lane : domain::all_lanes)
    people[lane] = pending_of(mirror.summary, lane);
  Value progress;
  progress.set("done", static_cast<std::int64_t>(backlog - pending));
  progress.set("total", static_cast<std::int64_t>(backlog));
  progress.set("seconds_left", seconds_at_limits(view, people));
  return progress;
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
  std::optional<domain::UtcTime> oldest;
  for (const auto lane : domain::all_lanes) {
    pending.set(std::string(domain::name(lane)), pending_of(summary, lane));
    const auto found = summary.pending.find(lane);
    if (found != summary.pending.end() && found->second.oldest &&
        (!oldest || *found->second.oldest < *oldest)) {
      oldest = found->second.oldest;
    }
  }
  pending.set("oldest", time_or_null(oldest));
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

Value mirror_report(const MirrorView& mirror, const std::string& state, const DaemonView& view) {
  const auto& summary = mirror.summary;
  Value parked = Value::object();
  for (const auto& [reason, count] : summary.parked)
    parked.set(reason, count);
  Value held = Value::array();
  for (const auto& hold : summary.holds)
    held.push_back(hold_report(hold));

  Value one;
  one.set("name", mirror.name);
  one.set("list_id", mirror.list_id);
  one.set("state", state);
  one.set("problem", nobody_runs(view) ? std::string("not running") : problem_of(mirror));
  one.set("last_success", time_or_null(summary.facts.last_success));
  one.set("source_members", summary.facts.last_rows);
  one.set("people", people_report(summary));
  one.set("suppressed", mirror.suppressed);
  one.set("pending", pending_report(summary));
  one.set("parked", std::move(parked));
  one.set("held", std::move(held));
  one.set("writebacks", summary.writebacks);
  one.set("progress", progress_of(mirror, view));
  return one;
}

constexpr std::string_view not_running =
    "not running: no daemon answers here, so nothing is read or sent; see `systemctl status stibee-syncd`";

}  // namespace

std::string problem_of(const MirrorView& mirror) {
  if (!mirror.refused.empty()) return mirror.refused;
  if (mirror.forbidden) return "Stibee does not let this key use list " + std::to_string(mirror.list_id);
  return mirror.condition ? mirror.condition->problem : std::string();
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
    const auto state = state_of(mirror, view);
    healthy = healthy && healthy_state(state) && mirror.summary.holds.empty();  // of a paused mirror too
    mirrors.push_back(mirror_report(mirror, state, view));
  }

  Value limiters = Value::array();
  for (const auto& condition : limiters_of(view)) {
    Value limiter;
    limiter.set("class", delivery::name(condition.limiter_class));
    limiter.set("limit", condition.limit);
    limiter.set("current", condition.current);
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

Value failures_report(const std::vector<ParkedView>& parked) {
  Value people = Value::array();
  for (const auto& view : parked) {
    Value one;
    one.set("mirror", view.mirror);
    one.set("key", view.person.key);
    one.set("email", view.person.email);
    one.set("reason", view.person.reason);
    one.set("message", view.person.message);
    one.set("attempts", view.person.attempts);
    one.set("since", time_or_null(view.person.since));
    people.push_back(std::move(one));
  }
  Value report;
  report.set("version", 1);
  report.set("people", std::move(people));
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
    view.summary = store.summary(plan.id, now);
    view.suppressed = store.suppressed(plan.id);
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<ParkedView> view_parked(const store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                    std::size_t most) {
  std::vector<ParkedView> views;
  for (const auto& plan : plans) {
    for (auto& person : store.parked(plan.id, most - std::min(most, views.size()))) {
      views.push_back({plan.name, std::move(person)});
    }
  }
  return views;
}

}  // namespace stibee_sync::app
