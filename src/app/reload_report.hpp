#pragma once

#include "stibee_sync/settings/loader.hpp"

#include <string>
#include <vector>

namespace stibee_sync::app {

/// What was refused with the settings of before.
struct RefusedSecrets {
  bool key = false;       // by Stibee
  bool password = false;  // by PostgreSQL
};

/// What a reload is told by.
struct ReloadReport {
  ReloadReport() = default;
  bool in_force = true;  // false: the file is refused, and the old settings stay
  bool warns = false;    // something that was refused by others is as it was
  std::string text;
  std::string renewed;                // the keys of the files with another secret than before; "": none
  std::vector<std::string> problems;  // of a file that is refused, with their places
};
/// Pure.
ReloadReport report_reload(const settings::Settings& old, const settings::Settings& fresh,
                           const RefusedSecrets& refused, const settings::Environment& environment);
ReloadReport refused_reload(const std::string& why, const std::vector<settings::Problem>& problems);

}  // namespace stibee_sync::app
