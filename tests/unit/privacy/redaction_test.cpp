#include "stibee_sync/privacy/redaction.hpp"

#include "stibee_sync/text/utf8.hpp"

#include <random>

#include <gmock/gmock.h>

namespace stibee_sync::privacy {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RedactAddresses, LeavesTextWithoutAddressesAlone) {
  EXPECT_EQ(redact_addresses(""), "");
  EXPECT_EQ(redact_addresses("the address has no @ in it"), "the address has no @ in it");
  EXPECT_EQ(redact_addresses("only @naver.com is left"), "only @naver.com is left");
}

TEST(RedactAddresses, ReplacesAnAddressAndKeepsWhatSurroundsIt) {
  EXPECT_EQ(redact_addresses("kim.minsu+news@example.co.kr"), "<address>");
  EXPECT_EQ(redact_addresses("failed for <kim@example.com>."), "failed for <<address>>.");
  EXPECT_EQ(redact_addresses("kim@example.com."), "<address>.");
  EXPECT_EQ(redact_addresses(R"({"email":"kim@example.com","n":1})"), R"({"email":"<address>","n":1})");
  EXPECT_EQ(redact_addresses("a@b.c, d@e.f"), "<address>, <address>");
}

TEST(RedactAddresses, RemovesEveryPartOfUnusualAddresses) {
  EXPECT_EQ(redact_addresses("o'brien@example.com"), "<address>");
  EXPECT_EQ(redact_addresses("kim=naver.com@bounce.example"), "<address>");
  EXPECT_EQ(redact_addresses("\"kim minsu\"@example.com"), "<address>");
  EXPECT_EQ(redact_addresses("kim@[192.168.0.1] left"), "<address> left");
  EXPECT_EQ(redact_addresses("홍길동@예시.한국"), "<address>");
  EXPECT_EQ(redact_addresses("a@b@c"), "<address>");
  EXPECT_EQ(redact_addresses("kim@"), "<address>");
}

TEST(RedactAddresses, KnowsTheOtherWaysToWriteAnAtSign) {
  EXPECT_EQ(redact_addresses("PUT /subscribers/kim%40example.com HTTP/1.1"), "PUT <address> HTTP/1.1");
  EXPECT_EQ(redact_addresses("kim＠example.com"), "<address>");
  EXPECT_EQ(redact_addresses("kim&#64;example.com"), "<address>");
  EXPECT_EQ(redact_addresses("kim\\u0040example.com"), "<address>");
  EXPECT_EQ(redact_addresses("a%40b@c.d e@f%40g"), "<address> <address>");
}

TEST(Sanitise, KeepsWhatPostgresqlSaysAboutTheSchema) {
  for (const char* message :
       {R"(ERROR: column "email_opt_in" does not exist)",
        R"(ERROR: relation "public.members" does not exist)", R"(FATAL: database "shop" does not exist)",
        R"(FATAL: role "mirror" is not permitted to log in)", R"(permission denied for table members)",
        R"(column "이름" does not exist)",
        R"(connection to server at "db.example.org" (10.20.30.40), port 5432 failed: Connection refused)",
        "canceling statement due to statement timeout"}) {
    EXPECT_EQ(sanitise(message), message);
  }
}

TEST(Sanitise, RemovesTheValuesThatPostgresqlQuotes) {
  EXPECT_EQ(sanitise(R"(ERROR:  invalid input syntax for type integer: "Kim Minsu")"),
            R"(ERROR: invalid input syntax for type integer: "<value>")");
  EXPECT_EQ(sanitise(R"(date/time field value out of range: "1990-13-45")"),
            R"(date/time field value out of range: "<value>")");
  EXPECT_EQ(sanitise(R"(DETAIL:  Key (email)=(kim@example.com) already exists.)"),
            "DETAIL: Key (email)=(<value>) already exists.");
  EXPECT_EQ(sanitise(R"(Key (name)=(Kim (Minsu)) is not present in table "people".)"),
            R"(Key (name)=(<value>) is not present in table "people".)");
  EXPECT_EQ(sanitise("Failing row contains (7, kim, 010-1234-5678, null)."),
            "Failing row contains (<value>).");
  EXPECT_EQ(sanitise(R"(CONTEXT:  COPY members, line 3, column birth: "Kim "the one" Minsu")"),
            R"(CONTEXT: COPY members, line 3, column birth: "<value>")");
  EXPECT_EQ(sanitise(R"(COPY members, line 12: "1	Kim	kim")"),
            R"(COPY members, line 12: "<value>")");
  EXPECT_EQ(sanitise(R"(odd value ("Kim") found)"), R"(odd value ("<value>") found)");
  EXPECT_EQ(sanitise("Could not convert 'Kim Minsu' to int"), "Could not convert '<value>' to int");
}

TEST(Sanitise, KeepsTheContextOfAMessageOfSeveralSections) {
  EXPECT_EQ(sanitise("ERROR:  invalid input syntax for type date: \"Kim\"\n"
                     "CONTEXT:  COPY members, line 3, column birth: \"Kim\"\n"),
            "ERROR: invalid input syntax for type date: \"<value>\" "
            "CONTEXT: COPY members, line 3, column birth: \"<value>\"");
}

