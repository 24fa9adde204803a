#include "stibee_sync/source/source.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace stibee_sync::source {
namespace {

SourceError lost() {
  SourceError error;
  error.kind = SourceError::Kind::Unreachable;
  error.message = "lost";
  return error;
}

TEST(ScriptedReader, PlaysTheRowsAndThenTheFailure) {
  ScriptedReader reader;
  reader.next = [] {
    ScriptedRead script;
    script.rows = {"1\ta@example.com", "2\tb@example.com"};
    script.fails_after_rows = lost();
    return script;
  };
  std::size_t rows = 0;
  const auto result = reader.read({}, [](const ReadShape&) {}, [&](std::string_view) { ++rows; });
  EXPECT_EQ(rows, 2U);
  ASSERT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_EQ(std::get<SourceError>(result).message, "lost");
}

TEST(ScriptedReader, WithoutRowsFailsBeforeTheShape) {
  ScriptedReader reader;
  reader.next = [] {
    ScriptedRead script;
    script.fails_after_rows = lost();
    return script;
  };
  bool shaped = false;
  const auto result = reader.read({}, [&](const ReadShape&) { shaped = true; }, [](std::string_view) {});
  EXPECT_FALSE(shaped);
  EXPECT_TRUE(std::holds_alternative<SourceError>(result));
  EXPECT_TRUE(std::holds_alternative<SourceError>(reader.describe({})));
}

}  // namespace
}  // namespace stibee_sync::source
