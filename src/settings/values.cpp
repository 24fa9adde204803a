#include "values.hpp"

#include "stibee_sync/text/ascii.hpp"
#include "stibee_sync/text/ip.hpp"
#include "stibee_sync/text/url.hpp"

#include <algorithm>
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

/// `which` completes "is TEXT, …".
Unreadable refuse(std::string_view text, std::string_view which, std::string cure) {
  return {"is " + shown(text) + ", " + std::string(which), std::move(cure)};
}

/// A non-negative number at the start of the text, which is shortened by it.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  if (text.empty() || !text::is_digit(text.front())) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && is_alphanumeric(host, "-._");
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto number = take_number(text);
  if (!number || !text.empty() || *number > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

/// What keeps us from sending to a host; `shown` is what plain http would show.
std::optional<Unreadable> refuse_authority(const text::Url& url, const std::string& cure,
                                           const std::string& shown) {
  if (!is_host_name(url.host) && !url.host_is_bracketed) return Unreadable{"has no valid host", cure};
  if (url.port && parse_port(*url.port).value_or(0) == 0) return Unreadable{"has no valid port", cure};
  const auto address = text::IpAddress::parse(url.host);
  if (url.scheme != "https" && url.host != "localhost" && !(address && address->is_loopback())) {
    return Unreadable{"is plain http to another machine, which would show " + shown + " to the network",
                      "use https://; plain http is for a loopback address only"};
  }
  return std::nullopt;
}

}  // namespace

Parsed<milliseconds> parse_duration(std::string_view text) {
  std::string_view rest = text;
  const auto number = take_number(rest);
  if (number && rest.empty()) {
    return refuse(text, "a number without a unit",
                  "write the unit too: " + std::string(text) + "s for seconds, or ms, m, h, d");
  }
  const auto unit =
      std::find_if(units.begin(), units.end(), [rest](const Unit& each) { return each.name == rest; });
  if (!number || unit == units.end()) {
    return refuse(text, "which is no duration", duration_cure);
  }
  if (*number > std::numeric_limits<std::int64_t>::max() / unit->milliseconds) {
    return refuse(text, "which is too long", duration_cure);
  }
  return milliseconds(*number * unit->milliseconds);
}

Parsed<milliseconds> parse_duration(std::string_view text, milliseconds shortest, milliseconds longest) {
  auto parsed = parse_duration(text);
  const auto* duration = std::get_if<milliseconds>(&parsed);
  if (duration == nullptr || (*duration >= shortest && *duration <= longest)) return parsed;
  return refuse(text, "which is out of range",
                "write a duration from " + written(shortest) + " to " + written(longest));
}

Parsed<Rate> parse_rate(std::string_view text) {
  std::string_view rest = text;
  const auto count = take_number(rest);
  if (count && rest.empty()) {
    return refuse(text, "a number without \"per what\"",
                  "write " + std::string(text) + "/s or " + std::string(text) + "/min");
  }
  if (!count || rest.front() != '/') return refuse(text, "which is no rate", rate_cure);
  rest.remove_prefix(1);

  std::string window(rest == "min" ? "m" : rest);
  if (!window.empty() && !text::is_digit(window.front())) window.insert(0, "1");
  const auto length = parse_duration(window);
  if (!std::holds_alternative<milliseconds>(length)) {
    return refuse(text, "which is no rate", rate_cure);
  }
  const auto duration = std::get<milliseconds>(length);
  if (*count < 1 || *count > 100'000 || duration < milliseconds(100) || duration > hours(1)) {
    return refuse(text, "which is out of range", "write 1 to 100000 calls in a window of 100ms to 1h");
  }
  return Rate{static_cast<std::size_t>(*count), duration};
}

Parsed<Rate> parse_rate_per_second(std::string_view text) {
  auto parsed = parse_rate(text);
  const auto* rate = std::get_if<Rate>(&parsed);
  if (rate == nullptr) return parsed;
  const double per_second =
      static_cast<double>(rate->calls) / std::chrono::duration<double>(rate->window).count();
  if (per_second >= 1 && per_second <= 1000) return parsed;
  return refuse(written(*rate), "which is out of range", "write 1/s to 1000/s");
}

Parsed<std::int64_t> parse_whole(std::string_view text, std::int64_t lowest, std::int64_t highest) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string cure = "write a whole number from " + written(lowest) + " to " + written(highest);
  if (error == std::errc::invalid_argument || end != text.data() + text.size())
    return refuse(text, "which is no whole number", cure);
  if (error != std::errc() || number < lowest || number > highest)
    return refuse(text, "which is out of range", cure);
  return number;
}

