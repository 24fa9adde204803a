#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::source {

/// Why a mirror's change feed cannot be relied on: only a scan tells what changed.
struct FeedLoss {
  enum class Kind {
    NotInstalled,  // no feed table, no function, or no trigger at all
    Incomplete,    // a trigger is missing or disabled, on the table or on a partition of it
    Overgrown,     // so much waits in it that the triggers have stopped writing
    Standby,       // the server takes no writes, so nothing could be taken out of it
    Refused,       // the role may not read it or take out of it
    Unfit,  // a view, a query, a replicated table, a key of another type: no feed can serve this mirror
  };
  static constexpr std::size_t kinds = 6;
  Kind kind = Kind::NotInstalled;
  std::string message;  // for ops: what, and the cure; one line, at most 300 bytes, quotes no row
};
/// For a metric: "not_installed", "incomplete", …
std::string_view label(FeedLoss::Kind kind);

/// What one snapshot of the database knows of a mirror's change feed.
struct FeedSnapshot {
  std::optional<FeedLoss> loss;   // then `ids` may be incomplete, and nothing else holds
  std::vector<std::int64_t> ids;  // of all changes that wait, ascending
  /// A TRUNCATE is among them, or more keys than anybody wants to hold: only a scan tells what changed.
  bool everything = false;
  /// Stands for table, partitions, columns, triggers and feed as they are; "" if there are none. Another one
  /// than at the last scan: something was done to them that no trigger tells (a column's type, a partition
  /// attached, a trigger off for a while, the feed truncated), so a scan is needed.
  std::string fingerprint;
  /// Every transaction with a lower number had ended; and the first number that none had yet. After a loss by
  /// Overgrown the feed is whole again for a scan whose `oldest_running` is at least the `next_transaction`
  /// of a snapshot without loss that came after another one without: what was written meanwhile and unheard
  /// is committed by then, and in the scan.
  std::uint64_t oldest_running = 0;
  std::uint64_t next_transaction = 0;
};

/// What a scan that was told of a feed knows of it, by its own snapshot.
struct FeedSeenByScan : FeedSnapshot {
  /// The keys that wait, sorted by their bytes, each once, as a row's line begins with them. Empty with
  /// `everything`.
  std::vector<std::string> keys;
};

}  // namespace stibee_sync::source
