#pragma once

#include "app/ask.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

// The control sockets at which the daemon of a configuration may listen.

namespace stibee_sync::app {

struct Door {
  std::filesystem::path socket;
  bool guessed =
      false;  // a bad file need not mean it: whoever listens there may be another instance's daemon
};
/// Of a good file. The CLI may be run without the daemon's RUNTIME_DIRECTORY.
std::vector<Door> doors_of(const settings::Settings& settings);
/// Of any. A bad one may not say where, so that the usual ones are tried, too. Pure.
std::vector<Door> doors_of(const Whereabouts& whereabouts);

/// nullopt: nobody is there. Prints and throws Exit if somebody is, but does not answer or may not be asked.
std::optional<Answer> ask_through(const std::filesystem::path& socket, const std::string& method,
                                  const std::string& target, const json::Value& body = {},
                                  std::chrono::seconds patience = usual_patience);

/// How a daemon and a command name a configuration file, so that each can tell whether it is the other's.
std::string whole_name(const std::filesystem::path& file);
/// `GET /config`: the file that a daemon runs with, by its whole name.
json::Value config_report(const std::filesystem::path& file);

/// Of a daemon behind a door that was guessed: why it may be another instance's, in words; "": it runs with
/// this file. nullopt: nobody is there.
std::optional<std::string> why_stranger(const Whereabouts& whereabouts, const std::filesystem::path& socket);

}  // namespace stibee_sync::app
