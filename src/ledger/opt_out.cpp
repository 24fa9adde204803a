#include "stibee_sync/ledger/opt_out.hpp"

#include <algorithm>

namespace stibee_sync::ledger {

using domain::Confirmed;
using domain::RemoteStatus;

std::optional<Confirmed> known_before(const std::optional<Confirmed>& trace,
                                      const std::optional<Suppression>& suppression) {
  if (!suppression) return trace;
  auto confirmed = trace.value_or(Confirmed{});
  if (confirmed.status != RemoteStatus::OptedOut) confirmed.since.reset();
  confirmed.status = RemoteStatus::OptedOut;
  confirmed.since = std::max(confirmed.since.value_or(suppression->at), suppression->at);
  return confirmed;
}

const Suppression& newer_of(const Suppression& known, const Suppression& learnt) {
  return learnt.at < known.at ? known : learnt;
}

std::optional<Suppression> suppression_after_answer(const std::optional<Suppression>& known,
                                                    const Confirmed& before, const Confirmed& after,
                                                    domain::UtcTime now) {
  const bool was_out = before.status == RemoteStatus::OptedOut;
  if (after.status == RemoteStatus::OptedOut) {
    if (was_out && before.since == after.since) return known;
    auto suppression = known.value_or(Suppression{{}, "unknown", ""});
    suppression.at = std::max(suppression.at, after.since.value_or(now));
    return suppression;
  }
  const bool is_back = after.status == RemoteStatus::Subscribed || after.status == RemoteStatus::Ready;
  return was_out && is_back ? std::nullopt : known;
}

}  // namespace stibee_sync::ledger
