#pragma once

#include "read_transaction.hpp"
#include "stibee_sync/source/change_feed.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// What waits in a feed, and the rows that it names, in the transaction that is open. They throw what
/// ReadTransaction throws.
namespace stibee_sync::source {

/// Each change that waits, in the order of its number; a key as a row's line begins with it, or "everything".
using WaitingSink = std::function<void(std::int64_t id, std::optional<std::string_view> key)>;
void read_waiting(ReadTransaction& reading, const std::string& mirror, const WaitingSink& waiting);

/// All that a scan wants to know of a feed, a loss included. More than a scan would remember of single keys
/// is `everything`.
FeedSeenByScan feed_seen_by_scan(ReadTransaction& reading, Session& session, const ReadPlan& plan);

/// Whether more distinct keys wait than that.
bool more_keys_than(Session& session, const std::string& mirror, std::size_t most);

/// The rows that the waiting keys name, as ChangeSink promises; returns the number of calls.
std::size_t read_changes(ReadTransaction& reading, Session& session, const std::string& mirror,
                         const ChangeSink& change);

/// The type of a feed's keys for keys of a source, as SQL spells it.
std::string feed_key_type(const Resolved& resolved);

/// How long the oldest transaction that holds a snapshot has been open, if there is one and the role may
/// know.
std::optional<std::chrono::seconds> oldest_transaction(Session& session);

}  // namespace stibee_sync::source
