#pragma once

#include "stibee_sync/ledger/transitions.hpp"

#include <optional>

/// The steps of which what becomes of a person is made.
namespace stibee_sync::ledger {

void forget_failures(LedgerRow& row);
void leave_parking(LedgerRow& row);
void leave_queue(LedgerRow& row);

/// Whether a call for the row carries values of it.
bool needs_values(const LedgerRow& row);

Fate place_again(LedgerRow& row, const Policy& policy, domain::UtcTime now);

/// The person with what became of their row; what is erased leaves its trace.
void keep_or_erase(Person& person, LedgerRow row, Fate fate);
/// The newest opt-out stays.
void put_on_record(Person& person, std::optional<Suppression> opt_out);

}  // namespace stibee_sync::ledger
