#include "stibee_sync/domain/email_address.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace stibee_sync::domain {
namespace {

// "text" or "!problem"
std::string parsed(std::string_view raw, std::size_t max_length = EmailAddress::max_length_v1) {
  const auto result = EmailAddress::parse(raw, max_length);
  if (const auto* address = std::get_if<EmailAddress>(&result)) return address->text();
  return std::string("!").append(name(reason_of(std::get<AddressProblem>(result))));
}

struct Case {
  std::string_view raw;
  std::string_view expected;
};

void expect_all(std::initializer_list<Case> cases) {
  for (const Case& c : cases)
    EXPECT_EQ(parsed(c.raw), c.expected) << "raw: " << c.raw;
}

using namespace std::string_view_literals;

TEST(EmailAddress, AsciiIsTrimmedAndLowerCased) {
  expect_all({
      {"kim@example.com", "kim@example.com"},
      {"Kim.Min-Su+News@Example.COM", "kim.min-su+news@example.com"},
      {" \t\r\n\v\fkim@example.com \n", "kim@example.com"},
      {"a@b", "a@b"},
      {"o'brien!#$%&*/=?^_`{|}~@example.com", "o'brien!#$%&*/=?^_`{|}~@example.com"},
  });
}

TEST(EmailAddress, SyntaxThatIsStibeesBusinessIsLeftToStibee) {
  expect_all({
      {"kim@example..com", "kim@example..com"},
      {".kim@example.com", ".kim@example.com"},
      {"kim@my_host.com", "kim@my_host.com"},
      {"kim@[127.0.0.1]", "kim@[127.0.0.1]"},
      {"kim@XN--3E0B707E", "kim@xn--3e0b707e"},
      {"\"a@b\"@example.com", "\"a@b\"@example.com"},
      {"\"a\\\"@b\"@example.com", "\"a\\\"@b\"@example.com"},
  });
}

TEST(EmailAddress, WhatCannotBeAnAddressIsRefusedWithItsReason) {
  expect_all({
      {"", "!empty_address"},
      {" \t\n", "!empty_address"},
      {"\u3000\u00a0\u2003", "!empty_address"},
      {"kim.example.com", "!no_at_sign"},
      {"@example.com", "!no_at_sign"},
      {"@", "!no_at_sign"},
      {"kim＠example.com", "!no_at_sign"},
      {"kim@", "!bad_domain"},
      {"kim@@example.com", "!bad_domain"},
      {"kim@a@b", "!bad_domain"},
      {"\"a@b@c", "!bad_domain"},
      {"\"a b\"@example.com", "!white_space_or_control"},
      {"kim min@example.com", "!white_space_or_control"},
      {"kim@exam\tple.com", "!white_space_or_control"},
      {"kim\0@example.com"sv, "!white_space_or_control"},
      {"kim@example.com\0"sv, "!white_space_or_control"},
      {"kim\x7f@example.com", "!white_space_or_control"},
      {"kim\x1b@example.com", "!white_space_or_control"},
      {"a@b.com, c@d.com", "!white_space_or_control"},
      {"kim\xff@example.com", "!invalid_utf8"},
      {"kim\xc0\x80@example.com", "!invalid_utf8"},
      {"kim\xed\xa0\x80@example.com", "!invalid_utf8"},
      {"\xf5\x80\x80\x80@example.com", "!invalid_utf8"},
      {"김@example.com\xea\xb9", "!invalid_utf8"},
  });
}

TEST(EmailAddress, UnicodeWhiteSpaceIsTrimmedAtTheEndsAndRefusedInside) {
  expect_all({
      {"\u3000\u00a0김@example.com\u2028\u0085 ", "김@example.com"},
      {"\u3000kim@example.com", "kim@example.com"},
      {"kim\u3000min@example.com", "!white_space_or_control"},
      {"kim\u00a0@example.com", "!white_space_or_control"},
      {"kim\u200b@example.com", "!white_space_or_control"},
      {"kim@exam\u00adple.com", "!white_space_or_control"},
      {"kim\ufeff@example.com", "!white_space_or_control"},
      {"kim\u202e@example.com", "!white_space_or_control"},
      {"kim\u0085x@example.com", "!white_space_or_control"},
      {"kim\u3164@example.com", "!white_space_or_control"},
      {"kim@example\u200d.com", "!white_space_or_control"},
  });
}

TEST(EmailAddress, WhatRendersAsNothingIsTakenOffTheEndsOnly) {
  for (const std::string_view mark :
       {"\u200b", "\u00a0", "\ufeff", "\u00ad", "\u200c", "\u200d", "\u2060", "\u200e", "\u200f", "\u202a",
        "\u202c", "\u2066", "\u180e", "\u3164", "\u115f", "\ufe0f", "\U000E0020", "\u2028"}) {
    const std::string around(mark);
    EXPECT_EQ(parsed("Kim@Example.com" + around), "kim@example.com") << "after: " << mark.size();
    EXPECT_EQ(parsed(around + " " + around + "kim@example.com"), "kim@example.com");
    EXPECT_EQ(parsed(around + "김@한국.한국\t" + around), "김@xn--3e0b707e.xn--3e0b707e");
    EXPECT_EQ(parsed("kim" + around + "@example.com"), "!white_space_or_control");
    EXPECT_EQ(parsed("kim@" + around + "example.com"), "!white_space_or_control");
    EXPECT_EQ(parsed(around), "!empty_address");
  }
}

TEST(EmailAddress, IsTakenOutOfALinkAndOutOfTheBracketsBehindAName) {
  expect_all({
      {"mailto:kim@example.com", "kim@example.com"},
      {"MailTo: Kim@Example.com ", "kim@example.com"},
      {"\u200bmailto:\u00a0kim@example.com", "kim@example.com"},
      {"mailto:kim%2Bnews@example.com?subject=Hello%20you", "kim+news@example.com"},
      {"Kim Min-su <kim@example.com>", "kim@example.com"},
      {"김민수 < 김@한국.한국\u200b >\ufeff", "김@xn--3e0b707e.xn--3e0b707e"},
      {"<kim@example.com>", "kim@example.com"},
      {"\"Kim, <Min>\" <kim@example.com>", "kim@example.com"},
      {"\"Min \\\" kim@other.com\" <kim@example.com>", "kim@example.com"},
      {"kim@example.com <KIM@example.com>", "kim@example.com"},
      {"kim@example.com <mailto:kim@example.com>", "kim@example.com"},
      {"Kim <mailto:kim@example.com?body=x>", "kim@example.com"},
      {"mailto:Kim%20<kim@example.com>", "kim@example.com"},
  });
}

TEST(EmailAddress, WrappingThatLeavesADoubtIsRefused) {
  expect_all({
      {"Kim <kim@example.com>, Lee <lee@example.com>", "!white_space_or_control"},
      {"lee@example.com <kim@example.com>", "!white_space_or_control"},
      {"Kim <kim@example.com> Lee", "!white_space_or_control"},
      {"<>", "!empty_address"},
      {"Kim < >", "!empty_address"},
      {"mailto:", "!empty_address"},
      {"mailto:?to=kim@example.com", "!empty_address"},
      {"mailto:kim%00@example.com", "!white_space_or_control"},
      {"mailto:kim%ff@example.com", "!invalid_utf8"},
      {"Kim <kim>", "!no_at_sign"},
  });
}

TEST(EmailAddress, UnicodeIsComposedAndLowerCasedWithoutALocale) {
  expect_all({
      {"\u1100\u1175\u11b7@example.com", "김@example.com"},
      {"e\u0301A@example.com", "\u00e9a@example.com"},
      {"ÄÖÜ@Example.com", "äöü@example.com"},
      {"ΔΟΚΙΜΉ@example.com", "δοκιμή@example.com"},
      {"I\u00e9@example.com", "i\u00e9@example.com"},
      {"\u212aim@example.com", "kim@example.com"},
  });
}

TEST(EmailAddress, DomainIsSentInItsAsciiForm) {
  expect_all({
      {"kim@한국.한국", "kim@xn--3e0b707e.xn--3e0b707e"},
      {"kim@Bücher.de", "kim@xn--bcher-kva.de"},
      {"kim@bu\u0308cher.DE", "kim@xn--bcher-kva.de"},
      {"kim@straße.de", "kim@xn--strae-oqa.de"},
      {"kim@bücher。de", "kim@xn--bcher-kva.de"},
      {"kim@ｅｘａｍｐｌｅ.com", "kim@example.com"},
      {"김@Example.com", "김@example.com"},
      {"kim@b＠bücher.de", "!bad_domain"},
      {"kim@bücher..de", "!bad_domain"},
      {"kim@a\u2100b.de", "!bad_domain"},
      {"kim@\u0301a.de", "!bad_domain"},
      {"kim@\U000E0041\u00e9.de", "!white_space_or_control"},

  });
}

TEST(EmailAddress, LabelThatNoNameServerTakesIsABadDomain) {
  EXPECT_EQ(parsed("kim@é" + std::string(70, 'a') + ".de"), "!bad_domain");
}

TEST(EmailAddress, LengthIsMeasuredInBytesOfTheNormalisedForm) {
  const std::string v2_fits = std::string(52, 'a') + "@example.com";
  ASSERT_EQ(v2_fits.size(), EmailAddress::max_length_v2);
  EXPECT_EQ(parsed("  " + v2_fits + "  ", EmailAddress::max_length_v2), v2_fits);
  EXPECT_EQ(parsed("a" + v2_fits, EmailAddress::max_length_v2), "!address_too_long");
  EXPECT_EQ(parsed("a" + v2_fits), "a" + v2_fits);

  const std::string v1_fits = std::string(242, 'a') + "@example.com";
  ASSERT_EQ(v1_fits.size(), EmailAddress::max_length_v1);
  EXPECT_EQ(parsed(v1_fits), v1_fits);
  EXPECT_EQ(parsed("a" + v1_fits), "!address_too_long");

  // The A-label is longer than what was typed.
  EXPECT_EQ(parsed("kim@한국.한국", 20), "!address_too_long");
  EXPECT_EQ(parsed("kim@한국.한국", 29), "kim@xn--3e0b707e.xn--3e0b707e");
}

TEST(EmailAddress, ParsingWhatParseGaveChangesNothing) {
  std::mt19937_64 random(20240229);
  const std::u32string alphabet = U"aZ.@\"\\ <>:%éÄßİΣσς한김\u0301\u0308\u1100\u1161\u200b。＠_-ﬀǅ";
  const auto append_utf8 = [](std::string& out, char32_t c) {
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xc0 | (c >> 6));
      out += static_cast<char>(0x80 | (c & 0x3f));
    } else {
      out += static_cast<char>(0xe0 | (c >> 12));
      out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
      out += static_cast<char>(0x80 | (c & 0x3f));
    }
  };
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string raw;
    const auto letters = [&](std::size_t most) {
      for (std::size_t n = 1 + random() % most; n > 0; --n)
        append_utf8(raw, alphabet[random() % alphabet.size()]);
    };
    letters(5);
    raw += '@';
    letters(4);
    const auto once = EmailAddress::parse(raw);
    if (!std::holds_alternative<EmailAddress>(once)) continue;
    ++accepted;
    const std::string& text = std::get<EmailAddress>(once).text();
    ASSERT_EQ(parsed(text), text) << "raw: " << raw;
  }
  EXPECT_GT(accepted, 500);
}

TEST(EmailAddress, ArbitraryBytesNeverDoMoreThanBeRefused) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string raw(random() % 24, '\0');
    for (char& c : raw)
      c = static_cast<char>(random());
    if (!raw.empty()) raw[random() % raw.size()] = '@';
    const auto result = EmailAddress::parse(raw);
    if (const auto* address = std::get_if<EmailAddress>(&result)) {
      EXPECT_NE(address->text().find('@'), 0u);
      EXPECT_EQ(parsed(address->text()), address->text());
    }
  }
}

TEST(EmailAddress, IsComparedAndHashedByItsText) {
  const auto a = std::get<EmailAddress>(EmailAddress::parse("A@example.com"));
  const auto b = EmailAddress::from_normalised("a@example.com");
  const auto c = EmailAddress::from_normalised("b@example.com");
  EXPECT_EQ(a, b);
  EXPECT_LT(a, c);
  EXPECT_EQ(std::hash<EmailAddress>{}(a), std::hash<EmailAddress>{}(b));
}

}  // namespace
}  // namespace stibee_sync::domain
