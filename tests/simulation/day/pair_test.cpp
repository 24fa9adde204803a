#include "simulation/day/pair.hpp"

#include "simulation/day/seeds.hpp"

#include <cstdio>

#include <gtest/gtest.h>

namespace stibee_sync::day {
namespace {

constexpr std::uint64_t pairs_of_a_normal_run = 60;

class Pairs : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Pairs, NeverTwoSendNobodyIsSentAgainAndWhoSaidNoStaysOut) {
  if (!has_seeds(GetParam())) GTEST_SKIP() << "one seed is one shard";
  const auto [counts, done] = run_seeds<Pair>(GetParam(), pairs_of_a_normal_run, 2'000);
  std::printf(
      "%llu pairs: %zu calls, %zu grants, %zu kills, %zu networks lost, %zu events, %zu opt-outs, %zu "
      "subscribes judged, %zu people repeated; taken over within %lld ms\n",
      static_cast<unsigned long long>(done), counts.calls, counts.grants, counts.kills, counts.cuts,
      counts.events, counts.opt_outs, counts.judged, counts.repeated,
      static_cast<long long>(counts.longest_take_over.count()));
  // A simulation in which nothing happens proves nothing.
  ASSERT_GT(done, 0U) << "none is no proof";
  EXPECT_GT(counts.calls, 20 * done);
  EXPECT_GT(counts.judged, 10 * done);
  EXPECT_GT(counts.grants, 2 * done);
  EXPECT_GT(counts.opt_outs, done);
}

INSTANTIATE_TEST_SUITE_P(Shards, Pairs, ::testing::Range(std::uint64_t{0}, shards));

// Each has a plain test of its own, too.
TEST(Pair, SeedsThatFoundSomethingFindItNoMore) {
  struct Found {
    std::uint64_t seed;
    const char* what;
  };
  constexpr Found all[] = {
      {52, "a yes that the other had acted upon was taken for newer than the no that came after it"},
      {83, "the same"},
  };
  for (const auto& found : all)
    EXPECT_EQ(Pair(found.seed, false, Pair::Kind::Plain).run(), std::vector<std::string>{})
        << found.seed << ": " << found.what;
}

TEST(Pair, ASeedReplaysToTheSameTrace) {
  for (const std::uint64_t seed : {1U, 2U}) {
    Pair one(seed);
    Pair two(seed);
    EXPECT_EQ(one.run(), two.run());
    EXPECT_EQ(one.trace().hash(), two.trace().hash()) << seed;
    EXPECT_GT(one.trace().entries(), 100U);
  }
}

}  // namespace
}  // namespace stibee_sync::day
