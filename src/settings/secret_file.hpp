#pragma once

#include "stibee_sync/settings/secret.hpp"
#include "values.hpp"

#include <filesystem>
#include <string>

namespace stibee_sync::settings {

/// Reads one secret from a regular file of at most 4 KiB that others can neither read nor write; white space
/// around it is trimmed. `name` is how messages call the file; what is in it is never repeated.
Parsed<Secret> read_secret_file(const std::filesystem::path& file, const std::string& name);

}  // namespace stibee_sync::settings