Parsed<std::int64_t> parse_list_id(std::string_view text) {
  auto parsed = parse_whole(text, 1, std::numeric_limits<std::int64_t>::max());
  if (std::holds_alternative<std::int64_t>(parsed) || text.find('/') == text.npos) return parsed;
  std::string_view number;
  std::string_view before;
  for (std::string_view rest = text.substr(0, text.find_first_of("?#")); !rest.empty();) {
    const auto part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    const bool digits = !part.empty() && std::all_of(part.begin(), part.end(), text::is_digit);
    const bool of_list = before == "lists" || before == "list";
    if (digits && (number.empty() || of_list)) number = part;
    before = part;
  }
  return refuse(text, "the address of a page",
                number.empty() ? "write the number of the list alone, such as 1234"
                               : "write the number in it alone: " + std::string(number));
}

Parsed<double> parse_percent(std::string_view text, int lowest) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  // The comparison is false for "nan" as well.
  if (error == std::errc() && end == text.data() + text.size() && number >= lowest && number <= 100)
    return number;
  return refuse(text, "which is no percentage in range",
                "write a number from " + std::to_string(lowest) + " to 100, without a % sign");
}

Parsed<bool> parse_flag(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  return refuse(text, "which is neither true nor false", "write true or false");
}

Parsed<std::size_t> parse_choice(std::string_view text, std::span<const std::string_view> names) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const auto near = nearest(text, names);
  return refuse(text, "which is not one of its values",
                near.size() < 4 ? "write " + joined(names) : "did you mean " + std::string(near) + "?");
}

Parsed<ListenAddress> parse_listen_address(std::string_view text) {
  const auto wrong = [text](std::string cure) {
    return refuse(text, "which is no address to listen on", std::move(cure));
  };
  const std::string example = "write ADDRESS:PORT, such as 127.0.0.1:9464 or [::1]:9464";
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong(example);
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);

  const auto port = parse_port(port_text);
  if (!port) return wrong("write a port from 0 to 65535 after the last colon, such as 127.0.0.1:9464");
  if (host == "localhost") return wrong("write 127.0.0.1:" + std::to_string(*port));
  const auto address = text::IpAddress::parse(host);
  if (!address) return wrong(example);
  if (bracketed != (!address->is_v4())) return wrong(example);
  return ListenAddress{address->text(), *port};
}

Parsed<std::optional<ListenAddress>> parse_listener(std::string_view text) {
  if (text == "off") return std::optional<ListenAddress>();
  auto parsed = parse_listen_address(text);
  if (auto* wrong = std::get_if<Unreadable>(&parsed)) return std::move(*wrong);
  return std::optional(std::get<ListenAddress>(std::move(parsed)));
}

Parsed<Cidr> parse_cidr(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = text::IpAddress::parse(text.substr(0, slash));
  if (!address) {
    return refuse(text, "which is no network",
                  "write ADDRESS/PREFIX, such as 52.78.132.66/32 or 2001:db8::/32");
  }
  const std::string bits = std::to_string(address->bits());
  std::string_view rest = slash == text.npos ? std::string_view(bits) : text.substr(slash + 1);
  const auto number = take_number(rest);
  if (!number || !rest.empty() || *number > address->bits())
    return refuse(text, "which has no valid prefix length", "write 0 to " + bits + " after the slash");
  const auto prefix_length = static_cast<int>(*number);
  const auto network = address->masked(prefix_length);
  if (network != *address) {
    return refuse(text, "which has bits set beyond its prefix",
                  "write " + network.text() + "/" + std::to_string(prefix_length) + " for the network, or " +
                      address->text() + "/" + bits + " for the one address");
  }
  return Cidr{network.text(), prefix_length};
}

Parsed<Proxy> parse_proxy(std::string_view text) {
  const auto wrong = [](std::string what) {
    return Unreadable{std::move(what), "write http://HOST:PORT, such as http://proxy.example.org:3128"};
  };
  const auto parsed = text::parse_url(text);
  const auto* url = std::get_if<text::Url>(&parsed);
  if (url == nullptr) return wrong("is no URL of a proxy");
  if (url->has_user)
    return wrong("has a user name or password in it, and a proxy that wants them cannot be used");
  if (url->scheme != "http") return wrong("does not begin with http:// (https goes through it all the same)");
  if (!is_host_name(url->host) && !url->host_is_bracketed) return wrong("has no valid host");
  const auto port = parse_port(url->port.value_or(""));
  if (port.value_or(0) == 0) return wrong("has no valid port");
  if ((!url->path.empty() && url->path != "/") || url->has_query || url->has_fragment)
    return wrong("has something after its port");
  return Proxy{url->host, *port};
}

