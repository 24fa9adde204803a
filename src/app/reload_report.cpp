#include "app/reload_report.hpp"

#include "stibee_sync/settings/credential.hpp"

namespace stibee_sync::app {

ReloadReport report_reload(const settings::Settings& old, const settings::Settings& fresh,
                           const RefusedSecrets& refused, const settings::Environment& environment) {
  ReloadReport report;
  report.text = "the new settings are in force";
  for (const auto& key : settings::renewed_secrets(old, fresh))
    report.renewed += (report.renewed.empty() ? "" : ", ") + key;
  const auto still_refused = [&](const std::string& what, const std::filesystem::path& file) {
    report.warns = true;
    report.text += "; but " + what + " is the one that was refused: put another one into its file, then " +
                   settings::how_to_renew(file, environment);
  };
  if (refused.key && old.stibee.api_key == fresh.stibee.api_key)
    still_refused("the key of stibee.api_key_file", fresh.stibee.api_key_file);
  if (refused.password && fresh.database.password_file && old.database.password == fresh.database.password)
    still_refused("the password of database.password_file", *fresh.database.password_file);
  return report;
}

ReloadReport refused_reload(const std::string& why, const std::vector<settings::Problem>& problems) {
  ReloadReport report;
  report.in_force = false;
  report.text = why;
  for (const auto& problem : problems)
    report.problems.push_back(settings::to_string(problem));
  return report;
}

}  // namespace stibee_sync::app
