#include "files.hpp"
#include "rules.hpp"

#include <algorithm>
#include <sys/un.h>
#include <system_error>

namespace stibee_sync::settings {

void read_api_key(const Cursor& at, Stibee& out) {
  const auto file = read_path(at, Need::Required, "${CREDENTIALS_DIRECTORY}/stibee_api_key");
  if (file) out.api_key_file = *file;
  auto secret = read_secret(at, file);
  if (!secret) return;
  // It becomes an HTTP header.
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (std::all_of(secret->reveal().begin(), secret->reveal().end(), printable)) {
    out.api_key = std::move(*secret);
  } else {
    at.problem("names a file that holds something else than an API key",
               "copy the key again: letters and digits, without spaces");
  }
}

void read_ca_file(const Cursor& at, std::optional<Path>& out) {
  out = read_path(at, Need::Optional, "/etc/ssl/certs/our-ca.pem");
  if (!out || at.context().secret_files == SecretFiles::Skip) return;
  std::error_code error;
  if (!std::filesystem::is_regular_file(*out, error)) {
    at.problem("names " + shown(out->string(), 4096) + ", which is no file that can be read",
               "name a file with certificates in PEM form, or remove the line");
  }
}

void read_password(const Cursor& at, Database& out) {
  out.password_file = read_path(at, Need::Optional, "${CREDENTIALS_DIRECTORY}/db_password");
  out.password = read_secret(at, out.password_file);
}

void read_directory(const Cursor& at, Path& out) {
  const auto directory = read_path(at, Need::Default, out.string());
  if (!directory) return;
  if (directory->filename().empty() && directory->parent_path() == directory->root_path()) {
    at.problem("is the root of the file system",
               "name a directory of its own, such as /var/lib/stibee-syncd");
    return;
  }
  // "dir/" and "dir" are one directory, and must look the same to `needs_restart`.
  out = directory->has_filename() ? *directory : directory->parent_path();
}

void read_socket(const Cursor& at, Path& out) {
  if (auto path = read_path(at, Need::Optional, "/run/stibee-syncd/control.sock")) out = std::move(*path);
}

void read_group(const Cursor& at, std::string& out) {
  const auto name = at.text(Need::Optional, "adm");
  if (!name) return;
  if (!is_alphanumeric(*name, "_-.")) {
    at.problem("is no name of a group", "write one of those that `getent group` lists, such as `adm`");
    return;
  }
  out = *name;
  if (at.context().secret_files == SecretFiles::Skip || has_group(*name)) return;
  at.problem(
      "names the group `" + *name + "`, which this host does not have",
      "write one of those that `getent group` lists, or make it with `groupadd --system " + *name + "`");
}

void place_socket(const Cursor& file, Settings& settings) {
  Path& socket = settings.control.socket;
  if (socket.empty()) {
    const auto runtime = system_directory(file.context().environment, "RUNTIME_DIRECTORY");
    socket = (runtime ? Path(*runtime) : settings.state.directory) / "control.sock";
  }
  constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  if (socket.string().size() > longest) {
    file["control"]["socket"].problem(
        "is a path of more than " + std::to_string(longest) + " bytes, too long for a Unix socket",
        "write a shorter path, such as `socket: /run/stibee-syncd/control.sock`");
  }
}

void read_webhook_secret(const Cursor& at, Webhook& out) {
  const auto file = read_path(at, Need::Required, "${CREDENTIALS_DIRECTORY}/webhook_secret");
  if (file) out.secret_file = *file;
  auto secret = read_secret(at, file);
  if (!secret) return;
  if (is_alphanumeric(secret->reveal(), "-._~")) {
    out.secret = std::move(*secret);
  } else {
    at.problem("names a secret with characters that a URL would have to encode",
               "make one of letters and digits, with `openssl rand -hex 32` for example");
  }
}

void read_notify_url(const Cursor& at, Notify& out) {
  const auto file = read_path(at, Need::Required, "${CREDENTIALS_DIRECTORY}/notify_url");
  if (file) out.url_file = *file;
  auto secret = read_secret(at, file);
  if (!secret) return;
  // Whoever knows the address may write there: it is not repeated.
  if (const auto wrong = refuse_notify_url(secret->reveal())) {
    at.problem("names a file whose address " + wrong->what, wrong->cure);
  } else {
    out.url = std::move(*secret);
  }
}

void read_occasions(const Cursor& at, notice::Occasions& out) {
  if (!at.there()) return;
  const std::string cure = "write `on: [unhealthy, recovered]`, or any of " + joined(notice::occasion_names);
  if (at.is(Node::Kind::Null)) {
    at.problem("has no value", cure + ", or remove the line for all");
    return;
  }
  notice::Occasions occasions;
  for (const Cursor& entry : at.some_entries(cure)) {
    auto parsed = entry.is(Node::Kind::Scalar) ? parse_choice(entry.raw(), notice::occasion_names)
                                               : Parsed<std::size_t>(Unreadable{"is no single word", cure});
    if (const auto* wrong = std::get_if<Unreadable>(&parsed)) {
      at.context().report.add(entry.place(), "an entry of `" + at.path() + "` " + wrong->what, wrong->cure);
    } else {
      occasions.insert(static_cast<notice::Occasion>(std::get<std::size_t>(parsed)));
    }
  }
  if (!occasions.empty()) out = std::move(occasions);
}

void read_hosts(const Cursor& at, std::vector<std::string>& out) {
  if (!at.there()) return;
  const std::string cure = "write `" + at.key() + ": [monitor.example.org]`";
  if (at.is(Node::Kind::Null)) {
    at.problem("has no value", cure + ", or remove the line for the default");
    return;
  }
  for (const Cursor& entry : at.entries(cure)) {
    auto parsed =
        entry.is(Node::Kind::Scalar) ? parse_host_name(entry.raw()) : Unreadable{"is no single name", cure};
    if (const auto* wrong = std::get_if<Unreadable>(&parsed)) {
      at.context().report.add(entry.place(), "an entry of `" + at.path() + "` " + wrong->what, wrong->cure);
    } else {
      out.push_back(std::get<std::string>(std::move(parsed)));
    }
  }
}

void read_networks(const Cursor& at, std::vector<Cidr>& out) {
  if (!at.there()) return;
  const std::string cure = "write `" + at.key() + ": [52.78.132.66/32]`";
  if (at.is(Node::Kind::Null)) {
    at.problem("has no value", cure + ", or remove the line for the default");
    return;
  }
  out.clear();
  for (const Cursor& entry : at.entries(cure)) {
    auto parsed =
        entry.is(Node::Kind::Scalar) ? parse_cidr(entry.raw()) : Unreadable{"is no single network", cure};
    if (const auto* wrong = std::get_if<Unreadable>(&parsed)) {
      at.context().report.add(entry.place(), "an entry of `" + at.path() + "` " + wrong->what, wrong->cure);
    } else {
      out.push_back(std::get<Cidr>(std::move(parsed)));
    }
  }
}

void read_allowed_networks(const Cursor& at, std::vector<Cidr>& out) {
  read_networks(at, out);
  if (at.is(Node::Kind::List) && at.entries({}).empty())
    at.problem("is empty, so that nobody may call", "write `allow_from: [52.78.132.66/32]`");
}

}  // namespace stibee_sync::settings
