#include "stibee_sync/pipeline/table_read.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::pipeline {
namespace {

using namespace std::chrono_literals;

/// Removed at 00:59 of a day, in the hour that began at 00:00.
std::size_t removals_known(domain::Duration later) {
  const domain::UtcTime removed{24h * 20'000 + 59min};
  store::SourceFacts facts;
  facts.recent.push_back({24 * 20'000, 90, 0, 900});
  return history_of(facts, {}, removed + later).removals;
}

TEST(GuardsDay, IsNeverShorterThan24Hours) {
  EXPECT_EQ(removals_known(0min), 90U);
  EXPECT_EQ(removals_known(23h + 1min), 90U) << "of the hour of the clock it is the 24th";
  EXPECT_EQ(removals_known(24h), 90U);
  EXPECT_EQ(removals_known(25h), 0U);
}

}  // namespace
}  // namespace stibee_sync::pipeline
