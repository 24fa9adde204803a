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

struct Finding {
  HealthState state;
  std::string words;
};

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string in_words(domain::Duration wait) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(wait).count();
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h";
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

std::string late_in_words(const MirrorSigns& signs, const MirrorSigns::Lane& lane, Lane which,
                          domain::UtcTime now) {
  const bool optout = which == Lane::Optout;
  auto words = counted(lane.people, optout ? "opt-out waits" : "person waits",
                       optout ? "opt-outs wait" : "people wait") +
               ", the first for " + in_words(now - *lane.oldest);
  if (obstacle(signs).empty() && flows(signs, lane, which))
    words += ", longer than the limits explain (" +
             in_words(std::chrono::duration_cast<domain::Duration>(
                 std::chrono::duration<double>(lane.seconds_at_limits))) +
             ")";
  return words;
}

/// Why people do not arrive: opt-outs first. Who waits says so before any count of failures does.
void judge_sending(const MirrorSigns& signs, domain::UtcTime now, std::vector<Finding>& findings) {
  std::string late;
  std::size_t waiting = 0;
  for (const auto& [which, lane] : signs.lanes) {
    waiting += lane.people;
    if (!signs.paused && is_late(signs, lane, which, now))
      late += (late.empty() ? "" : "; ") + late_in_words(signs, lane, which, now);
  }
  const auto why = obstacle(signs);
  const bool refused = signs.key_refused || !signs.refused.empty();
  const bool stopped =
      !signs.paused && (signs.circuit_open || (!signs.calls_unwanted.empty() && waiting > 0));
  if (late.empty() && !refused && !stopped) return;
  auto words = late;
  if (!why.empty() || late.empty())
    words += (late.empty() ? "" : ": ") + (why.empty() ? "calls to Stibee fail" : why);
  findings.push_back({HealthState::Failing, std::move(words)});
}

void judge_source(const MirrorSigns& signs, std::vector<Finding>& findings) {
  switch (signs.source) {
    case MirrorSigns::Source::Fine:
      break;
    case MirrorSigns::Source::Untrusted:
      findings.push_back({HealthState::Untrusted, signs.source_problem});
      break;
    case MirrorSigns::Source::Failing:
      // A paused mirror is not read, so nothing could show that it is over.
      if (!signs.paused) findings.push_back({HealthState::Failing, signs.source_problem});
      break;
  }
}

/// Nothing is missed, but changes come later, and polls cost more.
void judge_feed(const MirrorSigns& signs, std::vector<Finding>& findings) {
  if (signs.feed_problem.empty()) return;
  findings.push_back(
      {HealthState::Ok, "the change feed is lost, so the table is read at each poll: " + signs.feed_problem});
}

void judge_rows(const MirrorSigns& signs, std::vector<Finding>& findings) {
  if (signs.unsendable * 10 <= signs.rows) return;
  findings.push_back({HealthState::Failing, std::to_string(signs.unsendable) + " of " +
                                                counted(signs.rows, "row", "rows") +
                                                " cannot be sent; see `failures`"});
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
  if (!signs.served) return {HealthState::Failing, "not running"};
  std::vector<Finding> findings;
  judge_sending(signs, now, findings);
  judge_source(signs, findings);
  judge_rows(signs, findings);
  judge_feed(signs, findings);
  if (signs.held > 0) {
    auto words =
        "the guard holds the changes of " + counted(signs.held, "person", "people") + "; see `guard`";
    if (signs.source == MirrorSigns::Source::Fine && !signs.source_problem.empty())
      words += " (" + signs.source_problem + ")";
    findings.push_back({HealthState::Held, std::move(words)});
  }
  if (signs.paused) findings.push_back({HealthState::Paused, "paused until `stibee-syncd resume`"});
  if (!signs.paused && is_importing(signs, now)) findings.push_back({HealthState::Importing, ""});

  MirrorHealth health;
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.state > b.state; });
  if (!findings.empty()) health.state = findings.front().state;
  for (const auto& finding : findings) {
    if (!finding.words.empty()) health.problem += (health.problem.empty() ? "" : "; ") + finding.words;
  }
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