TEST(Sanitise, ShowsNothingAfterAValueThatDoesNotEnd) {
  EXPECT_EQ(sanitise("invalid input syntax: \"Kim\nMinsu"), "invalid input syntax: \"<value>\"");
  EXPECT_EQ(sanitise("type date: \"Kim\nHINT: Minsu, Seoul"), "type date: \"<value>\"");
  EXPECT_EQ(sanitise("Key (name)=(Kim\nHINT: Minsu"), "Key (name)=(<value>)");
  EXPECT_EQ(sanitise("Failing row contains (7, Kim\nHINT: Minsu"), "Failing row contains (<value>)");
}

TEST(Sanitise, RemovesTheValuesThatStibeeQuotes) {
  EXPECT_EQ(sanitise(R"({"email":"kim@example.com","name":"홍길동"})"), R"({"<value>":"<value>"})");
  EXPECT_EQ(sanitise(R"(strconv.ParseInt: parsing "Kim \"x\" Minsu": invalid syntax)"),
            R"(strconv.ParseInt: parsing "<value>": invalid syntax)");
  EXPECT_EQ(sanitise("이름 “홍길동”이 잘못되었습니다"), "이름 “<value>”이 잘못되었습니다");
  EXPECT_EQ(sanitise("wrong email kim@example.com"), "wrong email <address>");
}

TEST(Sanitise, DoesNotTakeAnApostropheForAQuote) {
  EXPECT_EQ(sanitise("can't connect, the server doesn't answer"), "can't connect, the server doesn't answer");
}

TEST(Sanitise, ReadsAQuotedValueWithAnApostropheToItsEnd) {
  EXPECT_EQ(sanitise("bad name 'O'Brien' given"), "bad name '<value>' given");
  EXPECT_EQ(sanitise("bad name 'O''Brien' given"), "bad name '<value>' given");
}

TEST(Sanitise, AValueIsNoNameBecauseAWordBeforeItSaysSo) {
  EXPECT_THAT(sanitise(R"(column "kim@example.com")"), Not(HasSubstr("kim")));
  EXPECT_THAT(sanitise(R"(column "010-1234-5678")"), Not(HasSubstr("1234")));
}

TEST(Sanitise, RemovesPhoneNumbersHoweverTheyAreWritten) {
  for (const char* number : {"01012345678", "010-1234-5678", "010 1234 5678", "010.1234.5678",
                             "(02) 123-4567", "+82 10-1234-5678", "010–1234–5678", "０１０１２３４５６７８",
                             "010\u200b1234\u200b5678", "010\n1234\n5678", "123-45-67"}) {
    const std::string clean = sanitise(std::string("phone ") + number + " is wrong");
    EXPECT_THAT(clean, HasSubstr("<number> is wrong")) << number;
    EXPECT_THAT(clean, Not(HasSubstr("567"))) << number;
  }
}

TEST(Sanitise, KeepsShortNumbersAndNetworkAddresses) {
  EXPECT_EQ(sanitise("HTTP 503 after 30 s from 52.78.132.166"), "HTTP 503 after 30 s from 52.78.132.166");
  EXPECT_EQ(sanitise("line 123456"), "line 123456");
}

TEST(Sanitise, MakesOneCleanLine) {
  EXPECT_EQ(sanitise("a\r\n\tb\x1b[31mc\x07  d\n"), "a b [31mc d");
  EXPECT_EQ(sanitise(std::string_view("a\0b", 3)), "a b");
  EXPECT_EQ(sanitise("left\u202Eright\u2028next"), "leftright next");
  EXPECT_EQ(sanitise("bad \xFF byte"), "bad \xEF\xBF\xBD byte");
}

TEST(Sanitise, IsBoundedAndNeverCutsACharacter) {
  std::string korean;
  for (int i = 0; i < 500; ++i)
    korean += "가나 ";
  const std::string clean = sanitise(korean);
  EXPECT_LE(clean.size(), sanitised_bytes);
  EXPECT_EQ(clean, text::valid_utf8(clean));
  EXPECT_THAT(clean, testing::EndsWith("…"));
}

TEST(Sanitise, AHugeTextCannotSmuggleHalfAnAddressThroughTheCut) {
  std::string text = "x ";
  while (text.size() < 8190)
    text += "\n";
  text += "kimminsu@example.com";
  EXPECT_EQ(sanitise(text), "x");
  EXPECT_EQ(sanitise(std::string(100'000, 'k') + "@example.com"), "");
}

TEST(Sanitise, IsBoundedOneLineOfUtf8WithoutAddressesWhateverItIsGiven) {
  const std::vector<std::string> pieces{
      "\"",  "'",        ": ",      ")=(",      "row contains (", ")",  "\n", "DETAIL:", "kim@x.y",
      "%40", "column ",  "0101234", "\xE2\x80", "\xFF",           "가", "\\", "“",       "”",
      " ",   "\xEF\xBC", "-"};
  std::mt19937 random(20250301);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto count = random() % 40; count > 0; --count)
      text += pieces[random() % pieces.size()];
    const std::string clean = sanitise(text);
    ASSERT_LE(clean.size(), sanitised_bytes) << testing::PrintToString(text);
    ASSERT_EQ(clean, text::valid_utf8(clean)) << testing::PrintToString(text);
    ASSERT_EQ(clean.find('\n'), std::string::npos) << testing::PrintToString(text);
    ASSERT_EQ(clean.find("kim@"), std::string::npos) << testing::PrintToString(text) << " became " << clean;
    ASSERT_EQ(clean.find("0101234"), std::string::npos)
        << testing::PrintToString(text) << " became " << clean;
  }
}

}  // namespace
}  // namespace stibee_sync::privacy
