// Addresses and percent-encoding as the simulated Stibee sees them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stibee_sim {

std::string fold(std::string_view address);  // ASCII lower case
bool well_formed_address(std::string_view address, std::size_t longest);
std::optional<std::string> percent_decode(std::string_view text);  // nothing: broken escape

}  // namespace stibee_sim
