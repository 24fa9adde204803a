#include "app/why_words.hpp"

#include "stibee_sync/diff/guard.hpp"
#include "stibee_sync/pipeline/distrust.hpp"

#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

using ::testing::HasSubstr;

/// What the guard may say, all of it: each of these is held for another reason, or for several.
std::vector<diff::ReadFacts> all_kinds_of_trouble() {
  diff::ReadFacts calm;
  calm.source_rows = 40'000;
  calm.last_good_rows = 40'000;
  calm.mirrored = 40'000;
  std::vector<diff::ReadFacts> all(11, calm);
  all[0].source_rows = 0;
  all[0].removals = 40'000;
  all[1].source_rows = 10'000;
  all[1].removals = 30'000;
  all[2].newly_null_optout = {"email_opt_in"};
  all[2].newly_null_update = {"name"};
  all[2].optouts = all[2].updates = 39'000;
  all[3].history.removals = 3'900;
  all[3].history.mirrored = 40'000;
  all[3].removals = 300;
  all[4].history.drained.removals = 700;
  all[4].history.drained.resubscribes = 790;
  all[4].removals = all[4].resubscribes = 200;
  all[5].updates = 20'000;
  all[6].consents_moved = 15'000;
  all[6].resubscribes = 39;
  all[7].lost = 30'000;
  all[7].adds = 29'000;
  all[8].newly_null_removal = {"email"};
  all[8].removals = 12;
  all[9].history.drained.optouts = 7'900;
  all[9].history.drained.updates = 11'900;
  all[9].optouts = all[9].updates = 200;
  all[10].history.drained.consents_moved = 12'000;
  all[10].resubscribes = all[10].consents_moved = 3;
  return all;
}

std::vector<std::string> numbers_in(const std::string& text) {
  static const std::regex number("[0-9][0-9,.]*");
  return {std::sregex_token_iterator(text.begin(), text.end(), number), {}};
}

TEST(WhyWords, WhateverTheGuardSaysIsSaidInKoreanWithTheSameNumbers) {
  static const std::regex english_words("[a-z]{3,} [a-z]{2,}");
  std::size_t said = 0;
  for (const auto& facts : all_kinds_of_trouble()) {
    for (const auto& hold : diff::guarded(facts, {}).holds) {
      const auto korean = why_in_korean(hold.why);
      ASSERT_TRUE(korean) << hold.why;
      ++said;
      EXPECT_FALSE(std::regex_search(*korean, english_words)) << *korean;
      for (const auto& number : numbers_in(hold.why))
        EXPECT_THAT(*korean, HasSubstr(number.substr(0, number.find_last_not_of(",.") + 1))) << hold.why;
    }
  }
  EXPECT_GE(said, 12u);
}

TEST(WhyWords, WhyASourceIsNotBelievedIsSaidInKoreanToo) {
  for (const auto why : {pipeline::no_rows, pipeline::another_server, pipeline::another_server_waits})
    EXPECT_TRUE(why_in_korean(why)) << why;
}

TEST(WhyWords, SeveralReasonsStaySeveral) {
  EXPECT_EQ(why_in_korean("the source has 0 rows, 40,000 people are mirrored; 600 removals are more than "
                          "guard.max_removals, which is 500"),
            "테이블이 0행입니다 (반영된 인원 40,000명); 빠진 회원의 수신거부·완전삭제: 600명으로 "
            "guard.max_removals 한도 500명을 넘습니다");
}

TEST(WhyWords, WordsOfOthersStayAsTheyAre) {
  EXPECT_EQ(why_in_korean("connection refused"), std::nullopt);
  EXPECT_EQ(why_in_korean(""), std::nullopt);
  EXPECT_EQ(why_in_korean("the source has 0 rows, 3 people are mirrored; and something else"), std::nullopt);
  EXPECT_EQ(why_in_korean("the mapped column \"a; b\" had values and is NULL in every row now"),
            std::nullopt);
}

}  // namespace
}  // namespace stibee_sync::app
