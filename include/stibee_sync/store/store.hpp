#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/member.hpp"
#include "stibee_sync/store/remote.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::store {

/// Disk full, I/O error, damaged file. The message names the file and the cure, never a person.
class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Identifies a mirror's state: another list id is another, fresh state.
struct MirrorId {
  std::int64_t number = 0;
  friend auto operator<=>(const MirrorId&, const MirrorId&) = default;
};

/// Where a ledger row stands in the outbound queue; computed by the rules that the caller passes in.
struct Placement {
  std::optional<domain::Lane> lane;
  std::string shape;
  domain::UtcTime due{};
  std::string impossible;  // non-empty: parked with this reason
  bool finished = false;   // gone and settled: erase, leaving a trace if Stibee still knows the person
};
/// Pure; called inside transactions, on the store's thread.
using PlaceRule =
    std::function<Placement(const domain::Wanted&, const domain::Confirmed&, domain::UtcTime now)>;

// ---- ingest ------------------------------------------------------------------------------------------

/// What the snapshot keeps of a row. Views live until the next call of `next`.
struct SnapshotRow {
  domain::MemberKey key;
  domain::Fingerprint fingerprint;  // of the raw row
  bool shadowed =
      false;  // to be staged though unchanged: shares its address with another row, or its values are needed
};

/// A row that this read found new or changed, or must have at hand.
struct StagedRow {
  domain::MemberKey key;
  domain::Fingerprint fingerprint;
  std::optional<domain::EmailAddress> email;  // nullopt: the row has no usable address
  std::optional<domain::Member> member;       // nullopt: rejected
  std::string rejection;                      // reason code, if rejected
  std::string rejected_column;
  bool subscribed = true;  // what the row says, also when rejected
};

/// A row bearing an address, as `for_each_address` presents it.
struct BearerRow {
  domain::MemberKey key;
  bool subscribed = true;
  bool rejected = false;
  std::optional<bool> was_subscribed;  // what this very row said at the last read; nullopt: it was not there
  std::optional<domain::Member> member;  // only of staged rows
};

/// What the caller decided for one address.
struct AddressDecision {
  domain::Wanted wanted;
  std::optional<domain::FieldValues> values;  // nullopt: keep those there are
  std::optional<domain::MemberKey> key;
  int change_class = 0;  // opaque here; `commit` is told which classes are held
  bool duplicate = false;
};
using DecideAddress = std::function<AddressDecision(
    const domain::EmailAddress&, const std::vector<BearerRow>&, const std::optional<LedgerView>&)>;

/// One read of one mirror's table, staged on disk beside the state. Made by `Store::begin_scan`, used on one
/// thread (any one), handed back to `Store::commit` or destroyed, which forgets it. Does not block the store.
class Scan {
 public:
  virtual ~Scan() = default;
  /// The stored snapshot in key order. False at its end.
  virtual bool next(SnapshotRow& row) = 0;
  /// Stages a new, changed or shadowed row.
  virtual void stage(const StagedRow& row) = 0;
  /// Stages that the source no longer has `key`.
  virtual void stage_gone(const domain::MemberKey& key) = 0;
  /// After the stream's true end: calls `decide` for every address touched by a staged row (before or after
  /// its change), in address order, with all rows that then bear it in key order and its ledger row, if any;
  /// keeps the decisions. A person without ledger row but with a trace (tombstone) is presented with the
  /// ledger row that follows from it.
  virtual void for_each_address(const DecideAddress& decide) = 0;
  virtual std::size_t staged() const = 0;
};

/// A held class of changes, as it is stored and reported.
struct Hold {
  std::string change_class;  // "removals", …
  std::size_t count = 0;
  std::size_t of = 0;
  std::string digest;
  std::string why;
  std::vector<std::string> refs;  // of some of the people
  domain::UtcTime since{};
};

