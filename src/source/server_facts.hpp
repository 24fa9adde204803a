#pragma once

#include "session.hpp"

#include <string>

namespace stibee_sync::source {

/// What the server says of itself within the read's transaction.
struct ServerFacts {
  std::string identity;  // "SYSTEM_IDENTIFIER/TIMELINE", "" if the role may not see it
  bool in_recovery = false;
};

/// Throws StatementFailed, and Failure(Untrusted) for a standby whose data is more than five minutes old: the
/// newest transaction it replayed is older than that, and it is not known to have replayed everything that
/// the primary sent. (The age alone proves nothing: a quiet primary sends nothing.)
ServerFacts server_facts(Session& session);

}  // namespace stibee_sync::source
