#include "stibee_sync/http/base_url.hpp"

#include "http/message_text.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/asio/ip/address.hpp>

namespace stibee_sync::http {
namespace {

namespace asio = boost::asio;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

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
                     [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_'; })) {
      return false;
    }
    start = dot + 1;
  }
  // "127.1" or "2130706433" would be read as an address by getaddrinfo, behind the back of every check here.
  return !std::all_of(label.begin(), label.end(), is_digit) && !label.starts_with("0x");
}

}  // namespace

BaseUrl::BaseUrl(bool tls, std::string host, bool ip_literal, std::uint16_t port, std::string path_prefix)
    : tls_(tls),
      host_(std::move(host)),
      ip_literal_(ip_literal),
      port_(port),
      path_prefix_(std::move(path_prefix)) {}

std::string BaseUrl::authority() const {
  const bool v6 = host_.find(':') != std::string::npos;
  return (v6 ? "[" + host_ + "]" : host_) + ":" + std::to_string(port_);
}

std::string BaseUrl::host_header() const {
  std::string text = authority();
  if (port_ == (tls_ ? 443 : 80)) text.resize(text.rfind(':'));
  return text;
}

std::variant<BaseUrl, std::string> parse_base_url(std::string_view text) {
  const auto refuse = [](std::string_view reason) { return std::string(reason); };
  const auto scheme_end = text.find("://");
  const std::string scheme = lower_case(text.substr(0, std::min(scheme_end, text.size())));
  if (scheme_end == std::string_view::npos || (scheme != "https" && scheme != "http")) {
    return refuse(
        "must begin with https:// (or http:// for a loopback address), as in https://api.stibee.com");
  }
  const bool tls = scheme == "https";
  std::string_view rest = text.substr(scheme_end + 3);
  if (!std::all_of(rest.begin(), rest.end(), [](char c) { return c > 0x20 && c < 0x7f; })) {
    return refuse("contains white space, a control character or a character outside ASCII");
  }
  if (rest.find('#') != std::string_view::npos) return refuse("must not have a fragment ('#...')");
  if (rest.find('?') != std::string_view::npos) return refuse("must not have a query ('?...')");
  if (rest.find('\\') != std::string_view::npos) return refuse("must not contain a backslash");

  const auto slash = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  std::string path(rest.substr(slash));
  while (!path.empty() && path.back() == '/')
    path.pop_back();
  if (authority.find('@') != std::string_view::npos) {
    return refuse("must not contain a user name or password; the key belongs in api_key_file");
  }

  std::string host;
  std::string_view port_text;
  bool has_port = false;
  boost::system::error_code error;
  asio::ip::address address;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return refuse("has an IPv6 address without the closing ']'");
    host = lower_case(authority.substr(1, close - 1));
    std::string_view after = authority.substr(close + 1);
    has_port = !after.empty();
    if (has_port && !after.starts_with(':'))
      return refuse("has something other than ':port' after the IPv6 address");
    if (has_port) port_text = after.substr(1);
    address = asio::ip::make_address_v6(host, error);
    if (error || host.find('%') != std::string::npos)
      return refuse("has no valid IPv6 address between '[' and ']'");
  } else {
    const auto colon = authority.find(':');
    has_port = colon != std::string_view::npos;
    host = lower_case(authority.substr(0, std::min(colon, authority.size())));
    if (has_port) port_text = authority.substr(colon + 1);
    if (host.empty()) return refuse("has no host name, as in https://api.stibee.com");
    address = asio::ip::make_address_v4(host, error);
    if (error && host.ends_with('.')) host.pop_back();
    if (error && !is_host_name(host)) {
      return refuse("has a host that is neither a DNS name nor an IP address (IPv6 goes in brackets)");
    }
  }
  const bool literal = !error;
  std::uint16_t port = tls ? 443 : 80;
  if (has_port) {
    const auto parsed = parse_port(port_text);
    if (!parsed) return refuse("has a port that is not a number from 1 to 65535");
    port = *parsed;
  }
  if (!tls && host != "localhost" && !(literal && address.is_loopback())) {
    return refuse(
        "plain http is only allowed to a loopback address (127.0.0.1, [::1], localhost): use https://");
  }
  return BaseUrl(tls, std::move(host), literal, port, std::move(path));
}

}  // namespace stibee_sync::http
