// Every key there is, said once. Its member's type and default are in settings.hpp.
#include "keys.hpp"

#include "rules.hpp"
#include "stibee_sync/settings/reload.hpp"
#include "table.hpp"

namespace stibee_sync::settings {
namespace {

constexpr auto rate_limits_keys = [](const auto& each) {
  each.key("bulk", &RateLimits::bulk, parse_rate);
  each.key("list", &RateLimits::list, parse_rate);
  each.key("other", &RateLimits::other, parse_rate);
};

constexpr auto stibee_keys = [](const auto& each) {
  each.key("api", &Stibee::api, choice<ApiVersion>({{"v1", ApiVersion::V1}, {"v2", ApiVersion::V2}}),
           Restart::Needed);
  each.key("base_url", &Stibee::base_url, parse_base_url, Restart::Needed);
  each.secret("api_key_file", read_api_key, "api_key", "token", "access_token", "accesstoken", "apikey",
              "key");
  each.key("ca_file", &Stibee::ca_file, read_ca_file, Restart::Needed);
  each.key("rate_limit", &Stibee::rate_limit, parse_rate_per_second);
  each.block("rate_limits", &Stibee::rate_limits, rate_limits_keys);
  each.key("request_timeout", &Stibee::request_timeout, duration(milliseconds(100), minutes(10)));
  each.key("max_in_flight", &Stibee::max_in_flight, whole(1, 200));
  each.key("proxy", &Stibee::proxy, optional(parse_proxy, "http://proxy.example.org:3128"), Restart::Needed);
  each.key("resubscribe_via", &Stibee::resubscribe_via,
           choice<ResubscribeVia>({{"v1", ResubscribeVia::V1}}, Need::Optional));
};

constexpr auto database_keys = [](const auto& each) {
  each.key("url", &Database::url,
           required(parse_database_url, "postgresql://USER@HOST/DATABASE?sslmode=verify-full"));
  each.secret("password_file", read_password, "password", "pass", "passwd");
  each.key("leader_lock", &Database::leader_lock, parse_flag);
};

constexpr auto state_keys = [](const auto& each) {
  each.key("directory", &StateFolder::directory, read_directory, Restart::Needed);
};

constexpr auto log_keys = [](const auto& each) {
  each.key("level", &Logging::level,
           choice<LogLevel>({{"info", LogLevel::Info},
                             {"trace", LogLevel::Trace},
                             {"debug", LogLevel::Debug},
                             {"warn", LogLevel::Warn},
                             {"error", LogLevel::Error}}));
  each.key(
      "format", &Logging::format,
      choice<LogFormat>({{"auto", LogFormat::Auto}, {"json", LogFormat::Json}, {"text", LogFormat::Text}}),
      Restart::Needed);
};

constexpr auto admin_keys = [](const auto& each) {
  each.key("listen", &Admin::listen, parse_listener, Restart::Needed);
  each.key("allowed_hosts", &Admin::allowed_hosts, read_hosts, Restart::Needed);
};

constexpr auto control_keys = [](const auto& each) {
  each.key("socket", &Control::socket, read_socket, Restart::Needed);
  each.key("group", &Control::group, read_group, Restart::Needed);
};

constexpr auto notify_keys = [](const auto& each) {
  each.secret("url_file", read_notify_url, "url", "webhook", "webhook_url", "address");
  each.key("format", &Notify::format,
           choice<notice::LetterFormat>({{"json", notice::LetterFormat::Json},
                                         {"slack", notice::LetterFormat::Slack},
                                         {"jandi", notice::LetterFormat::Jandi}}));
  each.key("language", &Notify::language,
           choice<notice::Language>({{"en", notice::Language::English}, {"ko", notice::Language::Korean}}));
  each.key("on", &Notify::on, read_occasions);
};

constexpr auto webhook_keys = [](const auto& each) {
  each.key("listen", &Webhook::listen, parse_listen_address, Restart::Needed);
  each.secret("secret_file", read_webhook_secret, "secret", "token", "password");
  each.key("allow_from", &Webhook::allow_from, read_allowed_networks);
  each.key("trusted_proxies", &Webhook::trusted_proxies, read_networks);
};

constexpr auto source_keys = [](const auto& each) {
  each.key("table", &Source::table, given(Need::Default, any_text, "public.members"));
  each.key("query", &Source::query, given(Need::Default, parse_query, "SELECT id, email FROM members"));
  each.key("where", &Source::where, optional(any_text, "deleted_at IS NULL"));
  each.rule(check_relation);
  each.key("key", &Source::key, required(any_text, "id"));
  each.key("email", &Source::email, required(any_text, "email"));
  each.key("subscribed", &Source::subscribed, optional(any_text, "email_opt_in"));
  each.key("consented_at", &Source::consented_at, optional(any_text, "consented_at"));
  each.key("ad_agreed", &Source::ad_agreed, optional(any_text, "marketing_ok"));
  each.key("groups", &Source::groups, read_group_columns);
  each.key("fields", &Source::fields, read_fields);
  each.key("time_zone", &Source::time_zone, parse_time_zone);
};

constexpr auto guard_keys = [](const auto& each) {
  each.key("max_removals", &Guard::max_removals, whole(1, 10'000'000));
  each.key("max_removal_percent", &Guard::max_removal_percent, percent(0));
  each.key("min_removals", &Guard::min_removals, whole(0, 10'000'000));
  each.key("max_optout_percent", &Guard::max_optout_percent, percent(0));
  each.key("min_source_percent", &Guard::min_source_percent, percent(1));
  each.key("max_update_percent", &Guard::max_update_percent, percent(0));
  each.key("max_daily_percent", &Guard::max_daily_percent, percent(0));
  each.rule(check_guard);
};

constexpr auto reconcile_keys = [](const auto& each) {
  each.key("interval", &Reconcile::interval, duration(seconds(1), hours(90 * 24)));
  each.key("mode", &Reconcile::mode,
           choice<ReconcileMode>({{"report", ReconcileMode::Report},
                                  {"off", ReconcileMode::Off},
                                  {"repair", ReconcileMode::Repair}}));
};

constexpr auto writeback_keys = [](const auto& each) {
  each.key("subscribed", read_statement);
  each.key("updated", read_statement);
  each.key("unsubscribed", read_statement);
  each.key("resubscribed", read_statement);
  each.key("deleted", read_statement);
  each.key("purged", read_statement);
};

constexpr auto mirror_keys = [](const auto& each) {
  each.key("name", &Mirror::name, read_name);
  each.key("list_id", &Mirror::list_id, required(parse_list_id, "1"));
  each.block("source", &Mirror::source, source_keys, "`table`, `key` and `email`");
  each.key("groups", read_groups);
  each.key(
      "on_leave", &Mirror::on_leave,
      choice<OnLeave>(
          {{"unsubscribe", OnLeave::Unsubscribe}, {"delete", OnLeave::Delete}, {"keep", OnLeave::Keep}}));
  each.key("delete_after", &Mirror::delete_after, optional(duration(seconds(1), hours(3650 * 24)), "30d"));
  each.rule(check_delete_after);
  each.key("poll_interval", &Mirror::poll_interval, duration(milliseconds(100), hours(24)));
  each.key("detect", &Mirror::detect,
           choice<Detect>({{"scan", Detect::Scan}, {"changefeed", Detect::Changefeed}}));
  each.key("full_scan_interval", &Mirror::full_scan_interval, duration(seconds(1), hours(7 * 24)));
  each.rule(check_detect);
  each.key("confirm_email", &Mirror::confirm_email, parse_flag);
  each.key("on_remote_purge", &Mirror::on_remote_purge,
           choice<OnRemotePurge>({{"respect", OnRemotePurge::Respect}, {"restore", OnRemotePurge::Restore}}));
  each.block("guard", &Mirror::guard, guard_keys);
  each.block("reconcile", &Mirror::reconcile, reconcile_keys);
  each.block("writeback", &Mirror::writeback, writeback_keys);
};

constexpr auto all_keys = [](const auto& each) {
  each.block("stibee", &Settings::stibee, stibee_keys, "`api_key_file`");
  each.block("database", &Settings::database, database_keys, "`url`");
  each.block("state", &Settings::state, state_keys);
  each.block("log", &Settings::log, log_keys);
  each.block("admin", &Settings::admin, admin_keys);
  each.block("control", &Settings::control, control_keys);
  each.rule(place_socket);
  each.block("notify", &Settings::notify, notify_keys);
  each.block("webhook", &Settings::webhook, webhook_keys);
  each.list("mirrors", &Settings::mirrors, mirror_keys,
            "add a mirror: `- name: members`, with `list_id` and `source` below it");
  each.rule(check_mirrors);
};

}  // namespace

void read_settings(const Cursor& file, Settings& settings) {
  read_block(file, settings, all_keys);
}

std::vector<KnownBlock> known_blocks() {
  std::vector<KnownBlock> blocks;
  add_known("", all_keys, blocks);
  return blocks;
}

std::vector<std::string> known_keys() {
  std::vector<std::string> out;
  for (const KnownBlock& block : known_blocks()) {
    for (const auto key : block.keys)
      out.push_back(joined_path(block.path, key));
  }
  return out;
}

std::vector<std::string> needs_restart(const Settings& old, const Settings& fresh) {
  std::vector<std::string> keys;
  add_restarts(&old, &fresh, "", all_keys, keys);
  return keys;
}

}  // namespace stibee_sync::settings
