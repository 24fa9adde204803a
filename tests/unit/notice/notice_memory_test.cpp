#include "stibee_sync/notice/picture.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::notice {
namespace {

TEST(NoticeMemory, ComesBackAsItWasKept) {
  Memory memory;
  memory["members"].trouble = "failing";
  memory["members"].held = {{"removals", "abcd"}, {"optouts", "ef01"}};
  memory["members"].imported = true;
  memory["members"].drift = 7;
  memory["second"];
  EXPECT_EQ(memory_from(to_text(memory)), memory);
}

TEST(NoticeMemory, IsEmptyWhereItCannotBeRead) {
  for (const auto* const text : {"", "{", "[]", "null", "7"})
    EXPECT_TRUE(memory_from(text).empty()) << text;
  const auto odd =
      memory_from(R"({"members":{"trouble":7,"held":{"removals":1},"imported":"x","drift":-1}})");
  EXPECT_EQ(odd.at("members"), Told{});
}

}  // namespace
}  // namespace stibee_sync::notice
