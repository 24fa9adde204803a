#include "simulation/day/pair.hpp"

#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

namespace stibee_sync::day {
namespace {

// STIBEE_SEED=N replays one seed, with STIBEE_TRACE=1 it tells all that happened; STIBEE_SEEDS=N runs that
// many.
std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

constexpr std::uint64_t shards = 2;
constexpr std::uint64_t pairs_of_a_normal_run = 60;

class Pairs : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Pairs, NeverTwoSendNobodyIsSentAgainAndWhoSaidNoStaysOut) {
  const auto only = from_environment("STIBEE_SEED", 0);
  const auto first = only > 0 ? only : from_environment("STIBEE_FIRST", 1);
  const bool is_long = from_environment("STIBEE_LONG", 0) > 0;
  const auto seeds = only > 0 ? 1 : from_environment("STIBEE_SEEDS", is_long ? 2'000 : pairs_of_a_normal_run);
  if (only > 0 && GetParam() > 0) GTEST_SKIP() << "one seed is one shard";
  PairCounts counts;
  std::uint64_t done = 0;
  for (auto seed = first + GetParam(); seed < first + seeds; seed += shards) {
    Pair pair(seed, std::getenv("STIBEE_TRACE") != nullptr);
    std::vector<std::string> wrong;
    try {
      wrong = pair.run();
    } catch (const std::exception& error) {
      wrong.push_back(std::string("it ended by ") + error.what());
    }
    if (std::getenv("STIBEE_TRACE") != nullptr) std::fputs(pair.trace().text().c_str(), stdout);
    std::string lines;
    for (const auto& text : wrong)
      lines += "\n  " + text;
    EXPECT_TRUE(wrong.empty()) << "seed " << seed << ", trace " << std::hex << pair.trace().hash() << std::dec
                               << " (replay with STIBEE_SEED=" << seed << "):" << lines;
    counts.add(pair.counts());
    ++done;
  }
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
    EXPECT_EQ(Pair(found.seed).run(), std::vector<std::string>{}) << found.seed << ": " << found.what;
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
