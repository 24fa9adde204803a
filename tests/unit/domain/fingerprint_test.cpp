#include "stibee_sync/domain/fingerprint.hpp"

#include "stibee_sync/text/hex.hpp"

#include <set>

#include <gtest/gtest.h>

namespace stibee_sync::domain {
namespace {

StateKey::Bytes counting_bytes() {
  StateKey::Bytes bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(i);
  return bytes;
}

TEST(StateKey, HashesStayTheSameForEverForOneKey) {
  // These are in people's state files: a change here makes every suppression unrecognisable.
  const StateKey key(counting_bytes());
  EXPECT_EQ(text::to_hex(key.fingerprint("hello").bytes), "7c439c794b03d11ae86e95f0a3de7de2");
  EXPECT_EQ(text::to_hex(key.person_hash("kim@example.com")),
            "6c96457a9de85b59e0767c634af6e51e56ad29eaa03b56f281532b2f483d39a6");
  EXPECT_EQ(key.ref("kim@example.com"), text::to_hex(key.person_hash("kim@example.com")).substr(0, 12));
}

TEST(StateKey, AnotherKeyGivesOtherHashes) {
  StateKey::Bytes other = counting_bytes();
  other[31] ^= 1;
  const StateKey a(counting_bytes()), b(other);
  EXPECT_NE(a.fingerprint("hello"), b.fingerprint("hello"));
  EXPECT_NE(a.person_hash("kim@example.com"), b.person_hash("kim@example.com"));
  EXPECT_NE(a.ref("kim@example.com"), b.ref("kim@example.com"));
}

TEST(StateKey, TellsTextsApart) {
  const StateKey key(counting_bytes());
  std::set<Fingerprint> seen;
  for (int i = 0; i < 1000; ++i)
    seen.insert(key.fingerprint(std::to_string(i)));
  seen.insert(key.fingerprint(""));
  seen.insert(key.fingerprint(std::string_view("\0", 1)));
  EXPECT_EQ(seen.size(), 1002u);
}

TEST(StateKey, RefIsTwelveHexDigits) {
  const std::string ref = StateKey(counting_bytes()).ref("kim@example.com");
  EXPECT_EQ(ref.size(), 12u);
  EXPECT_EQ(ref.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(StateKey, RandomBytesDiffer) {
  EXPECT_NE(StateKey::random_bytes(), StateKey::random_bytes());
}

}  // namespace
}  // namespace stibee_sync::domain
