#pragma once

#include "app/problem.hpp"
#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/telemetry/labels.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

// How a mirror fares: judged here, and nowhere else. `status`, the page, systemd and the metrics say this
// word.

namespace stibee_sync::app {

/// Nobody who is due waits longer, unless the limits explain it.
inline constexpr std::chrono::seconds longest_healthy_wait{15};

/// What is known of a mirror, as it stands. Nobody counts as waiting who is parked, held, postponed, or asked
/// to confirm.
struct MirrorSigns {
  struct Lane {
    std::size_t people = 0;                              // who wait
    std::optional<domain::UtcTime> oldest;               // since when the first of them does
    std::optional<domain::Duration> since_arrival = {};  // since somebody of the lane arrived at Stibee
    /// What the limits alone take for the burst that these are the rest of, and for all that goes before
    /// them.
    double seconds_at_limits = 0;
    bool limited = false;  // it waits for the limit now, which earlier calls have used up
  };
  enum class Source { Fine, Untrusted, Failing };

  bool served = true;               // somebody reads and sends
  bool stands_by = false;           // another daemon works, or nobody knows which
  std::string leader_problem = {};  // why this one can never lead as things are; "": it could
  bool paused = false;
  std::string paused_until = {};    // when that ends by itself, in words; "": it does not
  std::size_t held = 0;             // people whose changes the guard holds
  Source source = Source::Fine;     // at the last read
  std::string source_problem = {};  // why
  std::string feed_problem = {};    // why the change feed cannot be relied on; "": it can, or there is none
  std::string refused = {};        // why Stibee refuses the mirror's calls, or lets nobody take its list over
  bool key_refused = false;        // Stibee refuses the key
  bool circuit_open = false;       // calls are not made, but for probes
  std::string calls_problem = {};  // why the last call failed; "": it did not
  std::string calls_unwanted = {};  // until when Stibee wants none; "": it takes them
  bool taking_over = false;         // the list is read first, so that nobody is sent yet
  bool imported = true;             // the first import is through
  std::map<domain::Lane, Lane> lanes = {};
  domain::Duration served_for{};  // without a pause
  std::optional<domain::Duration> under_way =
      {};                             // since the first call of the burst; nullopt: none was made
  domain::Duration longest_window{};  // of the limits: between two arrivals it can take as long
  std::size_t rows = 0;               // of the table
  std::size_t unsendable = 0;         // rows that are rejected, and people who are parked
};

struct MirrorHealth {
  telemetry::HealthState state = telemetry::HealthState::Ok;
  std::vector<Problem> problems;  // the worst first; no person in them
  std::string problem;            // all of them in English
};

/// Pure. The worst problem is the state.
MirrorHealth judge(const MirrorSigns& signs, domain::UtcTime now);
/// Whether nobody need look.
bool healthy(telemetry::HealthState state);

}  // namespace stibee_sync::app
