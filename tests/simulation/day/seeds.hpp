#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace stibee_sync::day {

// STIBEE_SEED=N replays one seed, with STIBEE_TRACE=1 it tells all that happened; STIBEE_SEEDS=N runs that
// many in all, from STIBEE_FIRST on; STIBEE_LONG=1 runs those of a long run.
inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Sharded so that all cores have work.
inline constexpr std::uint64_t shards = 2;

/// One seed is one shard.
inline bool has_seeds(std::uint64_t shard) {
  return shard == 0 || from_environment("STIBEE_SEED", 0) == 0;
}

template <class Counts>
struct Ran {
  Counts counts;
  std::uint64_t seeds = 0;
};

/// A world for each seed of this shard, which must find nothing wrong.
template <class World>
auto run_seeds(std::uint64_t shard, std::uint64_t normally, std::uint64_t in_a_long_run) {
  const auto only = from_environment("STIBEE_SEED", 0);
  const auto first = only > 0 ? only : from_environment("STIBEE_FIRST", 1);
  const bool is_long = from_environment("STIBEE_LONG", 0) > 0;
  const auto all = only > 0 ? 1 : from_environment("STIBEE_SEEDS", is_long ? in_a_long_run : normally);
  const bool tells = std::getenv("STIBEE_TRACE") != nullptr;
  Ran<decltype(std::declval<World&>().counts())> ran;
  for (auto seed = first + shard; seed < first + all; seed += shards) {
    World world(seed, tells);
    std::vector<std::string> wrong;
    try {
      wrong = world.run();
    } catch (const std::exception& error) {
      wrong.push_back(std::string("it ended by ") + error.what());
    }
    if (tells) std::fputs(world.trace().text().c_str(), stdout);
    std::string lines;
    for (const auto& text : wrong)
      lines += "\n  " + text;
    EXPECT_TRUE(wrong.empty()) << "seed " << seed << ", trace " << std::hex << world.trace().hash()
                               << std::dec << " (replay with STIBEE_SEED=" << seed << "):" << lines;
    ran.counts.add(world.counts());
    ++ran.seeds;
  }
  return ran;
}

}  // namespace stibee_sync::day
