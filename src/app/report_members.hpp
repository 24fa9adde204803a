#pragma once

#include "app/render.hpp"
#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/json/value.hpp"

#include <optional>
#include <string_view>

namespace stibee_sync::app {

/// Members of a report, as text_of() and integer_of() are: 0, false or nothing where one is missing or of
/// another type.
double double_of(const json::Value& object, std::string_view key);  // of an integer, too
bool flag_of(const json::Value& object, std::string_view key);
const json::Value::Array& list_of(const json::Value& object, std::string_view key);
/// A time as a report has it: ISO 8601, UTC; null where there is none.
json::Value time_or_null(const std::optional<domain::UtcTime>& time);

}  // namespace stibee_sync::app
