#pragma once

#include "stibee_sync/settings/settings.hpp"
#include "words.hpp"

#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

/// From the text of one YAML value to a value and back, without I/O. `what` of a refusal continues a sentence
/// that begins with the key ("`log.level` is …"). Ranges include both of their ends.
namespace stibee_sync::settings {

struct Unreadable {
  std::string what;
  std::string cure;
};

template <class T>
using Parsed = std::variant<T, Unreadable>;

/// `100ms`, `30s`, `5m`, `1h`, `30d`: a whole number and a unit.
Parsed<milliseconds> parse_duration(std::string_view text);
Parsed<milliseconds> parse_duration(std::string_view text, milliseconds shortest, milliseconds longest);

/// `10/s`, `10/min`, `10/h` or, for other windows, `10/6s`: 1 to 100000 calls in 100ms to 1h.
Parsed<Rate> parse_rate(std::string_view text);
/// The same, from 1/s to 1000/s.
Parsed<Rate> parse_rate_per_second(std::string_view text);

Parsed<std::int64_t> parse_whole(std::string_view text, std::int64_t lowest, std::int64_t highest);
/// The positive number of a list; who pastes the address of its page is told which part of it is meant.
Parsed<std::int64_t> parse_list_id(std::string_view text);
Parsed<double> parse_percent(std::string_view text, int lowest);  ///< lowest to 100, without a % sign
Parsed<bool> parse_flag(std::string_view text);                   ///< `true` or `false`
/// Which of the names it is, from 0.
Parsed<std::size_t> parse_choice(std::string_view text, std::span<const std::string_view> names);

/// `ADDRESS:PORT`, with IPv6 addresses in brackets.
Parsed<ListenAddress> parse_listen_address(std::string_view text);
/// The same or `off`, which is nothing.
Parsed<std::optional<ListenAddress>> parse_listener(std::string_view text);

/// `ADDRESS/PREFIX`, or an address alone.
Parsed<Cidr> parse_cidr(std::string_view text);

/// Returns the URL without trailing slashes. Messages do not repeat it, since it may hold a password.
Parsed<std::string> parse_base_url(std::string_view text);

/// Nothing when notices can be posted to this URL. Messages do not repeat it, since it is a secret.
std::optional<Unreadable> refuse_notify_url(std::string_view text);

/// `http://HOST:PORT`. Messages do not repeat it, since it may hold a password.
Parsed<Proxy> parse_proxy(std::string_view text);

/// A DNS name or an IP literal, without port: as it arrives in a Host header, in lower case.
Parsed<std::string> parse_host_name(std::string_view text);

/// Nothing when libpq can be given this text and there is no password in it. Messages do not repeat it.
std::optional<Unreadable> refuse_database_url(std::string_view text);

/// The same, with the text otherwise.
Parsed<std::string> parse_database_url(std::string_view text);

/// `Asia/Seoul`, `UTC`; whether the zone exists is for PostgreSQL to say.
bool is_time_zone_name(std::string_view text);
Parsed<std::string> parse_time_zone(std::string_view text);

/// A statement that may become part of another one: without white space and semicolons at its end.
Parsed<std::string> parse_query(std::string_view text);
std::string without_end_mark(std::string_view statement);

Parsed<std::string> any_text(std::string_view text);

/// How a value is written in the file: durations in the largest unit that leaves no remainder.
std::string written(milliseconds duration);
std::string written(const Rate& rate);
std::string written(double number);
std::string written(const std::optional<ListenAddress>& address);
inline std::string written(const ListenAddress& address) {
  return address.text();
}
inline std::string written(std::string text) {
  return text;
}
inline std::string written(bool flag) {
  return flag ? "true" : "false";
}
template <std::signed_integral Number>
std::string written(Number number) {
  return std::to_string(number);
}

}  // namespace stibee_sync::settings
