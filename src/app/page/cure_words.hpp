#pragma once

#include "app/language.hpp"

#include <string>
#include <string_view>

namespace stibee_sync::app {

/// What helps whoever is parked for that reason; the English is cure_of(). Never empty. Pure.
std::string cure_in(Language language, std::string_view reason);

}  // namespace stibee_sync::app
