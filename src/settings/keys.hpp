#pragma once

#include "block.hpp"

namespace stibee_sync::settings {

/// Reads the whole file.
void read_settings(const Block& top, Settings& settings);

/// Every block there is, in the order of the file.
std::vector<KnownBlock> known_blocks();

}  // namespace stibee_sync::settings
