#include "values.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace stibee_sync::settings {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array<Unit, 5> units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

constexpr auto duration_cure = "write a whole number and a unit (ms, s, m, h, d), such as 30s or 5m";
constexpr auto rate_cure = "write a number of calls per s, min or h, such as 10/s or 100/min";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// A non-negative number at the start of the text, which is shortened by it.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// The address as the system writes it, and its width in bits (32 or 128); nothing when it is no IP address.
struct IpAddress {
  std::array<unsigned char, 16> bytes{};
  int bits = 0;
  [[nodiscard]] std::string text() const {
    std::array<char, INET6_ADDRSTRLEN> out{};
    inet_ntop(bits == 32 ? AF_INET : AF_INET6, bytes.data(), out.data(), out.size());
    return out.data();
  }
};

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string zero_ended(text);
  IpAddress address;
  if (inet_pton(AF_INET, zero_ended.c_str(), address.bytes.data()) == 1) {
    address.bits = 32;
  } else if (inet_pton(AF_INET6, zero_ended.c_str(), address.bytes.data()) == 1) {
    address.bits = 128;
  } else {
    return std::nullopt;
  }
  return address;
}

/// Clears everything beyond the prefix; true when something was there.
bool clear_host_bits(IpAddress& address, int prefix_length) {
  bool cleared = false;
  for (int bit = prefix_length; bit < address.bits; ++bit) {
    auto& byte = address.bytes[static_cast<std::size_t>(bit / 8)];
    const auto mask = static_cast<unsigned char>(0x80U >> static_cast<unsigned>(bit % 8));
    cleared = cleared || (byte & mask) != 0;
    byte = static_cast<unsigned char>(byte & ~mask);
  }
  return cleared;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto number = take_number(text);
  if (!number || !text.empty() || *number > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  const auto address = parse_ip(host);
  return address && address->bits == 32 && address->bytes[0] == 127;
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_';
  });
}

}  // namespace

std::string printable(std::string_view text, std::size_t longest) {
  const bool cut = text.size() > longest;
  if (cut) {
    text = text.substr(0, longest);
    // Not in the middle of a UTF-8 sequence.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80U)
      text.remove_suffix(1);
    if (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80U) != 0) text.remove_suffix(1);
  }
  std::string out;
  for (const char c : text)
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (cut) out += "…";
  return out;
}

std::string shown(std::string_view text, std::size_t longest) {
  std::string out = "\"";
  out.append(printable(text, longest)).append("\"");
  return out;
}

std::string joined(std::span<const std::string_view> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out;
}

Parsed<milliseconds> parse_duration(std::string_view text) {
  std::string_view rest = text;
  const auto number = take_number(rest);
  if (number && rest.empty()) {
    return Unreadable{"is " + shown(text) + ", a number without a unit",
                      "write the unit too: " + std::string(text) + "s for seconds, or ms, m, h, d"};
  }
  const auto unit =
      std::find_if(units.begin(), units.end(), [rest](const Unit& each) { return each.name == rest; });
  if (!number || unit == units.end()) {
    return Unreadable{"is " + shown(text) + ", which is no duration", duration_cure};
  }
  if (*number > std::numeric_limits<std::int64_t>::max() / unit->milliseconds) {
    return Unreadable{"is " + shown(text) + ", which is too long", duration_cure};
  }
  return milliseconds(*number * unit->milliseconds);
}

std::string format_duration(milliseconds duration) {
  for (const Unit& unit : units) {
    if (duration.count() != 0 && duration.count() % unit.milliseconds == 0) {
      return std::to_string(duration.count() / unit.milliseconds) + std::string(unit.name);
    }
  }
  return "0s";
}

Parsed<Rate> parse_rate(std::string_view text) {
  std::string_view rest = text;
  const auto count = take_number(rest);
  if (count && rest.empty()) {
    return Unreadable{"is " + shown(text) + ", a number without \"per what\"",
                      "write " + std::string(text) + "/s or " + std::string(text) + "/min"};
  }
  if (!count || rest.front() != '/') return Unreadable{"is " + shown(text) + ", which is no rate", rate_cure};
  rest.remove_prefix(1);

  std::string window(rest == "min" ? "m" : rest);
  if (!window.empty() && !is_digit(window.front())) window.insert(0, "1");
  const auto length = parse_duration(window);
  if (!std::holds_alternative<milliseconds>(length)) {
    return Unreadable{"is " + shown(text) + ", which is no rate", rate_cure};
  }
  const auto duration = std::get<milliseconds>(length);
  if (*count < 1 || *count > 100'000 || duration < milliseconds(100) || duration > hours(1)) {
    return Unreadable{"is " + shown(text) + ", which is out of range",
                      "write 1 to 100000 calls in a window of 100ms to 1h"};
  }
  return Rate{static_cast<int>(*count), duration};
}

