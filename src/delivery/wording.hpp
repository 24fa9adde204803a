#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace stibee_sync::delivery {

/// Lower case without anything but letters, digits and bytes beyond ASCII: "LIST_NotFound" → "listnotfound".
std::string bare(std::string_view text);
bool contains_any(std::string_view text, std::initializer_list<std::string_view> words);

/// A code or a key of an answer as a reason: "failWrongEmail" → "wrong_email" (with `prefix` "fail"),
/// "stberror.Errors.List.NotExistEmail" → "list_not_exist_email". At most 48 characters of [a-z0-9_];
/// `otherwise` for what has none or could be about a person.
std::string reason_of(std::string_view code, std::string_view prefix, std::string_view otherwise);

}  // namespace stibee_sync::delivery
