#include "workspace.hpp"

#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stibee_sync::settings {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A file that is good but for one thing, and the one problem it shall have: where, what, and what to do.
struct Bad {
  const char* name;
  std::string yaml;
  std::string problem;
  friend void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }
};

class BadService : public testing::TestWithParam<Bad> {};

TEST_P(BadService, IsRefusedWithPlaceReasonAndCure) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems(GetParam().yaml), ElementsAre(GetParam().problem));
}

const std::string mirrors(minimal_mirrors);
const std::string database = "database: {url: postgresql://mirror@db.example.org/shop}\n";

/// The stibee block with one more line, which is line 3.
std::string stibee(const std::string& line) {
  return "stibee:\n  api_key_file: ${CREDENTIALS_DIRECTORY}/stibee_api_key\n  " + line + "\n" + database +
         mirrors;
}
/// A good file with more at its end; the first line of it is line 12.
std::string also(const std::string& lines) {
  return minimal() + lines + "\n";
}
std::string url(const std::string& value) {
  return "stibee: {api_key_file: credentials/stibee_api_key}\ndatabase:\n  url: " + value + "\n" + mirrors;
}

const Bad keys[] = {
    {"UnknownKey", stibee("rate_limt: 10/s"),
     "3:3: unknown key `stibee.rate_limt`; did you mean `rate_limit`?"},
    {"UnknownKeyWithOtherSpelling", stibee("Base-URL: https://x.org"),
     "3:3: unknown key `stibee.Base-URL`; did you mean `base_url`?"},
    {"UnknownKeyOfAnotherBlock", stibee("poll_interval: 1s"),
     "3:3: unknown key `stibee.poll_interval`; move it to `mirrors[]`, where it is known"},
    {"UnknownKeyLikeNoOther", also("control:\n  frobnicate: 1"),
     "13:3: unknown key `control.frobnicate`; remove it; known here are socket or group"},
    {"UnknownBlock", also("logs: {level: info}"), "12:1: unknown key `logs`; did you mean `log`?"},
    {"KeyGivenTwice", stibee("api: v1\n  api: v2"),
     "4:3: `stibee.api` is given twice, first in line 3; remove one of the two"},
    {"BlockGivenTwice", also("database: {url: postgresql://a@b/c}"),
     "12:1: `database` is given twice, first in line 3; remove one of the two"},
    {"MergeKey", stibee("<<: {api: v1}"),
     "3:3: unknown key `stibee.<<`; remove it; known here are api, base_url, api_key_file, ca_file, "
     "rate_limit, "
     "rate_limits, request_timeout, max_in_flight, proxy or resubscribe_via"},
    {"SecretInTheFile", stibee("api_key: 0123456789"),
     "3:3: `stibee.api_key`: secrets are not accepted in this file; put it in a file that others cannot "
     "read, and name "
     "that file in `api_key_file`"},
    {"SecretUnderItsHttpName", stibee("AccessToken: 0123456789"),
     "3:3: `stibee.AccessToken`: secrets are not accepted in this file; put it in a file that others cannot "
     "read, and "
     "name that file in `api_key_file`"},
    {"PasswordInTheFile",
     "stibee: {api_key_file: credentials/stibee_api_key}\ndatabase:\n  password: x\n  url: "
     "postgresql://a@b/c\n" +
         mirrors,
     "3:3: `database.password`: secrets are not accepted in this file; put it in a file that others cannot "
     "read, and "
     "name that file in `password_file`"},
    {"MissingRequiredKey", "stibee:\n  api: v1\n" + database + mirrors,
     "1:1: `stibee.api_key_file` is missing; add `api_key_file: ${CREDENTIALS_DIRECTORY}/stibee_api_key`"},
    {"EmptyRequiredBlock", "database:\nstibee: {api_key_file: credentials/stibee_api_key}\n" + mirrors,
     "1:1: `database.url` is missing; add `url: postgresql://USER@HOST/DATABASE?sslmode=verify-full`"},
    {"MissingBlock", "stibee: {api_key_file: credentials/stibee_api_key}\n" + mirrors,
     "1:1: `database` is missing; add a `database:` block with `url`"},
    {"MissingSecretOfAWebhook", also("webhook:\n  listen: 127.0.0.1:1"),
     "12:1: `webhook.secret_file` is missing; add `secret_file: ${CREDENTIALS_DIRECTORY}/webhook_secret`"},
};

