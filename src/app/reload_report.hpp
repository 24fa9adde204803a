#pragma once

#include "stibee_sync/settings/loader.hpp"

#include <string>

namespace stibee_sync::app {

/// What was refused with the settings of before.
struct RefusedSecrets {
  bool key = false;       // by Stibee
  bool password = false;  // by PostgreSQL
};

/// What a reload is told by.
struct ReloadReport {
  bool warns = false;  // something that was refused is as it was
  std::string text;
  std::string renewed;  // the keys of the files with another secret than before; "": none
};
/// Pure.
ReloadReport report_reload(const settings::Settings& old, const settings::Settings& fresh,
                           const RefusedSecrets& refused, const settings::Environment& environment);

}  // namespace stibee_sync::app
