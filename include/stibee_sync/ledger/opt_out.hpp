#pragma once

#include "stibee_sync/domain/ledger.hpp"

#include <optional>
#include <string>

/// Opt-outs on record: what outlives a person's row, a purge, and the loss or restore of the state.
namespace stibee_sync::ledger {

/// An opt-out on record. It is the address's and the member's: kept under keyed hashes of the
/// address and of the keys of the rows that bore it, by list, in a file of its own.
struct Suppression {
  domain::UtcTime at{};  // when it was learnt
  std::string by;        // "subscriber", "manual" (an administrator, or the API), "unknown"
  std::string reason;    // the person's own words, "" if none; never logged
  std::optional<domain::UtcTime> consent = {};  // that the table showed then
  friend bool operator==(const Suppression&, const Suppression&) = default;
};

/// What is confirmed of somebody who has no row yet: by the trace of an erased one, by an opt-out on record.
/// nullopt: nothing.
std::optional<domain::Confirmed> known_before(const std::optional<domain::Confirmed>& trace,
                                              const std::optional<Suppression>& suppression);

/// Whether the opt-out of a member is news for an address of which `known` is confirmed.
bool is_news(const Suppression& of_member, const domain::Confirmed& known);
/// What is confirmed of an address that a row of such a member bears now: whoever may be subscribed under it
/// is to be unsubscribed.
domain::Confirmed inheriting(domain::Confirmed known, const Suppression& of_member);

/// Of two records of one person's opt-outs, the one to keep.
const Suppression& newer_of(const Suppression& known, const Suppression& learnt);

/// What is on record once a call's answer changed what is confirmed from `before` to `after`: an opt-out that
/// the answer showed is added (what is known of who and why is kept), one that a newer consent overcame is
/// lifted.
std::optional<Suppression> suppression_after_answer(const std::optional<Suppression>& known,
                                                    const domain::Confirmed& before,
                                                    const domain::Confirmed& after, domain::UtcTime now);

}  // namespace stibee_sync::ledger
