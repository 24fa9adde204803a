#pragma once

#include "simulation/simulated_daemon.hpp"
#include "stibee_sync/settings/settings.hpp"

#include <cstdint>
#include <random>
#include <string>

namespace stibee_sync::day {

/// What kind of a day a seed has: settings, and what may happen.
struct Profile {
  simulation::Api api = simulation::Api::V1;
  bool has_consents = false;
  bool writes_back = false;
  bool small_guard = false;      // it holds what goes beyond a few
  bool list_has_people = false;  // before the first start
  bool disk_fails = false;
  bool clock_steps = false;
  bool fails_over = false;  // PostgreSQL
  bool reloads = false;
  bool second_host = false;  // takes over with a state of its own
  bool careless = false;     // statements over the whole table
  bool events_lost = false;  // webhooks
  bool has_feed = false;     // changes are told by a change feed
  bool notifies = false;     // somebody
  bool tells_holds = false;  // … of each, and not only of the mirror's health
  std::chrono::milliseconds poll{};
  std::chrono::milliseconds full_scan{};  // with a feed
  std::chrono::milliseconds reconcile_interval{};
  settings::ReconcileMode reconcile = settings::ReconcileMode::Report;
  settings::OnLeave on_leave = settings::OnLeave::Unsubscribe;
  std::size_t people = 0;
};

Profile profile_of(std::uint64_t seed);
/// Some days have a change feed. Drawn for itself, so that a day without one is what it was.
Profile with_feed(Profile profile, std::uint64_t seed);
/// On some days somebody is told. Drawn for itself, too.
Profile with_notices(Profile profile, std::uint64_t seed);
/// For whoever reads a trace.
std::string description(const Profile& profile);
settings::Settings settings_of(const Profile& profile);

}  // namespace stibee_sync::day
