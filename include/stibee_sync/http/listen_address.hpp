#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

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

}  // namespace stibee_sync::http
