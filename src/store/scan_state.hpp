#pragma once

#include "stibee_sync/store/scan.hpp"
#include "store/scan_parts.hpp"
#include "store/scan_record.hpp"
#include "store/spool.hpp"
#include "store/sqlite.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace stibee_sync::store {

/// A scan over its own connection, which keeps one view of the state for as long as the scan lasts, while the
/// store goes on. What it stages lies in nameless files: memory stays constant at any size.
struct Scan::State {
  struct Snapshot;  // the connection and its statements
  class SnapshotShelf;

  /// `key` must outlive the scan. `staging`: the directory for temporary files. `shelf`: where the snapshot
  /// goes once it is closed; null: nowhere.
  State(std::unique_ptr<Snapshot> snapshot, std::shared_ptr<SnapshotShelf> shelf, const domain::StateKey& key,
        MirrorId mirror, std::filesystem::path staging);
  ~State();

  bool next(SnapshotRow& row);
  std::optional<SnapshotRow> find(const domain::MemberKey& key);
  bool stage(const StagedRow& row);
  void stage_gone(const domain::MemberKey& key);
  bool next_address(TouchedAddress& address);
  void decide(const ledger::AddressDecision& decision, int change_class,
              const std::optional<domain::Fingerprint>& item);
  std::vector<domain::Fingerprint> items_of(int change_class);
  void hold_back(const HoldBack& what);
  bool anything_waits() const;
  std::vector<domain::Fingerprint> waiting_of(const std::vector<domain::Fingerprint>& items);

  /// Lets go of the view of the state, so that its log can be truncated.
  void close_snapshot() noexcept;
  bool holds(const DecisionRecord& record) const;
  bool holds_any() const { return !held_.empty(); }

  struct PartRow {
    RowRecord row;
    bool waits = false;
    std::vector<std::string> decided_ones;  // where it waits, its addresses whose decisions do not
  };
  /// What cannot be taken over one without the other.
  struct Group {
    std::vector<PartRow> rows;
    std::vector<DecisionRecord> decisions;  // held ones too
  };
  /// Puts rows and decisions into the order of the stages, to be taken over in parts of `most`. Of a first
  /// read that takes more than one, so many decisions go, with their rows, before all others, so that sending
  /// can begin.
  void begin_parts(std::size_t most);
  bool begun() const { return parts_ != nullptr; }
  /// The next of that stage; false: there is none any more. Groups are of `Bound` and `Late`, decisions of
  /// `Updates` and `Adds`.
  bool next_group(Stage stage, Group& group);
  bool next_decision(Stage stage, DecisionRecord& record);
  bool next_row(PartRow& row);
  void rewind_decisions();
  /// In address order, held ones too.
  bool next_decision(DecisionRecord& record);

  MirrorId mirror;
  std::filesystem::path staging;
  std::uint64_t members_words = 0;  // by then, and its own; see Store::Tables
  std::uint64_t resubscribes = 0;   // by then
  bool members_spoke = false;       // since then, before the part that is being taken over
  std::int64_t generation = 0;      // of the reads of this mirror that were applied, when it began
  bool decided = false;
  bool has_members = false;
  /// Touched addresses up to this number were decided; nullopt: there were none.
  std::optional<std::int64_t> touched_up_to;
  bool torn = false;                  // an earlier read was taken over in part
  bool tore = false;                  // this one is, so far
  bool counted = false;               // a part of this one is on disk
  Stage at_stage = Stage::Bound;      // of taking it over
  std::vector<DecisionRecord> shown;  // of the part that was taken over last
  std::size_t shown_at = 0;
  Sorter rows;  // by key

 private:
  struct OldRow {
    domain::Fingerprint fingerprint;
    std::optional<std::string> email;
    bool subscribed = true;
    bool shadowed = false;
    std::string rejection;
    std::string rejected_column;
  };
  /// A decision that has not been read yet: most passes over all of them need few.
  struct NumberedBytes {
    std::string_view bytes;
    std::size_t number = 0;
  };
  struct Bearing {
    BearerRow row;
    bool shadowed;  // the flag that the snapshot's row will have once the rows are applied
  };
  std::optional<OldRow> find_old(const domain::MemberKey& key);
  void add_row(const RowRecord& record);
  void add_event(const AddressEvent& event);
  void stage_touched();
  void begin_deciding();
  bool take_group();
  std::vector<Bearing> stored_bearers(const std::string& email);
  std::vector<Bearing> bearers_of_group();
  std::optional<ledger::LedgerView> ledger_view(const std::string& email);
  std::optional<ledger::Suppression> member_opt_out();
  void note_own_words(TouchedAddress& address);
  void note_departures(TouchedAddress& address) const;
  Stage stage_of(const ledger::AddressDecision& decision) const;
  void find_held(const std::set<int>& classes, const HoldBack& what);
  void sort_decisions(std::size_t ahead);
  void bind_decisions();
  void group_decisions();
  void group_rows();
  bool next_bytes(NumberedBytes& decision);
  void rewind_rows();
  bool next_staged(PartRow& row);
  bool row_waits(const domain::MemberKey& key, std::vector<std::string>& decided_ones);

  const domain::StateKey& key_;
  std::unique_ptr<Snapshot> snapshot_;
  std::shared_ptr<SnapshotShelf> shelf_;
  bool has_ledger_ = false;
  bool has_traces_ = false;
  bool has_suppressions_ = false;
  bool has_members_on_record_ = false;
  bool has_own_words_ = false;  // people's, that are not in the table yet
  std::int64_t list_id_ = 0;
  bool of_all_rows_ = true;
  bool at_end_ = false;
  std::optional<domain::MemberKey> last_staged_;
  Sorter events_;  // by address and key
  bool more_events_ = false;
  std::string_view event_key_, event_payload_;
  std::vector<AddressEvent> group_;            // of one address
  DecisionRecord record_;                      // what is being decided
  bool all_new_ = false, all_steady_ = false;  // the staged rows of the address that is being decided
  bool known_ = false, moved_there_ = false;   // … its ledger row
  std::vector<bool> wanted_flags_, flags_;
  std::vector<domain::MemberKey> bearer_keys_;

  Spool decisions_;  // in address order
  std::optional<RecordReader> decision_reader_;
  std::size_t decision_number_ = 0;
  std::set<int> classes_;
  std::vector<bool> held_;  // by the number of the decision; empty: none is
  // The rows that rest on a held decision, and, of those that move, both of their addresses.
  std::optional<Sorter> waiting_;
  bool more_waiting_ = false;
  std::string_view waiting_key_, waiting_payload_;
  std::string sort_key_, payload_;
  std::unique_ptr<ScanParts> parts_;
};

}  // namespace stibee_sync::store
