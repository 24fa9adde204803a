#pragma once

#include "stibee_sync/store/store.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace stibee_sync::store {

/// Those of the queue who are due can share a call.
struct QueueLine {
  MirrorId mirror;
  domain::Lane lane = domain::Lane::Upsert;
  std::string shape;
};

/// Who of a line comes first.
struct QueueHead {
  std::string shape;
  domain::UtcTime due{};
};

/// Which of those in the queue count.
struct Due {
  domain::UtcTime now{};
  bool with_retries = true;  // false: only rows that were never attempted since they became pending
};

/// People of a line, in the order of their due times.
struct Waiting {
  std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>> people;
  bool first_is_retry = false;
  std::uint32_t batch_limit = 0;  // that all of them share: at most so many in a call; 0: no limit
};

/// Part of a read that was taken over.
struct TakenPart {
  std::size_t rows = 0;  // of the snapshot, that were written
  std::size_t lost = 0;  // of these, that are gone or bear another address
  bool last = true;
};

/// A change of the state: on disk, all of it, once `commit` has returned; undone when destroyed before.
/// Reads what it has written. One at a time; on the store's thread. All methods throw StoreError.
class Transaction {
 public:
  struct Work;  // the store's own
  explicit Transaction(Store& store);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

  // ---- people ------------------------------------------------------------------------------------------
  ledger::Person find(MirrorId mirror, const domain::EmailAddress& email);
  /// Nothing but speed: `find` will be asked for these normalised addresses soon, in this order.
  void read_ahead(MirrorId mirror, const std::vector<std::string_view>& emails);
  /// Remembers what differs. `before`: as `find` gave it.
  void write(MirrorId mirror, const domain::EmailAddress& email, const ledger::Person& before,
             const ledger::Person& after);
  /// Other addresses, by the snapshot, of the members whose rows bear this one, or bore it last.
  std::vector<domain::EmailAddress> other_addresses(MirrorId mirror, const domain::EmailAddress& email,
                                                    const ledger::Person& person);
  /// The address that the table has of somebody whom Stibee has under this one since; nullopt: nobody.
  std::optional<domain::EmailAddress> moved_from(MirrorId mirror, const domain::EmailAddress& email);
  /// Rows of the mirror after that address, in address order, without anything else of those people.
  std::vector<std::pair<domain::EmailAddress, ledger::LedgerRow>> rows_after(MirrorId mirror,
                                                                             std::string_view email,
                                                                             std::size_t most);
  /// Parked by that reason ("": any), and with that normalised address ("": all).
  std::vector<domain::EmailAddress> parked_people(MirrorId mirror, std::string_view reason,
                                                  std::string_view email);
  /// What else than the ledger's row names the address: rows of the snapshot, held changes, marks for the
  /// next read. True: there was something.
  bool erase_address(MirrorId mirror, const domain::EmailAddress& email);
  /// Who waits for the end of a backoff.
  std::vector<domain::EmailAddress> backed_off(MirrorId mirror, domain::UtcTime now);

  // ---- the outbound queue ------------------------------------------------------------------------------
  /// Of each shape that has somebody who is due and not claimed.
  std::vector<QueueHead> heads(MirrorId mirror, domain::Lane lane, const Due& due);
  /// The first of them, those who share its batch limit; never a person who is claimed, parked or not due.
  Waiting waiting(const QueueLine& line, const Due& due, std::size_t most);
  /// A call goes out for these people: they are not found again before they are settled or released.
  void claim(const QueueLine& line, const std::vector<domain::EmailAddress>& people);
  /// Gives people of a claim back unsent.
  void release(MirrorId mirror, const std::vector<domain::EmailAddress>& people);
  void log_attempt(const LoggedAttempt& attempt);
  /// Somebody is claimed, or waits and is due by then.
  bool anybody_waits(MirrorId mirror, domain::UtcTime until);
  /// Whether a read of the table was ever applied.
  bool table_read(MirrorId mirror);

