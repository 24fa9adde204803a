#pragma once

#include "stibee_sync/settings/settings.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Reads the YAML file into Settings. Every value is checked; all problems are reported, not only the first.
/// Thread: any. Touches the configuration file and the secret files it names, nothing else.
namespace stibee_sync::settings {

/// Something wrong with the configuration. Never contains a secret.
struct Problem {
  std::string file;
  int line = 0;    ///< from 1; 0 when the file as a whole is meant
  int column = 0;  ///< from 1, in bytes
  std::string what;
  std::string cure;
  bool operator==(const Problem&) const = default;
};
std::string to_string(const Problem& problem);  ///< `FILE:LINE:COL: what; cure`

/// Settings, or the reasons why there are none (at least one, in the order of the file).
class LoadResult {
 public:
  explicit LoadResult(Settings settings) : value_(std::move(settings)) {}
  explicit LoadResult(std::vector<Problem> problems) : value_(std::move(problems)) {}

  [[nodiscard]] bool ok() const { return std::holds_alternative<Settings>(value_); }
  explicit operator bool() const { return ok(); }
  /// Precondition: ok().
  [[nodiscard]] const Settings& settings() const& { return std::get<Settings>(value_); }
  [[nodiscard]] Settings&& settings() && { return std::get<Settings>(std::move(value_)); }
  /// Precondition: !ok().
  [[nodiscard]] const std::vector<Problem>& problems() const {
    return std::get<std::vector<Problem>>(value_);
  }

 private:
  std::variant<Settings, std::vector<Problem>> value_;
};

/// Looks up an environment variable. Only the directories that systemd hands over are asked for:
/// CREDENTIALS_DIRECTORY, RUNTIME_DIRECTORY, STATE_DIRECTORY, CONFIGURATION_DIRECTORY.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// Skip: secret files and ca_file are neither opened nor need to exist. For commands that only talk to a
/// running daemon or read its state, and are run by people who may not read the secrets.
enum class SecretFiles { Read, Skip };

/// Loads the file (at most 1 MiB of UTF-8). Relative paths in it are relative to its folder.
LoadResult load(const std::filesystem::path& file, const Environment& environment,
                SecretFiles secret_files = SecretFiles::Read);

/// The same for a text already in memory; `file` is used in messages and to resolve relative paths.
LoadResult load_text(std::string_view text, const std::filesystem::path& file, const Environment& environment,
                     SecretFiles secret_files = SecretFiles::Read);

/// What can be made of a file that `load` refuses: whatever is readable in it, defaults for the rest, no
/// secret. Only for finding the daemon that runs with an earlier version of it.
Settings load_loosely(const std::filesystem::path& file, const Environment& environment);

/// A problem found after loading (a column that does not exist, a feature that is not there), at the place of
/// the key `path`, or of its nearest parent that the file gives.
Problem problem_at(const Settings& settings, std::string_view path, std::string what, std::string cure);

/// Every key there is, as a path with `[]` for list entries: `mirrors[].source.table`. For documentation
/// tests.
std::vector<std::string> known_keys();

}  // namespace stibee_sync::settings
