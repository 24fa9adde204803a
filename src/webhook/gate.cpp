#include "stibee_sync/webhook/gate.hpp"

#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <span>
#include <utility>

namespace stibee_sync::webhook {
namespace {

constexpr std::string_view prefix = "/webhook/";

// The zone of a link-local address (fe80::1%eth0) is no part of it.
std::optional<text::IpAddress> parse_address(std::string_view text) {
  return text::IpAddress::parse(text.substr(0, text.find('%')));
}

/// One hop of X-Forwarded-For: some proxies add a port, or quotes.
std::string_view without_port(std::string_view hop) {
  hop = text::trimmed(hop);
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

bool in_any(const std::vector<text::IpNetwork>& networks, std::string_view address) {
  const auto parsed = parse_address(address);
  bool found = false;
  for (const auto& network : networks)
    found = (parsed && network.contains(*parsed)) || found;
  return found;
}

}  // namespace

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

Gate::Gate(std::string_view secret, std::vector<text::IpNetwork> allowed,
           std::vector<text::IpNetwork> proxies)
    : key_(domain::StateKey::random_bytes()),
      secret_(key_.person_hash(secret)),
      allowed_(std::move(allowed)),
      proxies_(std::move(proxies)) {}

bool Gate::trusts(std::string_view address) const {
  return in_any(proxies_, address);
}

Peer Gate::peer(std::string_view address) const {
  if (trusts(address)) return Peer::Proxy;
  return in_any(allowed_, address) ? Peer::Caller : Peer::Stranger;
}

std::string Gate::source_of(const RequestOrigin& caller) const {
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

Verdict Gate::judge(const RequestOrigin& caller) const {
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
