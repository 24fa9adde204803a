#pragma once

#include "stibee_sync/settings/settings.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

/// From the text of one YAML value to a value, without I/O. `what` of a refusal continues a sentence that
/// begins with the key ("`log.level` is …").
namespace stibee_sync::settings {

struct Unreadable {
  std::string what;
  std::string cure;
};

template <class T>
using Parsed = std::variant<T, Unreadable>;

/// The text, shortened, control characters replaced: fit for a message on one line.
std::string printable(std::string_view text, std::size_t longest = 40);
/// The same in double quotes.
std::string shown(std::string_view text, std::size_t longest = 40);

/// `a, b or c`
std::string joined(std::span<const std::string_view> names);

/// `100ms`, `30s`, `5m`, `1h`, `30d`: a whole number and a unit.
Parsed<milliseconds> parse_duration(std::string_view text);
std::string format_duration(milliseconds duration);  ///< in the largest unit that leaves no remainder

/// `10/s`, `10/min`, `10/h` or, for other windows, `10/6s`.
Parsed<Rate> parse_rate(std::string_view text);
std::string format_rate(const Rate& rate);

/// `ADDRESS:PORT`, with IPv6 addresses in brackets.
Parsed<ListenAddress> parse_listen_address(std::string_view text);

/// `ADDRESS/PREFIX`, or an address alone.
Parsed<Cidr> parse_cidr(std::string_view text);

/// Returns the URL without trailing slashes. Messages do not repeat it, since it may hold a password.
Parsed<std::string> parse_base_url(std::string_view text);

/// Nothing when libpq can be given this text and there is no password in it. Messages do not repeat it.
std::optional<Unreadable> refuse_database_url(std::string_view text);

/// `Asia/Seoul`, `UTC`; whether the zone exists is for PostgreSQL to say.
bool is_time_zone_name(std::string_view text);

}  // namespace stibee_sync::settings
