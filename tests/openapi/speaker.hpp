#pragma once

#include "stibee_sim/model/stibee_model.hpp"

#include <string>

namespace stibee_sync::openapi {

/// Makes every call of API v2 that this program knows, in every form it has, against the simulator's model,
/// and returns what was said: one call a line. Includes refusals that Stibee documents.
std::string speak_all_of_v2();

}  // namespace stibee_sync::openapi
