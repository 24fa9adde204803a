#include "stibee_sync/text/ascii.hpp"

#include <cctype>

#include <gtest/gtest.h>

namespace stibee_sync::text {
namespace {

TEST(Ascii, ClassesAreThoseOfTheCLocale) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    EXPECT_EQ(is_digit(c), std::isdigit(byte) != 0) << byte;
    EXPECT_EQ(is_letter(c), std::isalpha(byte) != 0) << byte;
    EXPECT_EQ(is_letter_or_digit(c), std::isalnum(byte) != 0) << byte;
    EXPECT_EQ(is_space(c), std::isspace(byte) != 0) << byte;
    EXPECT_EQ(is_control(c), std::iscntrl(byte) != 0) << byte;
    EXPECT_EQ(lower(c), static_cast<char>(std::tolower(byte))) << byte;
    EXPECT_EQ(is_ascii(c), byte < 128) << byte;
  }
}

TEST(Ascii, OnlyAsciiIsFolded) {
  EXPECT_EQ(lower_case("KIM É 김[`"), "kim É 김[`");
  EXPECT_TRUE(equal_ignoring_case("Content-TYPE", "content-type"));
  EXPECT_FALSE(equal_ignoring_case("É", "é"));
  EXPECT_FALSE(equal_ignoring_case("abc", "abcd"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
}

TEST(Ascii, WhiteSpaceGoesAtTheEndsOnly) {
  EXPECT_EQ(trimmed(" \t\r\n\v\fa b\n"), "a b");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(Ascii, ControlsBecomeBlanks) {
  EXPECT_EQ(without_controls("a\r\nb\x7f"), "a  b ");
  EXPECT_EQ(without_controls("a\tb", '?'), "a?b");
  EXPECT_EQ(single_spaced("  a\r\n\tb\x1b c \n"), "a b c");
  EXPECT_EQ(single_spaced(" \n"), "");
}

}  // namespace
}  // namespace stibee_sync::text
