#include "stibee_sync/notice/letter.hpp"

#include "stibee_sync/json/value.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::notice {
namespace {

using testing::HasSubstr;
using testing::Not;

const Sender sender{"mirror1", domain::UtcTime{std::chrono::milliseconds(1'700'000'000'250)}};

Notice news(Occasion occasion) {
  Notice news;
  news.occasion = occasion;
  news.mirror = "members";
  news.state = "ok";
  switch (occasion) {
    case Occasion::Unhealthy:
      news.state = "failing";
      news.problem = "3 opt-outs wait, the first for 40 s: cannot connect <to> Stibee & co";
      break;
    case Occasion::Held:
      news.state = "held";
      news.held_class = "removals";
      news.people = 120;
      news.digest = "abcd1234";
      break;
    case Occasion::Released:
      news.held_class = "optouts";
      break;
    case Occasion::Drift:
      news.people = 12;
      break;
    case Occasion::Imported:
      news.people = 4150;
      break;
    case Occasion::Recovered:
      break;
  }
  return news;
}

std::vector<Notice> everything() {
  std::vector<Notice> all;
  for (const auto occasion : all_occasions())
    all.push_back(news(occasion));
  return all;
}

json::Value body_of(const std::vector<Notice>& all, LetterFormat format, Language language) {
  const auto body = json::parse(make_letter(all, sender, format, language).body);
  EXPECT_TRUE(body) << "no JSON";
  return body.value_or(json::Value());
}

std::string text_in(const json::Value& value, const std::string& key) {
  const auto* member = value.find(key);
  return member != nullptr && member->if_string() != nullptr ? *member->if_string() : "(none)";
}

TEST(Letter, InJsonHasKeysForPrograms) {
  const auto letter = make_letter({news(Occasion::Held)}, sender, LetterFormat::Json, Language::English);
  EXPECT_EQ(letter.headers,
            (std::vector<std::pair<std::string, std::string>>{{"Content-Type", "application/json"}}));
  EXPECT_EQ(
      letter.body,
      R"({"version":1,"at":"2023-11-14T22:13:20.250Z","host":"mirror1","kind":"held","mirror":"members",)"
      R"("state":"held","problem":"","class":"removals","people":120,"digest":"abcd1234",)"
      R"("commands":["stibee-syncd guard show abcd1234","stibee-syncd guard approve abcd1234"],)"
      R"("text":"[mirror1] members: the guard holds the changes of 120 people (removals)\n)"
      R"(Everything else flows on. Look who it is, and approve it if it is meant.\n)"
      R"(`stibee-syncd guard show abcd1234`\n`stibee-syncd guard approve abcd1234`",)"
      R"("notices":[{"kind":"held","mirror":"members","state":"held","problem":"","class":"removals",)"
      R"("people":120,"digest":"abcd1234",)"
      R"("commands":["stibee-syncd guard show abcd1234","stibee-syncd guard approve abcd1234"]}]})");
}

TEST(Letter, InJsonHasAllNewsAndTheMostUrgentByItself) {
  const auto body = body_of(everything(), LetterFormat::Json, Language::English);
  EXPECT_EQ(text_in(body, "kind"), "unhealthy");
  const auto* notices = body.find("notices")->if_array();
  ASSERT_EQ(notices->size(), 6U);
  std::vector<std::string> kinds;
  for (const auto& each : *notices)
    kinds.push_back(text_in(each, "kind"));
  EXPECT_THAT(kinds, testing::ElementsAre("unhealthy", "held", "drift", "recovered", "released", "imported"));
}

TEST(Letter, ForSlackIsATextInEnglish) {
  const auto body = body_of(everything(), LetterFormat::Slack, Language::English);
  ASSERT_EQ(body.if_object()->size(), 1U);
  EXPECT_EQ(text_in(body, "text"),
            "[mirror1] members needs attention: failing\n"
            "3 opt-outs wait, the first for 40 s: cannot connect &lt;to&gt; Stibee &amp; co\n"
            "`stibee-syncd status`\n\n"
            "members: the guard holds the changes of 120 people (removals)\n"
            "Everything else flows on. Look who it is, and approve it if it is meant.\n"
            "`stibee-syncd guard show abcd1234`\n`stibee-syncd guard approve abcd1234`\n\n"
            "members: table and list differ in 12 people\n`stibee-syncd reconcile --mirror members`\n\n"
            "members: the trouble is over (state: ok)\n`stibee-syncd status`\n\n"
            "members: no opt-outs are held any more\n`stibee-syncd guard`\n\n"
            "members: the first import is through, 4,150 people subscribed\n`stibee-syncd status`");
}

