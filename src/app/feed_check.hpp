#pragma once

#include "app/exit_code.hpp"
#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/settings/loader.hpp"

#include <string>
#include <vector>

namespace stibee_sync::app {

/// What `check` finds of the change feed of one mirror.
struct FeedFinding {
  std::string mirror;
  int code = ExitCode::ok;
  bool warns = false;  // it works, but not as it could
  std::string text;
};

/// Of each mirror with `detect: changefeed`: whether its feed is installed and whole, and whether changes are
/// heard of. Takes nothing out of a feed. A feed that is not there, or that there can be none of, is a wrong
/// configuration, as a table that is not there is. Blocking, some seconds.
std::vector<FeedFinding> check_feeds(const settings::Settings& settings, const delivery::Dialect& dialect);

}  // namespace stibee_sync::app
