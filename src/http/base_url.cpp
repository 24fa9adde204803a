#include "stibee_sync/http/base_url.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/ip.hpp"
#include "stibee_sync/text/url.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

namespace stibee_sync::http {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535)
    return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  std::size_t start = 0;
  std::string_view label;
  while (start <= host.size()) {
    const auto dot = std::min(host.find('.', start), host.size());
    label = host.substr(start, dot - start);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return text::is_digit(c) || text::is_lower(c) || c == '-' || c == '_'; })) {
      return false;
    }
    start = dot + 1;
  }
  // "127.1" or "2130706433" would be read as an address by getaddrinfo, behind the back of every check here.
  return !std::all_of(label.begin(), label.end(), text::is_digit) && !label.starts_with("0x");
}

std::string_view refusal_of(text::UrlProblem problem) {
  switch (problem) {
    case text::UrlProblem::Scheme:
      return "must begin with https:// (or http:// for a loopback address), as in https://api.stibee.com";
    case text::UrlProblem::Host:
      return "has a host that is neither a DNS name nor an IP address (IPv6 goes in brackets)";
    case text::UrlProblem::Port:
      return "has a port that is not a number from 1 to 65535";
    case text::UrlProblem::Rest:
      return "has a character in its path that does not belong in a URL";
  }
  std::abort();
}

}  // namespace

BaseUrl::BaseUrl(bool tls, std::string host, bool ip_literal, std::uint16_t port, std::string path_prefix)
    : tls_(tls),
      host_(std::move(host)),
      ip_literal_(ip_literal),
      port_(port),
      path_prefix_(std::move(path_prefix)) {}

std::string authority_of(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string BaseUrl::authority() const {
  return authority_of(host_, port_);
}

std::string BaseUrl::host_header() const {
  std::string text = authority();
  if (port_ == (tls_ ? 443 : 80)) text.resize(text.rfind(':'));
  return text;
}

std::variant<BaseUrl, std::string> parse_base_url(std::string_view text) {
  const auto parsed = text::parse_url(text);
  if (const auto* problem = std::get_if<text::UrlProblem>(&parsed)) return std::string(refusal_of(*problem));
  const auto& url = std::get<text::Url>(parsed);
  const auto refuse = [](std::string_view reason) { return std::string(reason); };
  const bool tls = url.scheme == "https";
  if (!tls && url.scheme != "http") return refuse(refusal_of(text::UrlProblem::Scheme));
  if (url.has_fragment) return refuse("must not have a fragment ('#...')");
  if (url.has_query) return refuse("must not have a query ('?...')");
  if (url.has_user)
    return refuse("must not contain a user name or password; the key belongs in api_key_file");
  if (url.host.empty()) return refuse("has no host name, as in https://api.stibee.com");

  const auto address = text::IpAddress::parse(url.host);
  std::string host = url.host;
  if (!address && host.ends_with('.')) host.pop_back();
  if (!address && !is_host_name(host)) return refuse(refusal_of(text::UrlProblem::Host));
  const auto port = url.port ? parse_port(*url.port) : std::optional<std::uint16_t>(tls ? 443 : 80);
  if (!port) return refuse(refusal_of(text::UrlProblem::Port));
  if (!tls && host != "localhost" && !(address && address->is_loopback())) {
    return refuse(
        "plain http is only allowed to a loopback address (127.0.0.1, [::1], localhost): use https://");
  }
  std::string path = url.path;
  while (path.ends_with('/'))
    path.pop_back();
  return BaseUrl(tls, std::move(host), address.has_value(), *port, std::move(path));
}

}  // namespace stibee_sync::http
