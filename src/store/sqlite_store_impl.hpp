#pragma once

#include "store/ledger_table.hpp"
#include "store/mirror_table.hpp"
#include "store/queue.hpp"
#include "store/sqlite.hpp"
#include "store/sqlite_scan.hpp"
#include "store/suppression_journal.hpp"
#include "store/suppression_table.hpp"
#include "store/writeback_table.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace stibee_sync::store {

class Ingest;

/// The store over an open state file of the right version.
class SqliteStore : public Store {
 public:
  /// `staging`: where scans put their temporary files.
  SqliteStore(std::unique_ptr<Connection> connection, Connection::Mode mode,
              const domain::StateKey::Bytes& key, std::filesystem::path staging);

  const domain::StateKey& key() const override { return key_; }
  MirrorId open_mirror(std::string_view name, std::int64_t list_id) override;
  bool paused(MirrorId mirror) const override;
  void set_paused(MirrorId mirror, bool paused) override;

  SourceFacts source_facts(MirrorId mirror) const override;
  std::unique_ptr<Scan> begin_scan(MirrorId mirror) override;
  CommitReport commit(std::unique_ptr<Scan> scan, const CommitRequest& request) override;
  CommitReport commit_ahead(Scan& scan, const CommitRequest& request, std::size_t most) override;
  std::vector<Hold> holds(MirrorId mirror) const override;
  void approve(MirrorId mirror, const std::string& digest, domain::UtcTime expires) override;
  bool approved(MirrorId mirror, const std::string& digest, domain::UtcTime now) const override;
  void drop_approval(MirrorId mirror, const std::string& digest) override;

  std::optional<Claimed> claim(const ClaimRequest& request, const LogAttempt& log) override;
  void log_attempt(const LoggedAttempt& attempt) override;
  void release(MirrorId mirror, const std::vector<domain::EmailAddress>& people) override;
  void settle(MirrorId mirror, const std::vector<Settlement>& people, const PlaceRule& place,
              domain::UtcTime now, const CrossRule& cross) override;
  void replace_all(MirrorId mirror, const PlaceRule& place, domain::UtcTime now) override;
  std::optional<domain::UtcTime> next_due(const std::vector<MirrorId>& mirrors) const override;
  std::size_t retry(MirrorId mirror, std::string_view reason, std::string_view email, const PlaceRule& place,
                    domain::UtcTime now) override;
  void hasten(MirrorId mirror, domain::UtcTime now) override;

  std::vector<LoggedAttempt> logged_attempts() const override;

  void observe(MirrorId mirror, const std::vector<domain::EmailAddress>& people, const DecideRemote& decide,
               const PlaceRule& place, domain::UtcTime now) override;
  std::unique_ptr<ListScan> begin_list(MirrorId mirror) override;
  std::optional<domain::UtcTime> adopted(MirrorId mirror) const override;
  void set_adopted(MirrorId mirror, domain::UtcTime when) override;
  std::optional<domain::UtcTime> reconciled(MirrorId mirror) const override;
  void set_reconciled(MirrorId mirror, domain::UtcTime when) override;
  std::size_t suppressed(MirrorId mirror) const override;
  std::vector<Writeback> writebacks(MirrorId mirror, domain::UtcTime now, std::size_t most) const override;
  std::optional<domain::UtcTime> next_writeback(const std::vector<MirrorId>& mirrors) const override;
  void finish_writeback(MirrorId mirror, std::int64_t id) override;
  void postpone_writeback(MirrorId mirror, std::int64_t id, domain::UtcTime not_before) override;

  Summary summary(MirrorId mirror, domain::UtcTime now) const override;
  Backlog backlog(MirrorId mirror, domain::UtcTime now) const override;
  std::size_t wanted_subscribed(MirrorId mirror) const override;
  std::vector<ParkedPerson> parked(MirrorId mirror, std::size_t most) const override;
  std::size_t pending(MirrorId mirror) const override;
  std::optional<LedgerEntry> find(MirrorId mirror, const domain::EmailAddress& email) const override;

  /// What a crash left in flight becomes doubt. Once, after opening.
  void recover();
  /// Brings the state and the opt-outs' own file to the same. Once, after opening. Without, that file is not
  /// written: for those who read only. True: the file had to be made from what the state knows.
  bool join(std::unique_ptr<SuppressionJournal> journal);
  /// For tests that fill the disk.
  Connection& connection() { return *connection_; }
  SuppressionJournal& journal() { return *journal_; }

