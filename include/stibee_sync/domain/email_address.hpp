#pragma once

#include "stibee_sync/domain/reason.hpp"

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace stibee_sync::domain {

/// Why a text cannot be an address at Stibee. NoAt: no `@`, or nothing before it. BadDomain: nothing behind
/// the
/// `@`, a second `@` outside a quoted local part, or a domain that has no ASCII (IDNA) form.
enum class AddressProblem { Empty, NoAt, WhiteSpaceOrControl, TooLong, InvalidUtf8, BadDomain };

Reason reason_of(AddressProblem problem);

/// An e-mail address in the one form in which it is compared, stored and sent: unwrapped, Unicode NFC, lower
/// case, domain in its ASCII (IDNA) form. Not printable on purpose: people appear in logs as `ref` only.
class EmailAddress {
 public:
  /// The longest address that each API of Stibee takes, in bytes of the normalised form.
  static constexpr std::size_t max_length_v1 = 254;
  static constexpr std::size_t max_length_v2 = 64;

  EmailAddress() = default;
  /// Unwraps, normalises and checks `raw`. Wrapping is what does not belong to an address but comes along
  /// with it: white space and what renders as nothing at both ends, `mailto:…?subject=…`, `Name <address>`,
  /// one inside the other. Inside an address none of it is forgiven. Only what Stibee could not even be asked
  /// is refused, it has the last word on the rest. `max_length` counts bytes of the normalised form. Pure;
  /// thread-safe.
  static std::variant<EmailAddress, AddressProblem> parse(std::string_view raw,
                                                          std::size_t max_length = max_length_v1);
  /// For text that is known to be normalised: what the state file holds, or `parse` gave.
  static EmailAddress from_normalised(std::string text) { return EmailAddress(std::move(text)); }

  const std::string& text() const { return text_; }

  friend bool operator==(const EmailAddress&, const EmailAddress&) = default;
  friend auto operator<=>(const EmailAddress& a, const EmailAddress& b) {
    return a.text_.compare(b.text_) <=> 0;
  }

 private:
  explicit EmailAddress(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace stibee_sync::domain

template <>
struct std::hash<stibee_sync::domain::EmailAddress> {
  std::size_t operator()(const stibee_sync::domain::EmailAddress& address) const noexcept {
    return std::hash<std::string>{}(address.text());
  }
};
