#pragma once

#include "stibee_sync/pipeline/reconciler.hpp"

#include <memory>
#include <vector>

namespace stibee_sync::pipeline {

/// Somebody whom the merge found different, until the ledger was looked at again.
struct Reconciler::Candidate {
  store::ListedPair pair;
  PersonDrift found;
  bool apply = false;   // mend it
  bool counts = false;  // is still so
};

/// One comparison on its way through the merge.
struct Reconciler::Pass {
  std::shared_ptr<const MirrorPlan> plan;
  std::shared_ptr<store::ListScan> scan;
  bool repair = false;
  domain::UtcTime now{};
  domain::UtcTime said{};  // of an opt-out that is seen: by the later of our clock and the database's
  std::size_t most_unsubscribes = 0;
  Candidates unsubscribes;  // wait until it is known how many they are
  bool too_many = false;    // of them
};

/// So many people go through one transaction.
inline constexpr std::size_t people_at_once = 1000;

}  // namespace stibee_sync::pipeline
