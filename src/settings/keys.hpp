#pragma once

#include "cursor.hpp"

namespace stibee_sync::settings {

/// Reads the whole file.
void read_settings(const Cursor& file, Settings& settings);

/// Every block there is, in the order of the file.
std::vector<KnownBlock> known_blocks();

}  // namespace stibee_sync::settings
