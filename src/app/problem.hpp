#pragma once

#include "app/language.hpp"
#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/telemetry/labels.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What is wrong with a mirror, as a code with its values: found by mirror_health, said here, in any language.

namespace stibee_sync::app {

enum class ProblemKind {
  NotRunning,
  OptoutsWait,  // `count` people, the first for `wait`; `explained`: the limits alone would take so long
  PeopleWait,   // likewise
  KeyRefused,
  CallsFail,  // `detail`: why, if that is known
  Source,     // `detail`
  Rows,       // `count` of `of` rows cannot be sent
  FeedLost,   // `detail`
  Held,       // the changes of `count` people; `detail`: what the source is suspected of, may be ""
  Paused,     // `detail`: when that ends by itself; "": by `resume` alone
  Standby,    // another daemon leads
  NoLeader,   // `detail`: why this one cannot hold the leader lock, so that nobody may be leading
  Importing,  // no problem, but why it is not `ok`
};
/// "not_running", "optouts_wait" …
std::string_view name(ProblemKind kind);

struct Problem {
  ProblemKind kind{};
  telemetry::HealthState state = telemetry::HealthState::Failing;  // what it makes of the mirror
  std::size_t count = 0;
  std::size_t of = 0;
  std::chrono::seconds wait{};
  std::optional<std::chrono::seconds> explained = {};
  std::string detail = {};  // English: what PostgreSQL, Stibee or the network said
};

/// The sentence without its detail; "" where there is nothing to be said.
std::string sentence(const Problem& problem, Language language);
/// The detail that comes after the sentence, in English; "": none does. Lives as long as the problem.
std::string_view cause_of(const Problem& problem);
/// All in one line, with their details: in English but for what is ours.
std::string in_one_line(const std::vector<Problem>& problems, Language language = Language::English);

/// `{code, count, of, seconds, limits_explain_seconds, detail}`, and back again: what is read from a report
/// is said by the same function.
json::Value problem_report(const Problem& problem);
std::optional<Problem> problem_from(const json::Value& report);

}  // namespace stibee_sync::app
