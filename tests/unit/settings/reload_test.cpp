#include "stibee_sync/settings/reload.hpp"

#include "stibee_sync/settings/credential.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::settings {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Settings running() {
  Settings settings;
  settings.stibee.api_key = Secret("key");
  settings.control.socket = "/run/stibee-syncd/control.sock";
  settings.mirrors = {Mirror{}};
  return settings;
}

TEST(Reload, NothingChangedNeedsNoRestart) {
  EXPECT_THAT(needs_restart(running(), running()), IsEmpty());
}

TEST(Reload, MirrorsAndTuningMayChange) {
  Settings fresh = running();
  fresh.stibee.rate_limit = {3, seconds(1)};
  fresh.stibee.max_in_flight = 2;
  fresh.stibee.request_timeout = seconds(1);
  fresh.log.level = LogLevel::Debug;
  fresh.database.url = "postgresql://elsewhere";
  fresh.mirrors[0].poll_interval = seconds(1);
  fresh.mirrors.emplace_back();
  EXPECT_THAT(needs_restart(running(), fresh), IsEmpty());
  fresh.mirrors.clear();
  EXPECT_THAT(needs_restart(running(), fresh), IsEmpty());
}

TEST(Reload, ARefusedKeyIsReplacedWithoutARestart) {
  Settings fresh = running();
  fresh.stibee.api_key = Secret("other");
  fresh.database.password = Secret("another");
  EXPECT_THAT(needs_restart(running(), fresh), IsEmpty());
}

TEST(Reload, NamesEveryKeyThatNeedsARestart) {
  Settings fresh = running();
  fresh.stibee.api = ApiVersion::V2;
  fresh.stibee.base_url = "https://elsewhere";
  fresh.stibee.ca_file = "/ca.pem";
  fresh.stibee.proxy = Proxy{"proxy", 3128};
  fresh.state.directory = "/elsewhere";
  fresh.log.format = LogFormat::Json;
  fresh.admin.listen = std::nullopt;
  fresh.admin.allowed_hosts = {"monitor"};
  fresh.control.socket = "/elsewhere/control.sock";
  fresh.webhook = Webhook{};
  EXPECT_THAT(
      needs_restart(running(), fresh),
      ElementsAre("stibee.api", "stibee.base_url", "stibee.ca_file", "stibee.proxy", "state.directory",
                  "log.format", "admin.listen", "admin.allowed_hosts", "control.socket", "webhook.listen"));
}

TEST(Reload, WebhookSecretMayChangeButNotItsAddress) {
  Settings old = running();
  old.webhook = Webhook{};
  Settings fresh = old;
  fresh.webhook->secret = Secret("new");
  fresh.webhook->allow_from.clear();
  EXPECT_THAT(needs_restart(old, fresh), IsEmpty());
  fresh.webhook->listen.port = 1;
  EXPECT_THAT(needs_restart(old, fresh), ElementsAre("webhook.listen"));
}

TEST(Reload, WhoIsToldMayChange) {
  Settings old = running();
  Settings fresh = old;
  fresh.notify = Notify{};
  EXPECT_THAT(needs_restart(old, fresh), IsEmpty());
  old.notify = Notify{};
  fresh.notify->url = Secret("https://hooks.example.org/new");
  fresh.notify->on = {notice::Occasion::Held};
  EXPECT_THAT(needs_restart(old, fresh), IsEmpty());
  EXPECT_THAT(renewed_secrets(old, fresh), ElementsAre("notify.url_file"));
}

}  // namespace
}  // namespace stibee_sync::settings
