#pragma once

#include "stibee_sync/store/transaction.hpp"
#include "store/sqlite.hpp"

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace stibee_sync::store {

/// A part of the queue that is served in the order of (due, email).
struct QueueStream {
  MirrorId mirror;
  domain::Lane lane = domain::Lane::Upsert;
  std::string shape;
  bool retried = false;
  friend auto operator<=>(const QueueStream&, const QueueStream&) = default;
};

struct QueuePosition {
  std::int64_t due = 0;
  std::string email;
  friend auto operator<=>(const QueuePosition&, const QueuePosition&) = default;
};

/// People whose call is out. In memory only: after a crash they are simply pending again. What changes is
/// undone unless it is kept, as the rest of a transaction.
class Claims {
 public:
  struct Claim {
    ledger::CallOut call;
    std::int64_t batch = 0;  // row of `in_flight`
  };
  const Claim* find(MirrorId mirror, const std::string& email) const;
  bool contains(MirrorId mirror, const std::string& email) const { return find(mirror, email) != nullptr; }
  bool any(MirrorId mirror) const;
  void add(MirrorId mirror, const std::string& email, domain::Lane lane, std::int64_t batch);
  void change(MirrorId mirror, const std::string& email, ledger::CallOut call);
  void free(MirrorId mirror, const std::string& email);
  /// Batches of which nobody is out any more, though the file still has them.
  std::vector<std::int64_t> ended() const;
  /// What changed stands. `erased`: batches that the file has no more.
  void keep(const std::vector<std::int64_t>& erased);
  void undo();
  /// Everybody who is out.
  std::unordered_map<std::string, domain::Lane> lanes(MirrorId mirror) const;

 private:
  struct Before {
    MirrorId mirror;
    std::string email;
    std::optional<Claim> claim;
  };
  /// For `undo`.
  void remember(MirrorId mirror, const std::string& email);
  void set(MirrorId mirror, const std::string& email, std::optional<Claim> claim);

  std::map<MirrorId, std::unordered_map<std::string, Claim>> people_;
  std::map<std::int64_t, std::size_t> left_;  // people who are out, by batch
  std::vector<Before> changes_;               // since the last `keep`, in order
};

/// Reads the outbound queue.
class Queue {
 public:
  Queue(Connection& connection, Claims& claims);
  std::vector<QueueHead> heads(MirrorId mirror, domain::Lane lane, const Due& due);
  /// Without their rows.
  Waiting waiting(const QueueLine& line, const Due& due, std::size_t most);
  std::optional<domain::UtcTime> next_due(const std::vector<MirrorId>& mirrors);
  std::size_t postponed(MirrorId mirror, domain::Lane lane, domain::UtcTime now);
  std::optional<domain::UtcTime> oldest(MirrorId mirror, domain::Lane lane, domain::UtcTime now);

  /// A row stands at this place of the queue now, or is free again there.
  void changed(MirrorId mirror, const std::string& email, const ledger::LedgerRow& row);
  /// Anybody may be found again anywhere.
  void undone() { claimed_up_to_.clear(); }

 private:
  struct Head {
    QueuePosition position;
    std::uint32_t limit = 0;
  };
  std::vector<std::string> shapes(MirrorId mirror, domain::Lane lane);
  std::optional<Head> head(const QueueStream& stream, std::int64_t latest);
  void start(Statement& statement, const QueueStream& stream, std::int64_t latest);

  Claims& claims_;
  Statement shape_, fresh_, retried_, postponed_, oldest_fresh_, oldest_retried_;
  // Everybody up to here is claimed: the search for the next batch need not pass them again.
  std::map<QueueStream, QueuePosition> claimed_up_to_;
};

}  // namespace stibee_sync::store
