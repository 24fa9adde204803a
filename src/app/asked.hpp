#pragma once

#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/json/value.hpp"
#include "stibee_sync/pipeline/person_look.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// What commands ask over the control socket: from and to the bodies and queries of requests. Pure.

namespace stibee_sync::app {

/// Whom `explain` is asked for.
struct ExplainAsked {
  pipeline::PersonAsked person;
  bool reveal = false;
  std::string mirror;  // only this one; "": all
};
/// From and to the body of a request to the control socket. Of an address that is none it says why; of
/// neither an address nor a key, too.
json::Value body_of(const ExplainAsked& asked);
std::optional<std::string> read_body(const json::Value& body, ExplainAsked& asked);
std::optional<std::string> read_address(const std::string& text, pipeline::PersonAsked& person);

/// Whom `forget` is about.
struct ForgetAsked {
  pipeline::PersonAsked person;
  bool by_leader = false;  // it has forgotten them, says whoever asks
};
json::Value body_of(const ForgetAsked& asked);
std::optional<std::string> read_body(const json::Value& body, ForgetAsked& asked);

/// Longer ones end sooner: a time beyond what can be written would be none.
inline constexpr std::chrono::hours longest_pause{24 * 36'525};
/// From the body of a request: when the pause ends by itself; nullopt: not at all.
std::optional<domain::UtcTime> pause_asked(const json::Value& body, domain::UtcTime now);

/// Who cannot be sent.
struct FailuresAsked {
  std::string reason;  // only with this one; "": all
  std::size_t limit = 1000;
  bool reveal = false;  // addresses in full
};
/// From and to the query of a request to the control socket, beside the mirror.
FailuresAsked failures_asked(std::string_view query);
std::string query_of(const FailuresAsked& asked);

struct HeldSetAsked {
  std::string digest;
  bool reveal = false;  // addresses and values in full
};
/// From and to the query of a request to the control socket.
HeldSetAsked held_set_asked(std::string_view query);
std::string query_of(const HeldSetAsked& asked);

}  // namespace stibee_sync::app
