#include "app/mirror_choice.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

const std::vector<std::string> names{"orders", "members", "member"};

TEST(MirrorChoice, NoNameMeansAllOfThem) {
  EXPECT_EQ(mirrors_meant(names, ""), (std::vector<std::size_t>{0, 1, 2}));
}

TEST(MirrorChoice, ANameMeansExactlyThatOne) {
  EXPECT_EQ(mirrors_meant(names, "members"), (std::vector<std::size_t>{1}));
  EXPECT_TRUE(mirrors_meant(names, "Members").empty());
}

TEST(MirrorChoice, AnUnknownNameIsAnsweredWithAllThereAreTheNearestFirst) {
  EXPECT_EQ(no_such_mirror(names, "membrs"),
            "there is no mirror `membrs`; there are: members, member, orders");
  EXPECT_EQ(no_such_mirror({"members"}, "x"), "there is no mirror `x`; there is: members");
}

}  // namespace
}  // namespace stibee_sync::app
