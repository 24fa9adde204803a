#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace stibee_sync::http {

/// Where the API lives. Made by parse_base_url only.
class BaseUrl {
 public:
  BaseUrl(bool tls, std::string host, bool ip_literal, std::uint16_t port, std::string path_prefix);

  bool tls() const { return tls_; }
  /// Lower case; an IPv6 literal without brackets.
  const std::string& host() const { return host_; }
  bool host_is_ip_literal() const { return ip_literal_; }
  std::uint16_t port() const { return port_; }
  /// Put before every target; empty, or "/x/y" without a final slash.
  const std::string& path_prefix() const { return path_prefix_; }
  /// `host:port`, for messages.
  std::string authority() const;
  /// The value of the Host header: without the port when it is the scheme's own.
  std::string host_header() const;

 private:
  bool tls_;
  std::string host_;
  bool ip_literal_;
  std::uint16_t port_;
  std::string path_prefix_;
};

/// `host:port`, with an IPv6 literal in brackets.
std::string authority_of(const std::string& host, std::uint16_t port);

/// Accepts `https://host[:port][/path]`, and `http://` for a loopback literal or `localhost` only. Anything
/// else is refused with a text that says what is wrong and what would be right, and never repeats a password.
std::variant<BaseUrl, std::string> parse_base_url(std::string_view text);

}  // namespace stibee_sync::http
