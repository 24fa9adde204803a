#include "app/why_words.hpp"

#include "app/language.hpp"
#include "stibee_sync/pipeline/distrust.hpp"

#include <array>
#include <utility>

namespace stibee_sync::app {
namespace {

/// The English is how the guard says it (diff/guard.cpp): a test holds both together. No
/// Korean particle follows a value.
constexpr std::array whys{
    Text{"the source has 0 rows, {0} people are mirrored", "테이블이 0행입니다 (반영된 인원 {0}명)"},
    Text{"the source has {0} rows, less than {1} % (guard.min_source_percent) of its last good count {2}",
         "테이블이 {0}행으로, 마지막 정상 행 수 {2}행의 {1}%에 못 미칩니다 (guard.min_source_percent)"},
    Text{"the mapped column \"{0}\" had values and is NULL in every row now",
         "매핑된 열 \"{0}\"의 값이 모든 행에서 NULL이 되었습니다"},
    Text{
        "{0} {1} after {2} of the last 24 hours are more than {3}: guard.max_daily_percent is {4} % of {5} "
        "people mirrored when they began, guard.min_removals is {6}",
        "{1}: {0}명에 최근 24시간의 {2}명을 더하면 한도 {3}명을 넘습니다 (guard.max_daily_percent {4}%, 그때 "
        "반영되어 있던 인원 {5}명, guard.min_removals {6})"},
    Text{
        "{0} {1} after {2} that the change feed brought within an hour are more than guard.{3}, which is {4}",
        "{1}: {0}명에 1시간 안에 변경 피드로 들어온 {2}명을 더하면 guard.{3} 한도 {4}명을 넘습니다"},
    Text{"{0} {1} after {2} that the change feed brought within an hour are more than {3}: guard.{4} is {5} "
         "% of "
         "{6} mirrored people, guard.min_removals is {7}",
         "{1}: {0}명에 1시간 안에 변경 피드로 들어온 {2}명을 더하면 한도 {3}명을 넘습니다 (guard.{4} {5}%, "
         "반영된 "
         "인원 {6}명, guard.min_removals {7})"},
    Text{"{0} {1} are more than guard.{2}, which is {3}", "{1}: {0}명으로 guard.{2} 한도 {3}명을 넘습니다"},
    Text{"{0} {1} are more than {2}: guard.{3} is {4} % of {5} mirrored people, guard.min_removals is {6}",
         "{1}: {0}명으로 한도 {2}명을 넘습니다 (guard.{3} {4}%, 반영된 인원 {5}명, guard.min_removals {6})"},
    Text{"consents moved, or opt-ins turned true, in {0} of {1} rows at once, more than {2}: "
         "guard.max_update_percent is {3} %",
         "{1}행 가운데 {0}행에서 동의 시각이나 수신 동의가 한꺼번에 바뀌어 한도 {2}행을 넘습니다 "
         "(guard.max_update_percent {3}%)"},
    Text{"consents moved, or opt-ins turned true, in {0} of {1} rows within an hour, more than {2}: "
         "guard.max_update_percent is {3} %",
         "{1}행 가운데 {0}행에서 1시간 안에 동의 시각이나 수신 동의가 바뀌어 한도 {2}행을 넘습니다 "
         "(guard.max_update_percent {3}%)"},
    Text{"the read lost {0} of {1} rows and brings {2} new people, more than {3}: another population?",
         "이전 {1}행 가운데 {0}행이 사라지고 새 회원 {2}명이 나타나 한도 {3}명을 넘습니다. 다른 테이블이 "
         "아닌지 "
         "확인하십시오"},
    Text{pipeline::no_rows, "테이블이 비어 있어 아무도 지우지 않습니다"},
    Text{pipeline::another_server,
         "데이터베이스가 지난번과 다른 서버이거나 과거로 되돌려져, 이전에 읽은 내용이 없을 수 있습니다"},
    Text{pipeline::another_server_waits,
         "데이터베이스가 지난번과 다른 서버이거나 과거로 되돌려져, 이전에 읽은 내용이 없을 수 있습니다. "
         "달라진 "
         "내용은 승인될 때까지 보류합니다(`guard`)"},
};

constexpr std::size_t most_values = 8;
using Values = std::array<std::string_view, most_values>;

/// The values of a sentence that was made of `text`; nullopt: it was not.
std::optional<Values> values_of(std::string_view sentence, std::string_view text) {
  Values values;
  for (;;) {
    const auto brace = text.find('{');
    const auto literal = text.substr(0, brace);
    if (!sentence.starts_with(literal)) return std::nullopt;
    sentence.remove_prefix(literal.size());
    if (brace == std::string_view::npos) return sentence.empty() ? std::optional(values) : std::nullopt;
    const auto number = static_cast<std::size_t>(text[brace + 1] - '0');
    text.remove_prefix(brace + 3);
    const auto next = text.substr(0, text.find('{'));
    const auto end = next.empty() ? sentence.size() : sentence.find(next);
    if (end == std::string_view::npos) return std::nullopt;
    values[number] = sentence.substr(0, end);
    sentence.remove_prefix(end);
  }
}

std::string value_in_korean(std::string_view value) {
  namespace korean = notice::korean;
  constexpr std::pair<std::string_view, std::string_view> classes[] = {{"removals", korean::removals},
                                                                       {"optouts", korean::optouts},
                                                                       {"resubscribes", korean::resubscribes},
                                                                       {"updates", korean::updates},
                                                                       {"adds", korean::adds}};
  for (const auto& [name, words] : classes) {
    if (value == name) return std::string(words);
  }
  return std::string(value);
}

std::optional<std::string> one_in_korean(std::string_view english) {
  for (const auto& why : whys) {
    const auto values = values_of(english, why.en);
    if (!values) continue;
    const auto said = [&](std::size_t i) { return value_in_korean((*values)[i]); };
    return say(why, Language::Korean,
               {said(0), said(1), said(2), said(3), said(4), said(5), said(6), said(7)});
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> why_in_korean(std::string_view english) {
  constexpr std::string_view between = "; ";
  std::string korean;
  for (;;) {
    const auto end = english.find(between);
    const auto one = one_in_korean(english.substr(0, end));
    if (!one) return std::nullopt;
    korean += *one;
    if (end == std::string_view::npos) return korean;
    korean += between;
    english.remove_prefix(end + between.size());
  }
}

}  // namespace stibee_sync::app
