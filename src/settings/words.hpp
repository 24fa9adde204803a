#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// What the files of this room need of text and of addresses, and nothing of settings.
namespace stibee_sync::settings {

inline constexpr std::string_view white_space = " \t\n\v\f\r";

std::string lower(std::string_view text);  ///< of ASCII; everything else stays as it is
std::string_view trimmed(std::string_view text);
/// Whether there is nothing in it but ASCII letters, digits and `others`.
bool is_alphanumeric(std::string_view text, std::string_view others = {});
std::string percent_decoded(std::string_view text);  ///< what is no valid escape stays as it is

/// The length of the UTF-8 sequence at the start of the text; 0 when there is no valid one.
std::size_t sequence_length(std::string_view text);

/// The text, shortened, control characters replaced: fit for a message on one line.
std::string printable(std::string_view text, std::size_t longest = 40);
/// The same in double quotes.
std::string shown(std::string_view text, std::size_t longest = 40);

/// `a, b or c`
std::string joined(std::span<const std::string_view> names);
/// The candidate with the fewest typing errors between it and `word`, if few enough to be a guess worth
/// making.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// An address, and its width in bits: 32 or 128.
struct IpAddress {
  std::array<unsigned char, 16> bytes{};
  int bits = 0;
  [[nodiscard]] std::string text() const;  ///< as the system writes it
};
std::optional<IpAddress> parse_ip(std::string_view text);
/// Clears everything beyond the prefix; true when something was there.
bool clear_host_bits(IpAddress& address, int prefix_length);

}  // namespace stibee_sync::settings
