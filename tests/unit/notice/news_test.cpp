#include "stibee_sync/notice/news.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::notice {
namespace {

using domain::UtcTime;

constexpr UtcTime start{std::chrono::seconds(1'000'000)};

MirrorPicture well() {
  MirrorPicture mirror;
  mirror.well = true;
  mirror.state = "ok";
  mirror.imported = start - std::chrono::hours(1);
  return mirror;
}

MirrorPicture failing() {
  auto mirror = well();
  mirror.well = false;
  mirror.state = "failing";
  mirror.problem = "Stibee is away";
  return mirror;
}

MirrorPicture holding(const std::string& digest) {
  auto mirror = well();
  mirror.well = false;
  mirror.state = "held";
  mirror.held["removals"] = {120, digest};
  return mirror;
}

/// Who looks at one mirror, and tells what there is to tell.
class Teller {
 public:
  explicit Teller(Occasions wanted = all_occasions()) : wanted_(std::move(wanted)) {}

  /// "occasion" of each, in order.
  std::vector<std::string> sees(const MirrorPicture& mirror) {
    const Picture now{{"members", mirror}};
    memory_ = completed(memory_, now, start);
    std::vector<std::string> told;
    for (const auto& news : news_between(memory_, now, wanted_)) {
      EXPECT_EQ(news.mirror, "members");
      told.emplace_back(name(news.occasion));
    }
    memory_ = after_telling(memory_, now, wanted_);
    return told;
  }
  /// Tells it, and nobody knows whether that was read.
  void tells_in_vain(const MirrorPicture& mirror) {
    const Picture now{{"members", mirror}};
    memory_ = completed(memory_, now, start);
    memory_ = after_doubt(memory_, news_between(memory_, now, wanted_));
  }

