#include "stibee_sync/settings/reload.hpp"

namespace stibee_sync::settings {
namespace {

bool same_listener(const std::optional<Webhook>& old, const std::optional<Webhook>& fresh) {
  if (old.has_value() != fresh.has_value()) return false;
  return !old || old->listen == fresh->listen;
}

}  // namespace

std::vector<std::string> needs_restart(const Settings& old, const Settings& fresh) {
  std::vector<std::string> keys;
  const auto note = [&keys](const char* key, bool same) {
    if (!same) keys.emplace_back(key);
  };
  note("stibee.api", old.stibee.api == fresh.stibee.api);
  note("stibee.base_url", old.stibee.base_url == fresh.stibee.base_url);
  note("stibee.ca_file", old.stibee.ca_file == fresh.stibee.ca_file);
  note("state.directory", old.state.directory == fresh.state.directory);
  note("log.format", old.log.format == fresh.log.format);
  note("admin.listen", old.admin == fresh.admin);
  note("control.socket", old.control == fresh.control);
  note("webhook.listen", same_listener(old.webhook, fresh.webhook));
  return keys;
}

}  // namespace stibee_sync::settings