std::string format_rate(const Rate& rate) {
  const std::string count = std::to_string(rate.count);
  if (rate.window == seconds(1)) return count + "/s";
  if (rate.window == minutes(1)) return count + "/min";
  if (rate.window == hours(1)) return count + "/h";
  return count + "/" + format_duration(rate.window);
}

Parsed<ListenAddress> parse_listen_address(std::string_view text) {
  const auto refuse = [text](std::string cure) {
    return Unreadable{"is " + shown(text) + ", which is no address to listen on", std::move(cure)};
  };
  const std::string example = "write ADDRESS:PORT, such as 127.0.0.1:9464 or [::1]:9464";
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse(example);
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);

  const auto port = parse_port(port_text);
  if (!port) return refuse("write a port from 0 to 65535 after the last colon, such as 127.0.0.1:9464");
  if (host == "localhost") return refuse("write 127.0.0.1:" + std::to_string(*port));
  const auto address = parse_ip(host);
  if (!address) return refuse(example);
  if (bracketed != (address->bits == 128)) return refuse(example);
  return ListenAddress{address->text(), *port};
}

Parsed<Cidr> parse_cidr(std::string_view text) {
  const auto slash = text.find('/');
  auto address = parse_ip(text.substr(0, slash));
  if (!address) {
    return Unreadable{"is " + shown(text) + ", which is no network",
                      "write ADDRESS/PREFIX, such as 52.78.132.66/32 or 2001:db8::/32"};
  }
  int prefix_length = address->bits;
  if (slash != std::string_view::npos) {
    std::string_view rest = text.substr(slash + 1);
    const auto number = take_number(rest);
    if (!number || !rest.empty() || *number > address->bits) {
      return Unreadable{"is " + shown(text) + ", which has no valid prefix length",
                        "write 0 to " + std::to_string(address->bits) + " after the slash"};
    }
    prefix_length = static_cast<int>(*number);
  }
  const std::string host = address->text();
  if (clear_host_bits(*address, prefix_length)) {
    return Unreadable{"is " + shown(text) + ", which has bits set beyond its prefix",
                      "write " + address->text() + "/" + std::to_string(prefix_length) +
                          " for the network, or " + host + "/" + std::to_string(address->bits) +
                          " for the one address"};
  }
  return Cidr{host, prefix_length};
}

Parsed<std::string> parse_base_url(std::string_view text) {
  const auto refuse = [](std::string what) {
    return Unreadable{std::move(what),
                      "write https://HOST or https://HOST:PORT, such as https://api.stibee.com"};
  };
  const bool https = text.starts_with("https://");
  if (!https && !text.starts_with("http://")) return refuse("is no URL beginning with https://");
  std::string_view rest = text.substr(https ? 8 : 7);
  if (rest.find_first_of("?#") != std::string_view::npos) return refuse("has a query or a fragment");
  const std::string_view authority = rest.substr(0, rest.find('/'));
  std::string_view path = rest.substr(authority.size());
  if (rest.find('@') != std::string_view::npos) return refuse("has a user name or password in it");
  if (std::any_of(path.begin(), path.end(),
                  [](char c) { return c <= 0x20 || c == 0x7f || c == '"' || c == '\\'; })) {
    return refuse("has characters that do not belong in a URL");
  }

  std::string_view host = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return refuse("has no valid host");
    host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    const auto address = parse_ip(host);
    if (!address || address->bits != 128) return refuse("has no valid host");
  } else {
    const auto colon = authority.find(':');
    host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
    if (!is_host_name(host)) return refuse("has no valid host");
  }
  if (!port.empty() &&
      (port.front() != ':' || !parse_port(port.substr(1)) || parse_port(port.substr(1)) == 0)) {
    return refuse("has no valid port");
  }
  if (!https && !is_loopback(host)) {
    return Unreadable{"is plain http to another machine, which would show the API key to the network",
                      "use https://; plain http is for a loopback address only"};
  }
  while (path.ends_with('/'))
    path.remove_suffix(1);
  if (path.ends_with("/v1") || path.ends_with("/v2")) {
    return Unreadable{"ends with the version of the API",
                      "leave /v1 or /v2 out; `stibee.api` chooses the version"};
  }
  return std::string(https ? "https://" : "http://") + std::string(authority) + std::string(path);
}

bool is_time_zone_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '_' ||
           c == '-' || c == '+';
  });
}

}  // namespace stibee_sync::settings
