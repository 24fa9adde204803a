#pragma once

#include "stibee_sync/settings/loader.hpp"

#include <filesystem>
#include <string>
#include <vector>

/// Secrets that change while the daemon runs.
namespace stibee_sync::settings {

/// Whether systemd handed the file over: what lies in $CREDENTIALS_DIRECTORY is a copy of the moment of the
/// start, which does not follow its source.
bool is_credential(const std::filesystem::path& file, const Environment& environment);

/// What makes a running daemon take over another secret in this file: an order for ops, "restart …" or
/// "reload …". The one advice on it.
std::string how_to_renew(const std::filesystem::path& file, const Environment& environment);

/// The keys of the files whose secret is another than before, in the order of the file;
/// "stibee.api_key_file".
std::vector<std::string> renewed_secrets(const Settings& old, const Settings& fresh);

}  // namespace stibee_sync::settings
