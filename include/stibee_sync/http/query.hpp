#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stibee_sync::http {

/// The query of a request's target, without its `?`: "mirror=members&reveal". Pure; any thread.

/// The value of the first part with this name, percent-decoded; "" of a part without `=`. nullopt: no part
/// has the name.
std::optional<std::string> query_value(std::string_view query, std::string_view name);
/// Puts `name=value` behind what there is, percent-encoded.
void add_to_query(std::string& query, std::string_view name, std::string_view value);

}  // namespace stibee_sync::http
