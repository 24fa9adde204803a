#include "stibee_sync/settings/credential.hpp"

#include "files.hpp"

#include <algorithm>

namespace stibee_sync::settings {

bool is_credential(const std::filesystem::path& file, const Environment& environment) {
  const auto directory = system_directory(environment, "CREDENTIALS_DIRECTORY");
  if (!directory) return false;
  const auto folder = std::filesystem::path(*directory + "/").lexically_normal();
  const auto path = file.lexically_normal();
  // The folder ends with an empty part, after its last slash.
  const auto end = std::prev(folder.end());
  return std::mismatch(folder.begin(), end, path.begin(), path.end()).first == end;
}

std::string how_to_renew(const std::filesystem::path& file, const Environment& environment) {
  return is_credential(file, environment)
             ? "restart (`systemctl restart stibee-syncd`): systemd hands a credential over at a start only"
             : "reload (`systemctl reload stibee-syncd`)";
}

std::vector<std::string> renewed_secrets(const Settings& old, const Settings& fresh) {
  std::vector<std::string> keys;
  if (old.stibee.api_key != fresh.stibee.api_key) keys.emplace_back("stibee.api_key_file");
  if (old.database.password != fresh.database.password) keys.emplace_back("database.password_file");
  if (old.notify && fresh.notify && old.notify->url != fresh.notify->url)
    keys.emplace_back("notify.url_file");
  if (old.webhook && fresh.webhook && old.webhook->secret != fresh.webhook->secret)
    keys.emplace_back("webhook.secret_file");
  return keys;
}

}  // namespace stibee_sync::settings
