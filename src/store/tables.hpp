#pragma once

#include "stibee_sync/store/store.hpp"
#include "store/closing_mark.hpp"
#include "store/held_sets.hpp"
#include "store/ledger_table.hpp"
#include "store/mirror_table.hpp"
#include "store/queue.hpp"
#include "store/scan_state.hpp"
#include "store/snapshot_table.hpp"
#include "store/sqlite.hpp"
#include "store/suppression_journal.hpp"
#include "store/suppression_table.hpp"
#include "store/writeback_table.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::store {

/// The tables of an open state file of the right version, and what is kept in memory beside them.
struct Store::Tables {
  /// `staging`: where scans put their temporary files.
  Tables(std::unique_ptr<Connection> opened, Connection::Mode mode, const domain::StateKey::Bytes& key,
         std::filesystem::path staging);

  std::unique_ptr<Connection> connection_for_scan() const;
  /// The next read is to decide about the address anew.
  void touch(MirrorId mirror, std::string_view email);
  /// What is kept in memory follows a transaction's end. `erased`: batches that the file has no more.
  void kept(const std::vector<std::int64_t>& erased);
  void undone();
  /// After a commit that wrote something.
  void written();
  /// Throws StoreError if a file is not where it was opened any more: what is written then is lost.
  void check_files() const;
  /// Whether so little can be written now. Throws StoreError.
  void try_to_write();
  /// What is only in memory is written, and the files are marked as closed in order. The marks are to be
  /// sealed when the files are closed. Throws StoreError.
  std::vector<ClosingMark> finish();
  /// A daemon beside a read-only store changes the file: nothing may be remembered then.
  Tally tally(MirrorId mirror);

  std::unique_ptr<Connection> connection;
  Connection::Mode mode;
  domain::StateKey key;
  std::filesystem::path staging;
  Claims claims;
  Queue queue;
  SnapshotTable snapshot;
  LedgerTable ledger;
  MirrorTable mirrors;
  SuppressionTable suppressions;
  WritebackTable writebacks;
  HeldSets held_sets;
  Statement insert_batch, erase_batch, insert_attempt, touch_address, keys_of_address, address_of_key;
  std::int64_t last_touch = 0;
  /// Whose resubscribe at Stibee came to be written to the table, and as the how-manieth, as far as a read
  /// may be under way that does not know of it.
  std::map<MirrorId, std::map<std::string, std::uint64_t>> resubscribed;
  std::uint64_t resubscribes = 0;
  std::uint64_t members_words = 0;  // opt-outs of members that came on record, or were lifted
  std::map<MirrorId, std::uint64_t> reads_wanted;
  std::map<std::string, std::int64_t> attempt_numbers;  // of the last logged one, by limiter class
  std::unique_ptr<SuppressionJournal> journal;          // null: read only
  std::int64_t journal_applied = 0;
  std::map<MirrorId, std::string> placed;             // by what each queue stands as it does, if that is sure
  bool write_failed = false;                          // the last transaction was not committed
  bool untidy = true;                                 // written since the logs were last emptied
  std::shared_ptr<Scan::State::SnapshotShelf> shelf;  // null: beside a daemon, which owns the file
};

/// Brings the state and the opt-outs' own file to the same. Once, after opening. True: the file had to be
/// made from what the state knows.
bool join_journal(Store::Tables& tables, std::unique_ptr<SuppressionJournal> journal);
/// If the last change came to the opt-outs' own file, but not to the state, since the disk was full in
/// between, say.
void catch_up(Store::Tables& tables);
/// What a crash left in flight becomes doubt. Once, after opening.
void recover_calls(Store& store);

}  // namespace stibee_sync::store
