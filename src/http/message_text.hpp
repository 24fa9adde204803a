#pragma once

#include "stibee_sync/text/ascii.hpp"

#include <string_view>

namespace stibee_sync::http {

using text::equal_ignoring_case;
using text::lower_case;

bool is_token(std::string_view text);
/// No control character but the tab: nothing that could end a header line.
bool is_header_value(std::string_view text);

}  // namespace stibee_sync::http
