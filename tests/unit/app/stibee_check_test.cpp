#include "app/stibee_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

settings::Mirror members() {
  settings::Mirror mirror;
  mirror.name = "members";
  mirror.list_id = 1234;
  mirror.source.fields = {{"name", "name"}, {"phone", "mobile"}};
  mirror.groups = {{"gold", 11}, {"silver", 12}};
  return mirror;
}

TEST(StibeeCheck, NamesTheFieldThatTheListDoesNotHave) {
  EXPECT_FALSE(judge_fields(members(), {"name", "phone", "city"}).missing);
  const auto [missing, text] = judge_fields(members(), {"city", "name"});
  EXPECT_TRUE(missing);
  EXPECT_THAT(text, HasSubstr("list 1234 has no field phone"));
  EXPECT_THAT(text, HasSubstr("it has city, name"));
}

TEST(StibeeCheck, SaysThatItCouldNotSeeTheFieldsOfAnEmptyList) {
  const auto [missing, text] = judge_fields(members(), {});
  EXPECT_FALSE(missing);
  EXPECT_THAT(text, HasSubstr("cannot be seen"));
}

TEST(StibeeCheck, NamesTheGroupThatTheListDoesNotHave) {
  using delivery::v2::Group;
  EXPECT_FALSE(
      judge_groups(members(), std::vector{Group{11, "Gold"}, Group{12, "Silver"}, Group{13, "Other"}})
          .missing);
  const auto [missing, text] = judge_groups(members(), std::vector{Group{11, "Gold"}, Group{99, "Silber"}});
  EXPECT_TRUE(missing);
  EXPECT_THAT(text, HasSubstr("has no group silver (12)"));
  EXPECT_THAT(text, HasSubstr("Silber (99)"));
  EXPECT_THAT(text, Not(HasSubstr("gold (11)")));
  EXPECT_THAT(judge_groups(members(), std::vector<Group>{}).text, HasSubstr("it has none"));
}

TEST(StibeeCheck, SaysThatItCouldNotSeeTheGroups) {
  const auto [missing, text] = judge_groups(members(), std::nullopt);
  EXPECT_FALSE(missing);
  EXPECT_THAT(text, HasSubstr("cannot be seen"));
}

}  // namespace
}  // namespace stibee_sync::app
