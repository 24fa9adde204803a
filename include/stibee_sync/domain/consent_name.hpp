#pragma once

#include <string_view>

namespace stibee_sync::domain {

/// What the name of a boolean column lets one expect of it. Yes: true is a consent to be mailed; No: true is
/// a refusal; Other: it is about something else, as far as names tell. Pure.
enum class ConsentName { Other, Yes, No };

ConsentName consent_named(std::string_view column);

}  // namespace stibee_sync::domain
