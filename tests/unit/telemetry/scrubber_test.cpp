#include "telemetry/scrubber.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::telemetry {
namespace {

TEST(Scrubber, ReplacesRegisteredSecretsAndAddresses) {
  Scrubber scrubber;
  scrubber.never_print("s3cret-key");
  EXPECT_EQ(scrubber.scrub("AccessToken: s3cret-key for kim@example.com, s3cret-key"),
            "AccessToken: <secret> for <address>, <secret>");
}

TEST(Scrubber, FindsASecretWithWhiteSpaceAroundItsFile) {
  Scrubber scrubber;
  scrubber.never_print("  s3cret-key\n");
  EXPECT_EQ(scrubber.scrub("[s3cret-key]"), "[<secret>]");
}

TEST(Scrubber, FindsASecretInAUrl) {
  Scrubber scrubber;
  scrubber.never_print("p@ss/wörd");
  EXPECT_EQ(scrubber.scrub("p@ss/wörd"), "<secret>");
  EXPECT_EQ(scrubber.scrub("x://u:p%40ss%2Fw%C3%B6rd,h"), "x://u:<secret>,h");
  EXPECT_EQ(scrubber.scrub("x://u:p%40ss%2fw%c3%b6rd,h"), "x://u:<secret>,h");
}

TEST(Scrubber, ReplacesTheLongerOfTwoSecretsAsAWhole) {
  Scrubber scrubber;
  scrubber.never_print("abcd");
  scrubber.never_print("abcdefgh");
  EXPECT_EQ(scrubber.scrub("abcdefgh abcd"), "<secret> <secret>");
}

TEST(Scrubber, IgnoresASecretThatWouldGarbleEveryLine) {
  Scrubber scrubber;
  scrubber.never_print("");
  scrubber.never_print(" a ");
  EXPECT_EQ(scrubber.scrub("banana"), "banana");
}

}  // namespace
}  // namespace stibee_sync::telemetry
