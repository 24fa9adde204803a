#include "stibee_sync/settings/settings.hpp"

namespace stibee_sync::settings {

Webhook::Webhook() : listen{"127.0.0.1", 9465}, allow_from{{"52.78.132.66", 32}} {}

std::string to_string(const ListenAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string to_string(const Cidr& network) {
  return network.address + "/" + std::to_string(network.prefix_length);
}

}  // namespace stibee_sync::settings
