#include "simulation/simulated_world.hpp"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace stibee_sync::simulation {
namespace {

std::string lines(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts)
    all += "\n  " + text;
  return all;
}

// STIBEE_SEED=N replays one seed, with STIBEE_TRACE=ADDRESS it tells that person's story; STIBEE_SEEDS=N runs
// that many, from STIBEE_FIRST on.
std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Simulation, EverySeedEndsWithTheListEqualToTheTable) {
  const auto only = from_environment("STIBEE_SEED", 0);
  const auto first = only > 0 ? only : from_environment("STIBEE_FIRST", 1);
  const auto seeds = only > 0 ? 1 : from_environment("STIBEE_SEEDS", 300);
  std::size_t crashes = 0;
  std::size_t calls = 0;
  std::size_t failures = 0;
  std::size_t drained = 0;
  std::size_t missed = 0;
  for (auto seed = first; seed < first + seeds; ++seed) {
    SimulatedWorld world(seed);
    const auto wrong = world.run();
    if (const char* person = std::getenv("STIBEE_TRACE")) std::fputs(world.story_of(person).c_str(), stdout);
    EXPECT_TRUE(wrong.empty()) << "seed " << seed << " (replay with STIBEE_SEED=" << seed
                               << "):" << lines(wrong);
    crashes += world.crashes();
    calls += world.calls();
    failures += world.disk_failures();
    drained += world.drained();
    missed += world.missed_by_feed();
  }
  // A simulation in which nothing happens proves nothing.
  EXPECT_GE(calls, seeds);
  if (only == 0) {
    EXPECT_GT(crashes, seeds);
    EXPECT_GT(failures, seeds / 10);
    EXPECT_GT(drained, seeds);
    EXPECT_GT(missed, 0U) << "what was kept from the feed is counted";
  }
  std::printf("%llu seeds, %zu crashes, %zu failures of the disk, %zu calls, %zu drained, %zu missed\n",
              static_cast<unsigned long long>(seeds), crashes, failures, calls, drained, missed);
}

TEST(Simulation, ASeedReplaysBitForBit) {
  SimulatedWorld one(7);
  SimulatedWorld two(7);
  one.run();
  two.run();
  EXPECT_EQ(one.journal(), two.journal());
  EXPECT_FALSE(one.journal().empty());
}

}  // namespace
}  // namespace stibee_sync::simulation
