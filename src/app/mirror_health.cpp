#include "app/mirror_health.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

namespace stibee_sync::app {
namespace {

using domain::Lane;
using telemetry::HealthState;

/// The limits are never used to the last call, and answers take their time.
constexpr double slack_of_estimate = 1.5;

std::chrono::seconds whole_seconds(domain::Duration time) {
  return std::chrono::floor<std::chrono::seconds>(time);
}

/// Why calls do not get through; "": they do, for all that is known.
std::string obstacle(const MirrorSigns& signs) {
  if (signs.key_refused) return "Stibee refuses the API key";
  if (!signs.refused.empty()) return signs.refused;
  if (!signs.calls_unwanted.empty()) return signs.calls_unwanted;
  return signs.calls_problem;
}

/// The time that somebody may wait since the limits let no more through.
domain::Duration explained(const MirrorSigns& signs, const MirrorSigns::Lane& lane) {
  return longest_healthy_wait + (lane.limited ? signs.longest_window : domain::Duration::zero()) +
         std::chrono::duration_cast<domain::Duration>(
             std::chrono::duration<double>(slack_of_estimate * lane.seconds_at_limits));
}

/// People arrive, one after the other. Of opt-outs that must be seen; a start may take a moment to show it of
/// the rest.
bool flows(const MirrorSigns& signs, const MirrorSigns::Lane& lane, Lane which) {
  if (lane.since_arrival) {
    const auto gap = signs.calls_problem.empty() ? signs.longest_window : domain::Duration::zero();
    return *lane.since_arrival <= longest_healthy_wait + gap;
  }
  return which != Lane::Optout && signs.calls_problem.empty() && signs.served_for <= longest_healthy_wait;
}

/// How long the first of the lane has waited, if that is longer than anybody should.
std::optional<domain::Duration> long_wait(const MirrorSigns::Lane& lane, domain::UtcTime now) {
  if (lane.people == 0 || !lane.oldest || now - *lane.oldest <= longest_healthy_wait) return std::nullopt;
  return now - *lane.oldest;
}

/// Waits too long, and the limits do not explain it.
bool is_late(const MirrorSigns& signs, const MirrorSigns::Lane& lane, Lane which, domain::UtcTime now) {
  const auto wait = long_wait(lane, now);
  if (!wait) return false;
  if (signs.taking_over) return !signs.calls_problem.empty();
  // What kept a mirror from being served before, as a pause did, is not what the limits are to explain.
  const auto sending = std::min(*wait, signs.under_way.value_or(signs.served_for));
  return !flows(signs, lane, which) || sending > explained(signs, lane);
}

Problem wait_of(const MirrorSigns& signs, const MirrorSigns::Lane& lane, Lane which, domain::UtcTime now) {
  Problem problem{which == Lane::Optout ? ProblemKind::OptoutsWait : ProblemKind::PeopleWait};
  problem.count = lane.people;
  problem.wait = whole_seconds(now - *lane.oldest);
  if (obstacle(signs).empty() && flows(signs, lane, which))
    problem.explained = std::chrono::seconds(static_cast<std::int64_t>(lane.seconds_at_limits));
  return problem;
}

/// Why people do not arrive: opt-outs first. Who waits says so before any count of failures does.
void judge_sending(const MirrorSigns& signs, domain::UtcTime now, std::vector<Problem>& problems) {
  std::size_t late = 0;
  std::size_t waiting = 0;
  for (const auto& [which, lane] : signs.lanes) {
    waiting += lane.people;
    if (signs.paused || !is_late(signs, lane, which, now)) continue;
    problems.push_back(wait_of(signs, lane, which, now));
    ++late;
  }
  const auto why = obstacle(signs);
  const bool refused = signs.key_refused || !signs.refused.empty();
  const bool stopped =
      !signs.paused && (signs.circuit_open || (!signs.calls_unwanted.empty() && waiting > 0));
  if (late == 0 && !refused && !stopped) return;
  if (late > 0 && why.empty()) return;
  Problem problem{signs.key_refused ? ProblemKind::KeyRefused : ProblemKind::CallsFail};
  if (!signs.key_refused) problem.detail = why;
  problems.push_back(std::move(problem));
}

void judge_source(const MirrorSigns& signs, std::vector<Problem>& problems) {
  Problem problem{ProblemKind::Source};
  problem.detail = signs.source_problem;
  switch (signs.source) {
    case MirrorSigns::Source::Fine:
      return;
    case MirrorSigns::Source::Untrusted:
      problem.state = HealthState::Untrusted;
      break;
    case MirrorSigns::Source::Failing:
      // A paused mirror is not read, so nothing could show that it is over.
      if (signs.paused) return;
      break;
  }
  problems.push_back(std::move(problem));
}

/// Nothing is missed, but changes come later, and polls cost more.
void judge_feed(const MirrorSigns& signs, std::vector<Problem>& problems) {
  if (signs.feed_problem.empty()) return;
  Problem problem{ProblemKind::FeedLost, HealthState::Ok};
  problem.detail = signs.feed_problem;
  problems.push_back(std::move(problem));
}

void judge_rows(const MirrorSigns& signs, std::vector<Problem>& problems) {
  if (signs.unsendable * 10 <= signs.rows) return;
  Problem problem{ProblemKind::Rows};
  problem.count = signs.unsendable;
  problem.of = signs.rows;
  problems.push_back(std::move(problem));
}

void judge_holds(const MirrorSigns& signs, std::vector<Problem>& problems) {
  if (signs.held == 0) return;
  Problem problem{ProblemKind::Held, HealthState::Held};
  problem.count = signs.held;
  if (signs.source == MirrorSigns::Source::Fine) problem.detail = signs.source_problem;
  problems.push_back(std::move(problem));
}

void judge_leadership(const MirrorSigns& signs, std::vector<Problem>& problems) {
  if (!signs.stands_by) return;
  Problem problem{ProblemKind::Standby, HealthState::Standby};
  if (!signs.leader_problem.empty()) {
    problem = Problem{ProblemKind::NoLeader};
    problem.detail = signs.leader_problem;
  }
  problems.push_back(std::move(problem));
}

bool is_importing(const MirrorSigns& signs, domain::UtcTime now) {
  return std::any_of(signs.lanes.begin(), signs.lanes.end(), [&](const auto& each) {
    const auto& [which, lane] = each;
    if (lane.people == 0) return false;
    return signs.taking_over || !signs.imported || long_wait(lane, now);
  });
}

}  // namespace

MirrorHealth judge(const MirrorSigns& signs, domain::UtcTime now) {
  std::vector<Problem> problems;
  if (!signs.served) {
    problems.emplace_back(Problem{ProblemKind::NotRunning});
  } else {
    // Who waits, and what is held, is the leader's to say.
    if (!signs.stands_by) judge_sending(signs, now, problems);
    judge_source(signs, problems);
    judge_rows(signs, problems);
    judge_feed(signs, problems);
    if (!signs.stands_by) judge_holds(signs, problems);
    judge_leadership(signs, problems);
    if (signs.paused) {
      Problem problem{ProblemKind::Paused, HealthState::Paused};
      problem.detail = signs.paused_until;
      problems.push_back(std::move(problem));
    }
    if (!signs.paused && !signs.stands_by && is_importing(signs, now))
      problems.emplace_back(Problem{ProblemKind::Importing, HealthState::Importing});
  }
  std::stable_sort(problems.begin(), problems.end(),
                   [](const Problem& a, const Problem& b) { return a.state > b.state; });
  MirrorHealth health;
  if (!problems.empty()) health.state = problems.front().state;
  health.problem = in_one_line(problems);
  health.problems = std::move(problems);
  return health;
}

bool healthy(telemetry::HealthState state) {
  switch (state) {
    case HealthState::Ok:
    case HealthState::Importing:
    case HealthState::Standby:
    case HealthState::Paused:
      return true;
    case HealthState::Held:
    case HealthState::Untrusted:
    case HealthState::Failing:
      return false;
  }
  std::abort();
}

}  // namespace stibee_sync::app