/// Facts of a mirror that outlive a read.
struct SourceFacts {
  std::optional<std::size_t> last_good_rows;
  std::size_t last_rows = 0;
  std::vector<std::size_t> non_null;  // per column of the mapping, saturating
  std::string mapping;                // text that changes when the mapping does
  std::string server_identity;        // system identifier and timeline of the last trusted read
  std::optional<domain::UtcTime> last_success;
  std::map<std::string, std::size_t> rejected;  // reason → rows, of the last read
  std::size_t duplicates = 0;
};

struct CommitRequest {
  std::vector<int>
      held_classes;  // decisions of these classes are not applied, nor are the rows that touch them
  SourceFacts facts;
  std::vector<Hold>
      holds;  // replaces the mirror's holds; `since` of a hold whose class was held before is kept
  domain::UtcTime now{};
  PlaceRule place;
};
struct CommitReport {
  std::size_t rows_applied = 0;
  std::size_t addresses_changed = 0;
};

// ---- dispatch ----------------------------------------------------------------------------------------

struct ClaimRequest {
  std::vector<MirrorId> mirrors;  // those that may be served, others are passed over
  domain::UtcTime now{};
  /// 0: this shape cannot be served now and is passed over.
  std::function<std::size_t(domain::Lane lane, const std::string& shape)> max_people;
  /// Of so many people found, how many the call takes (1 … found); empty: all.
  std::function<std::size_t(const std::string& shape, std::size_t found)> take;
  bool retries_allowed = true;  // false: only rows that were never attempted since they became pending
};
struct ClaimedPerson {
  domain::EmailAddress email;
  domain::Wanted wanted;
  domain::Confirmed confirmed;
  domain::FieldValues values;
  int attempts = 0;
};
struct Claimed {
  MirrorId mirror;
  domain::Lane lane = domain::Lane::Upsert;
  std::string shape;
  bool is_retry = false;          // the first person was attempted before
  std::uint32_t batch_limit = 0;  // the `batch_limit` that these rows share; 0: none
  std::vector<ClaimedPerson> people;
};

/// How one person of a call is settled. Exactly what is set is written.
struct Settlement {
  domain::EmailAddress email;
  domain::Confirmed confirmed;
  enum class Next { Continue, Retry, Park } next = Next::Continue;  // Continue: attempts go back to 0
  int attempts = 0;                                                 // Retry
  domain::UtcTime not_before{};                                     // Retry
  std::string reason;                                               // Retry, Park
  std::string message;                                              // Retry, Park: sanitised words of Stibee
  std::uint32_t batch_limit =
      0;  // Retry: the next call may carry at most so many people (halving); 0: no limit
};

// ---- reports -----------------------------------------------------------------------------------------

struct LaneCount {
  std::size_t people = 0;
  std::optional<domain::UtcTime> oldest;
};
/// Who waits, and who cannot be sent.
struct Backlog {
  std::map<domain::Lane, LaneCount>
      pending;  // without the parked and those not due before a later day (Later)
  std::map<std::string, std::size_t> parked;  // reason → people and rejected rows
};
struct Summary : Backlog {
  std::map<domain::RemoteStatus, std::size_t> people;  // of the ledger
  std::size_t wanted_subscribed = 0;
  std::size_t consents_due = 0;  // people wanted subscribed whose consent is older than 23 months: by whole
                                 // days (UTC), 700 and more
  std::size_t writebacks = 0;    // waiting
  SourceFacts facts;
  std::vector<Hold> holds;
};
struct ParkedPerson {
  std::string key;
  std::string email;  // as the source has it is not kept: "" if the row has no usable address
  std::string reason;
  std::string message;
  int attempts = 0;
  std::optional<domain::UtcTime> since;
};

