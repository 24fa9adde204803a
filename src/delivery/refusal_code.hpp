#pragma once

#include "stibee_sync/delivery/dialect.hpp"

#include <string_view>

namespace stibee_sync::delivery {

/// Whom a refusal speaks of, by its code, or by its words where they are plain enough. Everything that is
/// known of Stibee's codes in this respect is in the one table behind it.
Blame blame_of(std::string_view code, std::string_view message, int status);

/// The list itself, or a group of it, is not there.
bool says_list_missing(std::string_view code);
bool says_group_missing(std::string_view code);

}  // namespace stibee_sync::delivery
