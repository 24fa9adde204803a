#pragma once

#include "store/memory_state.hpp"

#include <map>
#include <memory>
#include <string>

namespace stibee_sync::store {

/// What a transaction changes of people, to be applied at once.
struct MemoryChanges {
  std::map<std::string, std::pair<LedgerRow, Fate>> rows;
  std::map<std::string, domain::Confirmed> traces;
  std::map<std::string, std::optional<Suppression>> suppressions;  // nullopt: lifted
  std::vector<MemoryWriteback> writebacks;
  std::vector<std::string> touched;
  std::map<std::string, InFlight> calls;

  void apply_to(MemoryState& state, MirrorId id);
};

/// Presents a person, with what earlier ones have changed already.
void present(const MemoryState& state, const MemoryMirror& mirror,
             const std::map<std::string, InFlight>& calls, const domain::EmailAddress& address,
             const DecideRemote& decide, const PlaceRule& place, domain::UtcTime now, MemoryChanges& changes);

/// What a settlement means for the opt-out on record of a person.
void settle_suppression(const MemorySuppressions& suppressions, const std::string& email,
                        const domain::Confirmed& before, const domain::Confirmed& after, domain::UtcTime now,
                        MemoryChanges& changes);

std::vector<Writeback> due_writebacks(const MemoryMirror& mirror, domain::UtcTime now, std::size_t most);
std::optional<domain::UtcTime> next_writeback(const MemoryMirror& mirror);

std::unique_ptr<ListScan> make_memory_list(MemoryMirror copy, MemorySuppressions suppressions,
                                           std::map<std::string, InFlight> calls);

}  // namespace stibee_sync::store
