#pragma once

#include "block.hpp"
#include "stibee_sync/settings/settings.hpp"

namespace stibee_sync::settings {

/// Everything but the mirrors.
void read_service(const Block& top, Settings& settings);
/// The mirrors, and that their names and list ids differ.
void read_mirrors(const Block& top, Settings& settings);

}  // namespace stibee_sync::settings
