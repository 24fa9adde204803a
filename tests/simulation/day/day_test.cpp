#include "simulation/day/day.hpp"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace stibee_sync::day {
namespace {

// STIBEE_SEED=N replays one seed, with STIBEE_TRACE=1 it tells all that happened; STIBEE_SEEDS=N runs that
// many in all, from STIBEE_FIRST on; STIBEE_LONG=1 runs fifty thousand.
std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string lines(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts)
    all += "\n  " + text;
  return all;
}

constexpr std::uint64_t shards = 2;

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
  const auto only = from_environment("STIBEE_SEED", 0);
  const auto first = only > 0 ? only : from_environment("STIBEE_FIRST", 1);
  const bool is_long = from_environment("STIBEE_LONG", 0) > 0;
  const auto seeds = only > 0 ? 1 : from_environment("STIBEE_SEEDS", is_long ? 50'000 : days_of_a_normal_run);
  if (only > 0 && GetParam() > 0) GTEST_SKIP() << "one seed is one shard";
  Counts counts;
  std::uint64_t done = 0;
  for (auto seed = first + GetParam(); seed < first + seeds; seed += shards) {
    Day day(seed, std::getenv("STIBEE_TRACE") != nullptr);
    std::vector<std::string> wrong;
    try {
      wrong = day.run();
    } catch (const std::exception& error) {
      wrong.push_back(std::string("it ended by ") + error.what());
    }
    if (std::getenv("STIBEE_TRACE") != nullptr) std::fputs(day.trace().text().c_str(), stdout);
    EXPECT_TRUE(wrong.empty()) << "seed " << seed << ", trace " << std::hex << day.trace().hash() << std::dec
                               << " (replay with STIBEE_SEED=" << seed << "):" << lines(wrong);
    counts.add(day.counts());
    ++done;
  }
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
