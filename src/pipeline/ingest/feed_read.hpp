#pragma once

#include "stibee_sync/pipeline/table_read.hpp"
#include "stibee_sync/source/change_feed.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace stibee_sync::pipeline {

/// More keys than this are a matter for a read of the whole table.
inline constexpr std::size_t most_drained_keys = 50'000;

/// What waits in a mirror's change feed, with the rows that it names, as one snapshot has them.
struct Drained {
  struct Change {
    std::string key;                  // as a row's line begins with it
    std::optional<std::string> line;  // nothing: there is no such row
  };
  source::FeedReport report;
  std::vector<Change> changes;  // in key order
};
using DrainResult = std::variant<Drained, source::FeedLoss, source::SourceError>;

/// Blocking, on the source's thread.
DrainResult drain_feed(source::ChangeFeed& feed, const MirrorPlan& plan, source::FeedLook look);

/// The second half of `read_table`, for the rows that were drained. Blocking, on the source's thread; applies
/// nothing.
struct ChangesFound {
  ReadFinding finding;
  /// Only a read of the table can decide: somebody's values are needed whose row was not among them, or two
  /// rows have one key.
  bool whole_table_needed = false;
};
std::variant<ChangesFound, source::SourceError> find_changes(const Drained& drained, const MirrorPlan& plan,
                                                             store::Scan& scan,
                                                             const store::SourceFacts& before,
                                                             const domain::StateKey& key,
                                                             domain::UtcTime now);

/// Of the rows that a read found different, those remain of which the feed had said nothing in the same
/// snapshot. On the source's thread: there may be many.
void leave_out_what_was_told(ReadFinding& finding);

}  // namespace stibee_sync::pipeline
