#include "workspace.hpp"

#include <gtest/gtest.h>

namespace stibee_sync::settings {
namespace {

Settings loaded(const Workspace& workspace, std::string_view yaml) {
  auto result = workspace.load(yaml);
  if (!result.ok()) {
    for (const Problem& problem : result.problems())
      ADD_FAILURE() << to_string(problem);
    return {};
  }
  return std::move(result).settings();
}

TEST(GoodFile, MinimalFileHasTheDefaultsOfTheDesign) {
  const Workspace workspace;
  const Settings settings = loaded(workspace, minimal());

  EXPECT_EQ(settings.stibee.api, ApiVersion::V1);
  EXPECT_EQ(settings.stibee.base_url, "https://api.stibee.com");
  EXPECT_EQ(settings.stibee.api_key.reveal(), "0123456789abcdef");
  EXPECT_EQ(settings.stibee.ca_file, std::nullopt);
  EXPECT_EQ(settings.stibee.rate_limit, (Rate{10, seconds(1)}));
  EXPECT_EQ(settings.stibee.rate_limits.bulk, (Rate{10, minutes(1)}));
  EXPECT_EQ(settings.stibee.rate_limits.list, (Rate{100, minutes(1)}));
  EXPECT_EQ(settings.stibee.rate_limits.other, (Rate{1000, minutes(1)}));
  EXPECT_EQ(settings.stibee.request_timeout, seconds(30));
  EXPECT_EQ(settings.stibee.max_in_flight, 8);
  EXPECT_EQ(settings.stibee.resubscribe_via, ResubscribeVia::None);
  EXPECT_EQ(settings.database.url, "postgresql://mirror@db.example.org/shop");
  EXPECT_FALSE(settings.database.password);
  EXPECT_EQ(settings.state.directory, "/var/lib/stibee-syncd");
  EXPECT_EQ(settings.log, (Logging{LogLevel::Info, LogFormat::Auto}));
  EXPECT_EQ(settings.admin.listen, (ListenAddress{"127.0.0.1", 9464}));
  EXPECT_EQ(settings.control.socket, "/var/lib/stibee-syncd/control.sock");
  EXPECT_FALSE(settings.notify);
  EXPECT_FALSE(settings.webhook);

  ASSERT_EQ(settings.mirrors.size(), 1U);
  const Mirror& mirror = settings.mirrors[0];
  EXPECT_EQ(mirror.name, "members");
  EXPECT_EQ(mirror.list_id, 1234);
  EXPECT_EQ(mirror.source.table, "public.members");
  EXPECT_EQ(mirror.source.key, "id");
  EXPECT_EQ(mirror.source.email, "email");
  EXPECT_EQ(mirror.source.time_zone, "Asia/Seoul");
  EXPECT_EQ(mirror.on_leave, OnLeave::Unsubscribe);
  EXPECT_EQ(mirror.delete_after, std::nullopt);
  EXPECT_EQ(mirror.poll_interval, seconds(15));
  EXPECT_EQ(mirror.detect, Detect::Scan);
  EXPECT_EQ(mirror.full_scan_interval, hours(1));
  EXPECT_FALSE(mirror.confirm_email);
  EXPECT_EQ(mirror.on_remote_purge, OnRemotePurge::Respect);
  EXPECT_EQ(mirror.guard, (Guard{500, 2, 20, 20, 50, 30}));
  EXPECT_EQ(mirror.reconcile, (Reconcile{hours(24), ReconcileMode::Report}));
  EXPECT_TRUE(mirror.writeback.empty());
}

constexpr std::string_view complete = R"(
stibee:
  api: v2                         # v1 | v2
  base_url: http://127.0.0.1:8080/
  api_key_file: ${CREDENTIALS_DIRECTORY}/stibee_api_key
  ca_file:                        # extra trust anchor, optional
  rate_limit: 3/s
  rate_limits: {bulk: 10/6s, list: 100/min, other: 1/h}
  request_timeout: 100ms
  max_in_flight: 64
  proxy: http://Proxy.example.org:3128/
  resubscribe_via: v1
database:
  url: host=db.example.org dbname=shop user=mirror
  password_file: credentials/db_password
state:
  directory: state/
log: {level: debug, format: json}
admin: {listen: off, allowed_hosts: [Monitor.example.org., "2001:db8::1"]}
control:
  socket:
notify:
  url_file: ${CREDENTIALS_DIRECTORY}/notify_url
  format: jandi
  language: ko
  on: [held, released]
webhook:
  listen: "[::1]:9465"
  secret_file: ${CREDENTIALS_DIRECTORY}/webhook_secret
  allow_from: [52.78.132.66/32, 10.0.0.0/8, 2001:db8::/32, 192.0.2.7]
  trusted_proxies: [127.0.0.1/32]
mirrors:
  - name: members
    list_id: 1234
    source:
      table: public.members
      where: deleted_at IS NULL   # with table only
      key: id
      email: email
      subscribed: email_opt_in
      consented_at: consented_at
      ad_agreed: marketing_ok
      groups: [grade, "select"]
      fields: {name: name, 전화: phone}
      time_zone: UTC
    groups: {gold: 1234, 은: 5123}
    on_leave: unsubscribe
    delete_after: 30d
    poll_interval: 15s
    detect: changefeed
    full_scan_interval: 2h
    confirm_email: true
    on_remote_purge: restore
    guard: {max_removals: 10, max_removal_percent: 0.5, max_optout_percent: 100}
    reconcile: {interval: 12h, mode: off}
    writeback:
      unsubscribed: UPDATE members SET email_opt_in = false WHERE lower(email) = :email
      resubscribed: |
        UPDATE members SET email_opt_in = true
         WHERE lower(email) = :email;
  - name: second_1-x
    list_id: 2
    source:
      query: |
        SELECT id, email
          FROM members;
      key: id
      email: email
    groups: create_missing
    on_leave: delete
)";

TEST(GoodFile, EveryKeyOfTheServiceIsRead) {
  Workspace workspace;
  workspace.variables["RUNTIME_DIRECTORY"] = "/run/stibee-syncd:/run/other";
  const Settings settings = loaded(workspace, complete);

  EXPECT_EQ(settings.stibee.api, ApiVersion::V2);
  EXPECT_EQ(settings.stibee.base_url, "http://127.0.0.1:8080");
  EXPECT_EQ(settings.stibee.rate_limit, (Rate{3, seconds(1)}));
  EXPECT_EQ(settings.stibee.rate_limits.bulk, (Rate{10, seconds(6)}));
  EXPECT_EQ(settings.stibee.rate_limits.other, (Rate{1, hours(1)}));
  EXPECT_EQ(settings.stibee.request_timeout, milliseconds(100));
  EXPECT_EQ(settings.stibee.max_in_flight, 64);
  EXPECT_EQ(settings.stibee.proxy, (Proxy{"proxy.example.org", 3128}));
  EXPECT_EQ(settings.stibee.resubscribe_via, ResubscribeVia::V1);
  EXPECT_EQ(settings.database.password_file, workspace.folder() / "credentials/db_password");
  ASSERT_TRUE(settings.database.password);
  EXPECT_EQ(settings.database.password->reveal(), "pass word");
  EXPECT_EQ(settings.state.directory, workspace.folder() / "state");
  EXPECT_EQ(settings.log, (Logging{LogLevel::Debug, LogFormat::Json}));
  EXPECT_EQ(settings.admin.listen, std::nullopt);
  EXPECT_EQ(settings.admin.allowed_hosts, (std::vector<std::string>{"monitor.example.org", "2001:db8::1"}));
  EXPECT_EQ(settings.control.socket, "/run/stibee-syncd/control.sock");
  ASSERT_TRUE(settings.notify);
  EXPECT_EQ(settings.notify->url.reveal(), "https://hooks.example.org/services/T0/B0/x?y=1");
  EXPECT_EQ(settings.notify->format, notice::LetterFormat::Jandi);
  EXPECT_EQ(settings.notify->language, notice::Language::Korean);
  EXPECT_EQ(settings.notify->on, (notice::Occasions{notice::Occasion::Held, notice::Occasion::Released}));
  ASSERT_TRUE(settings.webhook);
  EXPECT_EQ(settings.webhook->listen.text(), "[::1]:9465");
  EXPECT_EQ(settings.webhook->secret.reveal(), "hook-secret_1.2~3");
  std::vector<std::string> allowed;
  for (const Cidr& network : settings.webhook->allow_from)
    allowed.push_back(to_string(network));
  EXPECT_EQ(allowed,
            (std::vector<std::string>{"52.78.132.66/32", "10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"}));
  EXPECT_EQ(settings.webhook->trusted_proxies, (std::vector<Cidr>{{"127.0.0.1", 32}}));
}

TEST(GoodFile, EveryKeyOfAMirrorIsRead) {
  const Workspace workspace;
  const Settings settings = loaded(workspace, complete);
  ASSERT_EQ(settings.mirrors.size(), 2U);

  const Mirror& first = settings.mirrors[0];
  EXPECT_EQ(first.source.where, "deleted_at IS NULL");
  EXPECT_EQ(first.source.subscribed, "email_opt_in");
  EXPECT_EQ(first.source.consented_at, "consented_at");
  EXPECT_EQ(first.source.ad_agreed, "marketing_ok");
  EXPECT_EQ(first.source.groups, (std::vector<std::string>{"grade", "select"}));
  EXPECT_EQ(first.source.fields, (std::map<std::string, std::string>{{"name", "name"}, {"전화", "phone"}}));
  EXPECT_EQ(first.source.time_zone, "UTC");
  EXPECT_EQ(first.groups, (std::map<std::string, std::int64_t>{{"gold", 1234}, {"은", 5123}}));
  EXPECT_FALSE(first.create_missing_groups);
  EXPECT_EQ(first.delete_after, hours(30 * 24));
  EXPECT_EQ(first.detect, Detect::Changefeed);
  EXPECT_EQ(first.full_scan_interval, hours(2));
  EXPECT_TRUE(first.confirm_email);
  EXPECT_EQ(first.on_remote_purge, OnRemotePurge::Restore);
  EXPECT_EQ(first.guard, (Guard{10, 0.5, 10, 100, 50, 30})) << "the default of min_removals gives way";
  EXPECT_EQ(first.reconcile, (Reconcile{hours(12), ReconcileMode::Off}));
  EXPECT_EQ(first.writeback.at("unsubscribed"),
            "UPDATE members SET email_opt_in = false WHERE lower(email) = :email");
  EXPECT_EQ(first.writeback.at("resubscribed"),
            "UPDATE members SET email_opt_in = true\n WHERE lower(email) = :email");

  const Mirror& second = settings.mirrors[1];
  EXPECT_EQ(second.source.query, "SELECT id, email\n  FROM members") << "without the semicolon";
  EXPECT_EQ(second.source.table, std::nullopt);
  EXPECT_TRUE(second.create_missing_groups);
  EXPECT_TRUE(second.groups.empty());
  EXPECT_EQ(second.on_leave, OnLeave::Delete);
}

TEST(GoodFile, OfEverythingSomebodyIsToldUnlessTheFileSaysOfWhat) {
  const Workspace workspace;
  const Settings settings = loaded(workspace, minimal() + "notify: {url_file: credentials/notify_url}\n");
  ASSERT_TRUE(settings.notify);
  EXPECT_EQ(settings.notify->format, notice::LetterFormat::Json);
  EXPECT_EQ(settings.notify->language, notice::Language::English);
  EXPECT_EQ(settings.notify->on, notice::all_occasions());
}

TEST(GoodFile, BlocksWithoutKeysHaveTheirDefaults) {
  const Workspace workspace;
  const Settings settings = loaded(workspace, minimal() + "log:\nadmin:\ncontrol:\nstate:\n");
  EXPECT_EQ(settings.log, Logging{});
  EXPECT_EQ(settings.admin, Admin{});
}

TEST(GoodFile, WindowsLineEndsAndAByteOrderMarkAreFine) {
  const Workspace workspace;
  std::string text = "\xef\xbb\xbf";
  for (const char c : minimal())
    text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(loaded(workspace, text).mirrors.at(0).name, "members");
}

TEST(GoodFile, ADocumentMarkAtTheTopIsFine) {
  const Workspace workspace;
  EXPECT_EQ(loaded(workspace, "---\n" + minimal()).mirrors.at(0).name, "members");
}

TEST(GoodFile, PlacesOfKeysServeProblemsThatAreFoundLater) {
  const Workspace workspace;
  const Settings settings = loaded(workspace, minimal());
  EXPECT_EQ(settings.places.at("mirrors[0].source.email"), (Place{11, 14}));

  const Problem column =
      problem_at(settings, "mirrors[0].source.email", "there is no such column", "correct it");
  EXPECT_EQ(to_string(column),
            workspace.config_file().string() + ":11:14: there is no such column; correct it");
  EXPECT_EQ(problem_at(settings, "mirrors[0].source.fields.name", "x", "y").line, 8) << "the nearest parent";
  EXPECT_EQ(problem_at(settings, "webhook", "x", "y").line, 1) << "else the file";
}

TEST(GoodFile, SecretsAreLeftAloneWhenNobodyNeedsThem) {
  Workspace workspace;
  workspace.variables.clear();
  const std::string text = minimal() + "webhook: {secret_file: /nonexistent/secret}\n";
  const auto result = workspace.load(text, SecretFiles::Skip);
  ASSERT_TRUE(result.ok()) << to_string(result.problems().front());
  EXPECT_TRUE(result.settings().stibee.api_key.empty());
  EXPECT_FALSE(workspace.load(text).ok());
}

}  // namespace
}  // namespace stibee_sync::settings