const Bad values[] = {
    {"BlockThatIsAValue", also("log: info"),
     "12:6: `log` must be a block of keys, not a single value; write `key: value` lines, indented below it"},
    {"ListWhereAValueBelongs", stibee("max_in_flight: [8]"),
     "3:18: `stibee.max_in_flight` must be a single value, not a list; write `max_in_flight: 8`"},
    {"KeyWithoutValue", stibee("max_in_flight:"),
     "3:3: `stibee.max_in_flight` has no value; write `max_in_flight: 8`, or remove the line for the "
     "default"},
    {"EmptyText", also("state: {directory: ''}"),
     "12:20: `state.directory` is empty; write `directory: /var/lib/stibee-syncd`"},
    {"NulInText", also("state: {directory: \"/a\\0b\"}"),
     "12:20: `state.directory` contains a NUL character; remove it"},
    {"NoNumber", stibee("max_in_flight: many"),
     "3:18: `stibee.max_in_flight` is \"many\", which is no whole number; write a whole number from 1 to "
     "200"},
    {"BrokenNumber", stibee("max_in_flight: 8.5"),
     "3:18: `stibee.max_in_flight` is \"8.5\", which is no whole number; write a whole number from 1 to 200"},
    {"NumberOutOfRange", stibee("max_in_flight: 201"),
     "3:18: `stibee.max_in_flight` is \"201\", which is out of range; write a whole number from 1 to 200"},
    {"HugeNumber", stibee("max_in_flight: 99999999999999999999"),
     "3:18: `stibee.max_in_flight` is \"99999999999999999999\", which is out of range; write a whole number "
     "from 1 to "
     "200"},
    {"DurationWithoutUnit", stibee("request_timeout: 30"),
     "3:20: `stibee.request_timeout` is \"30\", a number without a unit; write the unit too: 30s for "
     "seconds, or ms, m, "
     "h, d"},
    {"DurationWithStrangeUnit", stibee("request_timeout: 30sec"),
     "3:20: `stibee.request_timeout` is \"30sec\", which is no duration; write a whole number and a unit "
     "(ms, s, m, h, "
     "d), such as 30s or 5m"},
    {"DurationOutOfRange", stibee("request_timeout: 1h"),
     "3:20: `stibee.request_timeout` is \"1h\", which is out of range; write a duration from 100ms to 10m"},
    {"DurationBeyondAllBounds", stibee("request_timeout: 9223372036854775807d"),
     "3:20: `stibee.request_timeout` is \"9223372036854775807d\", which is too long; write a whole number "
     "and a unit "
     "(ms, s, m, h, d), such as 30s or 5m"},
    {"RateWithoutTime", stibee("rate_limit: 10"),
     "3:15: `stibee.rate_limit` is \"10\", a number without \"per what\"; write 10/s or 10/min"},
    {"RateWithStrangeTime", stibee("rate_limit: 10/fortnight"),
     "3:15: `stibee.rate_limit` is \"10/fortnight\", which is no rate; write a number of calls per s, min or "
     "h, such as "
     "10/s or 100/min"},
    {"RateOfNothing", stibee("rate_limit: 0/s"),
     "3:15: `stibee.rate_limit` is \"0/s\", which is out of range; write 1 to 100000 calls in a window of "
     "100ms to 1h"},
    {"RateTooHigh", stibee("rate_limit: 1001/s"),
     "3:15: `stibee.rate_limit` is \"1001/s\", which is out of range; write 1/s to 1000/s"},
    {"RateTooLow", stibee("rate_limit: 10/min"),
     "3:15: `stibee.rate_limit` is \"10/min\", which is out of range; write 1/s to 1000/s"},
    {"RateOfAClass", stibee("rate_limits: {bulk: fast}"),
     "3:23: `stibee.rate_limits.bulk` is \"fast\", which is no rate; write a number of calls per s, min or "
     "h, such as "
     "10/s or 100/min"},
    {"ChoiceMisspelt", also("log: {level: debugg}"),
     "12:14: `log.level` is \"debugg\", which is not one of its values; did you mean debug?"},
    {"ChoiceUnknown", stibee("api: v3"),
     "3:8: `stibee.api` is \"v3\", which is not one of its values; write v1 or v2"},
    {"RootAsStateDirectory", also("state: {directory: /}"),
     "12:20: `state.directory` is the root of the file system; name a directory of its own, such as "
     "/var/lib/stibee-syncd"},
    {"PathWithTilde", also("state: {directory: ~/state}"),
     "12:20: `state.directory` begins with ~, which is not replaced; write the path out"},
    {"PathWithUnknownVariable", also("state: {directory: \"${HOME}/state\"}"),
     "12:20: `state.directory` has a $ that is not understood; begin with ${CREDENTIALS_DIRECTORY}/, "
     "${RUNTIME_DIRECTORY}/, ${STATE_DIRECTORY}/ or ${CONFIGURATION_DIRECTORY}/, or write the path out"},
    {"PathWithUnsetVariable", also("state: {directory: $STATE_DIRECTORY}"),
     "12:20: `state.directory` needs STATE_DIRECTORY, which is not set; run under systemd, or write the path "
     "out"},
    {"LongSocketPath", also("control: {socket: /" + std::string(110, 'x') + "}"),
     "12:19: `control.socket` is a path of more than 107 bytes, too long for a Unix socket; write a shorter "
     "path, such "
     "as `socket: /run/stibee-syncd/control.sock`"},
    {"MissingCaFile", stibee("ca_file: /nonexistent/ca.pem"),
     "3:12: `stibee.ca_file` names \"/nonexistent/ca.pem\", which is no file that can be read; name a file "
     "with "
     "certificates in PEM form, or remove the line"},
};

