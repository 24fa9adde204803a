#include "stibee_sync/http/listen_address.hpp"

namespace stibee_sync::http {

ListenAddress::ListenAddress(std::string ip_literal, std::uint16_t port_number)
    : host(std::move(ip_literal)), port(port_number) {}

std::string ListenAddress::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

UnixSocketAddress::UnixSocketAddress(std::filesystem::path socket_path) : path(std::move(socket_path)) {}

}  // namespace stibee_sync::http
