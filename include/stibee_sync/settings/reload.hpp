#pragma once

#include "stibee_sync/settings/settings.hpp"

#include <string>
#include <vector>

namespace stibee_sync::settings {

/// The keys whose change a running daemon cannot take over (sockets, directories, the identity of the API),
/// in the order of the file; empty when `fresh` can be applied on SIGHUP. Mirrors may be added, changed and
/// removed freely.
std::vector<std::string> needs_restart(const Settings& old, const Settings& fresh);

}  // namespace stibee_sync::settings
