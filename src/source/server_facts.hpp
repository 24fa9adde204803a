#pragma once

#include "session.hpp"
#include "stibee_sync/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace stibee_sync::source {

/// What the server says of itself; of one snapshot, within a transaction.
struct ServerFacts {
  std::string identity;  // "SYSTEM_IDENTIFIER/TIMELINE", "" if the role may not see it
  bool in_recovery = false;
  std::optional<domain::UtcTime> time;  // by its clock, at `told_at`
  std::chrono::steady_clock::time_point told_at;
};

/// Where the server is in its write-ahead log, in bytes.
struct WalPosition {
  bool in_recovery = false;
  std::optional<std::int64_t> reached;   // everything that a statement sees which begins later lies below
  std::optional<std::int64_t> promoted;  // see ReadShape
};
/// Outside of any transaction, or in one whose server has told it before. Empty where there are no such
/// functions.
WalPosition wal_position(Session& session);
/// A position that a standby reports, too, when it has replayed everything up to there: the start of a page
/// whose header is all that was written of it. Pure.
std::int64_t without_page_header(std::int64_t position);

/// Throws StatementFailed, and Failure(Untrusted) for a standby whose data is more than five minutes old: the
/// newest transaction it replayed is older than that, and it is not known to have replayed everything that
/// the primary sent. (The age alone proves nothing: a quiet primary sends nothing.) `told_identity`: it has
/// told it in this session before.
ServerFacts server_facts(Session& session, bool told_identity);

}  // namespace stibee_sync::source
