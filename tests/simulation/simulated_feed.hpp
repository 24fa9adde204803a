#pragma once

#include "stibee_sync/source/change_feed.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace stibee_sync::simulation {

/// The change feed of the simulated table: what its triggers write down, and what may happen to it.
class SimulatedFeed {
 public:
  /// A writer. What it tells of has numbers of when it wrote, and shows when it commits.
  struct Transaction {
    std::uint64_t number = 0;
    std::int64_t first_id = 0;
    bool told = true;  // the triggers wrote
  };
  Transaction begin();
  void commit(const Transaction& transaction, const std::set<std::int64_t>& keys);
  /// The table, or a partition of it, was truncated.
  void commit_truncate(const Transaction& transaction);

  void discard(const std::vector<std::int64_t>& ids);
  /// Nobody writes any more, and nobody of them commits: the server was lost.
  void end_writers() { running_.clear(); }

  /// Writers end before the triggers are switched, or the feed is truncated by hand: these take locks.
  void switch_triggers(bool on);
  void truncate_feed();
  void alter_table() { ++version_; }
  /// It is too large: the triggers write nothing until it has been emptied and vacuumed.
  void outgrow() { overgrown_ = true; }
  void vacuum();

  /// As a snapshot of now has it.
  source::FeedSeenByScan seen() const;
  /// The keys that wait, in the order of a read.
  std::set<std::int64_t> keys() const;
  bool waits() const { return !waiting_.empty(); }

 private:
  std::optional<source::FeedLoss> loss() const;

  std::map<std::int64_t, std::optional<std::int64_t>> waiting_;
  std::set<std::uint64_t> running_;
  std::uint64_t next_transaction_ = 1;
  std::int64_t next_id_ = 1;
  int version_ = 0;  // of catalog and files
  bool triggers_on_ = true;
  bool overgrown_ = false;
};

}  // namespace stibee_sync::simulation
