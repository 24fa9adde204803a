#pragma once

#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/telemetry/log.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::app {

/// Which state is whose. Indices of `plans` and of `known`.
struct MirrorMatch {
  std::vector<std::optional<std::size_t>> state;  // of each plan; nullopt: it starts afresh
  std::vector<std::size_t> renamed;               // plans whose state has another name until now
  std::vector<std::size_t> unconfigured;          // states that no plan goes on with
};
/// A mirror goes on with the state of its name and list; or, if it has none, with the only one of its list:
/// then it was renamed, though another mirror may have the old name now. A file names each list once. Who
/// reads another table than before is for the guard to judge, as with a mirror that kept its name. Pure.
MirrorMatch match_mirrors(const std::vector<store::KnownMirror>& known,
                          const std::vector<pipeline::MirrorPlan>& plans);

/// A state that no mirror of the file goes on with.
struct UnconfiguredMirror {
  std::string name;
  std::int64_t list_id = 0;
  std::size_t people = 0;
  store::MirrorId id = {};
};
struct RenamedMirror {
  std::string was;
  std::string name;
  std::int64_t list_id = 0;
};
struct MatchedMirrors {
  std::vector<pipeline::MirrorPlan> plans;  // with the ids of their states
  std::vector<RenamedMirror> renamed;
  std::vector<UnconfiguredMirror> unconfigured;
};
/// Finds the state of each mirror, or makes it; of a store that is only read it may have none. Blocking, on
/// the store's thread. Throws store::StoreError.
MatchedMirrors open_mirrors(store::Store& store, std::vector<pipeline::MirrorPlan> plans);

/// From now on nobody hears what happens in their lists: where such a mirror comes back, its list is taken
/// over anew before anything is sent. Blocking, on the store's thread. Throws store::StoreError.
void retire(store::Store& store, const std::vector<UnconfiguredMirror>& mirrors);

std::string in_words(const UnconfiguredMirror& mirror);
/// Logs who was renamed, and whom the file does not name.
void tell_of(telemetry::Log& log, const MatchedMirrors& mirrors);

}  // namespace stibee_sync::app
