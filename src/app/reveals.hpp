#pragma once

#include "stibee_sync/http/server.hpp"
#include "stibee_sync/telemetry/log.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace stibee_sync::app {

/// That somebody was shown people's addresses in full. The daemon logs who; blocks for the system's list of
/// users.
struct Reveal {
  Reveal(std::string by, std::size_t shown) : command(std::move(by)), people(shown) {}
  std::string command;     // "explain", "failures", "guard show"
  std::size_t people = 0;  // none: nothing is told
};
/// "root (uid 0)"
std::string user_in_words(uid_t user);
void tell_of(telemetry::Log& log, const Reveal& reveal, const std::string& user);
/// Where no daemon runs that could log it: a line on standard error.
void tell_of(const Reveal& reveal);

}  // namespace stibee_sync::app
