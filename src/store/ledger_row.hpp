#pragma once

#include "stibee_sync/store/store.hpp"

#include <optional>
#include <string>

// The ledger's rules about one person, shared by both stores: pure, without any I/O.
namespace stibee_sync::store {

/// One row of the ledger.
struct LedgerRow {
  domain::Wanted wanted;
  domain::Confirmed confirmed;
  std::optional<domain::FieldValues> values;  // only while something is to be sent
  std::optional<domain::MemberKey> key;

  std::optional<domain::Lane> lane;  // nullopt: not in the queue
  std::string shape;
  domain::UtcTime due{};            // of the queue's order: pending_since, or the end of the backoff
  domain::UtcTime pending_since{};  // when it could first be sent
  int attempts = 0;
  domain::UtcTime not_before{};  // end of the backoff
  std::uint32_t batch_limit = 0;
  bool in_doubt = false;  // a call may have been applied whose answer is not known
  std::string error;
  std::string message;

  std::string parked;  // reason; a parked row is not in the queue
  domain::UtcTime parked_since{};
  bool parked_by_rule = false;  // by Placement.impossible, not by an answer of Stibee
  bool lacks_values = false;    // would be in the queue, but its values must come from the source first

  friend bool operator==(const LedgerRow&, const LedgerRow&) = default;
};

/// A call that is out for a person.
struct InFlight {
  domain::Lane lane = domain::Lane::Upsert;
  std::optional<domain::Wanted> sent;  // what was wanted when the call was made, if it has changed since
};

/// What becomes of a row.
enum class Fate { Keep, Erase };

/// How rows are reported whose address is borne by a row with a lower key, which is the one that is sent.
inline constexpr std::string_view duplicate_reason = "duplicate_address";
inline constexpr std::string_view duplicate_message =
    "a row with a lower key bears the same address; that one is sent";

/// A new row, or the one that follows from a trace.
LedgerRow row_from_trace(const domain::Confirmed& confirmed);

/// What the trace of an erased row says; nullopt: Stibee does not know the person, no trace is needed.
std::optional<domain::Confirmed> trace_of(const LedgerRow& row);

/// Applies a decision of a read. `is_new`: there was no row (but maybe a trace). `in_flight`: null if no call
/// is out for the person.
Fate apply_decision(LedgerRow& row, const AddressDecision& decision, bool is_new, const InFlight* in_flight,
                    const PlaceRule& place, domain::UtcTime now);

/// Applies what became of a call.
Fate apply_settlement(LedgerRow& row, const Settlement& settlement, const InFlight& call,
                      const PlaceRule& place, domain::UtcTime now);

/// Recomputes where the row stands.
Fate place_again(LedgerRow& row, const PlaceRule& place, domain::UtcTime now);

/// Puts a parked row back, as if it were new in the queue.
Fate unpark(LedgerRow& row, const PlaceRule& place, domain::UtcTime now);

/// Ends the backoff of a row that waits for its next attempt. False: it does not wait.
bool hasten_row(LedgerRow& row, domain::UtcTime now);

/// After a crash with a call out for the person.
void mark_in_doubt(LedgerRow& row);

/// Of a claim: how many rows that do not fit are looked at before the batch goes out as it is.
std::size_t most_examined(std::size_t most_people);

/// How many attempts of each limiter are kept: more than any limit of Stibee's allows in its window.
inline constexpr std::int64_t most_logged_attempts = 4096;

/// What reports say of a row.
LedgerEntry entry_of(const LedgerRow& row);
/// Of a row that was not mapped.
std::string rejected_message(std::string_view column);

/// Whether an address is shared, so that its usable rows have to be staged at every read.
std::vector<bool> shadowed_flags(const std::vector<BearerRow>& bearers);

}  // namespace stibee_sync::store