/// All that the ledger has of one address: for `explain`, and for tests.
struct LedgerEntry {
  domain::Wanted wanted;
  domain::Confirmed confirmed;
  std::optional<domain::MemberKey> key;
  bool is_trace = false;    // gone from the source and settled: only `confirmed.status` and `since` are kept
  bool has_values = false;  // field values are stored, since something is to be sent
  std::optional<domain::Lane> lane;  // nullopt: not in the queue
  std::string shape;
  domain::UtcTime due{};
  domain::UtcTime pending_since{};
  int attempts = 0;
  std::string error;    // of the last attempt
  std::string message;  // Stibee's sanitised words
  std::string parked;   // reason; "": not parked
  friend bool operator==(const LedgerEntry&, const LedgerEntry&) = default;
};

/// Whether a call that is out was overtaken by what Stibee showed of the person meanwhile (`Store::observe`):
/// then what is confirmed follows from both. `person`: place in the settled people.
using CrossRule = std::function<domain::Confirmed(std::size_t person, const domain::Confirmed& observed)>;

/// Attempts of the rate limiter that may still count after a restart.
struct LoggedAttempt {
  std::string limiter_class;
  domain::UtcTime at;   // wall clock
  std::string boot_id;  // "" if unknown
  std::int64_t since_boot_ns = 0;
};
/// The attempt that a claimed batch is; a `limiter_class` of "" is not recorded.
using LogAttempt = std::function<LoggedAttempt(const std::string& shape, std::size_t people)>;

/// The durable state: snapshot and ledger, changed together. Every method that changes something is one
/// transaction that is on disk when it returns. All methods throw StoreError. Used from one thread at a time,
/// but for the `Scan`s it gave out.
class Store {
 public:
  using Error = StoreError;

  virtual ~Store() = default;

  virtual const domain::StateKey& key() const = 0;
  /// Finds or makes the state of a mirror with this name and list id.
  virtual MirrorId open_mirror(std::string_view name, std::int64_t list_id) = 0;
  virtual bool paused(MirrorId mirror) const = 0;
  virtual void set_paused(MirrorId mirror, bool paused) = 0;

  virtual SourceFacts source_facts(MirrorId mirror) const = 0;
  virtual std::unique_ptr<Scan> begin_scan(MirrorId mirror) = 0;
  virtual CommitReport commit(std::unique_ptr<Scan> scan, const CommitRequest& request) = 0;
  /// Commits the first `most` addresses of a decided first read, with their rows, ahead of `commit`, which
  /// then applies the rest: so that sending can begin before a large transaction has ended. The request is
  /// the one that `commit` will get, and holds nothing. Does nothing where an earlier read left anybody.
  /// After a crash in between, the state is the one of a shorter table, but has no facts of a read: the next
  /// one is to look at every row.
  virtual CommitReport commit_ahead(Scan& scan, const CommitRequest& request, std::size_t most) = 0;
  /// A read that failed or was refused: keeps snapshot and ledger, records nothing but holds if given.
  virtual std::vector<Hold> holds(MirrorId mirror) const = 0;
  /// Releases that change set once, until `expires`. The next scan whose held class has this digest applies
  /// it.
  virtual void approve(MirrorId mirror, const std::string& digest, domain::UtcTime expires) = 0;
  virtual bool approved(MirrorId mirror, const std::string& digest, domain::UtcTime now) const = 0;
  virtual void drop_approval(MirrorId mirror, const std::string& digest) = 0;

