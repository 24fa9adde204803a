#pragma once

#include "stibee_sync/domain/ledger.hpp"

#include <optional>
#include <string>

/// Opt-outs on record: what outlives a person's row, a purge, and the loss or restore of the state.
namespace stibee_sync::ledger {

/// An opt-out on record. Kept under a keyed hash of the address, by list, in a file of its own.
struct Suppression {
  domain::UtcTime at{};  // when it was learnt
  std::string by;        // "subscriber", "manual" (an administrator, or the API), "unknown"
  std::string reason;    // the person's own words, "" if none; never logged
  friend bool operator==(const Suppression&, const Suppression&) = default;
};

/// What is confirmed of somebody who has no row yet: by the trace of an erased one, by an opt-out on record.
/// nullopt: nothing.
std::optional<domain::Confirmed> known_before(const std::optional<domain::Confirmed>& trace,
                                              const std::optional<Suppression>& suppression);

/// Of two records of one person's opt-outs, the one to keep.
const Suppression& newer_of(const Suppression& known, const Suppression& learnt);

/// What is on record once a call's answer changed what is confirmed from `before` to `after`: an opt-out that
/// the answer showed is added (what is known of who and why is kept), one that a newer consent overcame is
/// lifted.
std::optional<Suppression> suppression_after_answer(const std::optional<Suppression>& known,
                                                    const domain::Confirmed& before,
                                                    const domain::Confirmed& after, domain::UtcTime now);

}  // namespace stibee_sync::ledger
