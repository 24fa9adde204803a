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
  bool observed = false;               // Stibee showed something of the person meanwhile
};

/// What becomes of a row.
enum class Fate { Keep, Erase };

/// How rows are reported whose address is borne by a row with a lower key, which is the one that is sent.
inline constexpr std::string_view duplicate_reason = "duplicate_address";
inline constexpr std::string_view duplicate_message =
    "a row with a lower key bears the same address; that one is sent";

/// What is confirmed of somebody who has no row yet: by the trace of an erased one, by an opt-out on record.
/// nullopt: nothing.
std::optional<domain::Confirmed> known_before(const std::optional<domain::Confirmed>& trace,
                                              const std::optional<Suppression>& suppression);
/// A new row, or the one that follows from what is known.
LedgerRow row_from_trace(const domain::Confirmed& confirmed);

/// What the trace of an erased row says; nullopt: Stibee does not know the person, no trace is needed.
std::optional<domain::Confirmed> trace_of(const LedgerRow& row);

/// Applies a decision of a read. `is_new`: there was no row (but maybe a trace). `in_flight`: null if no call
/// is out for the person.
Fate apply_decision(LedgerRow& row, const AddressDecision& decision, bool is_new, const InFlight* in_flight,
                    const PlaceRule& place, domain::UtcTime now);

/// Applies what became of a call. `cross` is asked about `person` if the call was overtaken by an
/// observation; without a rule, what was observed stands.
Fate apply_settlement(LedgerRow& row, const Settlement& settlement, const InFlight& call,
                      const PlaceRule& place, domain::UtcTime now, const CrossRule& cross = {},
                      std::size_t person = 0);

/// Applies what Stibee showed of the person. `in_flight`: null if no call is out; the row then stays until
/// that call is settled.
Fate apply_observation(LedgerRow& row, const RemoteChange& change, const InFlight* in_flight,
                       const PlaceRule& place, domain::UtcTime now);

/// An opt-out on record that the row has not heard of yet. Takes it out of the queue; the next placement
/// finds where it belongs.
void apply_suppression(LedgerRow& row, const Suppression& suppression);

/// What a settlement means for the opt-outs on record.
enum class SuppressionStep { None, Add, Lift };
SuppressionStep suppression_step(const domain::Confirmed& before, const domain::Confirmed& after);
/// The record that an answer to a call adds; what is known already of who and why is kept.
Suppression suppression_by_answer(std::optional<Suppression> known, const domain::Confirmed& after,
                                  domain::UtcTime now);
/// Of two records of one person's opt-outs, the one to keep.
const Suppression& newer_of(const Suppression& known, const Suppression& learnt);

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

/// The row as `Store::observe` presents it, but for the suppression.
RemoteView view_of(const LedgerRow& row, const InFlight* in_flight);
/// The same of a trace.
RemoteView view_of_trace(const domain::Confirmed& trace, const std::optional<Suppression>& suppression);
/// Of a call that was made for the row, as far as it can be told from the row.
domain::Lane lane_of_call(const LedgerRow& row);

/// The day of a consent that grows old: of people wanted subscribed who have one. Days since 1970, UTC.
std::optional<std::int64_t> consent_day(const domain::Wanted& wanted);
/// Consents of this day and before are to be asked for anew: 23 months, by whole days.
std::int64_t last_due_consent_day(domain::UtcTime now);

/// What reports say of a row.
LedgerEntry entry_of(const LedgerRow& row);
/// Of a row that was not mapped.
std::string rejected_message(std::string_view column);

/// Whether an address is shared, so that its usable rows have to be staged at every read.
std::vector<bool> shadowed_flags(const std::vector<BearerRow>& bearers);

}  // namespace stibee_sync::store
