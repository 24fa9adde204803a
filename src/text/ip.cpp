#include "stibee_sync/text/ip.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstddef>

namespace stibee_sync::text {
namespace {

constexpr std::size_t v4_at = 12;  // where the IPv4 address stands in a mapped one

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view literal) {
  if (literal.size() >= INET6_ADDRSTRLEN || literal.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string zero_ended(literal);
  IpAddress address;
  if (::inet_pton(AF_INET, zero_ended.c_str(), address.bytes_.data() + v4_at) == 1) {
    address.is_v4_ = true;
    address.bytes_[10] = address.bytes_[11] = 0xff;
    return address;
  }
  address.bytes_ = {};
  if (::inet_pton(AF_INET6, zero_ended.c_str(), address.bytes_.data()) == 1) return address;
  return std::nullopt;
}

bool IpAddress::is_loopback() const {
  return is_v4_ ? bytes_[v4_at] == 127 : *this == parse("::1");
}

bool IpAddress::is_mapped() const {
  return bytes_[10] == 0xff && bytes_[11] == 0xff &&
         std::all_of(bytes_.begin(), bytes_.begin() + 10, [](std::uint8_t byte) { return byte == 0; });
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  ::inet_ntop(is_v4_ ? AF_INET : AF_INET6, bytes_.data() + (is_v4_ ? v4_at : 0), out.data(), out.size());
  return out.data();
}

IpAddress IpAddress::masked(int prefix_length) const {
  IpAddress result = *this;
  int kept = prefix_length + 128 - bits();
  for (auto& byte : result.bytes_) {
    byte = static_cast<std::uint8_t>(byte & (0xff << (8 - std::clamp(kept, 0, 8))));
    kept -= 8;
  }
  return result;
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view address, int prefix_length) {
  const auto parsed = IpAddress::parse(address);
  if (!parsed || prefix_length < 0 || prefix_length > parsed->bits()) return std::nullopt;
  IpNetwork network(*parsed);
  network.prefix_length_ = prefix_length + 128 - parsed->bits();
  network.is_v4_ = parsed->is_mapped() && network.prefix_length_ >= 96;
  network.address_.is_v4_ = false;
  network.address_ = network.address_.masked(network.prefix_length_);
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  if (address.is_mapped() != is_v4_) return false;
  IpAddress as_v6 = address;
  as_v6.is_v4_ = false;
  return as_v6.masked(prefix_length_) == address_;
}

std::string ListenAddress::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace stibee_sync::text
