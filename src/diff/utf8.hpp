#pragma once

#include <string_view>

namespace stibee_sync::diff {

/// Whether `text` is well-formed UTF-8 (Unicode 15, table 3-7). NUL counts as valid.
bool is_valid_utf8(std::string_view text);

}  // namespace stibee_sync::diff
