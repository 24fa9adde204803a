#include "app/cures.hpp"

#include "stibee_sync/domain/reason.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

TEST(Cures, WhateverIsKnownToParkSomebodyHasACureOfItsOwn) {
  for (const auto reason : domain::all_reasons()) {
    if (domain::parks(reason)) {
      EXPECT_NE(cure_of(name(reason)), cure_of("of another version")) << name(reason);
    }
  }
}

TEST(Cures, OfAnythingElseStibeesWordsAreTheCure) {
  EXPECT_FALSE(cure_of("of another version").empty());
  EXPECT_EQ(cure_of("unknown_failure"), cure_of("of another version"));
  EXPECT_NE(cure_of("http_403").find("firewall"), std::string_view::npos);
}

}  // namespace
}  // namespace stibee_sync::app