const Bad addresses[] = {
    {"PlainHttpToAnotherMachine", stibee("base_url: http://api.stibee.com"),
     "3:13: `stibee.base_url` is plain http to another machine, which would show the API key to the network; "
     "use "
     "https://; plain http is for a loopback address only"},
    {"BaseUrlWithVersion", stibee("base_url: https://api.stibee.com/v1/"),
     "3:13: `stibee.base_url` ends with the version of the API; leave /v1 or /v2 out; `stibee.api` chooses "
     "the version"},
    {"BaseUrlWithPassword", stibee("base_url: https://me:hunter2@api.stibee.com"),
     "3:13: `stibee.base_url` has a user name or password in it; write https://HOST or https://HOST:PORT, "
     "such as "
     "https://api.stibee.com"},
    {"ProxyWithPassword", stibee("proxy: http://me:hunter2@proxy:3128"),
     "3:10: `stibee.proxy` has a user name or password in it, and a proxy that wants them cannot be used; "
     "write "
     "http://HOST:PORT, such as http://proxy.example.org:3128"},
    {"ProxyWithoutPort", stibee("proxy: http://proxy.example.org"),
     "3:10: `stibee.proxy` has no valid port; write http://HOST:PORT, such as http://proxy.example.org:3128"},
    {"ProxyOverTls", stibee("proxy: https://proxy.example.org:3129"),
     "3:10: `stibee.proxy` does not begin with http:// (https goes through it all the same); write "
     "http://HOST:PORT, such as http://proxy.example.org:3128"},
    {"ProxyThatIsNoUrl", stibee("proxy: proxy.example.org:3128"),
     "3:10: `stibee.proxy` is no URL of a proxy; write http://HOST:PORT, such as "
     "http://proxy.example.org:3128"},
    {"ProxyWithPath", stibee("proxy: http://proxy.example.org:3128/pac"),
     "3:10: `stibee.proxy` has something after its port; write http://HOST:PORT, such as "
     "http://proxy.example.org:3128"},
    {"AnAddressForNoticesInTheFile",
     also("notify: {url_file: credentials/notify_url, url: https://hooks.example.org/x}"),
     "12:44: `notify.url`: secrets are not accepted in this file; put it in a file that others cannot read, "
     "and name that file in `url_file`"},
    {"NoticesOfAnUnknownFormat", also("notify: {url_file: credentials/notify_url, format: slak}"),
     "12:52: `notify.format` is \"slak\", which is not one of its values; did you mean slack?"},
    {"NoticesOfAnUnknownOccasion", also("notify: {url_file: credentials/notify_url, on: [held, recoverd]}"),
     "12:55: an entry of `notify.on` is \"recoverd\", which is not one of its values; did you mean "
     "recovered?"},
    {"NoticesOfNothing", also("notify: {url_file: credentials/notify_url, on: []}"),
     "12:48: `notify.on` is an empty list; write `on: [unhealthy, recovered]`, or any of unhealthy, held, "
     "drift, recovered, released or imported"},
    {"HostsThatAreNoList", also("admin: {allowed_hosts: monitor}"),
     "12:24: `admin.allowed_hosts` must be a list, not a single value; write `allowed_hosts: "
     "[monitor.example.org]`"},
    {"HostWithPort", also("admin: {allowed_hosts: ['monitor:9464']}"),
     "12:25: an entry of `admin.allowed_hosts` is \"monitor:9464\", which is no host name; write the name "
     "alone, "
     "without scheme and port"},
    {"ListenWithoutPort", also("admin: {listen: 127.0.0.1}"),
     "12:17: `admin.listen` is \"127.0.0.1\", which is no address to listen on; write ADDRESS:PORT, such as "
     "127.0.0.1:9464 or [::1]:9464"},
    {"ListenOnAName", also("admin: {listen: 'localhost:9464'}"),
     "12:17: `admin.listen` is \"localhost:9464\", which is no address to listen on; write 127.0.0.1:9464"},
    {"ListenOnImpossiblePort", also("admin: {listen: '127.0.0.1:65536'}"),
     "12:17: `admin.listen` is \"127.0.0.1:65536\", which is no address to listen on; write a port from 0 to "
     "65535 after "
     "the last colon, such as 127.0.0.1:9464"},
    {"NetworkWithHostBits",
     also("webhook: {secret_file: credentials/webhook_secret, allow_from: [52.78.132.66/24]}"),
     "12:65: an entry of `webhook.allow_from` is \"52.78.132.66/24\", which has bits set beyond its prefix; "
     "write "
     "52.78.132.0/24 for the network, or 52.78.132.66/32 for the one address"},
    {"NetworkThatIsNone",
     also("webhook: {secret_file: credentials/webhook_secret, trusted_proxies: [proxy]}"),
     "12:70: an entry of `webhook.trusted_proxies` is \"proxy\", which is no network; write ADDRESS/PREFIX, "
     "such as "
     "52.78.132.66/32 or 2001:db8::/32"},
    {"NetworksThatAreNoList",
     also("webhook: {secret_file: credentials/webhook_secret, allow_from: 1.2.3.4/32}"),
     "12:64: `webhook.allow_from` must be a list, not a single value; write `allow_from: [52.78.132.66/32]`"},
    {"NobodyAllowed", also("webhook: {secret_file: credentials/webhook_secret, allow_from: []}"),
     "12:64: `webhook.allow_from` is empty, so that nobody may call; write `allow_from: [52.78.132.66/32]`"},
};

