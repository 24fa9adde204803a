#include "diff/text_array.hpp"

#include <random>

#include <gtest/gtest.h>

namespace stibee_sync::diff {
namespace {

using Elements = std::vector<std::optional<std::string>>;

TEST(TextArray, ReadsWhatPostgresPrints) {
  struct Case {
    const char* text;
    Elements expected;
  };
  const Case cases[] = {
      {"{}", {}},
      {"{gold}", {"gold"}},
      {"{gold,silver}", {"gold", "silver"}},
      {"{a,\"b c\",NULL}", {"a", "b c", std::nullopt}},
      {"{\"NULL\",null}", {"NULL", std::nullopt}},
      {"{\"\"}", {""}},
      {R"({"a\"b","c\\d"})", {"a\"b", "c\\d"}},
      {R"({"{a}","b,c"})", {"{a}", "b,c"}},
      {"{금,\"은 등급\"}", {"금", "은 등급"}},
      {"[0:1]={a,b}", {"a", "b"}},
      {"[-3:-3]={a}", {"a"}},
      {R"({a\,b})", {"a,b"}},
      {R"({\NULL})", {"NULL"}},
      {"{NULLS}", {"NULLS"}},
  };
  for (const Case& c : cases) {
    const auto parsed = parse_text_array(c.text);
    ASSERT_TRUE(parsed) << c.text;
    EXPECT_EQ(*parsed, c.expected) << c.text;
  }
}

TEST(TextArray, NestedAndBrokenArraysAreRefused) {
  for (const char* text : {"",          "a",        "{",
                           "}",         "{a",       "a}",
                           "{{a},{b}}", "{{}}",     "[1:1][1:2]={{a,b}}",
                           "{a,}",      "{,a}",     "{,}",
                           "{\"a}",     "{\"a\"b}", "{a\"b\"}",
                           "{a}b}",     "{a},{b}",  "{a}}",
                           "{\"a\\\"}", "{\\}",     "[x]={a}",
                           "[1:1]",     "[1:1]=",   "{\"a\",}",
                           "{a{b}"})
    EXPECT_FALSE(parse_text_array(text)) << text;
}

TEST(TextArray, AnyElementsSurviveTheirTextForm) {
  std::mt19937_64 random(3);
  const std::string alphabet = "a,{}\"\\ N\t";
  for (int round = 0; round < 20000; ++round) {
    Elements elements(random() % 4);
    std::string text = "{";
    for (auto& element : elements) {
      if (text.size() > 1) text += ',';
      if (random() % 5 == 0) {
        text += "NULL";
        continue;
      }
      element.emplace();
      text += '"';
      for (std::size_t n = random() % 6; n > 0; --n) {
        const char c = alphabet[random() % alphabet.size()];
        *element += c;
        if (c == '"' || c == '\\') text += '\\';
        text += c;
      }
      text += '"';
    }
    text += '}';
    const auto parsed = parse_text_array(text);
    ASSERT_TRUE(parsed) << text;
    ASSERT_EQ(*parsed, elements) << text;
  }
}

TEST(TextArray, AnyTextIsReadOrRefused) {
  std::mt19937_64 random(5);
  const std::string alphabet = "a,{}\"\\[]=:1N";
  for (int round = 0; round < 50000; ++round) {
    std::string text(random() % 12, '\0');
    for (char& c : text)
      c = alphabet[random() % alphabet.size()];
    const auto parsed = parse_text_array(text);
    EXPECT_TRUE(!parsed || text.back() == '}') << text;
  }
}

}  // namespace
}  // namespace stibee_sync::diff
