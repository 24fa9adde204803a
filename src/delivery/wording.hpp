#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace stibee_sync::delivery {

/// Lower case without anything but letters, digits and bytes beyond ASCII: "LIST_NotFound" → "listnotfound".
std::string bare(std::string_view text);
bool contains_any(std::string_view text, std::initializer_list<std::string_view> words);

/// "CODE: words", or which of the two there is.
std::string with_code(std::string_view code, std::string_view words);

}  // namespace stibee_sync::delivery