const std::string no_password =
    "`database.url` holds a password; take it out, put it in a file and name that in `password_file`";
const Bad database_urls[] = {
    {"PasswordInUrl", url("postgresql://mirror:hunter2@db/shop"), "3:8: " + no_password},
    {"PasswordInShortUrl", url("postgres://mirror:hunter2@db/shop"), "3:8: " + no_password},
    {"PasswordInUrlParameter", url("postgresql://db/shop?sslmode=require&password=hunter2"),
     "3:8: " + no_password},
    {"PasswordInEncodedParameter", url("postgresql://db/shop?pass%77ord=hunter2"), "3:8: " + no_password},
    {"PasswordWithSlash", url("postgresql://mirror:hun/ter2@db/shop"), "3:8: " + no_password},
    {"PasswordWithAt", url("postgresql://mirror@hunter2:x@db/shop"), "3:8: " + no_password},
    {"PasswordOfTheClientKey", url("postgresql://db/shop?sslpassword=hunter2"), "3:8: " + no_password},
    {"PasswordAmongKeywords", url("host=db password=hunter2"), "3:8: " + no_password},
    {"PasswordAmongSpacedKeywords", url("host = 'my db' PassWord = 'hunter 2'"), "3:8: " + no_password},
    {"PasswordInNestedUrl", url("dbname=postgresql://mirror:hunter2@db/shop"), "3:8: " + no_password},
    {"NoConnectionString", url("hunter2"),
     "3:8: `database.url` is no PostgreSQL connection string; write "
     "postgresql://USER@HOST/DATABASE?sslmode=verify-full, or host=… dbname=…"},
    {"BrokenKeywords", url("host=db hunter2"),
     "3:8: `database.url` is no PostgreSQL connection string; write "
     "postgresql://USER@HOST/DATABASE?sslmode=verify-full, or host=… dbname=…"},
};

