#pragma once

#include "store/ledger_table.hpp"

#include <map>
#include <string>
#include <string_view>

namespace stibee_sync::store {

// What a life leaves in `meta` for the next one, so that this need not look at every row. To be believed of a
// file that was closed in order only.

std::map<MirrorId, Tally> stored_tallies(Connection& connection);
/// Within a transaction.
void write_tallies(Connection& connection, const std::map<MirrorId, Tally>& tallies);

/// By what each mirror's queue was placed.
std::map<MirrorId, std::string> stored_placed(Connection& connection);
/// Within a transaction.
void write_placed(Connection& connection, MirrorId mirror, std::string_view what);

}  // namespace stibee_sync::store
