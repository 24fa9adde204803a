#pragma once

#include "stibee_sync/diff/guard.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/server_trust.hpp"
#include "stibee_sync/source/source.hpp"
#include "stibee_sync/store/store.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace stibee_sync::pipeline {

/// What one class of changes amounts to in one read.
struct ClassTally {
  std::size_t count = 0;
  std::string digest;             // of exactly this change set; the same in the next read if nothing changed
  std::vector<std::string> refs;  // of some of the people
};

/// What a complete read found; the differences themselves are staged in the scan.
struct ReadFinding {
  source::ReadReport report;
  ServerTrust trust = ServerTrust::Trusted;  // Trusted or Another: of one that is behind, no read ends
  std::array<ClassTally, 6> classes;         // by ChangeClass
  std::size_t duplicates = 0;
  std::vector<std::string> unknown_groups;                     // values without a mapping
  std::vector<std::pair<std::string, domain::Reason>> parked;  // ref of some rows refused for the first time
  std::size_t newly_parked = 0;
  std::map<domain::Reason, std::size_t> rejected;  // new or changed rows that cannot be used
  std::vector<std::size_t> non_null;
  std::size_t lost = 0;            // rows of the snapshot that are gone, or bear another address
  std::size_t consents_moved = 0;  // people whose consent stamp is another, or whose no became a yes
  std::size_t differing = 0;       // rows that are new, changed or gone
  std::vector<domain::MemberKey> different;  // the first thousand of them
  bool forced = false;                       // … since every row is looked at anew
  bool remapped = false;                     // the mapping is another than that of the snapshot
  ClassTally& of(diff::ChangeClass c) { return classes[static_cast<std::size_t>(c)]; }
  const ClassTally& of(diff::ChangeClass c) const { return classes[static_cast<std::size_t>(c)]; }
  /// Whether the guard may need the number of mirrored people: the source is empty, or there are changes of a
  /// class that it could hold.
  bool needs_count() const;
};

/// Sees each decision as it is made; for `plan`.
using DecisionWatcher =
    std::function<void(const domain::EmailAddress&, const diff::Resolution&, const domain::Confirmed&)>;

/// Source → diff → staging, for one mirror: reads the table to its true end, stages what is new, changed or
/// gone, and decides for every address touched. `resubscribes_wait_since`: as earlier reads left it.
/// Blocking, on the source's thread; applies nothing.
std::variant<ReadFinding, source::SourceError> read_table(
    source::Reader& reader, const MirrorPlan& plan, store::Scan& scan, const store::SourceFacts& before,
    const domain::StateKey& key, domain::UtcTime now, const DecisionWatcher& watcher = {},
    std::optional<domain::UtcTime> resubscribes_wait_since = {});

/// Since when some of a class wait; nullopt: nobody does.
std::optional<domain::UtcTime> waits_since(const std::vector<store::HeldChanges>& held,
                                           diff::ChangeClass change_class);

/// The guard's judgement of a finding. Pure.
struct Judgement {
  struct HeldSet {
    diff::ChangeClass change_class;
    store::HeldChanges changes;
  };
  std::vector<HeldSet> holds;
  bool holds_any(diff::ChangeClass change_class) const;
  bool zero_rows = false;  // the source is empty, and no good read has found it so
};
/// `held`: what the reads before left waiting.
Judgement judge_finding(const ReadFinding& finding, const MirrorPlan& plan, const store::SourceFacts& before,
                        const std::vector<store::HeldChanges>& held, std::size_t mirrored,
                        domain::UtcTime now);
/// What the guard of the next hour is to know of a drain of the change feed, but for `note_taken`. Pure.
void note_drained(std::vector<store::SlotOfChanges>& slots, const ReadFinding& finding, domain::UtcTime now);
/// … and of a read, too, of which a part may have been taken over only: rows that were lost, and people whose
/// consents moved. What waits is found, and counted, by the next read. Pure.
void note_taken(std::vector<store::SlotOfChanges>& slots, std::size_t lost, std::size_t consents_moved,
                domain::UtcTime now);
/// What of the last hour and of the last 24, and of what is held, counts with a read. Pure.
diff::GuardHistory history_of(const store::SourceFacts& before, const std::vector<store::HeldChanges>& held,
                              domain::UtcTime now);
/// Since 1970.
std::int64_t hour_of(domain::UtcTime now);

}  // namespace stibee_sync::pipeline
