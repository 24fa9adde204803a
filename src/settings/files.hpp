#pragma once

#include "cursor.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

/// The files that settings are read from, and the paths in them.
namespace stibee_sync::settings {

/// The bytes of the file, at most one more than `largest`; an errno otherwise.
std::variant<std::string, int> read_file(const std::filesystem::path& file, std::size_t largest);

/// A path, made absolute against the folder of the configuration file; `${CREDENTIALS_DIRECTORY}` and its
/// like are replaced.
std::optional<std::filesystem::path> read_path(const Cursor& at, Need need, std::string_view example);

/// The secret in `file`, which the key names: a regular file of at most 4 KiB that others can neither read
/// nor write. White space around the secret is trimmed; what is in the file is never repeated. Nothing when
/// there is no file, or secrets are left alone.
std::optional<Secret> read_secret(const Cursor& at, const std::optional<std::filesystem::path>& file);

/// Whether this host has a group of that name. Asks the system's list, which may be far away.
bool has_group(const std::string& name);

/// The first of the absolute directories that systemd hands over in this variable.
std::optional<std::string> system_directory(const Environment& environment, std::string_view variable);

}  // namespace stibee_sync::settings
