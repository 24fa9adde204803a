#include "app/asked.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

constexpr domain::UtcTime now{std::chrono::milliseconds(1'700'000'000'000)};

json::Value seconds(std::int64_t number) {
  auto body = json::Value::object();
  body.set("seconds", number);
  return body;
}

TEST(PauseAsked, EndsAfterTheSecondsThatAreAskedFor) {
  EXPECT_EQ(pause_asked(seconds(7200), now), now + std::chrono::hours(2));
}

TEST(PauseAsked, WithoutATimeItEndsByNobodysWordButOurs) {
  EXPECT_EQ(pause_asked(json::Value::object(), now), std::nullopt);
  EXPECT_EQ(pause_asked(seconds(0), now), std::nullopt);
  EXPECT_EQ(pause_asked(seconds(-5), now), std::nullopt);
}

TEST(PauseAsked, ATimeThatNoClockCanShowIsCutShort) {
  EXPECT_EQ(pause_asked(seconds(std::numeric_limits<std::int64_t>::max()), now), now + longest_pause);
}

TEST(FailuresAsked, AreAskedForAlikeByBothSides) {
  FailuresAsked asked;
  asked.reason = "wrong & odd=%";
  asked.limit = 7;
  asked.reveal = true;
  const auto read = failures_asked(query_of(asked));
  EXPECT_EQ(read.reason, asked.reason);
  EXPECT_EQ(read.limit, 7u);
  EXPECT_TRUE(read.reveal);
}

TEST(ForgetAsked, IsAskedForAlikeByBothSides) {
  for (const bool by_leader : {false, true}) {
    ForgetAsked asked;
    ASSERT_EQ(read_address("P1@example.com", asked.person), std::nullopt);
    asked.by_leader = by_leader;
    ForgetAsked read;
    EXPECT_EQ(read_body(body_of(asked), read), std::nullopt);
    EXPECT_EQ(read.person.email->text(), "p1@example.com");
    EXPECT_EQ(read.by_leader, by_leader);
  }
  ForgetAsked nobody;
  EXPECT_NE(read_body(json::Value::object(), nobody), std::nullopt);
}

}  // namespace
}  // namespace stibee_sync::app
