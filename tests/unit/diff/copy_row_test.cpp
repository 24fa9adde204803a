#include "stibee_sync/diff/mapping.hpp"

#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace stibee_sync::diff {
namespace {

using namespace std::string_literals;
using Values = std::vector<std::optional<std::string>>;

Values split(std::string_view line, std::size_t expected) {
  RowFields fields;
  EXPECT_TRUE(fields.split(line, expected)) << line;
  return Values(fields.values().begin(), fields.values().end());
}

TEST(RowFields, SplitsAtTabs) {
  EXPECT_EQ(split("1\tkim@example.com\t", 3), (Values{"1", "kim@example.com", ""}));
  EXPECT_EQ(split("", 1), (Values{""}));
  EXPECT_EQ(split("\t\t", 3), (Values{"", "", ""}));
}

TEST(RowFields, TellsNullFromText) {
  EXPECT_EQ(split("\\N\t\\\\N\tN\tNULL\t\\N", 5), (Values{std::nullopt, "\\N", "N", "NULL", std::nullopt}));
}

TEST(RowFields, ResolvesEveryEscape) {
  struct Case {
    std::string field;
    std::string expected;
  };
  const Case cases[] = {
      {R"(a\tb)", "a\tb"},
      {R"(a\nb)", "a\nb"},
      {R"(a\rb)", "a\rb"},
      {R"(a\bb)", "a\bb"},
      {R"(a\fb)", "a\fb"},
      {R"(a\vb)", "a\vb"},
      {R"(a\\b)", "a\\b"},
      {R"(\\\\)", "\\\\"},
      {R"(\\t)", "\\t"},
      {R"(\101)", "A"},
      {R"(\1018)", "A8"},
      {R"(\1012)", "A2"},
      {R"(\7)", "\a"},
      {R"(\78)",
       "\a"
       "8"},
      {R"(\000)", "\0"s},
      {R"(\x41)", "A"},
      {R"(\x4)", "\x04"},
      {R"(\x07)", "\x07"},
      {R"(\xf)", "\x0f"},
      {R"(\x414)", "A4"},
      {R"(\xeA\xb9\x80)", "김"},
      {R"(\x)", "x"},
      {R"(\xg)", "xg"},
      {R"(\q)", "q"},
      {R"(\')", "'"},
      {R"(a\)", "a\\"},
      {R"(\377)", "\xff"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(split(c.field, 1), (Values{c.expected})) << c.field;
    EXPECT_EQ(split("1\t" + c.field + "\tz", 3), (Values{"1", c.expected, "z"})) << c.field;
  }
}

TEST(RowFields, WrongNumberOfColumnsIsRefused) {
  RowFields fields;
  EXPECT_FALSE(fields.split("1\t2", 3));
  EXPECT_FALSE(fields.split("1\t2\t3\t4", 3));
  EXPECT_TRUE(fields.split("1\t2\t3", 3));
}

TEST(RowFields, IsReusedFromRowToRow) {
  RowFields fields;
  ASSERT_TRUE(fields.split("\\n\t\\t\\t\\t", 2));
  ASSERT_TRUE(fields.split("a\tb", 2));
  EXPECT_EQ(fields.values()[0], "a");
  ASSERT_TRUE(fields.split(std::string(5000, 'x') + "\\n\ty\\\\", 2));
  EXPECT_EQ(fields.values()[0]->size(), 5001u);
  EXPECT_EQ(fields.values()[1], "y\\");
}

// As CopyAttributeOutText of PostgreSQL 15 writes it.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\v':
        out += "\\v";
        break;
      default:
        out += c;
    }
  }
  return out;
}

