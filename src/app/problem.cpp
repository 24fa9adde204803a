#include "app/problem.hpp"

#include "app/report_members.hpp"
#include "app/why_words.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <array>
#include <cstdlib>
#include <utility>

namespace stibee_sync::app {
namespace {

constexpr std::array<std::pair<ProblemKind, std::string_view>, 13> names{{
    {ProblemKind::NotRunning, "not_running"},
    {ProblemKind::OptoutsWait, "optouts_wait"},
    {ProblemKind::PeopleWait, "people_wait"},
    {ProblemKind::KeyRefused, "key_refused"},
    {ProblemKind::CallsFail, "calls_fail"},
    {ProblemKind::Source, "source"},
    {ProblemKind::Rows, "rows"},
    {ProblemKind::FeedLost, "feed_lost"},
    {ProblemKind::Held, "held"},
    {ProblemKind::Paused, "paused"},
    {ProblemKind::Standby, "standby"},
    {ProblemKind::NoLeader, "no_leader"},
    {ProblemKind::Importing, "importing"},
}};

constexpr Text not_running{"not running", "실행되고 있지 않습니다"};
constexpr Text one_optout{"{0} opt-out waits, the first for {1}",
                          "수신거부 {0}건이 {1} 동안 처리되지 않고 있습니다"};
constexpr Text optouts{"{0} opt-outs wait, the first for {1}",
                       "수신거부 {0}건이 처리되지 않고 있으며, 가장 오래된 것은 {1} 동안 기다렸습니다"};
constexpr Text one_person{"{0} person waits, the first for {1}", "{0}명이 {1} 동안 기다리고 있습니다"};
constexpr Text people{"{0} people wait, the first for {1}",
                      "{0}명이 기다리고 있으며, 가장 오래 기다린 사람은 {1} 동안 기다렸습니다"};
constexpr Text too_long{", longer than the limits explain ({0})",
                        " (호출 한도를 감안한 예상 시간 {0}보다 오래 걸리고 있습니다)"};
constexpr Text key_refused{"Stibee refuses the API key", "스티비가 API 키를 거부합니다"};
constexpr Text calls_fail{"calls to Stibee fail", "스티비 호출이 실패하고 있습니다"};
constexpr Text calls_refused{"Calls to Stibee do not get through", "스티비 호출이 처리되지 않고 있습니다"};
constexpr Text source_unlike{"The table cannot be read, or is not as it should be",
                             "테이블을 읽을 수 없거나 정상 상태가 아닙니다"};
constexpr Text rows{"{0} of {1} rows cannot be sent; see `failures`",
                    "테이블의 {1}행 가운데 {0}행을 보낼 수 없습니다. `failures`로 확인하십시오"};
constexpr Text row{"{0} of {1} row cannot be sent; see `failures`",
                   "테이블의 {1}행 가운데 {0}행을 보낼 수 없습니다. `failures`로 확인하십시오"};
constexpr Text feed_lost{"the change feed is lost, so the table is read at each poll",
                         "변경 피드가 끊겨, 매번 테이블 전체를 읽고 있습니다"};
constexpr Text one_held{"the guard holds the changes of {0} person; see `guard`",
                        "가드가 {0}명의 변경을 보류했습니다. `guard`로 확인하십시오"};
constexpr Text held{"the guard holds the changes of {0} people; see `guard`",
                    "가드가 {0}명의 변경을 보류했습니다. `guard`로 확인하십시오"};
constexpr Text paused{"paused until `stibee-syncd resume`",
                      "일시 중지 중입니다. `stibee-syncd resume`을 실행하면 다시 동기화합니다"};

constexpr Text standby{"another daemon leads; this one takes over when it ends",
                       "다른 데몬이 동기화하고 있으며, 그 데몬이 멈추면 이 데몬이 이어받습니다"};
constexpr Text no_leader{"the leader lock cannot be had, so nothing is sent from here",
                         "리더 잠금을 얻을 수 없어, 이 데몬은 아무것도 보내지 않습니다"};
constexpr Text paused_until{"paused until {0}", "{0}까지 일시 중지 중입니다"};

std::string waits(const Problem& problem, const Text& one, const Text& many, Language language) {
  auto said = say(problem.count == 1 ? one : many, language,
                  {text::with_thousands(problem.count), about(problem.wait, language)});
  if (problem.explained) said += say(too_long, language, {about(*problem.explained, language)});
  return said;
}

std::string with_detail(const Problem& problem, Language language) {
  // In English these details are sentences by themselves.
  const bool alone = problem.kind == ProblemKind::Source || problem.kind == ProblemKind::CallsFail;
  if (alone && language == Language::English && !problem.detail.empty()) return problem.detail;
  const auto said = sentence(problem, language);
  std::string cause(cause_of(problem));
  if (cause.empty()) return said;
  if (language == Language::Korean) cause = why_in_korean(cause).value_or(cause);
  if (said.empty()) return cause;
  return problem.kind == ProblemKind::Held ? said + " (" + cause + ")" : said + ": " + cause;
}

bool is_wait(const Problem& problem) {
  return problem.kind == ProblemKind::OptoutsWait || problem.kind == ProblemKind::PeopleWait;
}

bool explains_waits(const Problem& problem) {
  return problem.kind == ProblemKind::KeyRefused || problem.kind == ProblemKind::CallsFail;
}

}  // namespace

std::string_view name(ProblemKind kind) {
  for (const auto& [each, text] : names) {
    if (each == kind) return text;
  }
  std::abort();
}

std::string sentence(const Problem& problem, Language language) {
  const auto count = text::with_thousands(problem.count);
  switch (problem.kind) {
    case ProblemKind::NotRunning:
      return say(not_running, language);
    case ProblemKind::OptoutsWait:
      return waits(problem, one_optout, optouts, language);
    case ProblemKind::PeopleWait:
      return waits(problem, one_person, people, language);
    case ProblemKind::KeyRefused:
      return say(key_refused, language);
    case ProblemKind::CallsFail:
      return say(problem.detail.empty() ? calls_fail : calls_refused, language);
    case ProblemKind::Rows:
      return say(problem.of == 1 ? row : rows, language, {count, text::with_thousands(problem.of)});
    case ProblemKind::FeedLost:
      return say(feed_lost, language);
    case ProblemKind::Held:
      return say(problem.count == 1 ? one_held : held, language, {count});
    case ProblemKind::Paused:
      return problem.detail.empty() ? say(paused, language) : say(paused_until, language, {problem.detail});
    case ProblemKind::Source:
      return say(source_unlike, language);
    case ProblemKind::Standby:
      return say(standby, language);
    case ProblemKind::NoLeader:
      return say(no_leader, language);
    case ProblemKind::Importing:
      return {};
  }
  std::abort();
}

std::string_view cause_of(const Problem& problem) {
  if (problem.kind == ProblemKind::Paused) return {};
  std::string_view cause = problem.detail;
  const auto said = std::string(calls_fail.en) + ": ";
  if (problem.kind == ProblemKind::CallsFail && cause.starts_with(said)) cause.remove_prefix(said.size());
  return cause;
}

std::string in_one_line(const std::vector<Problem>& problems, Language language) {
  std::string line;
  const Problem* before = nullptr;
  for (const auto& problem : problems) {
    const auto said = with_detail(problem, language);
    if (said.empty()) continue;
    if (before != nullptr) line += is_wait(*before) && explains_waits(problem) ? ": " : "; ";
    line += said;
    before = &problem;
  }
  return line;
}

json::Value problem_report(const Problem& problem) {
  json::Value report;
  report.set("code", name(problem.kind));
  report.set("state", telemetry::name(problem.state));
  if (problem.count > 0) report.set("count", problem.count);
  if (problem.of > 0) report.set("of", problem.of);
  if (is_wait(problem)) report.set("seconds", problem.wait.count());
  if (problem.explained) report.set("limits_explain_seconds", problem.explained->count());
  report.set("detail", problem.detail);
  return report;
}

std::optional<Problem> problem_from(const json::Value& report) {
  const auto code = text_of(report, "code");
  for (const auto& [kind, text] : names) {
    if (text != code) continue;
    Problem problem;
    problem.kind = kind;
    problem.state = telemetry::label_from<telemetry::HealthState>(text_of(report, "state"))
                        .value_or(telemetry::HealthState::Failing);
    problem.count = static_cast<std::size_t>(integer_of(report, "count"));
    problem.of = static_cast<std::size_t>(integer_of(report, "of"));
    problem.wait = std::chrono::seconds(integer_of(report, "seconds"));
    if (report.find("limits_explain_seconds") != nullptr)
      problem.explained = std::chrono::seconds(integer_of(report, "limits_explain_seconds"));
    problem.detail = text_of(report, "detail");
    return problem;
  }
  return std::nullopt;
}

}  // namespace stibee_sync::app
