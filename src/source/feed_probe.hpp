#pragma once

#include "interrupt.hpp"
#include "session.hpp"
#include "stibee_sync/source/source.hpp"

#include <functional>
#include <string>
#include <vector>

namespace stibee_sync::source {

/// Whether what another connection notifies reaches `listener` within 2 s: "" if it does, else why not, with
/// the cure. (A pooler in transaction mode answers a LISTEN like any other statement, and passes a
/// connection's own notification on to itself, so nothing less proves it.) Other channels' notifications that
/// come in meanwhile go to `others`. Throws what Session throws; a request to `interrupt` ends it.
std::string why_deaf(Session& listener, const Connection& connection, Interrupt& interrupt,
                     const std::function<void(const std::vector<std::string>& channels)>& others);

}  // namespace stibee_sync::source
