#pragma once

#include "stibee_sync/pipeline/table_read.hpp"
#include "stibee_sync/store/transaction.hpp"

#include <cstddef>
#include <string>
#include <vector>

/// A judged read's work on the store. Blocking, on the store's thread.
namespace stibee_sync::pipeline {

struct AppliedRead {
  std::size_t rows = 0;       // of the snapshot, new, changed or gone
  std::size_t addresses = 0;  // of which something else is wanted than before
  std::size_t erased = 0;     // people who are gone, and have no row any more
};

/// Snapshot and ledger take over what the scan shows and does not hold back.
AppliedRead apply_read(store::Transaction& transaction, store::MirrorId mirror, store::Scan& scan,
                       const ledger::Policy& policy, domain::UtcTime now);

/// Commits the first `most` addresses of a decided first read that holds nothing back, with their rows, ahead
/// of `apply_read`, which then applies the rest: so that sending can begin before a large transaction has
/// ended. Does nothing where an earlier read left anybody. After a crash in between, the state is the one of
/// a shorter table, but has no facts of a read: the next one is to look at every row.
AppliedRead apply_ahead(store::Store& store, store::MirrorId mirror, store::Scan& scan, std::size_t most,
                        const ledger::Policy& policy, domain::UtcTime now);

/// What a read is to leave behind.
struct ReadCommit {
  Judgement judgement;
  std::size_t removals = 0, resubscribes = 0;  // that the read found, of `mirrored` people
  std::size_t mirrored = 0;
  store::SourceFacts facts;       // while something is held: the measure is still what was good before
  store::SourceFacts good_facts;  // if nothing is: the measure of the next read
};
struct CommittedRead {
  AppliedRead applied;
  std::vector<store::HeldChanges> held;      // with the digests by which they are shown
  std::vector<std::string> news;             // digests of those that began, or have grown by half
  std::vector<store::HeldChanges> released;  // what of held sets had been approved; the approvals are used up
};
CommittedRead commit_read(store::Transaction& transaction, store::MirrorId mirror, store::Scan& scan,
                          const ReadCommit& commit, const ledger::Policy& policy, domain::UtcTime now);

}  // namespace stibee_sync::pipeline
