#pragma once

#include "app/commands.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/settings/loader.hpp"

#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::app {

struct Answer {
  int status = 0;
  json::Value body;
};

/// Asks the daemon of this configuration through its control socket. nullopt: none is running. Prints and
/// throws Exit if one is there but does not answer, or may not be asked.
std::optional<Answer> ask_daemon(const settings::Settings& settings, const std::string& method,
                                 const std::string& target, const json::Value& body = {});

/// What a command that asks the daemon needs of the file.
struct Whereabouts {
  settings::Settings settings;
  /// Why the file is bad: then the settings are only what could be read of it, enough to look for the daemon,
  /// which may run well with what the file was before.
  std::vector<settings::Problem> problems;
  bool usable() const { return problems.empty(); }
};
Whereabouts whereabouts(const Options& options);
/// The same through them. A bad file is a warning where the daemon answers; where none does, its problems are
/// printed.
std::optional<Answer> ask_daemon(Whereabouts& whereabouts, const std::string& method,
                                 const std::string& target, const json::Value& body = {});

}  // namespace stibee_sync::app
