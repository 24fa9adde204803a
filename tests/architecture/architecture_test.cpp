// The rules of rules.hpp, applied to this project.
#include "rules.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::architecture {
namespace {

const Tree& project() {
  static const Tree tree = read_tree(STIBEE_SOURCE_DIR);
  return tree;
}

void expect_none(const Findings& findings) {
  for (const std::string& finding : findings)
    ADD_FAILURE() << finding;
}

TEST(Architecture, ProjectIsFound) {
  EXPECT_GT(project().size(), 50U);
}
TEST(Architecture, RoomsIncludeOnlyTheRoomsBelowThem) {
  expect_none(check_includes(project()));
}
TEST(Architecture, RoomsLinkOnlyTheRoomsBelowThem) {
  expect_none(check_linking(project()));
}
TEST(Architecture, EverySourceAndTestIsBuilt) {
  expect_none(check_everything_is_built(project()));
}
TEST(Architecture, NoFileIsTooLong) {
  expect_none(check_sizes(project()));
}
TEST(Architecture, EveryNameSaysSomething) {
  expect_none(check_names(project()));
}
TEST(Architecture, NoTwoFilesHaveOneName) {
  expect_none(check_one_name_one_file(project()));
}
TEST(Architecture, NoTwoTypesHaveOneName) {
  expect_none(check_one_name_one_type(project()));
}
TEST(Architecture, TheStoreCallsNobodyBack) {
  expect_none(check_store_calls_nobody(project()));
}

}  // namespace
}  // namespace stibee_sync::architecture
