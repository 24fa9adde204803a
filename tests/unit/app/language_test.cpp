#include "app/language.hpp"

#include "app/problem.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

using namespace std::chrono_literals;

TEST(Language, IsTheOneThatTheBrowserLikesBetter) {
  EXPECT_EQ(preferred_language("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7"), Language::Korean);
  EXPECT_EQ(preferred_language("en-US,en;q=0.9,ko;q=0.8"), Language::English);
  EXPECT_EQ(preferred_language("en;q=0.3, KO ; q=0.4"), Language::Korean);
  EXPECT_EQ(preferred_language("de-DE, ko;q=0.5"), Language::Korean) << "of those that there are";
  EXPECT_EQ(preferred_language("ko;q=0"), Language::English) << "not wanted at all";
  for (const auto* nothing : {"", "de", "*", ";;,,", "ko;q=nonsense", "korean"})
    EXPECT_EQ(preferred_language(nothing), Language::English) << nothing;
}

TEST(Language, IsSwitchedByTheQueryAndAnUnknownOneFallsBack) {
  EXPECT_EQ(language_asked("lang=ko", "en"), Language::Korean);
  EXPECT_EQ(language_asked("x=1&lang=en", "ko"), Language::English);
  EXPECT_EQ(language_asked("lang=fr", "ko"), Language::Korean);
  EXPECT_EQ(language_asked("xlang=ko", "en"), Language::English);
  EXPECT_EQ(language_asked("", ""), Language::English);
}

TEST(Language, PutsValuesIntoATextAndNothingIntoValues) {
  static constexpr Text text{"{0} of {1}", "{1} 가운데 {0}"};
  EXPECT_EQ(say(text, Language::English, {"{1}", "b"}), "{1} of b");
  EXPECT_EQ(say(text, Language::Korean, {"a", "b"}), "b 가운데 a");
  EXPECT_EQ(say(text, Language::English, {"a"}), "a of {1}") << "a missing value shows";
}

TEST(Language, SaysATimeInOneUnit) {
  EXPECT_EQ(about(0s, Language::English), "0 s");
  EXPECT_EQ(about(119s, Language::Korean), "119초");
  EXPECT_EQ(about(120s, Language::English), "2 min");
  EXPECT_EQ(about(3h, Language::Korean), "3시간");
  EXPECT_EQ(about(72h, Language::English), "3 days");
  EXPECT_EQ(about(-5s, Language::English), "0 s");
}

TEST(Problem, ComesBackFromItsReport) {
  Problem waits{ProblemKind::OptoutsWait};
  waits.count = 2;
  waits.wait = 16s;
  waits.explained = 3s;
  Problem why{ProblemKind::CallsFail};
  why.detail = "Stibee cannot be reached";
  for (const auto& problem : {waits, why, Problem{ProblemKind::Paused, telemetry::HealthState::Paused}}) {
    const auto back = problem_from(problem_report(problem));
    ASSERT_TRUE(back);
    EXPECT_EQ(in_one_line({*back}), in_one_line({problem}));
    EXPECT_EQ(back->state, problem.state);
    EXPECT_EQ(sentence(*back, Language::Korean), sentence(problem, Language::Korean));
  }
  EXPECT_EQ(in_one_line({waits, why}),
            "2 opt-outs wait, the first for 16 s, longer than the limits explain (3 s): Stibee cannot be "
            "reached");
  EXPECT_FALSE(problem_from(json::Value::object()));
}

TEST(Problem, IsSaidInBothLanguagesOrByItsDetail) {
  for (const auto kind : {ProblemKind::NotRunning, ProblemKind::OptoutsWait, ProblemKind::PeopleWait,
                          ProblemKind::KeyRefused, ProblemKind::CallsFail, ProblemKind::Rows,
                          ProblemKind::FeedLost, ProblemKind::Held, ProblemKind::Paused}) {
    Problem problem{kind};
    problem.count = 2;
    problem.of = 3;
    EXPECT_FALSE(name(kind).empty());
    EXPECT_NE(sentence(problem, Language::English), "") << name(kind);
    EXPECT_NE(sentence(problem, Language::Korean), sentence(problem, Language::English)) << name(kind);
  }
}

}  // namespace
}  // namespace stibee_sync::app
