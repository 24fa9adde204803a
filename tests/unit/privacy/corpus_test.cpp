#include "stibee_sync/privacy/redaction.hpp"
#include "stibee_sync/text/utf8.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

// One corpus for every stranger whose words are shown: whoever says it, none of it may be left.
namespace stibee_sync::privacy {
namespace {

const std::vector<std::string_view> configuration{"SELECT e_mail, name FROM members WHERE opted_in"};

std::vector<Wording> all_wordings() {
  return {Wording{}, words_of_stibee, words_about_statement(configuration, 300)};
}

struct Said {
  std::string words;
  std::string secret;  // must not be left
};

const std::vector<Said> said_by_anybody{
    {"wrong email kim@example.com", "kim"},
    {"wrong email <kim@example.com>, try again", "example"},
    {"name:kim,email:kim@example.com", "kim"},
    {"kim%40example.com is wrong", "kim"},
    {"kim&#64;example.com is wrong", "kim"},
    {"kim&#x40;example.com is wrong", "kim"},
    {"kim&#X40;example.com is wrong", "kim"},
    {"kim\\u0040example.com is wrong", "kim"},
    {"kim＠example.com is wrong", "kim"},
    {"kim﹫example.com is wrong", "kim"},
    {"k\u200Bim@exam\u00ADple.com", "im"},
    {"홍길동@예시.한국 is wrong", "홍길동"},
    {"phone 010-1234-5678", "1234"},
    {"phone 010 1234 5678", "1234"},
    {"phone 02 - 123 - 4567", "123"},
    {"phone +82 (0)10.1234.5678", "1234"},
    {"phone 01012345678", "1234"},
    {"phone ０１０-１２３４-５６７８", "１２３４"},
    {"phone 010\u20101234\u20105678", "1234"},
    {"phone 0\u200B10123\u200B4567", "123"},
};

// Stibee quotes its own words.
const std::vector<Said> said_by_postgresql{
    {R"(invalid input syntax for type integer: "Kim Minsu")", "Kim"},
    {R"(invalid input syntax for type date: "Kim "the one" Minsu")", "the one"},
    {"Could not convert 'O''Brien' to int", "Brien"},
    {"unterminated quoted string at or near \"'Kim Minsu", "Kim"},
    {"Failing row contains (7, Kim, null).", "Kim"},
    {"Key (name)=(Kim (Minsu)) is not present", "Kim"},
    {"이름 “홍길동”이 잘못되었습니다", "홍길동"},
};

void expect_gone(const Said& said, const Wording& wording) {
  const std::string shown = sanitise(said.words, wording);
  EXPECT_EQ(shown.find(said.secret), std::string::npos) << said.words << " -> " << shown;
  EXPECT_TRUE(text::is_valid_utf8(shown)) << shown;
}

TEST(Corpus, NothingOfAPersonIsLeftWhoeverSaysIt) {
  for (const auto& wording : all_wordings()) {
    for (const auto& said : said_by_anybody)
      expect_gone(said, wording);
  }
}

TEST(Corpus, NoValueThatPostgresqlQuotesIsLeft) {
  for (const auto& wording : {Wording{}, words_about_statement(configuration, 300)}) {
    for (const auto& said : said_by_postgresql)
      expect_gone(said, wording);
  }
}

TEST(Corpus, WhatIsAboutNobodyStays) {
  for (const auto& wording : all_wordings()) {
    for (const std::string words :
         {"the list does not exist", "존재하지 않는 토큰 입니다.", "can't connect, the server doesn't answer",
          "HTTP 503 after 30 s, line 123456", "json: cannot unmarshal array into Go value"})
      EXPECT_EQ(sanitise(words, wording), words);
  }
}

TEST(Corpus, EachStrangerHasMarksOfItsOwn) {
  const std::string words = R"(column "e_mail" of kim@example.com, call 010-1234-5678 from 10.20.30.40)";
  EXPECT_EQ(sanitise(words), R"(column "e_mail" of <address> call <number> from 10.20.30.40)");
  EXPECT_EQ(sanitise(words, words_of_stibee), R"(column "e_mail" of [address] call [number] from [number])");
  EXPECT_EQ(sanitise(words, words_about_statement(configuration, 300)),
            R"(column "e_mail" of … call … from 10.20.30.40)");
}

TEST(Corpus, OnlyNamesOfTheConfigurationStayInWordsAboutAStatement) {
  const auto wording = words_about_statement(configuration, 300);
  EXPECT_EQ(sanitise(R"(column "e_mail" or "phone" or 'name' does not exist)", wording),
            R"(column "e_mail" or … or 'name' does not exist)");
  EXPECT_EQ(sanitise(R"(at or near "FROM members")", wording), "at or near …") << "no name";
}

TEST(Corpus, IsCutAtItsBound) {
  std::string korean;
  for (int i = 0; i < 200; ++i)
    korean += "가";
  EXPECT_EQ(sanitise(korean).size(), 198U);
  EXPECT_TRUE(sanitise(korean).ends_with("가…"));
  EXPECT_EQ(sanitise(korean, words_of_stibee).size(), 198U);
  EXPECT_EQ(sanitise(korean, words_about_statement({}, 300)).size(), 300U);
}

}  // namespace
}  // namespace stibee_sync::privacy
