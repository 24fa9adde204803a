#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace stibee_sync::delivery {

/// ASCII lower case; other bytes stay.
std::string lower_case(std::string_view text);
/// Lower case without anything but letters, digits and bytes beyond ASCII: "LIST_NotFound" → "listnotfound".
std::string bare(std::string_view text);
bool contains_any(std::string_view text, std::initializer_list<std::string_view> words);

/// "CODE: words", or which of the two there is.
std::string with_code(std::string_view code, std::string_view words);

/// Stibee's words for people to read: no addresses, no runs of seven digits or more, no control characters,
/// at most 200 bytes of whole UTF-8 characters.
std::string safe_message(std::string_view text);

}  // namespace stibee_sync::delivery
