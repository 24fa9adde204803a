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
  if (!confirmed.since || *confirmed.since <= suppression->at) {
    confirmed.since = suppression->at;
    confirmed.consent_then = suppression->consent;
  }
  return confirmed;
}

bool is_news(const Suppression& of_member, const Confirmed& known) {
  // Whom Stibee has under another address has nothing to opt out of under this one.
  if (known.status == RemoteStatus::Moved) return false;
  return known.status != RemoteStatus::OptedOut || known.since.value_or(of_member.at) < of_member.at;
}

Confirmed inheriting(Confirmed known, const Suppression& of_member) {
  if (!is_news(of_member, known)) return known;
  const bool may_be_there = known.status == RemoteStatus::Subscribed || known.status == RemoteStatus::Ready;
  known.owes_no = known.owes_no || may_be_there;
  return known_before(known, of_member).value();
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
    suppression.consent = after.consent_then;
    return suppression;
  }
  const bool is_back = after.status == RemoteStatus::Subscribed || after.status == RemoteStatus::Ready;
  return was_out && is_back ? std::nullopt : known;
}

}  // namespace stibee_sync::ledger
