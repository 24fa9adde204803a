#pragma once

#include "store/scan_record.hpp"
#include "store/spool.hpp"
#include "store/sqlite.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace stibee_sync::store {

/// A scan over its own connection, which keeps one view of the state for as long as the scan lasts, while the
/// store goes on. What it stages lies in nameless files: memory stays constant at any size.
class SqliteScan : public Scan {
 public:
  /// `key` must outlive the scan. `staging`: the directory for temporary files.
  SqliteScan(std::unique_ptr<Connection> connection, const domain::StateKey& key, MirrorId mirror,
             std::filesystem::path staging);
  ~SqliteScan() override;

  bool next(SnapshotRow& row) override;
  void stage(const StagedRow& row) override;
  void stage_gone(const domain::MemberKey& key) override;
  void for_each_address(const DecideAddress& decide) override;
  std::size_t staged() const override { return rows_.size(); }

  // For the commit.
  MirrorId mirror() const { return mirror_; }
  std::int64_t generation() const { return generation_; }
  const std::filesystem::path& staging() const { return staging_; }
  bool decided() const { return decided_; }
  /// Touched addresses up to this number were decided; nullopt: there were none.
  const std::optional<std::int64_t>& touched_up_to() const { return touched_up_to_; }
  bool has_class(int change_class) const { return classes_.contains(change_class); }
  /// No row was known when the scan began.
  bool is_first() const { return !has_members_; }
  /// Only the first `most` decisions are shown, and the rows that they are about; then all but those.
  void show_first(std::size_t most);
  void show_rest();
  bool shows_rest() const { return part_ == Part::Rest; }
  /// Lets go of the view of the state, so that its log can be truncated.
  void close_snapshot();
  void for_each_row(const std::function<void(const RowRecord&)>& use);
  void for_each_decision(const std::function<void(const DecisionRecord&)>& use);

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
  std::optional<OldRow> find_old(const domain::MemberKey& key);
  void add_row(const RowRecord& record);
  void add_event(const AddressEvent& event);
  void stage_touched();
  void decide_group(std::vector<AddressEvent>& group, const DecideAddress& decide);
  enum class Part { All, First, Rest };
  std::optional<LedgerView> ledger_view(const std::string& email);

  MirrorId mirror_;
  const domain::StateKey& key_;
  std::filesystem::path staging_;
  std::unique_ptr<Snapshot> snapshot_;
  std::int64_t generation_ = 0;
  bool has_members_ = false;
  bool has_ledger_ = false;
  bool has_traces_ = false;
  bool has_suppressions_ = false;
  std::int64_t list_id_ = 0;
  std::optional<std::int64_t> touched_up_to_;
  bool decided_ = false;
  bool at_end_ = false;
  std::optional<domain::MemberKey> last_staged_;
  Sorter rows_;      // by key
  Sorter events_;    // by address and key
  Spool decisions_;  // in address order
  std::set<int> classes_;
  Part part_ = Part::All;
  std::size_t first_decisions_ = 0;
  std::vector<domain::MemberKey> first_rows_;  // in order
  std::string sort_key_, payload_;
};

}  // namespace stibee_sync::store
