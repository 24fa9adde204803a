#pragma once

#include "stibee_sync/json/value.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace stibee_sync::app {

/// Reports as text for a terminal, from their JSON. Pure.
std::string render_status(const json::Value& report);
std::string render_guard(const json::Value& report);
std::string render_plan(const json::Value& report);

/// "" or 0 where the member is missing or of another type.
std::string text_of(const json::Value& object, std::string_view key);
std::int64_t integer_of(const json::Value& object, std::string_view key);
std::string duration_text(double seconds);  // "1 h 5 min", "3.2 s"

}  // namespace stibee_sync::app
