#include "files.hpp"
#include "rules.hpp"

#include <algorithm>
#include <sys/un.h>
#include <system_error>

namespace stibee_sync::settings {

Parsed<std::string> parse_database_url(std::string_view text) {
  if (auto wrong = refuse_database_url(text)) return std::move(*wrong);
  return std::string(text);
}

void read_api_key(const Block& block, std::string_view key, Stibee& out) {
  const auto file = read_path(block, key, Need::Required, "${CREDENTIALS_DIRECTORY}/stibee_api_key");
  if (file) out.api_key_file = *file;
  auto secret = read_secret(block, key, file);
  if (!secret) return;
  // It becomes an HTTP header.
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (!std::all_of(secret->reveal().begin(), secret->reveal().end(), printable)) {
    block.problem(key, "names a file that holds something else than an API key",
                  "copy the key again: letters and digits, without spaces");
    return;
  }
  out.api_key = std::move(*secret);
}

void read_ca_file(const Block& block, std::string_view key, std::optional<Path>& out) {
  out = read_path(block, key, Need::Optional, "/etc/ssl/certs/our-ca.pem");
  if (!out || block.context().secret_files == SecretFiles::Skip) return;
  std::error_code error;
  if (!std::filesystem::is_regular_file(*out, error)) {
    block.problem(key, "names " + shown(out->string(), 4096) + ", which is no file that can be read",
                  "name a file with certificates in PEM form, or remove the line");
  }
}

void read_password(const Block& block, std::string_view key, Database& out) {
  out.password_file = read_path(block, key, Need::Optional, "${CREDENTIALS_DIRECTORY}/db_password");
  out.password = read_secret(block, key, out.password_file);
}

void read_directory(const Block& block, std::string_view key, Path& out) {
  const auto directory = read_path(block, key, Need::Default, out.string());
  if (!directory) return;
  if (directory->filename().empty() && directory->parent_path() == directory->root_path()) {
    block.problem(key, "is the root of the file system",
                  "name a directory of its own, such as /var/lib/stibee-syncd");
    return;
  }
  // "dir/" and "dir" are one directory, and must look the same to `needs_restart`.
  out = directory->has_filename() ? *directory : directory->parent_path();
}

void read_socket(const Block& block, std::string_view key, Path& out) {
  if (auto path = read_path(block, key, Need::Optional, "/run/stibee-syncd/control.sock"))
    out = std::move(*path);
}

void place_socket(const Block& top, Settings& settings) {
  if (!top.readable()) return;
  Path& socket = settings.control.socket;
  if (socket.empty()) {
    const auto runtime = system_directory(top.context().environment, "RUNTIME_DIRECTORY");
    socket = (runtime ? Path(*runtime) : settings.state.directory) / "control.sock";
  }
  constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  if (socket.string().size() > longest) {
    top.block("control").problem(
        "socket", "is a path of more than " + std::to_string(longest) + " bytes, too long for a Unix socket",
        "write a shorter path, such as `socket: /run/stibee-syncd/control.sock`");
  }
}

void read_webhook_secret(const Block& block, std::string_view key, Webhook& out) {
  const auto file = read_path(block, key, Need::Required, "${CREDENTIALS_DIRECTORY}/webhook_secret");
  if (file) out.secret_file = *file;
  auto secret = read_secret(block, key, file);
  if (!secret) return;
  if (!is_alphanumeric(secret->reveal(), "-._~")) {
    block.problem(key, "names a secret with characters that a URL would have to encode",
                  "make one of letters and digits, with `openssl rand -hex 32` for example");
    return;
  }
  out.secret = std::move(*secret);
}

void read_networks(const Block& block, std::string_view key, std::vector<Cidr>& out) {
  const std::string cure = "write `" + std::string(key) + ": [52.78.132.66/32]`";
  const Node* given = block.find(key);
  if (given == nullptr) return;
  if (given->kind == Node::Kind::Null) {
    block.problem(key, "has no value", cure + ", or remove the line for the default");
    return;
  }
  out.clear();
  for (const auto& [path, place, node] : block.list(key, cure)) {
    auto parsed =
        node.kind == Node::Kind::Scalar ? parse_cidr(node.text) : Unreadable{"is no single network", cure};
    if (const auto* wrong = std::get_if<Unreadable>(&parsed)) {
      block.context().report.add(place, "an entry of `" + block.path_of(key) + "` " + wrong->what,
                                 wrong->cure);
    } else {
      out.push_back(std::get<Cidr>(std::move(parsed)));
    }
  }
}

void read_allowed_networks(const Block& block, std::string_view key, std::vector<Cidr>& out) {
  read_networks(block, key, out);
  const Node* given = block.find(key);
  if (given != nullptr && given->kind == Node::Kind::List && given->items.empty())
    block.problem(key, "is empty, so that nobody may call", "write `allow_from: [52.78.132.66/32]`");
}

}  // namespace stibee_sync::settings
