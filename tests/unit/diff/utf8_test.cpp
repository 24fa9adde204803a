#include "diff/utf8.hpp"

#include <string>

#include <gtest/gtest.h>

namespace stibee_sync::diff {
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

}  // namespace
}  // namespace stibee_sync::diff
