#pragma once

#include "stibee_sync/json/value.hpp"
#include "stibee_sync/settings/settings.hpp"

#include <optional>
#include <string>

namespace stibee_sync::app {

struct Answer {
  int status = 0;
  json::Value body;
};

/// Asks the daemon of this configuration through its control socket. nullopt: none is running. Prints and
/// throws Exit if one is there but does not answer, or may not be asked.
std::optional<Answer> ask_daemon(const settings::Settings& settings, const std::string& method,
                                 const std::string& target, const json::Value& body = {});

}  // namespace stibee_sync::app
