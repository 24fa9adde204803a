#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

namespace stibee_sync::http {

/// A TCP address to listen on: an IP literal (IPv6 without brackets) and a port; port 0 lets the system
/// choose.
struct ListenAddress {
  ListenAddress(std::string ip_literal, std::uint16_t port_number);

  std::string host;
  std::uint16_t port;

  /// `127.0.0.1:9464`, `[::1]:9464`
  std::string text() const;
};

/// A Unix socket to listen on. The file gets mode 0660.
struct UnixSocketAddress {
  explicit UnixSocketAddress(std::filesystem::path socket_path);

  std::filesystem::path path;
};

/// Accepts `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464` (which is 127.0.0.1); anything else is refused
/// with a text that says what would be right.
std::variant<ListenAddress, std::string> parse_listen_address(std::string_view text);

}  // namespace stibee_sync::http
