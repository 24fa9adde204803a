#include "stibee_sync/text/hex.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::text {
namespace {

TEST(Hex, WritesTwoLowerCaseDigitsAByte) {
  const std::uint8_t bytes[] = {0x00, 0x0f, 0xa0, 0xff};
  EXPECT_EQ(to_hex(bytes), "000fa0ff");
  EXPECT_EQ(to_hex({}), "");
}

TEST(Hex, ReadsDigitsOfEitherCase) {
  EXPECT_EQ(hex_digit('0'), 0);
  EXPECT_EQ(hex_digit('9'), 9);
  EXPECT_EQ(hex_digit('a'), 10);
  EXPECT_EQ(hex_digit('F'), 15);
  for (const char c : {'g', 'G', '/', ':', '@', '`', ' ', '\0', '\xff'})
    EXPECT_EQ(hex_digit(c), -1) << c;
}

TEST(PercentEncoding, LeavesWhatAUrlNeedNotEncode) {
  EXPECT_EQ(percent_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encoded("kim+a@b/c ö"), "kim%2Ba%40b%2Fc%20%C3%B6");
  EXPECT_EQ(percent_encoded("/ö", HexCase::Lower), "%2f%c3%b6");
}

TEST(PercentEncoding, DecodesOnlyWhatIsEncoded) {
  EXPECT_EQ(percent_decoded("p%61ssw%6Frd"), "password");
  EXPECT_EQ(percent_decoded("100%"), "100%");
  EXPECT_EQ(percent_decoded("%4"), "%4");
  EXPECT_EQ(percent_decoded("%zz%4z"), "%zz%4z");
  EXPECT_EQ(percent_decoded(percent_encoded("Kim & 민수%41")), "Kim & 민수%41");
}

}  // namespace
}  // namespace stibee_sync::text
