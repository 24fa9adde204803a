#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/member.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/opt_out.hpp"
#include "stibee_sync/ledger/person.hpp"
#include "stibee_sync/ledger/placement.hpp"
#include "stibee_sync/ledger/policy.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// What becomes of a person: by a decision of a read, the answer to a call, something that Stibee shows, a
/// crash, a new policy, a human. All of it is pure: a person in, a person out.
namespace stibee_sync::ledger {

/// What a read decided for one address.
struct AddressDecision {
  domain::Wanted wanted;
  std::optional<domain::FieldValues> values;  // nullopt: keep those there are
  std::optional<domain::MemberKey> key;       // the row whose values are wanted
  std::optional<Suppression> inherits = {};   // the opt-out of a member whose row bears the address now
  /// A resubscribe at Stibee that waits to be written to the table is not to get there any more.
  bool overtakes_resubscribe = false;
  bool moves_consent = false;  // another stamp than before, or a no that became a yes: what the guard sums
};
Person after_decision(Person person, const AddressDecision& decision, const Policy& policy,
                      domain::UtcTime now);

/// The address that Stibee has in place of the person's, if they are no longer wanted subscribed: the no is
/// to reach that one, too. nullopt: there is none.
std::optional<domain::EmailAddress> silenced_successor(const Person& person, const domain::Wanted& decided);
/// What becomes of whom Stibee has under that address. Nothing, if a row has a word of its own on them.
Person after_silencing(Person successor, const domain::Wanted& decided, const Policy& policy,
                       domain::UtcTime now);

/// What a call was, for somebody of whom Stibee showed something while it was out.
struct SentCall {
  domain::Operation operation;
  domain::Wanted wanted;
  domain::Outcome outcome;
};
/// What became of a call for one person. Exactly what is set counts.
struct Settlement {
  domain::EmailAddress email;
  domain::Confirmed confirmed;
  enum class Next { Continue, Retry, Park } next = Next::Continue;  // Continue: attempts go back to 0
  int attempts = 0;                                                 // Retry
  domain::UtcTime not_before{};                                     // Retry
  std::optional<domain::Reason> reason;                             // Retry, Park: Refused if not set
  std::string message;                                              // Retry, Park: sanitised words of Stibee
  std::uint32_t batch_limit =
      0;  // Retry: the next call may carry at most so many people (halving); 0: no limit
  /// For a call that was overtaken by what Stibee showed meanwhile; nullopt: what it showed stands.
  std::optional<SentCall> sent;
};
/// Somebody without a row, who was erased meanwhile, has nothing left to settle.
Person after_answer(Person person, const Settlement& settlement, const Policy& policy, domain::UtcTime now);

/// What is made of what Stibee showed of a person. Exactly what is set is done.
struct RemoteChange {
  std::optional<domain::Confirmed> confirmed = {};
  /// Only where the person's own later word at Stibee overrules the table until it is written back.
  std::optional<domain::Wanted> wanted = {};
  std::optional<Suppression> suppress = {};  // the newest one on record is kept
  bool lift = false;                         // the suppression, if there is one
  bool no_is_ours = false;                   // a write-back is to make the table say no
};
/// While a call is out, the row stays until that is settled. A row is made for nobody.
Person after_observation(Person person, const RemoteChange& change, const Policy& policy,
                         domain::UtcTime now);

/// A member whose row bears the address opted out under another one.
Person after_inheriting(Person person, const Suppression& of_member, const Policy& policy,
                        domain::UtcTime now);

/// The policy changed, or the clock was set back: where a row stands is found anew, and nobody waits longer
/// than for the longest backoff of their attempt, or for the day of a deletion that is postponed.
Person placed_again(Person person, const Policy& policy, domain::UtcTime now);
/// Puts a parked row back, as if it were new in the queue.
Person unparked(Person person, const Policy& policy, domain::UtcTime now);
/// Ends the backoff of a row that waits for its next attempt.
Person hastened(Person person, domain::UtcTime now);
/// After a crash with a call out: nobody knows whether it was applied.
Person after_crash(Person person);
/// A human wants nothing kept of the person, but that they opted out.
Person forgotten(Person person);
/// An opt-out on record that the row has not heard of yet: takes it out of the queue; the next placement
/// finds where it belongs.
Person with_suppression(Person person, const Suppression& suppression);

/// What becomes of a row by its placement. Erase: nothing of it need be kept but a trace.
enum class Fate { Keep, Erase };
Fate stand(LedgerRow& row, Placement placement, domain::UtcTime now);

}  // namespace stibee_sync::ledger