Parsed<std::string> parse_host_name(std::string_view text) {
  std::string name = text::lower_case(text);
  if (name.ends_with('.')) name.pop_back();
  if (is_host_name(name) || text::IpAddress::parse(name)) return name;
  return refuse(text, "which is no host name", "write the name alone, without scheme and port");
}

std::optional<Unreadable> refuse_notify_url(std::string_view text) {
  const std::string cure = "copy the address of the incoming webhook again: https://HOST/…";
  const auto parsed = text::parse_url(text);
  const auto* url = std::get_if<text::Url>(&parsed);
  if (url == nullptr || (url->scheme != "https" && url->scheme != "http"))
    return Unreadable{"is no URL beginning with https://", cure};
  if (url->has_user) return Unreadable{"has a user name or password in it", cure};
  if (url->has_fragment) return Unreadable{"has a fragment (#)", cure};
  return refuse_authority(*url, cure, "it");
}

Parsed<std::string> parse_base_url(std::string_view text) {
  const auto wrong = [](std::string what) {
    return Unreadable{std::move(what),
                      "write https://HOST or https://HOST:PORT, such as https://api.stibee.com"};
  };
  const bool https = text.starts_with("https://");
  if (!https && !text.starts_with("http://")) return wrong("is no URL beginning with https://");
  if (text.find_first_of("?#") != text.npos) return wrong("has a query or a fragment");
  if (text.find('@') != text.npos) return wrong("has a user name or password in it");
  const auto parsed = text::parse_url(text);
  if (const auto* problem = std::get_if<text::UrlProblem>(&parsed)) {
    if (*problem == text::UrlProblem::Port) return wrong("has no valid port");
    return wrong(*problem == text::UrlProblem::Rest ? "has characters that do not belong in a URL"
                                                    : "has no valid host");
  }
  if (auto no = refuse_authority(std::get<text::Url>(parsed), wrong("").cure, "the API key"))
    return std::move(*no);
  while (text.ends_with('/'))
    text.remove_suffix(1);
  if (text.ends_with("/v1") || text.ends_with("/v2")) {
    return Unreadable{"ends with the version of the API",
                      "leave /v1 or /v2 out; `stibee.api` chooses the version"};
  }
  return std::string(text);
}

bool is_time_zone_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && is_alphanumeric(text, "/_-+");
}

Parsed<std::string> parse_time_zone(std::string_view text) {
  if (is_time_zone_name(text)) return std::string(text);
  return refuse(text, "which is no time zone", "write a name such as Asia/Seoul or UTC");
}

Parsed<std::string> parse_database_url(std::string_view text) {
  if (auto wrong = refuse_database_url(text)) return std::move(*wrong);
  return std::string(text);
}

std::string without_end_mark(std::string_view statement) {
  return std::string(statement.substr(0, statement.find_last_not_of("; \n\r\t") + 1));
}

Parsed<std::string> parse_query(std::string_view text) {
  auto query = without_end_mark(text);
  if (query.empty()) return Unreadable{"has no statement in it", "write a SELECT"};
  return query;
}

Parsed<std::string> any_text(std::string_view text) {
  return std::string(text);
}

std::string written(milliseconds duration) {
  for (const Unit& unit : units) {
    if (duration.count() != 0 && duration.count() % unit.milliseconds == 0) {
      return std::to_string(duration.count() / unit.milliseconds) + std::string(unit.name);
    }
  }
  return "0s";
}

std::string written(const Rate& rate) {
  const std::string count = std::to_string(rate.calls);
  if (rate.window == seconds(1)) return count + "/s";
  if (rate.window == minutes(1)) return count + "/min";
  if (rate.window == hours(1)) return count + "/h";
  return count + "/" + written(std::chrono::duration_cast<milliseconds>(rate.window));
}

std::string written(double number) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr};
}

std::string written(const std::optional<ListenAddress>& address) {
  return address ? address->text() : "off";
}

std::string to_string(const Cidr& network) {
  return network.address + "/" + std::to_string(network.prefix_length);
}

}  // namespace stibee_sync::settings