TEST(RowFields, AnyRowSurvivesTheCopyFormat) {
  std::mt19937_64 random(13);
  const std::string alphabet = "ab\\\t\n\r\b\f\vN01x\xff"s;
  for (int round = 0; round < 20000; ++round) {
    Values row(1 + random() % 5);
    std::string line;
    for (auto& value : row) {
      if (&value != &row.front()) line += '\t';
      if (random() % 4 == 0) {
        line += "\\N";
        continue;
      }
      value.emplace(random() % 8, '\0');
      for (char& c : *value)
        c = alphabet[random() % alphabet.size()];
      line += escaped(*value);
    }
    ASSERT_EQ(split(line, row.size()), row) << line;
  }
}

std::string key_text(std::string_view line, bool integer_key) {
  const auto result = key_of(line, integer_key);
  if (const auto* key = std::get_if<domain::MemberKey>(&result)) return key->to_string();
  return "!"s.append(name(std::get<Rejection>(result).reason));
}

TEST(KeyOf, ReadsIntegersOfAllSizes) {
  EXPECT_EQ(key_text("42\tkim@example.com", true), "42");
  EXPECT_EQ(key_text("-7", true), "-7");
  EXPECT_EQ(key_text("9223372036854775807\tx", true), "9223372036854775807");
  EXPECT_EQ(key_text("-9223372036854775808\tx", true), "-9223372036854775808");
  EXPECT_TRUE(std::get<domain::MemberKey>(key_of("42\tx", true)).is_integer());
}

TEST(KeyOf, ReadsTextsWithTheirEscapes) {
  EXPECT_EQ(key_text("42\tx", false), "42");
  EXPECT_FALSE(std::get<domain::MemberKey>(key_of("42\tx", false)).is_integer());
  EXPECT_EQ(key_text("a\\tb\\\\\tx", false), "a\tb\\");
  EXPECT_EQ(key_text("0189f7a2-0000-7000-8000-000000000000\tx", false),
            "0189f7a2-0000-7000-8000-000000000000");
  EXPECT_EQ(key_text("회원-1\tx", false), "회원-1");
  EXPECT_EQ(key_text("\tx", false), "");
}

TEST(KeyOf, WhatIsNoKeyIsRejected) {
  EXPECT_EQ(key_text("\\N\tx", true), "!null_key");
  EXPECT_EQ(key_text("\\N\tx", false), "!null_key");
  EXPECT_EQ(key_text("\\\\N\tx", false), "\\N");
  for (const char* line :
       {"", "\tx", "1.5\tx", "abc\tx", "9223372036854775808\tx", "1 \tx", "+1\tx", "0x1\tx"})
    EXPECT_EQ(key_text(line, true), "!bad_key") << line;
  EXPECT_EQ(key_text("a\\000b\tx", false), "!nul_byte");
  EXPECT_EQ(key_text("a\xff\tx", false), "!invalid_utf8");
}

TEST(NullWatch, CountsNonNullValuesUpToEnough) {
  NullWatch watch(4);
  watch.see("1\ta\t\\N\t\\N");
  EXPECT_EQ(watch.non_null(), (std::vector<std::size_t>{1, 1, 0, 0}));
  watch.see("2\t\\N\t\\N\t");
  EXPECT_EQ(watch.non_null(), (std::vector<std::size_t>{2, 1, 0, 1}));
  for (int row = 0; row < 10; ++row)
    watch.see("3\tb\t\\N\t\\\\N");
  EXPECT_EQ(watch.non_null(), (std::vector<std::size_t>{2, 2, 0, 2}));
  watch.see("4\tb\tlate\tx");
  watch.see("5\tb\tlater\tx");
  watch.see("6\tb\tlatest\tx");
  EXPECT_EQ(watch.non_null(), (std::vector<std::size_t>{2, 2, 2, 2}));
}

TEST(NullWatch, ShortRowsAreNoTrouble) {
  NullWatch watch(3);
  watch.see("1");
  watch.see("");
  watch.see("2\t3\t4\t5\t6");
  EXPECT_EQ(watch.non_null(), (std::vector<std::size_t>{2, 1, 1}));
}

}  // namespace
}  // namespace stibee_sync::diff
