#pragma once

#include <string>
#include <string_view>

namespace stibee_sync::diff {

/// Appends one column of COPY text format to `out` with its backslash escapes resolved. Never grows by more
/// than `field.size()` bytes.
void append_unescaped(std::string& out, std::string_view field);

}  // namespace stibee_sync::diff
