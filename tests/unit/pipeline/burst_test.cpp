#include "stibee_sync/pipeline/burst.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::pipeline {
namespace {

using namespace std::chrono_literals;
using domain::Lane;
using domain::OperationKind;

constexpr domain::MonotonicTime start{std::chrono::hours(1)};

/// One call for one person, from beginning to end.
void single(Burst& burst, domain::MonotonicTime at) {
  burst.called(at);
  burst.arrived(OperationKind::Update, 1, at + 50ms);
  burst.waited(80ms);
  burst.through(false, at + 50ms);
}

TEST(Burst, IsToldOnceItIsThrough) {
  Burst burst;
  burst.called(start);
  burst.called(start + 100ms);
  burst.arrived(OperationKind::Unsubscribe, 2, start + 200ms);
  burst.waited(300ms);
  EXPECT_FALSE(burst.tell(start + 200ms)) << "it goes on";
  burst.arrived(OperationKind::Subscribe, 2'000, start + 1s);
  burst.waited(1'100ms);
  burst.through(false, start + 1s);
  const auto told = burst.tell(start + 1s);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->people.at(OperationKind::Unsubscribe), 2u);
  EXPECT_EQ(told->people.at(OperationKind::Subscribe), 2'000u);
  EXPECT_EQ(told->all(), 2'002u);
  EXPECT_EQ(told->calls, 2u);
  EXPECT_EQ(told->took, 1s);
  EXPECT_EQ(told->oldest, 1'100ms);
  EXPECT_EQ(told->bursts, 1u);
  EXPECT_FALSE(told->first_import);
  EXPECT_FALSE(burst.tell(start + 1h)) << "once";
}

TEST(Burst, ASteadyTrickleIsSummedUpOnceAMinute) {
  Burst burst;
  std::size_t lines = 0;
  std::size_t people = 0;
  for (int second = 0; second < 600; ++second) {
    single(burst, start + std::chrono::seconds(second));
    if (const auto told = burst.tell(start + std::chrono::seconds(second) + 60ms)) {
      ++lines;
      people += told->all();
    }
  }
  if (const auto rest = burst.tell_rest()) people += rest->all();
  EXPECT_EQ(people, 600u) << "nobody is left out of the sums";
  EXPECT_GE(lines, 10u);
  EXPECT_LE(lines, 15u);
}

TEST(Burst, TheEndOfAFirstImportIsToldAtOnceWhateverCameBefore) {
  Burst burst;
  for (int second = 0; second < 30; ++second) {
    single(burst, start + std::chrono::seconds(second));
    burst.tell(start + std::chrono::seconds(second) + 60ms);
  }
  burst.called(start + 31s);
  burst.arrived(OperationKind::Subscribe, 7, start + 31s);
  burst.through(true, start + 31s);
  const auto told = burst.tell(start + 31s);
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->first_import);
}

TEST(Burst, APauseOfAnImportThatIsStillBeingReadIsNoEnd) {
  Burst burst;
  burst.called(start);
  burst.arrived(OperationKind::Subscribe, 10'000, start + 500ms);
  burst.more_to_come(true);
  burst.idle(start + 600ms);
  EXPECT_FALSE(burst.tell(start + 600ms));
  burst.called(start + 1s);
  burst.arrived(OperationKind::Subscribe, 20'000, start + 2s);
  burst.more_to_come(false);
  burst.through(true, start + 2s);
  const auto told = burst.tell(start + 2s);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->all(), 30'000u);
  EXPECT_EQ(told->took, 2s);
  // Later pauses are ends.
  burst.called(start + 3s);
  burst.arrived(OperationKind::Update, 1, start + 3s);
  burst.idle(start + 4s);
  EXPECT_TRUE(burst.tell(start + 4s));
}

TEST(Burst, WhereNobodyArrivedNothingIsTold) {
  Burst burst;
  burst.called(start);
  burst.through(false, start + 1s);
  EXPECT_FALSE(burst.open());
  EXPECT_FALSE(burst.tell(start + 1s));
}

TEST(Burst, ProgressIsOfThePresentBurstAndTheLastArrivalOfAny) {
  Burst burst;
  burst.called(start);
  burst.arrived(OperationKind::Subscribe, 30, start + 1s);
  burst.arrived(OperationKind::Update, 12, start + 2s);
  auto progress = burst.progress(start + 5s);
  EXPECT_EQ(progress.done.at(Lane::Upsert), 42u);
  EXPECT_EQ(progress.since_arrival.at(Lane::Upsert), 3s);
  EXPECT_FALSE(progress.since_arrival.contains(Lane::Optout));
  EXPECT_EQ(progress.calls, 1u);
  EXPECT_EQ(progress.under_way, 5s);
  burst.through(false, start + 5s);
  progress = burst.progress(start + 9s);
  EXPECT_TRUE(progress.done.empty()) << "no 42 of 42 for ever";
  EXPECT_EQ(progress.under_way, std::nullopt);
  EXPECT_EQ(progress.since_arrival.at(Lane::Upsert), 7s);
}

}  // namespace
}  // namespace stibee_sync::pipeline
