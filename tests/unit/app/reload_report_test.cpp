#include "app/reload_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::optional<std::string> under_systemd(std::string_view name) {
  return name == "CREDENTIALS_DIRECTORY" ? std::optional<std::string>("/run/credentials/x.service")
                                         : std::nullopt;
}
std::optional<std::string> without_systemd(std::string_view) {
  return std::nullopt;
}

settings::Settings with(std::string_view key, std::string_view password) {
  settings::Settings settings;
  settings.stibee.api_key_file = "/run/credentials/x.service/stibee_api_key";
  settings.stibee.api_key = settings::Secret(key);
  settings.database.password_file = "/etc/elsewhere/password";
  settings.database.password = settings::Secret(password);
  return settings;
}

TEST(ReloadReport, SaysWhichSecretIsNewAndNeverItsValue) {
  const auto report =
      report_reload(with("old-key", "old-pw"), with("new-key", "new-pw"), {true, true}, under_systemd);
  EXPECT_FALSE(report.warns);
  EXPECT_EQ(report.renewed, "stibee.api_key_file, database.password_file");
  EXPECT_EQ(report.text, "the new settings are in force");
}

TEST(ReloadReport, ARefusedCredentialThatIsAsItWasNeedsARestart) {
  const auto report = report_reload(with("key", "pw"), with("key", "pw"), {true, false}, under_systemd);
  EXPECT_TRUE(report.warns);
  EXPECT_EQ(report.renewed, "");
  EXPECT_THAT(report.text, HasSubstr("the new settings are in force"));
  EXPECT_THAT(report.text, HasSubstr("stibee.api_key_file"));
  EXPECT_THAT(report.text, HasSubstr("systemctl restart stibee-syncd"));
}

TEST(ReloadReport, ARefusedSecretElsewhereNeedsAnotherValueAndAReload) {
  const auto report = report_reload(with("key", "pw"), with("new", "pw"), {true, true}, under_systemd);
  EXPECT_TRUE(report.warns);
  EXPECT_THAT(report.text, HasSubstr("database.password_file"));
  EXPECT_THAT(report.text, HasSubstr("systemctl reload"));
  EXPECT_THAT(report.text, Not(HasSubstr("restart")));
  const auto plain = report_reload(with("key", "pw"), with("key", "pw"), {true, false}, without_systemd);
  EXPECT_THAT(plain.text, HasSubstr("systemctl reload"));
}

TEST(ReloadReport, WhatNobodyRefusesIsNoMatterOfAReload) {
  EXPECT_FALSE(report_reload(with("key", "pw"), with("key", "pw"), {}, under_systemd).warns);
}

}  // namespace
}  // namespace stibee_sync::app