  // ---- reads of the table ------------------------------------------------------------------------------
  /// The snapshot takes over what the scan found, about so many rows and decisions of it, and the scan then
  /// shows these decisions: they are carried out in this transaction. The next part is another transaction's.
  /// After a crash in between, the state is that of an earlier, smaller change of the table, or the next scan
  /// is told that it is torn. Throws StoreError if another read of the mirror was taken over meanwhile.
  TakenPart take_over(Scan& scan, std::size_t most = std::numeric_limits<std::size_t>::max());
  /// A decision of the scan, by what was said at Stibee since it began: the opt-out that it inherits is the
  /// one on record now. nullopt: it says no, and may be older than a resubscribe of theirs; the next read
  /// decides anew. `before`: as `find` gave it.
  std::optional<ledger::AddressDecision> by_now(MirrorId mirror, const domain::EmailAddress& email,
                                                ledger::AddressDecision decision,
                                                const ledger::Person& before, Scan& scan);
  /// The next read is to decide about the address, though its rows did not change.
  void touch(MirrorId mirror, const domain::EmailAddress& email);
  /// What was applied of late, without anybody's approval: known before the whole read is.
  void set_recent(MirrorId mirror, const std::vector<HourOfChanges>& recent,
                  const std::vector<SlotOfChanges>& drained);
  /// Counts the read. Facts that only say that it was done, and where the server was (`last_success`,
  /// `wal_position`), are written with the next change, with the end of the store, or an hour after they last
  /// were: a read that changes nothing writes nothing.
  void set_facts(MirrorId mirror, const SourceFacts& facts);
  std::vector<HeldChanges> holds(MirrorId mirror);
  /// `since` of a hold whose class was held before is kept. Sets that are held no longer can be approved
  /// until `until`.
  void replace_holds(MirrorId mirror, const std::vector<HeldChanges>& holds, domain::UtcTime until);
  /// The digests of the sets of a class that are kept, held or not.
  std::vector<std::string> held_sets(MirrorId mirror, std::string_view change_class);
  /// By what its people are told, sorted.
  std::vector<domain::Fingerprint> held_set(MirrorId mirror, std::string_view digest);
  /// Remembers the changes of a class, as the scan found them, as the set of that digest.
  void keep_held_set(MirrorId mirror, const HeldChanges& hold, Scan& scan, int change_class);
  void drop_held_set(MirrorId mirror, std::string_view digest);
  /// Releases that change set once, until `expires`.
  void approve(MirrorId mirror, const std::string& digest, domain::UtcTime expires);
  bool approved(MirrorId mirror, const std::string& digest, domain::UtcTime now);
  /// Whether it was approved and is not expired; the approval is used up.
  bool use_approval(MirrorId mirror, const std::string& digest, domain::UtcTime now);
  void drop_expired_approvals(MirrorId mirror, domain::UtcTime now);
  /// Traces of people whom Stibee does not know, deleted before `then`: no echo of that can still come.
  void erase_echo_traces(MirrorId mirror, domain::UtcTime then);

  // ---- the rest ----------------------------------------------------------------------------------------
  /// Since when is kept while it stays paused. `until`: when it is to end; the store ends nothing by itself.
  void set_paused(MirrorId mirror, bool paused, domain::UtcTime now,
                  std::optional<domain::UtcTime> until = std::nullopt);
  void set_last_delivery(MirrorId mirror, domain::UtcTime when);
  /// Again does nothing. True: it was the first time.
  bool set_imported(MirrorId mirror, domain::UtcTime when);
  void set_adopted(MirrorId mirror, domain::UtcTime when);
  /// Its list is to be taken over anew, as after a time in which another daemon worked.
  void clear_adopted(MirrorId mirror);
  void set_reconciled(MirrorId mirror, domain::UtcTime when, std::size_t differences);
  void add_writeback(MirrorId mirror, const domain::EmailAddress& email,
                     const std::optional<domain::MemberKey>& key, const WritebackRequest& request,
                     domain::UtcTime now);
  /// Done, or given up. Whose it was; nullopt: there is no such one.
  std::optional<domain::EmailAddress> erase_writeback(MirrorId mirror, std::int64_t id);
  /// All of a person's that are of this event: something later overtook them.
  void drop_writebacks(MirrorId mirror, const domain::EmailAddress& email, std::string_view event);
  /// Counts an attempt.
  void postpone_writeback(MirrorId mirror, std::int64_t id, domain::UtcTime not_before);

 private:
  std::unique_ptr<Work> work_;
};

/// A job for the store that is one transaction: `job(Transaction&)`, and what it returns.
template <typename Job>
auto in_transaction(Job job) {
  return [job = std::move(job)](Store& store) mutable {
    Transaction transaction(store);
    if constexpr (std::is_void_v<std::invoke_result_t<Job&, Transaction&>>) {
      job(transaction);
      transaction.commit();
    } else {
      auto result = job(transaction);
      transaction.commit();
      return result;
    }
  };
}

}  // namespace stibee_sync::store
