#pragma once

#include "stibee_sync/domain/rate.hpp"
#include "stibee_sync/ledger/policy.hpp"
#include "stibee_sync/notice/news.hpp"
#include "stibee_sync/notice/occasion.hpp"
#include "stibee_sync/privacy/secret.hpp"
#include "stibee_sync/text/ip.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Everything that can be configured: plain values, one struct per block of the YAML file, each member with
/// its type, which says the unit, and its default; the ranges stand in src/settings/keys.cpp. Values only:
/// free to copy between threads. `load` (loader.hpp) is the only producer of settings that are known to be
/// within their ranges.
namespace stibee_sync::settings {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

using domain::Rate;

using privacy::Secret;

using text::ListenAddress;

/// A network in CIDR form: `address` has no bits set beyond `prefix_length`.
struct Cidr {
  std::string address;    ///< canonical IPv4 or IPv6 text
  int prefix_length = 0;  ///< 0 … 32 (IPv4) or 128 (IPv6)
  bool operator==(const Cidr&) const = default;
};
std::string to_string(const Cidr& network);

enum class ApiVersion { V1, V2 };
enum class ResubscribeVia { None, V1 };

struct RateLimits {
  Rate bulk{10, minutes(1)};     ///< bulk add
  Rate list{100, minutes(1)};    ///< reading the list
  Rate other{1000, minutes(1)};  ///< every other call
  bool operator==(const RateLimits&) const = default;
};

/// A proxy that is asked to CONNECT.
struct Proxy {
  std::string host;  ///< a DNS name or an IP literal, IPv6 without brackets
  std::uint16_t port = 0;
  bool operator==(const Proxy&) const = default;
};

struct Stibee {
  ApiVersion api = ApiVersion::V1;
  std::string base_url = "https://api.stibee.com";  ///< no trailing slash; http only to a loopback address
  std::filesystem::path api_key_file;               ///< required
  Secret api_key;                                   ///< what the file holds: printable ASCII
  std::optional<std::filesystem::path> ca_file;     ///< extra trust anchor (PEM)
  Rate rate_limit{10, seconds(1)};                  ///< API v1
  RateLimits rate_limits;                           ///< API v2
  milliseconds request_timeout = seconds(30);       ///< for one whole exchange
  int max_in_flight = 8;                            ///< requests
  std::optional<Proxy> proxy;                       ///< the only way out for https
  ResubscribeVia resubscribe_via = ResubscribeVia::None;  ///< with v2: resubscribe through a v1 call
  bool operator==(const Stibee&) const = default;
};

struct Database {
  std::string url;  ///< required; libpq URL or key=value form, never with a password
  std::optional<std::filesystem::path> password_file;
  std::optional<Secret> password;  ///< what the file holds
  bool leader_lock = false;        ///< of several daemons with these lists one works, the others stand by
  bool operator==(const Database&) const = default;
};

struct StateFolder {
  std::filesystem::path directory = "/var/lib/stibee-syncd";
  bool operator==(const StateFolder&) const = default;
};

enum class LogLevel { Trace, Debug, Info, Warn, Error };
enum class LogFormat { Auto, Json, Text };

struct Logging {
  LogLevel level = LogLevel::Info;
  LogFormat format = LogFormat::Auto;  ///< Auto: text on a terminal, else the journal or JSON
  bool operator==(const Logging&) const = default;
};

struct Admin {
  std::optional<ListenAddress> listen = ListenAddress{"127.0.0.1", 9464};  ///< nothing: `listen: off`
  std::vector<std::string> allowed_hosts;  ///< names without port that it may be asked by, in lower case
  bool operator==(const Admin&) const = default;
};

struct Control {
  /// Unix socket, at most 107 bytes. Default: control.sock in $RUNTIME_DIRECTORY, else in state.directory.
  std::filesystem::path socket;
  std::string group;  ///< of this host, whose members may use it, too; "": only root and the daemon's user
  bool operator==(const Control&) const = default;
};

/// Tells somebody when a mirror's state changes.
struct Notify {
  std::filesystem::path url_file;  ///< required
  Secret url;                      ///< https, or http to a loopback address
  notice::LetterFormat format = notice::LetterFormat::Json;
  notice::Language language = notice::Language::English;
  notice::Occasions on = notice::all_occasions();  ///< what is told; never empty
  bool operator==(const Notify&) const = default;
};

struct Webhook {
  ListenAddress listen{"127.0.0.1", 9465};
  std::filesystem::path secret_file;                   ///< required
  Secret secret;                                       ///< letters, digits, `-._~`: it is part of a URL
  std::vector<Cidr> allow_from{{"52.78.132.66", 32}};  ///< Stibee's; never empty
  std::vector<Cidr> trusted_proxies;                   ///< whose X-Forwarded-For is believed
  bool operator==(const Webhook&) const = default;
};

/// Where the members are. Exactly one of `table` and `query`; every other text names a column.
struct Source {
  std::optional<std::string> table;           ///< `members` or `schema.members`
  std::optional<std::string> query;           ///< a SELECT, without the final semicolon
  std::optional<std::string> where;           ///< SQL condition, with `table` only
  std::string key;                            ///< required; integer, text or uuid
  std::string email;                          ///< required
  std::optional<std::string> subscribed;      ///< boolean
  std::optional<std::string> consented_at;    ///< timestamptz
  std::optional<std::string> ad_agreed;       ///< boolean, sent as `$ad_agreed`
  std::vector<std::string> groups;            ///< text or text[]
  std::map<std::string, std::string> fields;  ///< Stibee tag → column
  std::string time_zone = "Asia/Seoul";       ///< of dates and times sent
  bool operator==(const Source&) const = default;
};

using ledger::OnLeave;
enum class Detect { Scan, Changefeed };
using ledger::OnRemotePurge;
enum class ReconcileMode { Off, Report, Repair };

/// When a change set is held for a human. Percentages are of the mirrored people (of the last good count of
/// rows for `min_source_percent`).
struct Guard {
  std::int64_t max_removals = 500;  ///< people
  double max_removal_percent = 2;
  std::int64_t min_removals = 20;  ///< at most max_removals: as many changes of any class are never held
  double max_optout_percent = 20;
  double min_source_percent = 50;
  double max_update_percent = 30;
  double max_daily_percent = 10;  ///< removals, or resubscribes, of 24 hours together
  bool operator==(const Guard&) const = default;
};

struct Reconcile {
  milliseconds interval = hours(24);
  ReconcileMode mode = ReconcileMode::Report;
  bool operator==(const Reconcile&) const = default;
};

struct Mirror {
  std::string name;          ///< required, unique; [a-z0-9_-]{1,40}
  std::int64_t list_id = 0;  ///< required, unique, positive
  Source source;
  std::map<std::string, std::int64_t> groups;  ///< value → positive Stibee group id
  bool create_missing_groups = false;  ///< `groups: create_missing`: groups are matched and made by name
  OnLeave on_leave = OnLeave::Unsubscribe;
  std::optional<milliseconds> delete_after;  ///< unsubscribe now, delete then; not with `keep`
  milliseconds poll_interval = seconds(15);
  Detect detect = Detect::Scan;
  milliseconds full_scan_interval = hours(1);  ///< with Detect::Changefeed
  bool confirm_email = false;                  ///< double opt-in
  OnRemotePurge on_remote_purge = OnRemotePurge::Respect;
  Guard guard;
  Reconcile reconcile;
  std::map<std::string, std::string> writeback;  ///< event → SQL statement with at least one named parameter
  bool operator==(const Mirror&) const = default;
};

/// A place in the configuration file, counted from 1; columns count bytes. Line 0: the file as a whole.
struct Place {
  int line = 0;
  int column = 0;
  bool operator==(const Place&) const = default;
};

struct Settings {
  Stibee stibee;
  Database database;
  StateFolder state;
  Logging log;
  Admin admin;
  Control control;
  std::optional<Notify> notify;    ///< absent: nobody is told
  std::optional<Webhook> webhook;  ///< absent: no webhook listener
  std::vector<Mirror> mirrors;     ///< never empty

  std::filesystem::path file;  ///< where the settings came from
  /// Where each key that the file gives stands, by path (`mirrors[0].source.fields.name`), so that what only
  /// PostgreSQL or Stibee can find wrong is reported with its place too (`problem_at`, loader.hpp).
  std::map<std::string, Place> places;
};

}  // namespace stibee_sync::settings
