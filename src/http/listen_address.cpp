#include "stibee_sync/http/listen_address.hpp"

#include <charconv>

#include <boost/asio/ip/address.hpp>

namespace stibee_sync::http {

ListenAddress::ListenAddress(std::string ip_literal, std::uint16_t port_number)
    : host(std::move(ip_literal)), port(port_number) {}

std::string ListenAddress::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

UnixSocketAddress::UnixSocketAddress(std::filesystem::path socket_path) : path(std::move(socket_path)) {}

std::variant<ListenAddress, std::string> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::string("must be ADDRESS:PORT, as in 127.0.0.1:9464 or [::1]:9464");
  const std::string_view port_text = text.substr(colon + 1);
  unsigned port = 0;
  const auto [end, parse_error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (parse_error != std::errc{} || end != port_text.data() + port_text.size() || port > 65535) {
    return std::string("has a port that is not a number from 0 to 65535 (0 lets the system choose)");
  }
  std::string host(text.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    boost::asio::ip::make_address_v6(host, error);
  } else {
    boost::asio::ip::make_address_v4(host, error);
  }
  if (error) {
    return std::string(
        "needs an IP address before the port, as in 127.0.0.1:9464, [::1]:9464 or 0.0.0.0:9464");
  }
  return ListenAddress(std::move(host), static_cast<std::uint16_t>(port));
}

}  // namespace stibee_sync::http
