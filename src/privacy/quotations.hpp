#pragma once

#include "stibee_sync/privacy/redaction.hpp"

namespace stibee_sync::privacy {

/// Replaces the values that a message quotes; from one that does not end, all the rest is removed.
std::string without_values(std::string_view text, const Wording& wording);

}  // namespace stibee_sync::privacy
