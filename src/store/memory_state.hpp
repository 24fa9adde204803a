#pragma once

#include "stibee_sync/store/memory_store.hpp"
#include "store/ledger_row.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace stibee_sync::store {

struct MemoryMember {
  domain::Fingerprint fingerprint;
  std::optional<std::string> email;
  bool subscribed = true;
  bool shadowed = false;
  std::string rejection;
  std::string rejected_column;
};

struct MemoryWriteback {
  Writeback writeback;
  domain::UtcTime not_before{};
};
using MemorySuppressions = std::map<std::string, Suppression>;

struct MemoryMirror {
  std::string name;
  std::int64_t list_id = 0;
  bool paused = false;
  std::int64_t generation = 0;
  SourceFacts facts;
  std::vector<Hold> holds;
  std::map<std::string, domain::UtcTime> approvals;
  std::map<domain::MemberKey, MemoryMember> members;
  std::map<std::string, std::uint64_t>
      touched;  // to be decided anew; 0, or its number if from outside a read
  std::map<std::string, LedgerRow> ledger;
  std::map<std::string, domain::Confirmed> traces;
  std::optional<domain::UtcTime> adopted, reconciled;
  std::vector<MemoryWriteback> writebacks;  // by id

  /// Stores a row as the rules left it, or erases it.
  void apply(const std::string& email, const LedgerRow& row, Fate fate);
};

/// What would be on disk.
class MemoryState {
 public:
  MemoryState();
  MemoryMirror& mirror(MirrorId id);

  domain::StateKey key;
  std::vector<MemoryMirror> mirrors;  // a MirrorId is a place here, from 1
  std::vector<LoggedAttempt> attempts;
  std::map<std::int64_t, MemorySuppressions> suppressions;  // by list
  std::uint64_t last_touch = 0;
  std::int64_t last_writeback = 0;
  std::int64_t last_batch = 0;
  std::map<std::int64_t, std::pair<MirrorId, std::vector<std::string>>> in_flight;
};

/// A scan over a copy of the mirror.
class MemoryScan : public Scan {
 public:
  MemoryScan(MirrorId id, MemoryMirror copy, MemorySuppressions suppressions);

  bool next(SnapshotRow& row) override;
  void stage(const StagedRow& row) override;
  void stage_gone(const domain::MemberKey& key) override;
  void for_each_address(const DecideAddress& decide) override;
  std::size_t staged() const override { return staged_.size(); }

  struct Decided {
    AddressDecision decision;
    std::vector<domain::MemberKey> rows;     // staged rows that concern the address
    std::vector<domain::MemberKey> bearers;  // all rows that bear it now
    std::vector<bool> shadowed;              // of each bearer
  };
  MirrorId id() const { return id_; }
  const MemoryMirror& before() const { return before_; }
  bool decided() const { return decided_; }
  /// nullopt: the row is gone.
  const std::map<domain::MemberKey, std::optional<StagedRow>>& rows() const { return staged_; }
  const std::map<std::string, Decided>& decisions() const { return decisions_; }
  /// A scan that has only the first `most` decisions, and the rows that they are about; this one keeps the
  /// others.
  MemoryScan split_first(std::size_t most);

 private:
  MirrorId id_;
  MemoryMirror before_;
  MemorySuppressions suppressions_;
  std::map<domain::MemberKey, MemoryMember>::const_iterator cursor_;
  std::map<domain::MemberKey, std::optional<StagedRow>> staged_;
  std::map<std::string, Decided> decisions_;
  bool decided_ = false;
};

/// `nullopt`: not there.
template <class Map>
std::optional<typename Map::mapped_type> looked_up(const Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

Summary summary_of(const MemoryMirror& mirror, domain::UtcTime now);
std::vector<ParkedPerson> parked_of(const MemoryMirror& mirror, std::size_t most);

/// What a commit makes of a mirror. `overtaken` gets the people in flight of whom something else is wanted
/// now.
MemoryMirror committed(const MemoryMirror& now, const MemorySuppressions& suppressions,
                       const MemoryScan& scan, const CommitRequest& request,
                       const std::map<std::string, InFlight>& in_flight, CommitReport& report,
                       std::map<std::string, domain::Wanted>& overtaken);
/// What a commit of the first `most` decisions of a first read makes of it; the scan keeps the others.
MemoryMirror committed_ahead(const MemoryMirror& now, const MemorySuppressions& suppressions,
                             MemoryScan& scan, const CommitRequest& request, std::size_t most,
                             CommitReport& report);

}  // namespace stibee_sync::store
