#include "stibee_sync/text/nearest.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::text {
namespace {

using Names = std::vector<std::string>;

TEST(EditDistance, CountsLettersAddedRemovedReplacedAndExchanged) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("emial", "email"), 1U);
  EXPECT_EQ(edit_distance("ca", "abc"), 3U);
}

TEST(Nearest, TheFewestSlipsComeFirst) {
  EXPECT_EQ(nearest("emial", Names{"id", "e_mial2", "email", "phone"}, 3, 2), (Names{"email", "e_mial2"}));
  EXPECT_EQ(nearest("bat", Names{"cat", "bar", "rat"}, 2, 1), (Names{"bar", "cat"}));
}

TEST(Nearest, ManyLettersMayHoldMoreSlips) {
  EXPECT_EQ(nearest("max_removel_persent", Names{"max_removal_percent"}, 1, 1), Names{"max_removal_percent"});
  EXPECT_TRUE(nearest("zzzzzz", Names{"id", "email"}, 3, 2).empty());
  EXPECT_TRUE(nearest("abc", Names{"a"}, 1, 1).empty());
}

TEST(Nearest, CaseIsNoSlip) {
  EXPECT_EQ(nearest("EMAIL", Names{"Email"}, 1, 0), Names{"Email"});
  EXPECT_EQ(slips_between("EMIAL", "email", 0), 1U);
  EXPECT_EQ(slips_between("id", "of", 1), std::nullopt);
}

}  // namespace
}  // namespace stibee_sync::text
