#pragma once

#include "relation.hpp"
#include "session.hpp"

#include <optional>
#include <string>
#include <vector>

/// What the catalog and a look at the keys tell beside whether a plan can be read at all. They throw what
/// Session throws.
namespace stibee_sync::source {

/// The relations behind a plan, views' included, whose row level security applies to the role (or to the
/// owner of the view that reads them): rows that it hides look like people who left. Of a query, those whose
/// names stand in it.
std::vector<std::string> row_secured(Session& session, const ReadPlan& plan, const Resolved& resolved);

/// Why the column cannot be the key, NULL or the same value in several rows; nullopt if it can. Looks at
/// every row, unless an index of the table vouches for them.
std::optional<std::string> unusable_key(Session& session, const Resolved& resolved);

/// Whether the plan reads a table that could have an index which keeps the key unique and has none. Not so of
/// views and queries.
bool lacks_unique_index(Session& session, const Resolved& resolved);

/// After the rows were read, in their transaction: throws Failure(Unreachable) if any relation that it read
/// (below a view or a query, too) holds another file than the one of the transaction's snapshot, or is
/// unknown to it. It was emptied, rewritten or exchanged then (TRUNCATE, ALTER TABLE, REFRESH) before the
/// rows were read, and ones that are there for everybody else were not seen.
void refuse_rewritten(Session& session);

}  // namespace stibee_sync::source