TEST(Letter, ForSlackIsATextInKorean) {
  const auto body = body_of(everything(), LetterFormat::Slack, Language::Korean);
  EXPECT_EQ(text_in(body, "text"),
            "[mirror1] \"members\" 미러에 문제가 생겼습니다 (상태: 장애)\n"
            "내용: 3 opt-outs wait, the first for 40 s: cannot connect &lt;to&gt; Stibee &amp; co\n"
            "`stibee-syncd status`\n\n"
            "\"members\" 미러의 변경을 보류했습니다: 빠진 회원의 수신거부·완전삭제 120명\n"
            "나머지 변경은 계속 반영됩니다. 대상을 확인하고, 의도한 변경이면 승인하십시오.\n"
            "`stibee-syncd guard show abcd1234`\n`stibee-syncd guard approve abcd1234`\n\n"
            "\"members\" 미러에서 회원 테이블과 스티비 주소록이 서로 다릅니다: 12명\n"
            "`stibee-syncd reconcile --mirror members`\n\n"
            "\"members\" 미러의 문제가 해결되었습니다 (상태: 정상)\n`stibee-syncd status`\n\n"
            "\"members\" 미러의 보류가 해제되었습니다: 수신거부\n`stibee-syncd guard`\n\n"
            "\"members\" 미러의 첫 반영이 끝났습니다: 구독자 4,150명\n`stibee-syncd status`");
}

TEST(Letter, ForJandiHasItsHeadersColourAndAPartForEachNews) {
  const auto letter = make_letter({news(Occasion::Unhealthy), news(Occasion::Held)}, sender,
                                  LetterFormat::Jandi, Language::Korean);
  EXPECT_EQ(letter.headers,
            (std::vector<std::pair<std::string, std::string>>{
                {"Content-Type", "application/json"}, {"Accept", "application/vnd.tosslab.jandi-v2+json"}}));
  EXPECT_EQ(
      letter.body,
      R"J({"body":"[mirror1] \"members\" 미러에 문제가 생겼습니다 (상태: 장애)","connectColor":"#D93025",)J"
      R"J("connectInfo":[{"title":"\"members\" 미러에 문제가 생겼습니다 (상태: 장애)",)J"
      R"J("description":"내용: 3 opt-outs wait, the first for 40 s: cannot connect <to> Stibee & co\n)J"
      R"J(stibee-syncd status"},{"title":"\"members\" 미러의 변경을 보류했습니다: 빠진 회원의 수신거부·완전삭제 120명",)J"
      R"J("description":"나머지 변경은 계속 반영됩니다. 대상을 확인하고, 의도한 변경이면 승인하십시오.\n)J"
      R"J(stibee-syncd guard show abcd1234\nstibee-syncd guard approve abcd1234"}]})J");
  EXPECT_EQ(text_in(body_of({news(Occasion::Drift)}, LetterFormat::Jandi, Language::English), "connectColor"),
            "#F9AB00");
  EXPECT_EQ(
      text_in(body_of({news(Occasion::Recovered)}, LetterFormat::Jandi, Language::English), "connectColor"),
      "#188038");
}

TEST(Letter, ToAChatShowsTenPiecesOfNewsAtMost) {
  const std::vector<Notice> many(13, news(Occasion::Unhealthy));
  EXPECT_THAT(text_in(body_of(many, LetterFormat::Slack, Language::English), "text"),
              HasSubstr("\n\nand 3 more\n`stibee-syncd status`"));
  const auto jandi = body_of(many, LetterFormat::Jandi, Language::Korean);
  ASSERT_EQ(jandi.find("connectInfo")->if_array()->size(), 11U);
  EXPECT_EQ(text_in(jandi.find("connectInfo")->if_array()->back(), "title"), "그 밖에 3건이 더 있습니다.");
  EXPECT_EQ(body_of(many, LetterFormat::Json, Language::English).find("notices")->if_array()->size(), 13U);
}

TEST(Letter, HasNobodysAddressAndNoEndlessProblem) {
  auto one = news(Occasion::Unhealthy);
  one.problem = "no room for kim@example.com " + std::string(5000, 'x');
  for (const auto format : {LetterFormat::Json, LetterFormat::Slack, LetterFormat::Jandi}) {
    const auto letter = make_letter({one}, sender, format, Language::English);
    EXPECT_THAT(letter.body, Not(HasSubstr("kim")));
    EXPECT_LT(letter.body.size(), 4000U);
  }
}

}  // namespace
}  // namespace stibee_sync::notice
