#include "stibee_sync/json/value.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace stibee_sync::json {
namespace {

std::string literal(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

TEST(JsonValue, what_is_written_reads_back_byte_for_byte) {
  for (const char* text :
       {R"(null)", R"(true)", R"(false)", R"(0)", R"(-7)", R"("")", R"([])", R"({})", R"(1.5)",
        R"({"b":1,"a":[1,2,{"c":null}],"가":"나다"})", R"([9223372036854775807,-9223372036854775808])"}) {
    const auto value = parse(text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(to_string(*value), text);
  }
}

TEST(JsonValue, a_byte_order_mark_before_the_value_is_skipped_once) {
  const auto value = parse("\xef\xbb\xbf{\"a\":1}");
  ASSERT_TRUE(value);
  EXPECT_EQ(to_string(*value), R"({"a":1})");
  EXPECT_FALSE(parse("\xef\xbb\xbf"));
  EXPECT_FALSE(parse("\xef\xbb\xbf\xef\xbb\xbf{}"));
  EXPECT_FALSE(parse("\xef\xbb{}"));
  EXPECT_FALSE(parse(" \xef\xbb\xbf{}"));
}

TEST(JsonValue, members_keep_the_order_in_which_they_were_added) {
  Value object = Value::object();
  object.set("z", 1).set("a", "two").set("m", Value::array().push_back(true).push_back(nullptr));
  EXPECT_EQ(to_string(object), R"({"z":1,"a":"two","m":[true,null]})");
}

TEST(JsonValue, null_becomes_an_object_or_an_array_by_what_is_done_to_it) {
  Value object;
  object.set("a", 1);
  EXPECT_TRUE(object.is_object());
  Value array;
  array.push_back(1);
  EXPECT_TRUE(array.is_array());
}

TEST(JsonValue, pretty_form_is_indented_by_two_spaces_and_keeps_empty_lists_short) {
  Value object = Value::object();
  object.set("a", Value::array().push_back(1).push_back(2)).set("b", Value::object());
  EXPECT_EQ(to_pretty_string(object), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
}

TEST(JsonValue, keys_are_found_regardless_of_case_but_an_exact_match_wins) {
  const auto value = parse(R"({"OK":1,"ok":2,"Error":3})");
  EXPECT_EQ(*value->find_any_case("ok")->if_integer(), 2);
  EXPECT_EQ(*value->find_any_case("Ok")->if_integer(), 1);
  EXPECT_EQ(*value->find_any_case("eRROR")->if_integer(), 3);
  EXPECT_EQ(value->find("error"), nullptr);
  EXPECT_EQ(value->find_any_case("errors"), nullptr);
  EXPECT_EQ(Value(1).find_any_case("a"), nullptr);
}

TEST(JsonValue, accessors_give_null_for_another_type) {
  const Value text("x");
  EXPECT_EQ(text.if_bool(), nullptr);
  EXPECT_EQ(text.if_integer(), nullptr);
  EXPECT_EQ(text.if_double(), nullptr);
  EXPECT_EQ(text.if_array(), nullptr);
  EXPECT_EQ(text.if_object(), nullptr);
  EXPECT_EQ(*text.if_string(), "x");
}

TEST(JsonParse, of_a_key_given_twice_the_last_value_counts) {
  const auto value = parse(R"({"a":1,"b":2,"a":3})");
  ASSERT_TRUE(value);
  EXPECT_EQ(*value->find("a")->if_integer(), 3);
  EXPECT_EQ(value->if_object()->size(), 2u);
}

TEST(JsonParse, numbers_beyond_int64_become_doubles_and_endless_ones_are_refused) {
  EXPECT_EQ(*parse("9223372036854775807")->if_integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_DOUBLE_EQ(*parse("9223372036854775808")->if_double(), 9223372036854775808.0);
  EXPECT_DOUBLE_EQ(*parse("18446744073709551616")->if_double(), 18446744073709551616.0);
  EXPECT_DOUBLE_EQ(*parse("-9223372036854775809")->if_double(), -9223372036854775809.0);
  EXPECT_DOUBLE_EQ(*parse("1e3")->if_double(), 1000.0);
  EXPECT_FALSE(parse("1e999"));
}

TEST(JsonParse, unsigned_integers_beyond_int64_are_kept_as_doubles) {
  EXPECT_EQ(*Value(std::uint64_t{7}).if_integer(), 7);
  EXPECT_DOUBLE_EQ(*Value(std::numeric_limits<std::uint64_t>::max()).if_double(), 18446744073709551615.0);
}

TEST(JsonWrite, doubles_stay_doubles_and_what_is_no_number_becomes_null) {
  EXPECT_EQ(to_string(Value(2.0)), "2.0");
  EXPECT_EQ(to_string(Value(0.1)), "0.1");
  EXPECT_TRUE(parse(to_string(Value(1e22)))->if_double());
  EXPECT_EQ(to_string(Value(std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(to_string(Value(std::numeric_limits<double>::quiet_NaN())), "null");
}

TEST(JsonParse, exactly_one_value_is_a_document) {
  for (const char* text : {"", " ", "{", "[1,]", "{\"a\":1,}", "1 2", "{}x", "nul", "'a'", "{a:1}", "// x\n1",
                           "\"a", "\"\n\"", "[1", "01", "+1", "NaN", "\"\\x\"", "\"\\ud800\""}) {
    EXPECT_FALSE(parse(text)) << text;
  }
  EXPECT_TRUE(parse(" \t\r\n{ } \n"));
}

TEST(JsonParse, a_depth_bomb_is_refused_and_depth_32_is_not) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse(nested(32)));
  EXPECT_FALSE(parse(nested(33)));
  EXPECT_FALSE(parse(std::string(1'000'000, '[')));
}

TEST(JsonParse, invalid_utf8_is_refused_and_escapes_are_decoded) {
  EXPECT_FALSE(parse("\"\xff\""));
  EXPECT_FALSE(parse("\"\xc3\""));
  EXPECT_FALSE(parse("\"\xed\xa0\x80\""));
  EXPECT_FALSE(parse("\"\xc0\xaf\""));
  EXPECT_EQ(*parse(R"("\u00e9\ud83d\ude00\n\/")")->if_string(), "é😀\n/");
  EXPECT_EQ(parse(R"("a\u0000b")")->if_string()->size(), 3u);
}

TEST(JsonQuote, escapes_what_must_be_escaped_and_nothing_else) {
  EXPECT_EQ(literal("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(literal("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(literal(std::string_view("\0\x1f", 2)), R"("\u0000\u001f")");
  EXPECT_EQ(literal("\x7f가😀"), "\"\x7f가😀\"");
  EXPECT_EQ(literal(""), "\"\"");
}

TEST(JsonQuote, invalid_bytes_become_the_replacement_character) {
  EXPECT_EQ(literal("a\xff"
                    "b"),
            "\"a\uFFFD"
            "b\"");
  EXPECT_EQ(literal("\xe2\x82"), "\"\uFFFD\uFFFD\"");
  EXPECT_EQ(literal("\xed\xa0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");
  EXPECT_EQ(literal("\xf4\x90\x80\x80"), "\"\uFFFD\uFFFD\uFFFD\uFFFD\"");
  EXPECT_EQ(literal("\xc0\xaf"), "\"\uFFFD\uFFFD\"");
}

TEST(JsonQuote, every_text_reads_back_as_itself) {
  std::string text;
  for (int c = 0; c < 128; ++c)
    text += static_cast<char>(c);
  text += "가힣\u00a0\u2028\U0010FFFF";
  EXPECT_EQ(*parse(literal(text))->if_string(), text);
}

}  // namespace
}  // namespace stibee_sync::json
