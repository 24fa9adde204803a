#include "read.hpp"

#include <algorithm>
#include <sys/un.h>
#include <system_error>

namespace stibee_sync::settings {
namespace {

constexpr std::array api_versions{std::pair<std::string_view, ApiVersion>{"v1", ApiVersion::V1},
                                  std::pair<std::string_view, ApiVersion>{"v2", ApiVersion::V2}};
constexpr std::array log_levels{std::pair<std::string_view, LogLevel>{"info", LogLevel::Info},
                                std::pair<std::string_view, LogLevel>{"trace", LogLevel::Trace},
                                std::pair<std::string_view, LogLevel>{"debug", LogLevel::Debug},
                                std::pair<std::string_view, LogLevel>{"warn", LogLevel::Warn},
                                std::pair<std::string_view, LogLevel>{"error", LogLevel::Error}};
constexpr std::array log_formats{std::pair<std::string_view, LogFormat>{"auto", LogFormat::Auto},
                                 std::pair<std::string_view, LogFormat>{"json", LogFormat::Json},
                                 std::pair<std::string_view, LogFormat>{"text", LogFormat::Text}};
constexpr std::array resubscribe_ways{std::pair<std::string_view, ResubscribeVia>{"v1", ResubscribeVia::V1}};

/// A required block that is absent is one problem, not one per key in it.
bool block_is_there(const Block& top, std::string_view key, std::string_view required_keys) {
  if (top.find(key) != nullptr) return true;
  top.problem(key, "is missing",
              "add a `" + std::string(key) + ":` block with " + std::string(required_keys));
  return false;
}

void read_base_url(const Block& block, std::string& out) {
  const auto text = block.text("base_url", Need::Default, out);
  if (!text) return;
  auto parsed = parse_base_url(*text);
  if (const auto* wrong = std::get_if<Unreadable>(&parsed)) {
    block.problem("base_url", wrong->what, wrong->cure);
  } else {
    out = std::get<std::string>(std::move(parsed));
  }
}

void read_api_key(const Block& block, Stibee& out) {
  const auto file =
      block.file_path("api_key_file", Need::Required, "${CREDENTIALS_DIRECTORY}/stibee_api_key");
  if (file) out.api_key_file = *file;
  auto key = block.secret("api_key_file", file);
  if (!key) return;
  // It becomes an HTTP header.
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (!std::all_of(key->reveal().begin(), key->reveal().end(), printable)) {
    block.problem("api_key_file", "names a file that holds something else than an API key",
                  "copy the key again: letters and digits, without spaces");
    return;
  }
  out.api_key = std::move(*key);
}

void read_ca_file(const Block& block, std::optional<std::filesystem::path>& out) {
  out = block.file_path("ca_file", Need::Optional, "/etc/ssl/certs/our-ca.pem");
  if (!out || block.context().secret_files == SecretFiles::Skip) return;
  std::error_code error;
  if (!std::filesystem::is_regular_file(*out, error)) {
    block.problem("ca_file", "names " + shown(out->string(), 4096) + ", which is no file that can be read",
                  "name a file with certificates in PEM form, or remove the line");
  }
}

void read_stibee(const Block& block, Stibee& out) {
  block.choice("api", Need::Default, api_versions, out.api);
  read_base_url(block, out.base_url);
  read_api_key(block, out);
  read_ca_file(block, out.ca_file);

  block.rate("rate_limit", out.rate_limit);
  const auto a_second = std::chrono::duration<double>(out.rate_limit.window);
  const double per_second = out.rate_limit.count / a_second.count();
  if (per_second < 1 || per_second > 1000) {
    block.problem("rate_limit", "is " + shown(format_rate(out.rate_limit)) + ", which is out of range",
                  "write 1/s to 1000/s");
  }
  const Block limits = block.block("rate_limits", "stibee.rate_limits");
  limits.rate("bulk", out.rate_limits.bulk);
  limits.rate("list", out.rate_limits.list);
  limits.rate("other", out.rate_limits.other);

  block.duration("request_timeout", milliseconds(100), minutes(10), out.request_timeout);
  std::int64_t max_in_flight = out.max_in_flight;
  block.integer("max_in_flight", Need::Default, 1, 64, max_in_flight);
  out.max_in_flight = static_cast<int>(max_in_flight);
  block.choice("resubscribe_via", Need::Optional, resubscribe_ways, out.resubscribe_via);
}

void read_database(const Block& block, Database& out) {
  block.text("url", Need::Required, "postgresql://USER@HOST/DATABASE?sslmode=verify-full", out.url);
  if (!out.url.empty()) {
    if (const auto wrong = refuse_database_url(out.url)) block.problem("url", wrong->what, wrong->cure);
  }
  out.password_file =
      block.file_path("password_file", Need::Optional, "${CREDENTIALS_DIRECTORY}/db_password");
  out.password = block.secret("password_file", out.password_file);
}

void read_directory(const Block& block, State& out) {
  const auto directory = block.file_path("directory", Need::Default, out.directory.string());
  if (!directory) return;
  if (directory->filename().empty() && directory->parent_path() == directory->root_path()) {
    block.problem("directory", "is the root of the file system",
                  "name a directory of its own, such as /var/lib/stibee-syncd");
    return;
  }
  // "dir/" and "dir" are one directory, and must look the same to `needs_restart`.
  out.directory = directory->has_filename() ? *directory : directory->parent_path();
}

void read_log(const Block& block, Log& out) {
  block.choice("level", Need::Default, log_levels, out.level);
  block.choice("format", Need::Default, log_formats, out.format);
}

std::optional<ListenAddress> listen_address(const Block& block, const std::string& text) {
  auto parsed = parse_listen_address(text);
  if (const auto* wrong = std::get_if<Unreadable>(&parsed)) {
    block.problem("listen", wrong->what, wrong->cure);
    return std::nullopt;
  }
  return std::get<ListenAddress>(std::move(parsed));
}

void read_admin(const Block& block, Admin& out) {
  const auto text = block.text("listen", Need::Default, to_string(*out.listen));
  if (!text) return;
  out.listen = *text == "off" ? std::nullopt : listen_address(block, *text);
}

void read_control(const Block& block, const State& state, Control& out) {
  const auto given = block.file_path("socket", Need::Optional, "/run/stibee-syncd/control.sock");
  if (given) {
    out.socket = *given;
  } else {
    const auto runtime = block.context().environment("RUNTIME_DIRECTORY");
    const std::string folder = runtime ? runtime->substr(0, runtime->find(':')) : std::string();
    out.socket = (folder.starts_with('/') ? std::filesystem::path(folder) : state.directory) / "control.sock";
  }
  constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  if (out.socket.string().size() > longest) {
    block.problem("socket",
                  "is a path of more than " + std::to_string(longest) + " bytes, too long for a Unix socket",
                  "write a shorter path, such as `socket: /run/stibee-syncd/control.sock`");
  }
}

void read_networks(const Block& block, std::string_view key, std::vector<Cidr>& out) {
  const std::string cure = "write `" + std::string(key) + ": [52.78.132.66/32]`";
  if (!block.given(key)) {
    if (block.find(key) != nullptr)
      block.problem(key, "has no value", cure + ", or remove the line for the default");
    return;
  }
  const auto& items = block.list(key, cure);
  std::vector<Cidr> networks;
  for (const Node& item : items) {
    auto parsed =
        item.kind == Node::Kind::Scalar ? parse_cidr(item.text) : Unreadable{"is no single network", cure};
    if (const auto* wrong = std::get_if<Unreadable>(&parsed)) {
      block.context().report.add(item.kind == Node::Kind::Null ? block.place_of(key) : item.place,
                                 "an entry of `" + block.path_of(key) + "` " + wrong->what, wrong->cure);
    } else {
      networks.push_back(std::get<Cidr>(std::move(parsed)));
    }
  }
  out = std::move(networks);
}

void read_webhook(const Block& block, Webhook& out) {
  if (const auto text = block.text("listen", Need::Default, to_string(out.listen))) {
    if (const auto address = listen_address(block, *text)) out.listen = *address;
  }
  const auto file = block.file_path("secret_file", Need::Required, "${CREDENTIALS_DIRECTORY}/webhook_secret");
  if (file) out.secret_file = *file;
  if (auto secret = block.secret("secret_file", file)) {
    const auto in_url = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
             c == '.' || c == '_' || c == '~';
    };
    if (!std::all_of(secret->reveal().begin(), secret->reveal().end(), in_url)) {
      block.problem("secret_file", "names a secret with characters that a URL would have to encode",
                    "make one of letters and digits, with `openssl rand -hex 32` for example");
    } else {
      out.secret = std::move(*secret);
    }
  }
  read_networks(block, "allow_from", out.allow_from);
  const Node* allowed = block.find("allow_from");
  if (allowed != nullptr && allowed->kind == Node::Kind::List && allowed->items.empty()) {
    block.problem("allow_from", "is empty, so that nobody may call", "write `allow_from: [52.78.132.66/32]`");
  }
  read_networks(block, "trusted_proxies", out.trusted_proxies);
}

}  // namespace

void read_service(const Block& top, Settings& settings) {
  if (block_is_there(top, "stibee", "`api_key_file`"))
    read_stibee(top.block("stibee", "stibee"), settings.stibee);
  if (block_is_there(top, "database", "`url`"))
    read_database(top.block("database", "database"), settings.database);
  read_directory(top.block("state", "state"), settings.state);
  read_log(top.block("log", "log"), settings.log);
  read_admin(top.block("admin", "admin"), settings.admin);
  read_control(top.block("control", "control"), settings.state, settings.control);
  if (top.find("webhook") != nullptr) {
    read_webhook(top.block("webhook", "webhook"), settings.webhook.emplace());
  }
}

}  // namespace stibee_sync::settings
