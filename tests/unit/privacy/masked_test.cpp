#include "stibee_sync/privacy/masked.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::privacy {
namespace {

TEST(MaskedAddress, ShowsTheFirstCharacterAndTheDomain) {
  EXPECT_EQ(masked_address("dooly@example.com"), "d***@example.com");
  EXPECT_EQ(masked_address("둘리@example.com"), "둘***@example.com");
  EXPECT_EQ(masked_address("a@x.kr"), "a***@x.kr");
}

TEST(MaskedAddress, OfTextThatIsNoneShowsNoMore) {
  EXPECT_EQ(masked_address(""), "***");
  EXPECT_EQ(masked_address("010-1234-5678"), "0***");
  EXPECT_EQ(masked_address("@x.kr"), "***@x.kr");
}

TEST(ShownKey, IsMaskedWhereItIsAnAddress) {
  EXPECT_EQ(shown_key("dooly@example.com", false), "d***@example.com");
  EXPECT_EQ(shown_key("dooly@example.com", true), "dooly@example.com");
  EXPECT_EQ(shown_key("4711", false), "4711");
  EXPECT_EQ(shown_key("", false), "");
}

}  // namespace
}  // namespace stibee_sync::privacy
