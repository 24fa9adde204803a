#pragma once

#include "stibee_sync/settings/loader.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::settings {

/// A throw-away folder with a credentials directory (stibee_api_key, db_password, webhook_secret, notify_url)
/// and an environment that points to it.
class Workspace {
 public:
  Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace();

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::filesystem::path config_file() const { return folder_ / "config.yaml"; }
  void write(const std::string& name, std::string_view content, unsigned mode = 0600) const;
  [[nodiscard]] LoadResult load(std::string_view yaml, SecretFiles secret_files = SecretFiles::Read) const;
  /// Every problem of the text as `LINE:COL: what; cure`; empty when it loads.
  [[nodiscard]] std::vector<std::string> problems(std::string_view yaml) const;
  [[nodiscard]] Environment environment() const;

  std::map<std::string, std::string, std::less<>> variables;

 private:
  std::filesystem::path folder_;
};

/// The smallest file that loads; the mirror's keys are indented by four, those of its source by six.
extern const std::string_view minimal_service;  // ends before `mirrors:`
extern const std::string_view minimal_mirrors;
std::string minimal();

}  // namespace stibee_sync::settings
