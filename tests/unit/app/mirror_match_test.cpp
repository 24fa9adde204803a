#include "app/mirror_match.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

using Indices = std::vector<std::size_t>;
using States = std::vector<std::optional<std::size_t>>;

pipeline::MirrorPlan named(std::string name, std::int64_t list_id) {
  pipeline::MirrorPlan plan;
  plan.name = std::move(name);
  plan.list_id = list_id;
  return plan;
}

const store::KnownMirror members{{1}, "members", 1234};
const store::KnownMirror orders{{2}, "orders", 5678};

TEST(MirrorMatch, AMirrorGoesOnWithTheStateOfItsNameAndList) {
  const auto match = match_mirrors({members, orders}, {named("orders", 5678), named("members", 1234)});
  EXPECT_EQ(match.state, (States{1, 0}));
  EXPECT_TRUE(match.renamed.empty());
  EXPECT_TRUE(match.unconfigured.empty());
}

TEST(MirrorMatch, AStateWhoseMirrorIsGoneIsUnconfigured) {
  const auto match = match_mirrors({members, orders}, {named("orders", 5678)});
  EXPECT_EQ(match.unconfigured, (Indices{0}));
}

TEST(MirrorMatch, ARenamedMirrorGoesOnWithItsState) {
  const auto match = match_mirrors({members, orders}, {named("people", 1234), named("orders", 5678)});
  EXPECT_EQ(match.state, (States{0, 1}));
  EXPECT_EQ(match.renamed, (Indices{0}));
  EXPECT_TRUE(match.unconfigured.empty());
}

TEST(MirrorMatch, OfTwoStatesOfTheListNobodyKnowsWhichOneItWas) {
  const store::KnownMirror older{{3}, "older", 1234};
  const auto match = match_mirrors({members, older}, {named("people", 1234)});
  EXPECT_EQ(match.state, (States{std::nullopt}));
  EXPECT_EQ(match.unconfigured, (Indices{0, 1}));
}

TEST(MirrorMatch, AnotherListUnderTheSameNameStartsAfresh) {
  const auto match = match_mirrors({members}, {named("members", 99)});
  EXPECT_EQ(match.state, (States{std::nullopt}));
  EXPECT_EQ(match.unconfigured, (Indices{0}));
}

TEST(MirrorMatch, TwoThatSwapTheirNamesKeepTheirStates) {
  const auto match = match_mirrors({members, orders}, {named("members", 5678), named("orders", 1234)});
  EXPECT_EQ(match.state, (States{1, 0}));
  EXPECT_EQ(match.renamed, (Indices{0, 1}));
  EXPECT_TRUE(match.unconfigured.empty());
}

TEST(MirrorMatch, AStateGoesWithItsListThoughANewMirrorTakesTheOldName) {
  const auto match = match_mirrors({members}, {named("members", 99), named("people", 1234)});
  EXPECT_EQ(match.state, (States{std::nullopt, 0}));
  EXPECT_EQ(match.renamed, (Indices{1}));
}

TEST(MirrorMatch, OneWhoseListHasTwoStatesBeginsAnewAndTheOthersGoOn) {
  const store::KnownMirror older{{3}, "older", 5678};
  const auto match = match_mirrors({members, orders, older}, {named("members", 5678), named("orders", 1234)});
  EXPECT_EQ(match.state, (States{std::nullopt, 0})) << "two states of list 5678";
  EXPECT_EQ(match.unconfigured, (Indices{1, 2}));
}

TEST(MirrorMatch, WhoWasRenamedBackGoesOnWithTheStateOfTheExactName) {
  const store::KnownMirror renamed{{3}, "people", 1234};
  const auto match = match_mirrors({members, renamed}, {named("people", 1234)});
  EXPECT_EQ(match.state, (States{1}));
  EXPECT_EQ(match.unconfigured, (Indices{0}));
}

}  // namespace
}  // namespace stibee_sync::app
