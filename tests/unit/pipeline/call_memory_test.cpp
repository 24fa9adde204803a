#include "stibee_sync/pipeline/call_memory.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::pipeline {
namespace {

domain::Fingerprint person(std::size_t number) {
  domain::Fingerprint result;
  result.bytes[0] = static_cast<std::uint8_t>(number & 0xff);
  result.bytes[1] = static_cast<std::uint8_t>(number >> 8);
  return result;
}

RememberedCall call(std::string message) {
  RememberedCall result;
  result.message = std::move(message);
  return result;
}

constexpr store::MirrorId mirror{1};

TEST(CallMemory, TellsTheNewestCallFirstAndOfNobodyElse) {
  CallMemory memory;
  memory.note(mirror, person(1), call("first"));
  memory.note(mirror, person(2), call("another's"));
  memory.note(store::MirrorId{2}, person(1), call("of another list"));
  memory.note(mirror, person(1), call("second"));
  const auto calls = memory.of(mirror, person(1));
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].message, "second");
  EXPECT_EQ(calls[1].message, "first");
  EXPECT_TRUE(memory.of(mirror, person(3)).empty());
}

TEST(CallMemory, OfMoreThanItHoldsItForgetsTheOldest) {
  CallMemory memory;
  for (std::size_t i = 0; i < CallMemory::most + 2; ++i)
    memory.note(mirror, person(i), call(std::to_string(i)));
  EXPECT_TRUE(memory.of(mirror, person(1)).empty());
  EXPECT_EQ(memory.of(mirror, person(2)).size(), 1u);
  memory.note(mirror, person(2), call("newer"));
  EXPECT_EQ(memory.of(mirror, person(2)).front().message, "newer");
  EXPECT_EQ(memory.of(mirror, person(CallMemory::most + 1)).size(), 1u);
}

TEST(CallMemory, WhoeverIsForgottenLeavesTheOthersInTheirOrder) {
  CallMemory memory;
  for (std::size_t i = 0; i < CallMemory::most + 10; ++i)
    memory.note(mirror, person(i % 3), call(std::to_string(i)));
  memory.forget(person(0));
  EXPECT_TRUE(memory.of(mirror, person(0)).empty());
  const auto last = memory.of(mirror, person(1)).front().message;
  memory.note(mirror, person(1), call("newest"));
  const auto calls = memory.of(mirror, person(1));
  EXPECT_EQ(calls[0].message, "newest");
  EXPECT_EQ(calls[1].message, last);
}

}  // namespace
}  // namespace stibee_sync::pipeline
