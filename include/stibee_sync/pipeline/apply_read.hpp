#pragma once

#include "stibee_sync/pipeline/table_read.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

/// A judged read's work on the store. Blocking, on the store's thread.
namespace stibee_sync::pipeline {

struct AppliedRead {
  std::size_t rows = 0;       // of the snapshot, new, changed or gone
  std::size_t addresses = 0;  // of which something else is wanted than before
  std::size_t erased = 0;     // people who are gone, and have no row any more
  std::size_t lost = 0;       // rows that are gone, or bear another address
  /// By ChangeClass: people whose consent stamp is another, or whose no became a yes.
  std::array<std::size_t, 6> consents_moved{};
  bool last = false;  // nothing of the read is left
};

/// Snapshot and ledger take over what the scan found and does not hold back: the next `most` rows and
/// decisions of it.
AppliedRead apply_read(store::Transaction& transaction, store::MirrorId mirror, store::Scan& scan,
                       const ledger::Policy& policy, domain::UtcTime now,
                       std::size_t most = std::numeric_limits<std::size_t>::max());

/// What a read is to leave behind.
struct ReadCommit {
  Judgement judgement;
  std::size_t removals = 0, resubscribes = 0;  // that the read found, of `mirrored` people
  std::size_t mirrored = 0;
  store::SourceFacts facts;       // while something is held: the measure is still what was good before
  store::SourceFacts good_facts;  // if nothing is: the measure of the next read
  std::vector<store::SlotOfChanges> drained_before;  // as the reads before left it, for the parts of this one
  bool resubscribes_waited = false;                  // when it began
};
/// What of a held set had been approved, and goes now; whether that is all of it, so that the approval is
/// used up.
struct ReleasedChanges {
  store::HeldChanges changes;
  bool as_a_whole = true;
};
struct CommittedRead {
  AppliedRead applied;
  std::vector<store::HeldChanges> held;  // with the digests by which they are shown
  std::vector<std::string> news;         // digests of those that began, or have grown by half
  std::vector<ReleasedChanges> released;
  /// Somebody waits who is in nothing that is shown: the next read is to judge them, at once.
  bool leaves_unjudged = false;
};
/// What was held before a read, and what of it was approved since.
struct HoldsBefore {
  struct Set {
    std::string change_class, digest;
    bool approved = false;
    std::vector<domain::Fingerprint> items;  // sorted
  };
  std::vector<store::HeldChanges> holds;
  std::vector<Set> sets;  // of the classes that are held now
};
HoldsBefore holds_before(store::Transaction& transaction, store::MirrorId mirror, const Judgement& judgement,
                         domain::UtcTime now);

/// A judged read on its way into the store: one part after the other, each a transaction, so that whatever
/// else the store has to do comes in between. What the read leaves behind (facts, holds) comes with the last
/// part; until then approvals are not used up, and the next read would find what is left. Made on any thread:
/// it sorts what the scan staged.
class ReadTakeover {
 public:
  ReadTakeover(store::MirrorId mirror, store::Scan scan, ReadCommit commit, HoldsBefore before,
               const ledger::Policy& policy, domain::UtcTime now, std::size_t first = first_part);
  /// About so many rows and decisions. Returns of how many addresses something else is wanted than before.
  std::size_t take(store::Transaction& transaction, std::size_t most);
  bool done() const { return committed_.applied.last; }
  /// All of it, once that is done.
  const CommittedRead& committed() const { return committed_; }

  static constexpr std::size_t first_part = 1'000, smallest_part = 200, largest_part = 2'000;
  /// How large a part may be after one of that size that took so long: none is to keep the store for more
  /// than some 50 ms.
  static std::size_t next_part(std::size_t last, domain::Duration took);

 private:
  class Holding;
  /// Of what was taken so far, without what somebody approved.
  void note_taken_in(std::vector<store::SlotOfChanges>& slots) const;
  void finish(store::Transaction& transaction, const store::SourceFacts& facts);

  store::MirrorId mirror_;
  store::Scan scan_;
  ReadCommit commit_;
  ledger::Policy policy_;
  domain::UtcTime now_;
  CommittedRead committed_;
  std::vector<std::pair<store::HeldChanges, int>> kept_;  // sets to be kept, with their class
};

}  // namespace stibee_sync::pipeline
