#include "stibee_sync/notice/letter.hpp"
#include "stibee_sync/text/number_format.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace stibee_sync::notice {
namespace {

struct InKorean {
  std::string_view word;
  std::string_view korean;
};

constexpr InKorean korean_words[]{
    {"ok", korean::ok},           {"importing", korean::importing},
    {"standby", korean::standby}, {"paused", korean::paused},
    {"held", korean::held},       {"untrusted", korean::untrusted},
    {"failing", korean::failing}, {"removals", korean::removals},
    {"optouts", korean::optouts}, {"resubscribes", korean::resubscribes},
    {"updates", korean::updates}, {"adds", korean::adds},
};

/// A word that nobody translated is better than none.
std::string korean_of(const std::string& word) {
  const auto* const found = std::find_if(std::begin(korean_words), std::end(korean_words),
                                         [&](const InKorean& each) { return each.word == word; });
  return found == std::end(korean_words) ? word : std::string(found->korean);
}

std::string class_in_english(const std::string& held_class) {
  return held_class == "optouts" ? "opt-outs" : held_class;
}

std::vector<std::string> commands_for(const Notice& news) {
  switch (news.occasion) {
    case Occasion::Held:
      return {"stibee-syncd guard show " + news.digest, "stibee-syncd guard approve " + news.digest};
    case Occasion::Released:
      return {"stibee-syncd guard"};
    case Occasion::Drift:
      return {"stibee-syncd reconcile --mirror " + news.mirror};
    case Occasion::Unhealthy:
    case Occasion::Recovered:
    case Occasion::Imported:
      return {"stibee-syncd status"};
  }
  std::abort();
}

NoticeWords english_words(const Notice& news) {
  const auto people = text::with_thousands(news.people) + (news.people == 1 ? " person" : " people");
  switch (news.occasion) {
    case Occasion::Unhealthy:
      return {news.mirror + " needs attention: " + news.state, news.problem, {}};
    case Occasion::Recovered:
      return {news.mirror + ": the trouble is over (state: " + news.state + ")", news.problem, {}};
    case Occasion::Held:
      return {news.mirror + ": the guard holds the changes of " + people + " (" +
                  class_in_english(news.held_class) + ")",
              "Everything else flows on. Look who it is, and approve it if it is meant.",
              {}};
    case Occasion::Released:
      return {news.mirror + ": no " + class_in_english(news.held_class) + " are held any more", "", {}};
    case Occasion::Drift:
      return {news.mirror + ": table and list differ in " + people, "", {}};
    case Occasion::Imported:
      return {news.mirror + ": the first import is through, " + people + " subscribed", "", {}};
  }
  std::abort();
}

/// The problem itself is quoted as `status` says it: what servers answer has no translation.
std::string korean_problem(const Notice& news) {
  return news.problem.empty() ? news.problem : "내용: " + news.problem;
}

NoticeWords korean_wording(const Notice& news) {
  // The particle follows a word of ours, whatever the name ends with.
  const auto mirror = "\"" + news.mirror + "\" 미러";
  const auto people = text::with_thousands(news.people) + "명";
  switch (news.occasion) {
    case Occasion::Unhealthy:
      return {
          mirror + "에 문제가 생겼습니다 (상태: " + korean_of(news.state) + ")", korean_problem(news), {}};
    case Occasion::Recovered:
      return {mirror + "의 문제가 해결되었습니다 (상태: " + korean_of(news.state) + ")",
              korean_problem(news),
              {}};
    case Occasion::Held:
      return {mirror + "의 변경을 보류했습니다: " + korean_of(news.held_class) + " " + people,
              "나머지 변경은 계속 반영됩니다. 대상을 확인하고, 의도한 변경이면 승인하십시오.",
              {}};
    case Occasion::Released:
      return {mirror + "의 보류가 해제되었습니다: " + korean_of(news.held_class), "", {}};
    case Occasion::Drift:
      return {mirror + "에서 회원 테이블과 스티비 주소록이 서로 다릅니다: " + people, "", {}};
    case Occasion::Imported:
      return {mirror + "의 첫 반영이 끝났습니다: 구독자 " + people, "", {}};
  }
  std::abort();
}

}  // namespace

NoticeWords words_of(const Notice& news, Language language) {
  auto wording = language == Language::Korean ? korean_wording(news) : english_words(news);
  wording.commands = commands_for(news);
  return wording;
}

}  // namespace stibee_sync::notice
