#pragma once

#include "relation.hpp"
#include "session.hpp"
#include "stibee_sync/source/change_feed.hpp"

namespace stibee_sync::source {

/// What `feed_sql` needs to know of the table of a plan that has been resolved. Throws what Session throws.
FeedSite feed_site(Session& session, const FeedPlan& plan, const Resolved& resolved);

}  // namespace stibee_sync::source
