#pragma once

#include "stibee_sync/domain/member.hpp"
#include "stibee_sync/ledger/person.hpp"
#include "stibee_sync/ledger/transitions.hpp"
#include "stibee_sync/store/mirror_state.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::store {

/// What the snapshot keeps of a row.
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
  bool keeps_address = false;                 // it has some text for one: the last good one stays its address
  std::optional<domain::Member> member;       // nullopt: rejected
  std::string rejection;                      // reason code, if rejected
  std::string rejected_column;
  bool subscribed = true;  // what the row says, also when rejected
};

/// A row bearing an address, as it will be once the read is applied.
struct BearerRow {
  domain::MemberKey key;
  bool subscribed = true;
  bool rejected = false;
  std::optional<bool> was_subscribed;  // what this very row said at the last read; nullopt: it was not there
  std::optional<domain::Member> member;  // only of staged rows
};

/// An address that a staged row touches (before or after its change), or that is to be decided anyway.
struct TouchedAddress {
  domain::EmailAddress email;
  std::vector<BearerRow> bearers;  // all rows that then bear it, in key order
  /// nullopt: nothing is known. Of somebody with a trace, or an opt-out on record: the row that follows.
  std::optional<ledger::LedgerView> ledger;
  /// The newest opt-out on record of a member whose row then bears it.
  std::optional<ledger::Suppression> member_opt_out;
  bool left = false;                 // a row that bore it does so no more, since this read
  bool left_by_living = false;       // … but bears another address, or none
  bool left_saying_no = false;       // … and says no
  bool awaits_resubscribe = false;   // the person's own word at Stibee is not in the table yet
  bool awaits_unsubscribed = false;  // nor is an earlier no of theirs
};

/// What was decided for an address.
struct Decided {
  domain::EmailAddress email;
  ledger::AddressDecision decision;
  int change_class = 0;  // opaque here: whole classes can be held back
};

/// Which decisions are to wait.
struct HoldBack {
  std::vector<int> classes;
  std::vector<domain::Fingerprint> released;  // sorted: items of those classes that do not wait
  /// Decisions about the two addresses of a row that moves wait together, but for this class.
  std::optional<int> never_with_others;
};

/// One read of one mirror's table, merged with the snapshot of a moment and staged on disk beside the state:
/// constant memory at any size. Made by `Store::begin_scan`, used on one thread at a time (any), and
/// forgotten when destroyed. Does not block the store. In this order: `next` and `stage…` until the source's
/// true end; `next_address` and `decide` until all are decided; then one `Transaction` after the other takes
/// it over. Throws StoreError.
class Scan {
 public:
  struct State;  // the store's own
  explicit Scan(std::unique_ptr<State> state);
  Scan(Scan&&) noexcept;
  Scan& operator=(Scan&&) noexcept;
  ~Scan();

  /// The stored snapshot in key order. False at its end.
  bool next(SnapshotRow& row);
  /// For a part of the table's rows, instead of `next`: what the snapshot has of one of them. Addresses that
  /// are to be decided anyway are then left to a scan of all.
  std::optional<SnapshotRow> find(const domain::MemberKey& key);
  /// Stages a new, changed or shadowed row; a key once. True: the snapshot has it under another address.
  bool stage(const StagedRow& row);
  /// Stages that the source no longer has `key`.
  void stage_gone(const domain::MemberKey& key);

  /// The next touched address, in address order; false at the end. Each is to be decided before the next one
  /// is asked for.
  bool next_address(TouchedAddress& address);
  /// `item`: what this change is told by in a set that is held; nullopt: it is in none.
  void decide(const ledger::AddressDecision& decision, int change_class,
              const std::optional<domain::Fingerprint>& item = {});

  /// An earlier read was taken over in part only, or the state is older than the opt-outs on record: every
  /// row is to be staged, changed or not, and when one went from no to yes is not known.
  bool is_torn() const;
  /// No row was known when the scan began.
  bool is_first() const;
  /// What the decisions of a class are told by, sorted.
  std::vector<domain::Fingerprint> items_of(int change_class);
  /// Leaves out what is to wait, and the rows that rest on it: the snapshot keeps those as they were, so that
  /// the next read finds the same differences again. Before the scan is taken over.
  void hold_back(const HoldBack& what);
  void hold_back(const std::vector<int>& change_classes) { hold_back(HoldBack{change_classes, {}, {}}); }
  /// Whether anything does, after `hold_back`.
  bool anything_waits() const;
  /// Which of these items, sorted, wait all the same: released themselves, they hang on one that is not.
  /// After `hold_back`.
  std::vector<domain::Fingerprint> waiting_of(const std::vector<domain::Fingerprint>& items);
  /// Sorts what is to be taken over in parts of that size: where it is not called, the first part does it, on
  /// the store's thread.
  void arrange(std::size_t part);
  /// The decisions of the part that was taken over last; false at its end. To be carried out in that
  /// transaction.
  bool next_decision(Decided& decided);

  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace stibee_sync::store