 private:
  Occasions wanted_;
  Memory memory_;
};

using Lines = std::vector<std::string>;

// Found by day 807: who had read a letter whose answer was lost believed for ever in a hold that had ended.
TEST(News, WhatMayHaveBeenReadIsToldAnewOrTakenBack) {
  Teller held, released, trouble, over, unsure;
  held.tells_in_vain(holding("one"));
  EXPECT_EQ(held.sees(holding("one")), Lines{"held"});
  held.tells_in_vain(holding("two"));
  EXPECT_EQ(held.sees(well()), Lines{"released"});
  EXPECT_EQ(held.sees(well()), Lines{});

  released.sees(holding("one"));
  released.tells_in_vain(well());
  EXPECT_EQ(released.sees(holding("one")), Lines{"held"});

  trouble.tells_in_vain(failing());
  EXPECT_EQ(trouble.sees(well()), Lines{"recovered"});
  over.sees(failing());
  over.tells_in_vain(well());
  EXPECT_EQ(over.sees(failing()), Lines{"unhealthy"});

  auto nobody_knows = well();
  nobody_knows.well.reset();
  unsure.tells_in_vain(failing());
  EXPECT_EQ(unsure.sees(nobody_knows), Lines{});
  EXPECT_EQ(unsure.sees(well()), Lines{"recovered"}) << "kept meanwhile";
}

TEST(News, OfAMirrorThatIsWellAtTheStartThereIsNothing) {
  Teller teller;
  EXPECT_EQ(teller.sees(well()), Lines{});
  EXPECT_EQ(teller.sees(well()), Lines{});
}

TEST(News, TroubleIsToldOnceAndItsEndOnce) {
  Teller teller;
  EXPECT_EQ(teller.sees(failing()), Lines{"unhealthy"});
  auto still = failing();
  still.problem = "Stibee is away, and 12 people wait";
  EXPECT_EQ(teller.sees(still), Lines{}) << "the state is the same";
  EXPECT_EQ(teller.sees(well()), Lines{"recovered"});
  EXPECT_EQ(teller.sees(well()), Lines{});
}

TEST(News, AnotherTroubleIsNews) {
  Teller teller;
  teller.sees(failing());
  auto untrusted = failing();
  untrusted.state = "untrusted";
  EXPECT_EQ(teller.sees(untrusted), Lines{"unhealthy"});
}

TEST(News, ThatItIsWellIsNotSaidBeforeItIsKnown) {
  Teller teller;
  teller.sees(failing());
  auto unknown = well();
  unknown.well.reset();
  EXPECT_EQ(teller.sees(unknown), Lines{});
  EXPECT_EQ(teller.sees(failing()), Lines{}) << "nobody was told that it was over";
  teller.sees(unknown);
  EXPECT_EQ(teller.sees(well()), Lines{"recovered"});
}

TEST(News, AHoldIsToldWhenItBeginsWhenItsSetIsAnotherAndWhenItIsGone) {
  Teller teller;
  teller.sees(well());
  EXPECT_EQ(teller.sees(holding("aaaa")), Lines{"held"}) << "and no trouble beside it";
  EXPECT_EQ(teller.sees(holding("aaaa")), Lines{});
  EXPECT_EQ(teller.sees(holding("bbbb")), Lines{"held"});
  EXPECT_EQ(teller.sees(well()), Lines{"released"});
}

TEST(News, WhoIsNotToldOfHoldsIsToldThatTheMirrorNeedsAttention) {
  Teller teller({Occasion::Unhealthy, Occasion::Recovered});
  EXPECT_EQ(teller.sees(holding("aaaa")), Lines{"unhealthy"});
  EXPECT_EQ(teller.sees(well()), Lines{"recovered"});
}

TEST(News, AMirrorThatFailsWhileItHoldsIsBothAndTheWorstComesFirst) {
  Teller teller;
  auto both = failing();
  both.held["removals"] = {120, "aaaa"};
  EXPECT_EQ(teller.sees(both), (Lines{"unhealthy", "held"}));
  EXPECT_EQ(teller.sees(holding("aaaa")), Lines{"recovered"});
}

TEST(News, AFirstImportIsToldOnceUnlessItWasThroughBeforeAnybodyWasToBeTold) {
  Teller teller;
  auto mirror = well();
  mirror.imported.reset();
  EXPECT_EQ(teller.sees(mirror), Lines{});
  mirror.imported = start + std::chrono::seconds(5);
  EXPECT_EQ(teller.sees(mirror), Lines{"imported"});
  EXPECT_EQ(teller.sees(mirror), Lines{});
  EXPECT_EQ(Teller().sees(mirror), Lines{"imported"}) << "quicker than the first look";
  EXPECT_EQ(Teller().sees(well()), Lines{});
}

TEST(News, DriftIsToldWhenItsNumberIsAnother) {
  Teller teller;
  auto mirror = well();
  mirror.compared = start - std::chrono::hours(2);
  mirror.drift = 3;
  EXPECT_EQ(teller.sees(mirror), Lines{}) << "known before";
  mirror.compared = start + std::chrono::hours(1);
  EXPECT_EQ(teller.sees(mirror), Lines{});
  mirror.drift = 4;
  EXPECT_EQ(teller.sees(mirror), Lines{"drift"});
  mirror.drift = 0;
  EXPECT_EQ(teller.sees(mirror), Lines{});
}

TEST(News, WhatIsNotWantedIsPassedOverForGood) {
  Teller teller({Occasion::Held});
  EXPECT_EQ(teller.sees(failing()), Lines{});
  EXPECT_EQ(teller.sees(well()), Lines{});
}

TEST(News, WhatBeganAndEndedUntoldIsNone) {
  const Picture before{{"members", well()}};
  const auto memory = completed({}, before, start);
  // A letter about the trouble did not arrive: the memory is as it was.
  EXPECT_EQ(news_between(memory, {{"members", failing()}}, all_occasions()).size(), 1U);
  EXPECT_TRUE(news_between(memory, {{"members", well()}}, all_occasions()).empty());
}

TEST(News, AMirrorThatIsGoneIsForgotten) {
  const auto memory = after_telling({{"old", {}}}, {{"members", well()}}, all_occasions());
  EXPECT_FALSE(memory.contains("old"));
  EXPECT_TRUE(memory.contains("members"));
}

}  // namespace
}  // namespace stibee_sync::notice
