#include "stibee_sync/text/utf8.hpp"

#include <string>

#include <gtest/gtest.h>

namespace stibee_sync::text {
namespace {

TEST(Utf8, WellFormedTextIsValid) {
  for (const char* text :
       {"", "abc", "plain ascii of some length", "김민수", "é", "ascii, then 김민수, then ascii", "\xc2\x80",
        "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_valid_utf8(text)) << text;
  EXPECT_TRUE(is_valid_utf8(std::string(20, '\0')));
}

TEST(Utf8, OverlongCutAndForbiddenSequencesAreInvalidWhereverTheyStand) {
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2",
        "\xc2"
        "a",
        "\xe0\x9f\xbf", "\xe0\xa0", "\xed\xa0\x80", "\xed\xbf\xbf", "\xee\x80",
        "\xef\xbf"
        "a",
        "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe"}) {
    for (std::size_t before = 0; before < 10; ++before) {
      for (std::size_t after = 0; after < 10; ++after) {
        const std::string text = std::string(before, 'a') + bad + std::string(after, 'b');
        EXPECT_FALSE(is_valid_utf8(text)) << before << " " << after << " " << text;
      }
    }
  }
}

TEST(Utf8, EveryByteOfNoCharacterIsReplaced) {
  EXPECT_EQ(valid_utf8("한글 ok 😀"), "한글 ok 😀");
  EXPECT_EQ(valid_utf8("a\xFF"
                       "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(valid_utf8("cut \xED\x95"), "cut \xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(valid_utf8("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD") << "overlong";
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD") << "surrogate";
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")
      << "beyond Unicode";
  EXPECT_EQ(valid_utf8("\xC3(", "?"), "?(");
}

TEST(Utf8, TheFirstCharacterHasAValueAndALength) {
  const auto han = first_character("한글");
  ASSERT_TRUE(han);
  EXPECT_EQ(han->value, U'한');
  EXPECT_EQ(han->length, 3U);
  const std::string_view nul("\0x", 2);
  EXPECT_EQ(first_character(nul)->length, 1U);
  for (const char* none : {"", "\xED\x95", "\x80", "\xC0\x80", "\xED\xA0\x80"})
    EXPECT_FALSE(first_character(none)) << none;
}

TEST(Utf8, ACutLeavesNoPartOfACharacter) {
  EXPECT_EQ(cut("한글", 6), "한글");
  EXPECT_EQ(cut("한글", 5), "한");
  EXPECT_EQ(cut("한글", 2), "");
  EXPECT_EQ(cut_with_ellipsis("한글", 6), "한글");
  EXPECT_EQ(cut_with_ellipsis("한글이", 8), "한…");
  EXPECT_EQ(cut_with_ellipsis("abcdef", 5), "ab…");
}

}  // namespace
}  // namespace stibee_sync::text
