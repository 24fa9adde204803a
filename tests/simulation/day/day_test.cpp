#include "simulation/day/day.hpp"

#include "simulation/day/seeds.hpp"

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

namespace stibee_sync::day {
namespace {

constexpr std::uint64_t days_of_a_normal_run = 1'000;

void tell(const Counts& counts, std::uint64_t seeds) {
  std::printf(
      "%llu days: %zu calls, %zu subscribes judged, %zu opt-outs known, %zu removed, %zu events, %zu "
      "refused, "
      "%zu commits, %zu reads, %zu write-backs, %zu crashes, %zu failures of the disk, %zu failovers, %zu "
      "reloads, %zu take-overs, %zu of them by one that stood by, %zu drains, %zu rows drained, %zu changes "
      "in calm, %zu letters, %zu approved, %zu looks, %zu holds seen; "
      "settled within %lld s\n",
      static_cast<unsigned long long>(seeds), counts.calls, counts.subscribes_judged, counts.opt_outs_known,
      counts.removed, counts.events, counts.events_refused, counts.commits, counts.reads, counts.write_backs,
      counts.crashes, counts.disk_failures, counts.failovers, counts.reloads, counts.take_overs,
      counts.successions, counts.drains, counts.drained, counts.calm_changes, counts.letters, counts.approved,
      counts.looks, counts.holds, static_cast<long long>(counts.longest_to_settle.count()));
}

class Days : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Days, EverySeedKeepsItsPromisesAndHeals) {
  if (!has_seeds(GetParam())) GTEST_SKIP() << "one seed is one shard";
  const auto [counts, done] = run_seeds<Day>(GetParam(), days_of_a_normal_run, 50'000);
  tell(counts, done);
  ASSERT_GT(done, 0U) << "no day is no proof";
  EXPECT_GT(counts.calls, 0U);
  if (done < 20) return;
  // A simulation in which nothing happens proves nothing.
  EXPECT_GT(counts.calls, done * 20);
  EXPECT_GT(counts.subscribes_judged, done * 10);
  EXPECT_GT(counts.opt_outs_known, done);
  EXPECT_GT(counts.crashes, done / 2);
  EXPECT_GT(counts.drained, done);
  EXPECT_GT(counts.letters, done);
}

INSTANTIATE_TEST_SUITE_P(Shards, Days, ::testing::Range(std::uint64_t{0}, shards));

// Each has a plain test of its own, too. A seed means another day once the world draws something else.
TEST(Day, SeedsThatFoundSomethingFindItNoMore) {
  struct Found {
    std::uint64_t seed;
    const char* what;
    Day::Kind kind = Day::Kind::Plain;
  };
  constexpr Found all[] = {
      {1, "whoever joined a set beside an approval that waited was not shown for an hour"},
      {6, "whoever joined an approved set under another mapping was looked at no more"},
      {15, "a state of before, and who had opted out behind a call of unknown end was sent it once more"},
      {39, "three odd answers within a second, and everybody was sent over the opt-outs in the list"},
      {83, "approvals of the two halves of a move were used up one after the other, for ever"},
      {247, "a state of before, and who had said no once more was brought back by a consent that was spent"},
      {680,
       "a swap of addresses, and who had opted out was brought back by the yes of whoever bore the address "
       "before"},
      {774,
       "a state of before saw an old yes as a new one, and took it for newer than the opt-out in the list"},
      {60, "whoever joined an approved set waited, unshown, for the next read of the table", Day::Kind::Any},
      {583, "a statement that stamped every row moved few consents where few say yes"},
      {807, "who had read a letter whose answer was lost believed for ever in a hold that had ended"},
  };
  for (const auto& found : all) {
    Day day(found.seed, false, found.kind);
    EXPECT_EQ(day.run(), std::vector<std::string>{}) << found.seed << ": " << found.what;
  }
}

TEST(Day, ASeedReplaysToTheSameTrace) {
  for (const std::uint64_t seed : {3U, 4U, 8U, 21U, 23U, 60U}) {
    Day one(seed);
    Day two(seed);
    EXPECT_EQ(one.run(), two.run());
    EXPECT_EQ(one.trace().hash(), two.trace().hash()) << seed;
    EXPECT_EQ(one.trace().entries(), two.trace().entries()) << seed;
    EXPECT_GT(one.trace().entries(), 100U);
  }
}

}  // namespace
}  // namespace stibee_sync::day
