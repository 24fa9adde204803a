#pragma once

#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/store/store.hpp"
#include "stibee_sync/telemetry/log.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What a human decides, kept in the state: by the daemon that is asked, or by a command where none runs.

namespace stibee_sync::app {

/// How long an approval of a held change set is good for.
inline constexpr std::chrono::hours approval_lifetime{1};

/// Approves a hold of any of the mirrors. False: no such digest is held. Blocking, on the store's thread.
bool approve_hold(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                  const std::string& digest, domain::UtcTime now);
/// Rows that are no members as they stand have nothing to send; their row has to change.
inline constexpr std::string_view nobody_to_retry =
    "nobody with this reason or address is parked whom sending again could help; "
    "a row that is wrong itself is sent when it changes";
/// Sends parked people again, by reason, by address, or all (""). Blocking, on the store's thread.
std::size_t retry_parked(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                         const std::string& what, domain::UtcTime now);
/// A pause that began, ended, or is to end at another time.
struct PauseChange {
  std::size_t mirror = 0;                // which of the plans
  bool paused = false;                   // from now on
  std::optional<domain::UtcTime> since;  // when it began; nullopt: before such times were kept
  std::optional<domain::UtcTime> until;  // when it ends by itself; nullopt: not at all
  bool by_itself = false;                // its time was over
};
/// Keeps in the state that they are paused, until then or until somebody resumes them. Those for which that
/// is a change. Blocking, on the store's thread.
std::vector<PauseChange> pause_mirrors(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                       domain::UtcTime now, std::optional<domain::UtcTime> until);
/// The same for their pauses' end.
std::vector<PauseChange> resume_mirrors(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                        domain::UtcTime now);
/// Ends the pauses whose time is over. Blocking, on the store's thread.
std::vector<PauseChange> end_due_pauses(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                        domain::UtcTime now);
/// When the next pause ends by itself; nullopt: none does.
std::optional<domain::UtcTime> next_end_of_pause(const store::Store& store,
                                                 const std::vector<pipeline::MirrorPlan>& plans);
/// Logs such a change of that mirror's. `by`: who wanted it; "": its time was over.
void tell_of_pause(telemetry::Log& log, const pipeline::MirrorPlan& plan, const PauseChange& change,
                   const std::string& by);

}  // namespace stibee_sync::app
