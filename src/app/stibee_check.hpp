#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/delivery/v2_reading.hpp"
#include "stibee_sync/settings/settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::app {

/// One thing that was found out.
struct Finding {
  std::string what;
  int code = 0;        // the exit code that it calls for
  bool warns = false;  // it works, but may not be what was meant
  std::string text;
};

/// Asks Stibee: whether it takes the key; and of each list, where API v2 takes the key, too, how many people
/// it has, and whether it has the fields and groups that are mapped. Changes nothing there.
std::vector<Finding> check_stibee(const settings::Settings& settings, const delivery::Dialect& dialect);

/// Whether the list has what is mapped.
struct Mapped {
  bool missing = false;
  std::string text;
};
/// Of the fields, given those that somebody of the list has. Pure.
Mapped judge_fields(const settings::Mirror& mirror, const std::vector<std::string>& present);
/// Of the groups; nullopt: Stibee does not tell. Pure.
Mapped judge_groups(const settings::Mirror& mirror,
                    const std::optional<std::vector<delivery::v2::Group>>& present);

}  // namespace stibee_sync::app
