#include "app/cures.hpp"
#include "app/happenings.hpp"
#include "app/page/mirror_section.hpp"
#include "app/page/page.hpp"
#include "app/problem.hpp"
#include "app/setup.hpp"
#include "stibee_sync/telemetry/event.hpp"
#include "stibee_sync/telemetry/labels.hpp"

#include <cstdlib>
#include <ctime>
#include <regex>

#include <gmock/gmock.h>

namespace stibee_sync::app {
namespace {

using json::Value;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Language both[] = {Language::English, Language::Korean};

/// The zone of whoever looks.
class PageTest : public ::testing::Test {
 protected:
  PageTest() {
    ::setenv("TZ", "KST-9", 1);
    ::tzset();
  }
  ~PageTest() override {
    ::unsetenv("TZ");
    ::tzset();
  }
};

/// The object with another value of that member.
void put(Value& object, std::string_view key, Value value) {
  Value other = Value::object();
  for (const auto& [name, each] : *object.if_object()) {
    if (name != key) other.set(name, each);
  }
  other.set(std::string(key), std::move(value));
  object = std::move(other);
}

Value counts(std::initializer_list<std::pair<const char*, int>> pairs) {
  Value object = Value::object();
  for (const auto& [name, number] : pairs)
    object.set(name, number);
  return object;
}

Value list_of_numbers(std::initializer_list<int> numbers) {
  Value list = Value::array();
  for (const auto number : numbers)
    list.push_back(number);
  return list;
}

Value history() {
  Value history;
  history.set("begin", "2026-11-28T08:45:00.000Z");
  history.set("step_seconds", 900);
  history.set("changes", list_of_numbers({1'000, 0, 250}));
  history.set("calls", list_of_numbers({4, 0, 1}));
  history.set("waiting", list_of_numbers({900, 0, 3}));
  return history;
}

Value mirror(std::string_view state, Value problems = Value::array()) {
  Value one;
  one.set("name", "members");
  one.set("list_id", 1234);
  one.set("state", state);
  one.set("problem", "");
  one.set("problems", std::move(problems));
  one.set("last_success", "2026-11-28T09:20:00.500Z");
  one.set("last_delivery", Value());
  one.set("last_compared", "2026-11-28T08:20:12.000Z");
  one.set("drift", 3);
  one.set("source_members", 12'345);
  one.set("people", counts({{"subscribed", 12'000}, {"opted_out", 340}}));
  one.set("suppressed", 341);
  auto pending = counts({{"optout", 2}, {"delete", 0}, {"upsert", 1'900}});
  Value oldest = Value::object();
  oldest.set("optout", "2026-11-28T09:20:09.000Z");
  pending.set("oldest_by_lane", std::move(oldest));
  one.set("pending", std::move(pending));
  one.set("parked", counts({{"bad_domain", 7}}));
  one.set("held", Value::array());
  auto progress = counts({{"done", 500}, {"total", 2'400}});
  progress.set("seconds_left", 190.0);
  one.set("progress", std::move(progress));
  one.set("history", history());
  return one;
}

Value status_of(Value one, bool healthy = true) {
  Value mirrors = Value::array();
  mirrors.push_back(std::move(one));
  Value limiter = counts({{"limit", 10}, {"current", 5}, {"used", 3}});
  limiter.set("class", "v1");
  limiter.set("window_seconds", 1.0);
  limiter.set("held_until", "2026-11-28T10:00:00.000Z");
  Value limiters = Value::array();
  limiters.push_back(std::move(limiter));
  Value daemon;
  daemon.set("version", "1.2.3");
  daemon.set("host", "ops-1");
  daemon.set("started", "2026-11-28T06:20:12.000Z");
  daemon.set("uptime_seconds", 3 * 3600);
  Value status;
  status.set("healthy", healthy);
  status.set("running", true);
  status.set("mirrors", std::move(mirrors));
  status.set("limiter", std::move(limiters));
  status.set("circuit", "closed");
  status.set("in_flight", 2);
  status.set("now", "2026-11-28T09:20:12.900Z");
  status.set("daemon", std::move(daemon));
  status.set("happened", Value::array());
  return status;
}

/// What is read, without what is English by nature: commands, and what the page marks as English.
std::string words_in(std::string page) {
  page = std::regex_replace(page, std::regex("<head>.*</head>"), "");
  page = std::regex_replace(page, std::regex("<code[^>]*>[^<]*</code>"), "");
  page = std::regex_replace(page, std::regex("<span lang=\"en\">[^<]*</span>"), "");
  page = std::regex_replace(page, std::regex("<a [^>]*lang=\"en\"[^>]*>[^<]*</a>"), "");
  page = std::regex_replace(page, std::regex("<time[^>]*>[^<]*</time>"), "");
  return std::regex_replace(page, std::regex("<[^>]*>"), " ");
}

TEST_F(PageTest, ShowsFiguresAgesAndTimesInTheReadersWords) {
  const auto english = status_page(status_of(mirror("ok")), Language::English);
  EXPECT_THAT(english, HasSubstr("<html lang=\"en\">"));
  EXPECT_THAT(english, HasSubstr("<span class=\"state ok\">ok</span>"));
  EXPECT_THAT(english, HasSubstr("<dt>Last update</dt><dd>12 s ago"));
  EXPECT_THAT(english, HasSubstr(">2026-11-28 18:20:00 KST</time>"));
  EXPECT_THAT(english, HasSubstr("<dt>Last delivery</dt><dd>not yet</dd>"));
  EXPECT_THAT(english,
              HasSubstr("3 differences left; see <code class=\"command\">stibee-syncd reconcile</code>"));
  EXPECT_THAT(english, HasSubstr("<dt>rows</dt><dd>12,345</dd>"));
  EXPECT_THAT(english, HasSubstr("<dt>subscribed</dt><dd>12,000</dd>"));
  EXPECT_THAT(english, HasSubstr("500 of 2,400 · about 3 min left"));
  EXPECT_THAT(
      english,
      HasSubstr("opt-outs, unsubscribes</th><td class=\"number\">2</td><td class=\"number\">3 s</td>"));
  EXPECT_THAT(english,
              HasSubstr("<code>bad_domain</code></th><td class=\"number\">7</td><td>correct the address"));
  EXPECT_THAT(english, HasSubstr("10 a second; 3 used now · Stibee said it was too much: 5 for now"));
  EXPECT_THAT(english, HasSubstr("Stibee wants none before <time"));
  EXPECT_THAT(english, HasSubstr("<dd>1.2.3</dd>"));
  EXPECT_THAT(english, HasSubstr("<dd>ops-1</dd>"));
  EXPECT_THAT(english, HasSubstr("3 h, since <time"));

  const auto korean = status_page(status_of(mirror("ok")), Language::Korean);
  EXPECT_THAT(korean, HasSubstr("<html lang=\"ko\">"));
  EXPECT_THAT(korean, HasSubstr("<span class=\"state ok\">정상</span>"));
  EXPECT_THAT(korean, HasSubstr("<dt>마지막 업데이트</dt><dd>12초 전"));
  EXPECT_THAT(korean, HasSubstr("2,400명 중 500명 · 약 3분 남음"));
  EXPECT_THAT(korean, HasSubstr("초당 10회, 현재 3회 사용"));
  EXPECT_THAT(korean, HasSubstr("이메일 주소를 바르게 고치십시오"));
}

TEST_F(PageTest, SaysEachStateInColourAndTextInBothLanguages) {
  for (const auto language : both) {
    for (const auto state : telemetry::label_names<telemetry::HealthState>) {
      const auto page = status_page(status_of(mirror(state)), language);
      EXPECT_THAT(page, HasSubstr("<span class=\"state " + std::string(state) + "\">")) << state;
      if (language == Language::Korean) {
        EXPECT_THAT(page, Not(HasSubstr("\">" + std::string(state) + "</span>"))) << state;
      }
    }
  }
}

TEST_F(PageTest, TellsWhatIsWrongAndWhichCommandHelps) {
  Problem waits{ProblemKind::OptoutsWait};
  waits.count = 2;
  waits.wait = std::chrono::seconds(16);
  Problem why{ProblemKind::CallsFail};
  why.detail = "Stibee cannot be reached: connection refused";
  Problem paused{ProblemKind::Paused, telemetry::HealthState::Paused};
  Value problems = Value::array();
  for (const auto& problem : {waits, why, paused})
    problems.push_back(problem_report(problem));
  const auto status = status_of(mirror("failing", std::move(problems)), false);

  const auto english = status_page(status, Language::English);
  EXPECT_THAT(english, HasSubstr("needs attention"));
  EXPECT_THAT(english, HasSubstr("2 opt-outs wait, the first for 16 s"));
  EXPECT_THAT(english, HasSubstr("Why: Stibee cannot be reached: connection refused"));
  EXPECT_THAT(english, HasSubstr("<code class=\"command\">stibee-syncd check</code>"));
  EXPECT_THAT(english, HasSubstr("<code class=\"command\">stibee-syncd resume --mirror members</code>"));
  const auto korean = status_page(status, Language::Korean);
  EXPECT_THAT(korean,
              HasSubstr("수신거부 2건이 처리되지 않고 있으며, 가장 오래된 것은 16초 동안 기다렸습니다"));
  EXPECT_THAT(korean, HasSubstr("<span lang=\"en\">Stibee cannot be reached: connection refused</span>"))
      << "what others said stays English, and says so";
}

TEST_F(PageTest, ShowsWhatIsHeldAndHowToReleaseIt) {
  Value hold;
  hold.set("class", "removals");
  hold.set("count", 1'000);
  hold.set("digest", "abc123");
  hold.set("since", "2026-11-28T09:10:12.000Z");
  hold.set("why", "the source has 0 rows, 1,000 people are mirrored");
  Value held = Value::array();
  held.push_back(std::move(hold));
  auto one = mirror("held");
  put(one, "held", std::move(held));
  const auto english = status_page(status_of(one), Language::English);
  EXPECT_THAT(english, HasSubstr("Held: <b>1,000</b> unsubscribes and deletions, since 10 min ago"));
  EXPECT_THAT(english, HasSubstr("<code class=\"command\">stibee-syncd guard approve abc123</code>"));
  EXPECT_THAT(english, HasSubstr("<code class=\"command\">stibee-syncd guard show abc123</code>"));
  const auto korean = status_page(status_of(one), Language::Korean);
  EXPECT_THAT(korean, HasSubstr("보류된 변경: 빠진 회원의 수신거부·완전삭제 <b>1,000</b>명"));
  EXPECT_THAT(korean, HasSubstr("사유: 테이블이 0행입니다 (반영된 인원 1,000명)"));
}

TEST_F(PageTest, SpeaksKoreanAlone) {
  const auto words = words_in(status_page(status_of(mirror("ok")), Language::Korean));
  // Names and units that Korean readers know by these letters.
  static const std::regex known("stibee-syncd|members|ops-1|API|v1|v2|KST|h\\b");
  const auto rest = std::regex_replace(words, known, "");
  std::smatch english;
  EXPECT_FALSE(std::regex_search(rest, english, std::regex("[A-Za-z]{3,}"))) << english.str();
}

TEST_F(PageTest, EscapesWhateverComesFromElsewhere) {
  const std::string hostile = "<script>alert('1')</script>\"onload=\"&`x`";
  Problem source{ProblemKind::Source};
  source.detail = hostile;
  Value problems = Value::array();
  problems.push_back(problem_report(source));
  auto one = mirror("failing", std::move(problems));
  put(one, "name", hostile);
  put(one, "last_success", hostile);
  auto parked = Value::object();
  parked.set(hostile, 1);
  put(one, "parked", std::move(parked));
  Value happening;
  happening.set("event", hostile);
  happening.set("time", hostile);
  happening.set("mirror", hostile);
  happening.set("by", hostile);
  auto status = status_of(std::move(one));
  auto happened = Value::array();
  happened.push_back(std::move(happening));
  put(status, "happened", std::move(happened));
  put(status, "circuit", hostile);
  for (const auto language : both) {
    const auto page = status_page(status, language);
    EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
    EXPECT_THAT(page, Not(HasSubstr("\"onload")));
    EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;onload=&quot;&amp;"));
  }
}

TEST_F(PageTest, StandsWhateverIsMissing) {
  for (const auto language : both) {
    EXPECT_THAT(status_page(Value::object(), language), HasSubstr("</html>"));
    Value mirrors = Value::array();
    mirrors.push_back(Value::object());
    auto status = Value::object();
    status.set("mirrors", std::move(mirrors));
    EXPECT_THAT(status_page(status, language), HasSubstr("</section>"));
  }
}

TEST_F(PageTest, DrawsTheDayAndTellsItToWhoeverCannotSeeIt) {
  const auto page = status_page(status_of(mirror("ok")), Language::English);
  EXPECT_THAT(page, HasSubstr("aria-label=\"People who arrived at Stibee: 1,250 in all\""));
  EXPECT_THAT(page, HasSubstr("aria-label=\"People who waited: 900 at most\""));
  EXPECT_THAT(page, HasSubstr("<rect x=\"950\" y=\"90\" width=\"8\" height=\"30\"></rect>"))
      << "the present quarter is at the right, a quarter as tall as the tallest";
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">11-28 18:00</th><td class=\"number\">250</td>"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"row\">11-28 17:00</th><td class=\"number\">1,000</td>"));
  EXPECT_THAT(page, HasSubstr("Counted since <time"));
}

TEST_F(PageTest, SaysOfADriftWhichKindItIsAndOfATooLargeRepairThatItWasNone) {
  const auto happened_of = [](const std::string& kind) {
    Value happening;
    happening.set("event", "reconcile.drift");
    happening.set("what", kind);
    happening.set("count", 60);
    auto happened = Value::array();
    happened.push_back(std::move(happening));
    auto status = status_of(mirror("ok"));
    put(status, "happened", std::move(happened));
    return status_page(status, Language::Korean);
  };
  for (const auto name : telemetry::label_names<telemetry::DriftKind>) {
    const std::string kind(name);
    EXPECT_THAT(happened_of(kind), HasSubstr("주소록과 테이블이 다릅니다: 60명 ("));
    EXPECT_THAT(happened_of(kind), Not(HasSubstr(kind)));
  }
  EXPECT_THAT(happened_of(""), HasSubstr("구독 중인 60명은 자동으로 수신거부하기에는 많아"));
}

TEST_F(PageTest, HasAWordForEverythingThatCanHappen) {
  for (const auto& name : telemetry::event_names) {
    Value happening;
    happening.set("event", name);
    happening.set("what", "removals");
    happening.set("count", 60);
    happening.set("times", 3);
    happening.set("by", "jiwoo");
    happening.set("mirror", "members");
    happening.set("time", "2026-11-28T09:10:12.000Z");
    auto happened = Value::array();
    happened.push_back(std::move(happening));
    auto status = status_of(mirror("ok"));
    put(status, "happened", std::move(happened));
    const auto page = status_page(status, Language::Korean);
    const auto event = static_cast<telemetry::Event>(&name - telemetry::event_names.data());
    const std::vector<telemetry::Field> fields{{"first_import", true}};
    const bool shown = happening_of(event, {}, fields).has_value();
    EXPECT_EQ(page.find("<code>" + std::string(name) + "</code>") == std::string::npos, shown) << name;
    if (shown) {
      EXPECT_THAT(page, HasSubstr("실행한 사용자: jiwoo (3회)")) << name;
    }
  }
}

TEST(Cures, AreThereInBothLanguagesForEveryReasonThatParks) {
  for (const auto& reason : parked_reasons()) {
    EXPECT_NE(cure_of(reason), "") << reason;
    EXPECT_THAT(cure_of(reason, Language::Korean), HasSubstr("십시오")) << reason;
  }
  EXPECT_THAT(cure_of("http_503", Language::Korean), HasSubstr("방화벽"));
}

TEST(PageScript, AsksNobodyElse) {
  for (const auto& asset : {status_script(), status_style(), status_icon()}) {
    EXPECT_THAT(asset, Not(HasSubstr("url(")));
    EXPECT_THAT(asset, Not(HasSubstr("https:")));
    EXPECT_THAT(asset, Not(HasSubstr("@import")));
  }
}

}  // namespace
}  // namespace stibee_sync::app
