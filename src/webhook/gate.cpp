#include "stibee_sync/webhook/gate.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>

namespace stibee_sync::webhook {
namespace {

constexpr std::string_view prefix = "/webhook/";

using Bytes = std::array<std::uint8_t, 16>;

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

struct Parsed {
  Bytes bytes{};
  bool is_v4 = false;  // written as IPv4

  bool is_mapped() const {
    const bool zero = std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t b) { return b == 0; });
    return zero && bytes[10] == 0xff && bytes[11] == 0xff;
  }
};

std::optional<Parsed> parse_address(std::string_view text) {
  // The zone of a link-local address (fe80::1%eth0) is no part of it.
  const std::string literal(text.substr(0, text.find('%')));
  Parsed parsed;
  in_addr v4{};
  if (::inet_pton(AF_INET, literal.c_str(), &v4) == 1) {
    parsed.is_v4 = true;
    parsed.bytes[10] = parsed.bytes[11] = 0xff;
    std::memcpy(parsed.bytes.data() + 12, &v4, sizeof v4);
    return parsed;
  }
  if (::inet_pton(AF_INET6, literal.c_str(), parsed.bytes.data()) == 1) return parsed;
  return std::nullopt;
}

/// One hop of X-Forwarded-For: some proxies add a port, or quotes.
std::string_view without_port(std::string_view hop) {
  hop = trimmed(hop);
  if (hop.size() >= 2 && hop.front() == '"' && hop.back() == '"') hop = hop.substr(1, hop.size() - 2);
  if (hop.starts_with('[')) return hop.substr(1, std::min(hop.find(']'), hop.size()) - 1);
  const auto colon = hop.find(':');
  const bool has_port = colon != std::string_view::npos && hop.find(':', colon + 1) == std::string_view::npos;
  return has_port ? hop.substr(0, colon) : hop;
}

bool equal_in_constant_time(std::span<const std::uint8_t, 32> a, std::span<const std::uint8_t, 32> b) {
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

bool in_any(const std::vector<Network>& networks, std::string_view address) {
  bool found = false;
  for (const Network& network : networks)
    found = network.contains(address) || found;
  return found;
}

}  // namespace

std::optional<Network> Network::parse(std::string_view address, int prefix_length) {
  const auto parsed = parse_address(address);
  if (!parsed || prefix_length < 0 || prefix_length > (parsed->is_v4 ? 32 : 128)) return std::nullopt;
  Network network;
  network.address_ = parsed->bytes;
  network.prefix_length_ = prefix_length + (parsed->is_v4 ? 96 : 0);
  network.is_v4_ = parsed->is_mapped() && network.prefix_length_ >= 96;
  return network;
}

bool Network::contains(std::string_view address) const {
  const auto parsed = parse_address(address);
  // `::/0` is all of IPv6, and nothing of IPv4.
  if (!parsed || parsed->is_mapped() != is_v4_) return false;
  int bits = prefix_length_;
  for (std::size_t i = 0; i < address_.size() && bits > 0; ++i, bits -= 8) {
    const int kept = std::min(bits, 8);
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - kept));
    if (((address_[i] ^ parsed->bytes[i]) & mask) != 0) return false;
  }
  return true;
}

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::Admitted:
      return "admitted";
    case Verdict::NoSuchPath:
      return "no_such_path";
    case Verdict::WrongSecret:
      return "wrong_secret";
    case Verdict::WrongSource:
      return "wrong_source";
  }
  std::abort();
}

Gate::Gate(std::string_view secret, std::vector<Network> allowed, std::vector<Network> proxies)
    : key_(domain::StateKey::random_bytes()),
      secret_(key_.person_hash(secret)),
      allowed_(std::move(allowed)),
      proxies_(std::move(proxies)) {}

bool Gate::trusts(std::string_view address) const {
  return in_any(proxies_, address);
}

std::string Gate::source_of(const Caller& caller) const {
  if (!trusts(caller.peer)) return caller.peer;
  std::vector<std::string_view> hops;
  for (const std::string& header : caller.forwarded_for) {
    std::string_view rest = header;
    for (;;) {
      const auto comma = rest.find(',');
      hops.push_back(without_port(rest.substr(0, comma)));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  // Each proxy appends the address it was called from; what is left of the last stranger, he made up.
  std::string source = caller.peer;
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    if (!parse_address(*hop)) return {};
    source = *hop;
    if (!trusts(source)) break;
  }
  return source;
}

Verdict Gate::judge(const Caller& caller) const {
  const bool right_path = caller.path.starts_with(prefix);
  const std::string_view given =
      right_path ? std::string_view(caller.path).substr(prefix.size()) : std::string_view();
  const auto hash = key_.person_hash(given);
  const bool right_secret = equal_in_constant_time(hash, secret_);
  const bool right_source = in_any(allowed_, source_of(caller));
  if (!right_path) return Verdict::NoSuchPath;
  if (!right_secret) return Verdict::WrongSecret;
  return right_source ? Verdict::Admitted : Verdict::WrongSource;
}

}  // namespace stibee_sync::webhook
