#include "stibee_sync/privacy/secret.hpp"

#include "freed_memory.hpp"

#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/core.h>
#include <fmt/ostream.h>
#include <gtest/gtest.h>

namespace stibee_sync::privacy {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(Streamable<std::string>);
static_assert(!Streamable<Secret>, "a secret must not be printed by accident");
static_assert(fmt::is_formattable<std::string>::value);
static_assert(!fmt::is_formattable<Secret>::value, "nor be put into a line of the log");
static_assert(!std::is_convertible_v<Secret, std::string_view> &&
              !std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_constructible_v<std::string_view, Secret> &&
              !std::is_constructible_v<std::string, Secret>);
static_assert(!std::is_convertible_v<std::string, Secret>, "what becomes a secret is said to be one");

constexpr std::string_view key = "a-key-that-nothing-else-holds-0f1e2d3c";

TEST(Secret, RevealsItsValueOnPurpose) {
  EXPECT_EQ(Secret("s3cret").reveal(), "s3cret");
}

TEST(Secret, CopiesAreIndependent) {
  Secret first("one");
  const Secret second = first;
  first = Secret("two");
  EXPECT_EQ(second.reveal(), "one");
  EXPECT_EQ(first.reveal(), "two");
}

TEST(Secret, MovedFromIsEmpty) {
  Secret first("one");
  const Secret second = std::move(first);
  EXPECT_EQ(second.reveal(), "one");
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(Secret, ComparesByValue) {
  EXPECT_EQ(Secret("one"), Secret("one"));
  EXPECT_NE(Secret("one"), Secret("two"));
  EXPECT_NE(Secret("one"), Secret("one "));
}

TEST(Secret, SurvivesBeingAssignedToItself) {
  Secret secret("0123456789abcdef0123456789abcdef");
  secret = *&secret;
  EXPECT_EQ(secret.reveal(), "0123456789abcdef0123456789abcdef");
}

TEST(Secret, GrowsAtItsEnd) {
  Secret secret("AccessToken: ");
  secret.append("key");
  secret.append("");
  secret.append(std::string_view("\r\n\0", 3));
  EXPECT_EQ(secret.reveal(), std::string_view("AccessToken: key\r\n\0", 19));
}

TEST(Secret, LeavesNothingOfItselfInFreedMemory) {
  FreedMemory freed(key);
  {
    Secret first(key);
    Secret second = first;
    Secret third = std::move(first);
    second = Secret("another");
    second = third;
    second = std::move(third);
    for (int i = 0; i < 100; ++i)
      second.append(key);
  }
  EXPECT_GE(freed.blocks(), 4u);
  EXPECT_EQ(freed.blocks_with_the_words(), 0u);
}

TEST(Secret, IsMissedInFreedMemoryIfATextHeldIt) {
  FreedMemory freed(key);
  {
    const std::string text(key);
  }
  EXPECT_EQ(freed.blocks_with_the_words(), 1u);
}

TEST(Wipe, LeavesNothingOfATextNorOfWhatItHeldBefore) {
  std::string text(key);
  text.resize(3);  // the rest of the key lies behind its end
  const auto* memory = text.data();
  const auto capacity = text.capacity();
  wipe(text);
  EXPECT_EQ(text, "");
  ASSERT_EQ(text.data(), memory);
  EXPECT_EQ(std::string(memory, capacity), std::string(capacity, '\0'));
}

TEST(Wipe, IsHarmlessForNothing) {
  wipe(nullptr, 0);
  std::string none;
  wipe(none);
  EXPECT_EQ(none, "");
}

}  // namespace
}  // namespace stibee_sync::privacy
