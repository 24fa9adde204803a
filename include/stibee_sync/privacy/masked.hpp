#pragma once

#include <string>
#include <string_view>

namespace stibee_sync::privacy {

/// An address by which somebody who knows it can tell it, and nobody else: its first character and its
/// domain, "k***@example.com". Pure.
std::string masked_address(std::string_view address);
/// The address itself where somebody asked to have it revealed, else masked. "" stays "".
std::string shown_address(std::string_view address, bool reveal);
/// The key of a row: where the key column has addresses, as those are shown.
std::string shown_key(std::string_view key, bool reveal);

}  // namespace stibee_sync::privacy
