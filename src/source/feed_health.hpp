#pragma once

#include "session.hpp"
#include "stibee_sync/source/feed_snapshot.hpp"
#include "stibee_sync/source/source.hpp"

#include <string>

namespace stibee_sync::source {

/// What the catalog says of a mirror's feed.
struct FeedHealth {
  FeedSnapshot snapshot;  // all but the ids
  bool readable = false;  // what waits can be read, whatever was lost
  std::string key_type;   // of the feed's keys, as SQL spells it
};

/// One statement, which sees one snapshot. Throws what `resolve` throws where the plan's table is not there.
FeedHealth feed_health(Session& session, const ReadPlan& plan, const std::string& mirror);

/// Why a table of this kind can have no feed, with the cure; "" if it can.
std::string unfit(char relation_kind, bool replicated, bool foreign_partition);

/// The same feed of another server is another one: of what a server that was promoted lacks, it says nothing.
/// `identity`: as in ServerFacts.
void tell_server(FeedSnapshot& seen, const std::string& identity);

}  // namespace stibee_sync::source