  /// The most urgent batch: first lane first, in it the shape whose oldest due row is oldest; rows in order
  /// of due time; never a person who is claimed already, parked or not due. Honours `batch_limit` of rows (a
  /// row with a limit n rides in a batch of at most n, together with rows of the same limit only). Also
  /// records the attempt of `attempt_class`, if anything was claimed, in the same transaction.
  virtual std::optional<Claimed> claim(const ClaimRequest& request, const LogAttempt& attempt) = 0;
  /// Records an attempt that claims nobody (a read).
  virtual void log_attempt(const LoggedAttempt& attempt) = 0;
  /// Gives people of a claim back unsent.
  virtual void release(MirrorId mirror, const std::vector<domain::EmailAddress>& people) = 0;
  /// Settles people of a claim and frees them; recomputes their placement; erases who is finished. `cross`:
  /// for those who were observed while the call was out.
  virtual void settle(MirrorId mirror, const std::vector<Settlement>& people, const PlaceRule& place,
                      domain::UtcTime now, const CrossRule& cross = {}) = 0;
  /// Recomputes the placement of every row of the mirror that is not settled (the policy changed).
  virtual void replace_all(MirrorId mirror, const PlaceRule& place, domain::UtcTime now) = 0;
  /// When the next unclaimed pending row of these mirrors becomes due (may be in the past); nullopt: nothing
  /// pending.
  virtual std::optional<domain::UtcTime> next_due(const std::vector<MirrorId>& mirrors) const = 0;
  /// Unparks by reason, by address (normalised), or all (both empty). Returns how many.
  virtual std::size_t retry(MirrorId mirror, std::string_view reason, std::string_view email,
                            const PlaceRule& place, domain::UtcTime now) = 0;
  /// Stops a claimed or pending set from being retried early: used by `sync-now` after an outage: due of
  /// backed-off rows := now.
  virtual void hasten(MirrorId mirror, domain::UtcTime now) = 0;

  virtual std::vector<LoggedAttempt> logged_attempts() const = 0;

  // ---- what Stibee shows (remote.hpp) --------------------------------------------------------------

  /// Presents each person as the state has them and does what `decide` says, all in one transaction (the
  /// suppressions' own file first). A row is made for nobody. Somebody who comes twice is presented twice.
  virtual void observe(MirrorId mirror, const std::vector<domain::EmailAddress>& people,
                       const DecideRemote& decide, const PlaceRule& place, domain::UtcTime now) = 0;
  virtual std::unique_ptr<ListScan> begin_list(MirrorId mirror) = 0;
  /// When the list was first taken over, or found to be unreadable; nullopt: it must be, before anything is
  /// sent.
  virtual std::optional<domain::UtcTime> adopted(MirrorId mirror) const = 0;
  virtual void set_adopted(MirrorId mirror, domain::UtcTime when) = 0;
  virtual std::optional<domain::UtcTime> reconciled(MirrorId mirror) const = 0;
  virtual void set_reconciled(MirrorId mirror, domain::UtcTime when) = 0;
  /// Suppressed people of a list, whether the table still has them or not.
  virtual std::size_t suppressed(MirrorId mirror) const = 0;

  /// The oldest write-backs that are due. Those of one person come in the order of their events: while one is
  /// postponed, later ones of the same person are not due.
  virtual std::vector<Writeback> writebacks(MirrorId mirror, domain::UtcTime now, std::size_t most) const = 0;
  /// When the next one becomes due; nullopt: none waits.
  virtual std::optional<domain::UtcTime> next_writeback(const std::vector<MirrorId>& mirrors) const = 0;
  /// Done, or given up: erases it, and lets the next read decide about the address anew. An id that is not
  /// there is passed over.
  virtual void finish_writeback(MirrorId mirror, std::int64_t id) = 0;
  /// Counts an attempt.
  virtual void postpone_writeback(MirrorId mirror, std::int64_t id, domain::UtcTime not_before) = 0;

  // ---- reports -------------------------------------------------------------------------------------

  virtual Summary summary(MirrorId mirror, domain::UtcTime now) const = 0;
  /// That part of the summary for which nobody who is settled need be looked at.
  virtual Backlog backlog(MirrorId mirror, domain::UtcTime now) const = 0;
  virtual std::size_t wanted_subscribed(MirrorId mirror) const = 0;
  virtual std::vector<ParkedPerson> parked(MirrorId mirror, std::size_t most) const = 0;
  /// People pending and not parked, whether due or not, but for postponed deletions.
  /// As of the time that the store was last told (`claim`, `settle`, `commit`).
  virtual std::size_t pending(MirrorId mirror) const = 0;
  virtual std::optional<LedgerEntry> find(MirrorId mirror, const domain::EmailAddress& email) const = 0;
};

}  // namespace stibee_sync::store