std::string name_of(const testing::TestParamInfo<Bad>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Keys, BadService, testing::ValuesIn(keys), name_of);
INSTANTIATE_TEST_SUITE_P(Values, BadService, testing::ValuesIn(values), name_of);
INSTANTIATE_TEST_SUITE_P(Addresses, BadService, testing::ValuesIn(addresses), name_of);
INSTANTIATE_TEST_SUITE_P(DatabaseUrls, BadService, testing::ValuesIn(database_urls), name_of);

TEST(BadFile, ReportsEveryProblemInTheOrderOfTheFile) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems("stibee:\n  api: v9\n  max_in_flight: 0\nlog: {level: 5}\n"),
              ElementsAre(StartsWith("1:1: `stibee.api_key_file`"), StartsWith("1:1: `database`"),
                          StartsWith("1:1: `mirrors`"), StartsWith("2:8: `stibee.api`"),
                          StartsWith("3:18: `stibee.max_in_flight`"), StartsWith("4:14: `log.level`")));
}

TEST(BadFile, NeverRepeatsASecret) {
  const Workspace workspace;
  for (const Bad& bad : database_urls) {
    EXPECT_THAT(workspace.problems(bad.yaml),
                ElementsAre(AllOf(Not(HasSubstr("hunter")), Not(HasSubstr("hun/ter")))))
        << bad.name;
  }
  EXPECT_THAT(workspace.problems(stibee("base_url: https://me:hunter2@x.org")),
              ElementsAre(Not(HasSubstr("hunter"))));
  EXPECT_THAT(workspace.problems(stibee("api_key: hunter2")), ElementsAre(Not(HasSubstr("hunter"))));
}

TEST(BadFile, MissingFileIsAProblemOfTheWholeFile) {
  const Workspace workspace;
  const auto result = load(workspace.folder() / "none.yaml", workspace.environment());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(
      to_string(result.problems().at(0)),
      (workspace.folder() / "none.yaml").string() +
          ": the file cannot be read: No such file or directory; name the configuration file with --config");
}

TEST(BadFile, DirectoryIsNoFile) {
  const Workspace workspace;
  const auto result = load(workspace.folder(), workspace.environment());
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(to_string(result.problems().at(0)), HasSubstr("Is a directory"));
}

TEST(BadFile, HugeFileIsNotReadToItsEnd) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems(std::string(1024 * 1024 + 1, '#')),
              ElementsAre(HasSubstr("the file is larger than 1 MiB")));
  const auto endless = load("/dev/zero", workspace.environment());
  ASSERT_FALSE(endless.ok());
  EXPECT_THAT(to_string(endless.problems().at(0)), HasSubstr("the file is larger than 1 MiB"));
}

TEST(BadFile, EmptyFileNamesWhatIsRequired) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems("# nothing\n"),
              ElementsAre(StartsWith("1:1: `stibee` is missing"), StartsWith("1:1: `database` is missing"),
                          StartsWith("1:1: `mirrors` is missing")));
}

TEST(BadFile, WithThousandsOfProblemsListsTheFirst) {
  const Workspace workspace;
  std::string text = minimal();
  for (int i = 0; i < 5000; ++i)
    text.append("key").append(std::to_string(i)).append(": x\n");
  const auto problems = workspace.problems(text);
  EXPECT_EQ(problems.size(), 200U);
  EXPECT_THAT(problems.front(), StartsWith("12:1: unknown key `key0`"));
}

TEST(BadFile, MessagesStayOnOneLineWhateverAKeyHolds) {
  const Workspace workspace;
  EXPECT_THAT(
      workspace.problems(minimal() + "    groups: {\"a\\nb\": x}\n\"c\\nd\": 1\n"),
      ElementsAre(StartsWith("12:22: `mirrors[0].groups.a?b` is"), StartsWith("13:1: unknown key `c?d`")));
}

TEST(BadFile, ListAtTheTopIsNoConfiguration) {
  const Workspace workspace;
  EXPECT_THAT(workspace.problems("- a\n"),
              ElementsAre("1:1: the file must be a block of keys, not a list; write `key: "
                          "value` lines, indented below it"));
}

}  // namespace
}  // namespace stibee_sync::settings
