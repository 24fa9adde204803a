#include "stibee_sync/source/change_feed.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::source {
namespace {

ScriptedDrain two_changes() {
  ScriptedDrain script;
  script.ids = {3, 5};
  script.changes = {{"1", "1\ta@example.com"}, {"2", std::nullopt}};
  return script;
}

struct Played {
  std::variant<FeedReport, FeedLoss, SourceError> result;
  int shapes = 0;
  std::vector<std::string> keys;
  std::size_t rows = 0;
};

Played play(ScriptedDrain script) {
  ScriptedFeed feed;
  feed.next = [&](const FeedPlan&) { return script; };
  Played played;
  played.result = feed.drain(
      {}, 100, [&](const ReadShape&) { ++played.shapes; },
      [&](std::string_view key, std::optional<std::string_view> line) {
        played.keys.emplace_back(key);
        played.rows += line.has_value();
      });
  return played;
}

TEST(ScriptedFeed, PlaysChangesAndThenTheReport) {
  const auto played = play(two_changes());
  ASSERT_TRUE(std::holds_alternative<FeedReport>(played.result));
  const auto& report = std::get<FeedReport>(played.result);
  EXPECT_EQ(report.keys, 2U);
  EXPECT_EQ(report.feed.ids, (std::vector<std::int64_t>{3, 5}));
  EXPECT_TRUE(report.shape.has_value());
  EXPECT_EQ(played.shapes, 1);
  EXPECT_EQ(played.keys, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(played.rows, 1U);
}

TEST(ScriptedFeed, CallsNoSinkWhereNothingWaits) {
  auto script = two_changes();
  script.everything = true;
  EXPECT_EQ(play(script).shapes, 0);
  EXPECT_EQ(play(ScriptedDrain()).shapes, 0);
}

TEST(ScriptedFeed, FailsAfterTheChanges) {
  auto script = two_changes();
  script.fails_after_rows = SourceError();
  const auto played = play(script);
  EXPECT_TRUE(std::holds_alternative<SourceError>(played.result));
  EXPECT_EQ(played.keys.size(), 2U);
}

TEST(ScriptedFeed, IsLostWithoutAnyChange) {
  auto script = two_changes();
  script.loss = FeedLoss{FeedLoss::Kind::Overgrown, "overgrown"};
  const auto played = play(script);
  ASSERT_TRUE(std::holds_alternative<FeedLoss>(played.result));
  EXPECT_EQ(label(std::get<FeedLoss>(played.result).kind), "overgrown");
  EXPECT_TRUE(played.keys.empty());
}

TEST(ScriptedListener, SaysThatItIsAsleepAtOnce) {
  std::vector<std::string> woken;
  ScriptedListener listener([&](const std::string& mirror, FeedListener::Why why) {
    if (why == FeedListener::Why::Asleep) woken.push_back(mirror);
  });
  listener.awake("members");
  EXPECT_TRUE(woken.empty());
  listener.asleep("members");
  EXPECT_EQ(woken, std::vector<std::string>{"members"});
  EXPECT_EQ(listener.told, (std::vector<std::string>{"awake members", "asleep members"}));
}

}  // namespace
}  // namespace stibee_sync::source
