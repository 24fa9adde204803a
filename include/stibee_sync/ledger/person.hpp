#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/member.hpp"
#include "stibee_sync/domain/reason.hpp"
#include "stibee_sync/ledger/opt_out.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace stibee_sync::ledger {

/// One row of the ledger: what is wanted of an address and what is confirmed at Stibee, and where it stands
/// in the outbound queue because of the difference.
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
  bool in_doubt = false;                // a call may have been applied whose answer is not known
  std::optional<domain::Reason> error;  // of the last attempt
  std::string message;                  // Stibee's sanitised words

  std::optional<domain::Reason> parked;  // why; a parked row is not in the queue
  domain::UtcTime parked_since{};
  bool parked_by_rule = false;  // by Placement::impossible, not by an answer of Stibee
  bool lacks_values = false;    // would be in the queue, but its values must come from the source first
  bool no_is_ours = false;      // a write-back of ours makes the table say no: no new word of the table's

  friend bool operator==(const LedgerRow&, const LedgerRow&) = default;
};

/// A call that is out for a person. Not stored: after a crash it is a doubt of the row.
struct CallOut {
  domain::Lane lane = domain::Lane::Upsert;
  std::optional<domain::Wanted> sent;  // what was wanted when the call was made, if it has changed since
  bool observed = false;               // Stibee showed something of the person meanwhile
  friend bool operator==(const CallOut&, const CallOut&) = default;
};

/// All that is remembered of one address of a mirror.
struct Person {
  std::optional<LedgerRow> row;
  std::optional<domain::Confirmed> trace;  // without a row: gone from the source and settled
  std::optional<Suppression> suppression;
  std::optional<CallOut> call;
  friend bool operator==(const Person&, const Person&) = default;
};

struct LedgerView {
  domain::Wanted wanted;
  domain::Confirmed confirmed;
  friend bool operator==(const LedgerView&, const LedgerView&) = default;
};

/// What a decision about a person rests on; nullopt: nothing is known. Somebody with a trace, or an opt-out
/// on record, is seen with the row that follows from it.
std::optional<LedgerView> ledger_view(const Person& person);

/// A person as those see them who judge what Stibee shows.
struct RemoteView {
  std::optional<LedgerView> ledger;  // nullopt: nothing known; with a trace, the row that follows from it
  bool is_trace = false;             // gone from the source and settled
  std::optional<domain::Lane> in_flight;  // a call is out, or was and nobody knows whether it was applied
  bool pending = false;                   // in the queue, in flight or not
  std::optional<domain::Reason> parked;   // why
  std::optional<domain::MemberKey> key;
  std::optional<Suppression> suppression;
};
RemoteView view_of(const Person& person);

/// The opt-out that is on record for somebody, by whatever record there is.
std::optional<Suppression> opt_out_on_record(const RemoteView& view);

/// What the trace of an erased row says; nullopt: Stibee does not know the person, nor may an echo of a call
/// of ours still come: no trace is needed.
std::optional<domain::Confirmed> trace_of(const domain::Confirmed& confirmed);

/// Of a call that was made for the row, as far as it can be told from the row.
domain::Lane lane_of_call(const LedgerRow& row);

/// The day of a consent that grows old: of people wanted subscribed who have one. Days since 1970, UTC.
std::optional<std::int64_t> consent_day(const domain::Wanted& wanted);
/// Consents of this day and before are to be asked for anew: 23 months, by whole days.
std::int64_t last_due_consent_day(domain::UtcTime now);

}  // namespace stibee_sync::ledger
