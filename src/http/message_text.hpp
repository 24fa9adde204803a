#pragma once

#include <string>
#include <string_view>

namespace stibee_sync::http {

std::string lower_case(std::string_view text);
bool equal_ignoring_case(std::string_view left, std::string_view right);
bool is_token(std::string_view text);
/// No control character but the tab: nothing that could end a header line.
bool is_header_value(std::string_view text);

}  // namespace stibee_sync::http
