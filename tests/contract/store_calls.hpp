#pragma once

#include "contract/store_world.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace stibee_sync::store_tests {

/// A small table, and calls for its people.
class StoreCalls : public ::testing::Test {
 protected:
  World world;
  Table table;

  void read(UtcTime now, std::vector<int> held = {}) {
    world.read(table, {.now = now, .held = std::move(held)});
  }
  std::vector<std::string> claim_addresses(UtcTime now, std::size_t most = 100, bool retries = true) {
    const auto claimed = world.claim(now, most, retries);
    return claimed ? addresses_of(*claimed) : std::vector<std::string>{};
  }
};

}  // namespace stibee_sync::store_tests
