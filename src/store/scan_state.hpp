#pragma once

#include "stibee_sync/store/scan.hpp"
#include "store/scan_record.hpp"
#include "store/spool.hpp"
#include "store/sqlite.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace stibee_sync::store {

/// What a sorter of addresses may take before it goes to disk.
inline constexpr std::size_t events_memory = 3 * 1024 * 1024;

/// A scan over its own connection, which keeps one view of the state for as long as the scan lasts, while the
/// store goes on. What it stages lies in nameless files: memory stays constant at any size.
struct Scan::State {
  /// `key` must outlive the scan. `staging`: the directory for temporary files.
  State(std::unique_ptr<Connection> connection, const domain::StateKey& key, MirrorId mirror,
        std::filesystem::path staging);
  ~State();

  bool next(SnapshotRow& row);
  bool stage(const StagedRow& row);
  void stage_gone(const domain::MemberKey& key);
  bool next_address(TouchedAddress& address);
  void decide(const ledger::AddressDecision& decision, int change_class,
              const std::optional<domain::Fingerprint>& item);
  std::vector<domain::Fingerprint> items_of(int change_class);
  void hold_back(const HoldBack& what);
  void show_first(std::size_t most);

  /// Lets go of the view of the state, so that its log can be truncated.
  void close_snapshot();
  bool holds(const DecisionRecord& record) const;

  /// From the first staged row that is shown on.
  void rewind_rows();
  /// In key order. `decided_ones`: where the row waits, its addresses whose decisions do not.
  bool next_row(RowRecord& row, bool& waits, std::vector<std::string>& decided_ones);
  void rewind_decisions();
  /// In address order, held ones too.
  bool next_decision(DecisionRecord& record);

  MirrorId mirror;
  std::filesystem::path staging;
  std::int64_t generation = 0;  // of the reads of this mirror that were applied, when it began
  bool decided = false;
  bool has_members = false;
  /// Touched addresses up to this number were decided; nullopt: there were none.
  std::optional<std::int64_t> touched_up_to;
  enum class Part { All, First, Rest } part = Part::All;
  Sorter rows;  // by key

 private:
  struct Snapshot;  // the connection and its statements
  struct OldRow {
    domain::Fingerprint fingerprint;
    std::optional<std::string> email;
    bool subscribed = true;
    bool shadowed = false;
    std::string rejection;
    std::string rejected_column;
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
  bool awaits_resubscribe(const std::string& email);
  void note_departures(TouchedAddress& address) const;
  void find_held(const std::set<int>& classes, const HoldBack& what);
  bool row_waits(const domain::MemberKey& key, std::vector<std::string>& decided_ones);

  const domain::StateKey& key_;
  std::unique_ptr<Snapshot> snapshot_;
  bool has_ledger_ = false;
  bool has_traces_ = false;
  bool has_suppressions_ = false;
  bool has_members_on_record_ = false;
  bool has_own_words_ = false;  // people's, that are not in the table yet
  std::int64_t list_id_ = 0;
  bool at_end_ = false;
  std::optional<domain::MemberKey> last_staged_;
  Sorter events_;  // by address and key
  bool more_events_ = false;
  std::string_view event_key_, event_payload_;
  std::vector<AddressEvent> group_;  // of one address
  DecisionRecord record_;            // what is being decided
  std::vector<bool> wanted_flags_, flags_;
  std::vector<domain::MemberKey> bearer_keys_;

  Spool decisions_;  // in address order
  std::optional<RecordReader> decision_reader_;
  std::size_t decision_number_ = 0;
  std::set<int> classes_;
  std::vector<bool> held_;  // by the number of the decision; empty: none is
  std::size_t first_decisions_ = 0;
  std::vector<domain::MemberKey> first_rows_;  // in order
  std::size_t first_row_ = 0;
  // The rows that rest on a held decision, and, of those that move, both of their addresses.
  std::optional<Sorter> waiting_;
  bool more_waiting_ = false;
  std::string_view waiting_key_, waiting_payload_;
  std::string sort_key_, payload_;
};

}  // namespace stibee_sync::store
