#pragma once

#include "stibee_sync/pipeline/mirror_plan.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace stibee_sync::app {

/// What `--mirror NAME` means among these mirrors; "": all of them. Empty: there is none of this name. Pure.
std::vector<std::size_t> mirrors_meant(const std::vector<std::string>& names, const std::string& name);
/// These of them, by index. Pure.
std::vector<pipeline::MirrorPlan> plans_meant(const std::vector<pipeline::MirrorPlan>& all,
                                              const std::vector<std::size_t>& meant);
/// What is then said: those there are, the nearest first. Pure.
std::string no_such_mirror(const std::vector<std::string>& names, const std::string& name);
std::vector<std::string> names_of(const std::vector<pipeline::MirrorPlan>& plans);
std::vector<std::string> names_of(const settings::Settings& settings);

}  // namespace stibee_sync::app
