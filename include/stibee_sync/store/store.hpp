#pragma once

#include "stibee_sync/domain/fingerprint.hpp"
#include "stibee_sync/ledger/person.hpp"
#include "stibee_sync/store/list_scan.hpp"
#include "stibee_sync/store/mirror_state.hpp"
#include "stibee_sync/store/person_record.hpp"
#include "stibee_sync/store/reports.hpp"
#include "stibee_sync/store/scan.hpp"
#include "stibee_sync/store/store_error.hpp"
#include "stibee_sync/store/writeback_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::store {

struct OpenReport {
  bool created = false;                                    // there was no state before
  std::optional<std::filesystem::path> damaged_set_aside;  // the old file was damaged and now has this name
  std::optional<std::filesystem::path> suppressions_set_aside;  // the same of the opt-outs' own file
  bool suppressions_rebuilt = false;  // opt-outs that only the state knew were written to their own file
  bool checked = false;               // a file was looked through, since it was not closed in order
};

/// The durable state: snapshot, ledger, opt-outs on record, what waits. It remembers, and decides nothing:
/// what becomes of a person is said by `ledger`. Changes go through a `Transaction`. All methods throw
/// StoreError, also while a Transaction is open if they need a view of their own (`open_mirror`, `find`, the
/// reports): it has its own. Used from one thread at a time, but for the scans it gave out.
class Store {
 public:
  using Error = StoreError;
  struct Tables;  // the store's own
  explicit Store(std::unique_ptr<Tables> tables);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  const domain::StateKey& key() const;
  /// Finds or makes the state of a mirror with this name and list id.
  MirrorId open_mirror(std::string_view name, std::int64_t list_id);
  /// Every mirror that ever had a state, in the order in which they came.
  std::vector<KnownMirror> known_mirrors() const;
  /// Its state goes on under another name, which no other mirror of the list has. Nothing is done to a state
  /// that is only read.
  void rename_mirror(MirrorId mirror, std::string_view name);
  /// By what its queue was placed last; "": to be placed anew, since it was never, or since then a crash or a
  /// clock that was set back may have left somebody where they do not belong.
  std::string placed_by(MirrorId mirror) const;
  void set_placed_by(MirrorId mirror, std::string_view what);
  /// What somebody was told last of all mirrors, in the words of who tells; "": nothing yet.
  std::string told() const;
  void set_told(std::string_view what);
  /// How many addresses the ledger has of it. Looks at each, unless they were counted before.
  std::size_t people(MirrorId mirror) const;
  bool paused(MirrorId mirror) const;
  /// When the list was first taken over, or found to be unreadable; nullopt: it must be, before anything is
  /// sent.
  std::optional<domain::UtcTime> adopted(MirrorId mirror) const;
  std::optional<domain::UtcTime> reconciled(MirrorId mirror) const;
  SourceFacts source_facts(MirrorId mirror) const;
  /// Grows with everything that waits for the next read of all rows: an address that is to be decided though
  /// its rows did not change, a row whose values are wanted. In this life of the store.
  std::uint64_t reads_wanted(MirrorId mirror) const;
  Milestones milestones(MirrorId mirror) const;
  std::vector<HeldChanges> holds(MirrorId mirror) const;
  /// The class of such a set, held now or within the last hour; nullopt: there is none.
  std::optional<std::string> class_of_held_set(MirrorId mirror, std::string_view digest,
                                               domain::UtcTime now) const;
  std::vector<HeldPerson> held_people(MirrorId mirror, std::string_view digest) const;
  /// Whether that held change set was approved and is not expired.
  bool approved(MirrorId mirror, std::string_view digest, domain::UtcTime now) const;
  std::vector<LoggedAttempt> logged_attempts() const;

  /// Gives people of a claim back unsent, as `Transaction::release`; of what is in memory only, so that no
  /// trouble of the disk keeps anybody.
  void release(MirrorId mirror, const std::vector<domain::EmailAddress>& people);

  Scan begin_scan(MirrorId mirror);
  ListScan begin_list(MirrorId mirror);

  /// All that is remembered of one address; empty: nothing.
  ledger::Person find(MirrorId mirror, const domain::EmailAddress& email) const;
  /// The same, with what else the state has of them: to be shown.
  PersonRecord record_of(MirrorId mirror, const domain::EmailAddress& email) const;
  /// The row of a key that is given as text, as the last read left it.
  std::optional<KnownRow> row_of_key(MirrorId mirror, std::string_view key) const;
  /// When the next unclaimed pending row of these mirrors becomes due (may be in the past); nullopt: nothing
  /// pending.
  std::optional<domain::UtcTime> next_due(const std::vector<MirrorId>& mirrors) const;
  /// The oldest write-backs that are due. Those of one person come in the order of their events: while one is
  /// postponed, later ones of the same person are not due.
  /// What waits for a time after `latest` is due, too: only a clock that was set back since can have told it.
  std::vector<PendingWriteback> writebacks(MirrorId mirror, domain::UtcTime now, domain::UtcTime latest,
                                           std::size_t most) const;
  /// Whether one of these still waits: something later may have overtaken it since they were asked for.
  bool has_writeback(MirrorId mirror, std::int64_t id) const;
  /// When the next one becomes due; nullopt: none waits.
  std::optional<domain::UtcTime> next_writeback(const std::vector<MirrorId>& mirrors) const;

  Summary summary(MirrorId mirror, domain::UtcTime now) const;
  /// That part of the summary for which nobody who is settled need be looked at.
  Backlog backlog(MirrorId mirror, domain::UtcTime now) const;
  std::size_t wanted_subscribed(MirrorId mirror) const;
  /// Suppressed people of a list, whether the table still has them or not.
  std::size_t suppressed(MirrorId mirror) const;
  /// `reason`: only with this one; "": all.
  std::vector<ParkedPerson> parked(MirrorId mirror, std::size_t most, std::string_view reason = {}) const;
  /// People pending and not parked, whether due or not, but for deletions that are postponed beyond `now`.
  std::size_t pending(MirrorId mirror, domain::UtcTime now) const;

  /// The logs go into the files and are emptied, so that nothing of whom is settled lies in them. False: a
  /// read that runs is in the way, and it should be tried again after that.
  bool tidy();
  /// Why nothing can be kept at the moment, with the cure: the files were deleted or replaced, the last
  /// change could not be written (then a small one is tried), or the disk is full. "": all is well.
  std::string trouble();

  Tables& tables() { return *tables_; }

 private:
  std::unique_ptr<Tables> tables_;
};

/// `state.sqlite` in `directory`: WAL, synchronous=FULL, mode 0600, schema version with migrations, integrity
/// checked unless the file is as it was when it was last closed in order. Beside it, of the same kind,
/// `suppressions.sqlite`: the opt-outs on record and the state's key. A damaged file is renamed beside itself
/// and a fresh one begun: `report` says so. A fresh state takes the key and the opt-outs of the suppressions;
/// lost suppressions are made again from the state; what one of them has not heard of it learns from the
/// other. Calls that were out when the process died become doubts. A file of a newer version is an error, and
/// so are two files whose keys differ, unless one has nobody in it. Throws StoreError.
std::unique_ptr<Store> open_store(const std::filesystem::path& directory, OpenReport& report);
/// For commands beside a running daemon or without one: reads only. Throws StoreError if there is no state.
std::unique_ptr<Store> open_store_read_only(const std::filesystem::path& directory);
/// Free bytes of the file system that holds the state.
std::uintmax_t free_bytes(const std::filesystem::path& directory);

}  // namespace stibee_sync::store