 private:
  /// A write transaction, together with what is kept in memory beside it.
  class Change {
   public:
    explicit Change(SqliteStore& store);
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    ~Change();
    void commit();

   private:
    SqliteStore& store_;
    Transaction transaction_;
    bool committed_ = false;
  };
  class Observation;
  std::unique_ptr<Connection> connection_for_scan() const;
  SqliteScan& to_commit(Scan& scan, const CommitRequest& request);
  Ingest ingest(SqliteScan& scan, const CommitRequest& request);
  Tally tally(MirrorId mirror) const;
  Backlog backlog_of(MirrorId mirror, const Tally& tally, domain::UtcTime now) const;
  SqliteStore& caught_up();
  void apply_journal(std::int64_t after);
  void apply_to_rows(const std::map<std::int64_t, std::map<PersonHash, Suppression>>& by_list);
  bool complete_journal(const std::vector<JournalEntry>& known, bool knows_lifts);
  /// The next read is to decide about the address anew.
  void touch(MirrorId mirror, std::string_view email);
  void suppress(std::int64_t list_id, const PersonHash& person, const Suppression& suppression);
  void lift(std::int64_t list_id, const PersonHash& person);
  void settle_suppression(std::int64_t list_id, bool any_suppressed, const std::string& email,
                          const domain::Confirmed& before, const domain::Confirmed& after,
                          domain::UtcTime now);
  void insert_attempt(const LoggedAttempt& attempt);
  void forget_batch(std::int64_t batch);
  std::vector<std::string> parked_addresses(MirrorId mirror, std::string_view reason, std::string_view email);

  std::unique_ptr<Connection> connection_;
  Connection::Mode mode_;
  domain::StateKey key_;
  std::filesystem::path staging_;
  Claims claims_;
  std::vector<std::int64_t>
      stale_batches_;  // of `in_flight`: given back unsent, to be erased with the next change
  std::map<std::string, std::int64_t> attempt_numbers_;
  domain::UtcTime last_now_{};  // the latest that a caller told
  bool knows_now_ = false;
  // Reading needs prepared statements, which change as they run.
  mutable Queue queue_;
  mutable LedgerTable ledger_;
  mutable MirrorTable mirrors_;
  mutable SuppressionTable suppressions_;
  mutable WritebackTable writebacks_;
  Statement insert_batch_, erase_batch_, insert_attempt_, touch_;
  std::int64_t last_touch_ = 0;
  std::unique_ptr<SuppressionJournal> journal_;
  std::vector<JournalEntry> to_journal_;  // of the transaction that is open
  std::int64_t journal_applied_ = 0;
};

/// Applies a scan. Runs inside the caller's transaction. `in_flight`: the call that is out for a person, or
/// null.
class Ingest {
 public:
  using FindInFlight = std::function<const InFlight*(const std::string& email)>;
  /// Empty if the list has none.
  using FindSuppression = std::function<std::optional<Suppression>(const std::string& email)>;
  Ingest(Connection& connection, LedgerTable& ledger, FindSuppression suppression, SqliteScan& scan,
         const CommitRequest& request, FindInFlight in_flight);
  CommitReport run();
  /// What the scan shows, without what ends a read.
  CommitReport apply();
  /// People in flight of whom something else is wanted now, and what was wanted when their call was made.
  const std::vector<std::pair<std::string, domain::Wanted>>& overtaken() const { return overtaken_; }

 private:
  struct Blocks;
  bool held(const DecisionRecord& record) const;
  bool anything_held() const;
  void find_blocks(Blocks& blocks);
  void apply_rows(Blocks& blocks);
  void apply_row(const RowRecord& row);
  void keep_for_later(const domain::MemberKey& key, const std::vector<std::string>& touched);
  void apply_addresses();
  void apply_decisions();
  void apply_decision_to_ledger(const DecisionRecord& record);
  void touch(const std::string& email);

  SqliteScan& scan_;
  const CommitRequest& request_;
  MirrorId mirror_;
  LedgerTable& ledger_;
  FindSuppression suppression_;
  FindInFlight in_flight_;
  Statement insert_member_, update_member_, delete_member_, set_shadowed_;
  Statement insert_address_, delete_address_, clear_touched_, touch_;
  Sorter addresses_;  // changes of member_address, in its own order
  bool ledger_has_rows_, has_traces_;
  std::string sort_key_;
  std::vector<std::pair<std::string, domain::Wanted>> overtaken_;
  CommitReport report_;
};

}  // namespace stibee_sync::store
