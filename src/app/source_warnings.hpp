#pragma once

#include "stibee_sync/settings/loader.hpp"
#include "stibee_sync/source/source.hpp"

#include <cstddef>
#include <vector>

namespace stibee_sync::app {

/// What makes one doubt that a mirror which can be read is what was meant. Pure.
std::vector<settings::Problem> source_warnings(const settings::Settings& settings, std::size_t mirror,
                                               const source::ReadShape& shape);

}  // namespace stibee_sync::app
