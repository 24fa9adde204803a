#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stibee_sync::app {

/// In Korean why the guard holds something, or why the table is not believed: what the state and the reports
/// keep in English. nullopt: those words are none of ours, such as what PostgreSQL said. Pure.
std::optional<std::string> why_in_korean(std::string_view english);

}  // namespace stibee_sync::app
