// How API v1 answers, as documented and as observed: {"Ok", "Error", "Value"}, where Value maps a result to
// the people it befell. HTTP 200 proves nothing; a person whom no list names is Unknown.
#include "result_lists.hpp"
#include "v1.hpp"

namespace stibee_sync::delivery::v1 {

using domain::OperationKind;
using domain::OutcomeKind;

CallResult read(const std::vector<Recipient>& recipients, const ApiAnswer& answer) {
  if (recipients.empty()) return whole_call(CallVerdict::Answered, recipients, {}, {}, {});
  const Envelope envelope(answer);
  Roster roster(recipients);
  const OperationKind kind = recipients.front().operation.kind;
  if (envelope.failed()) {
    // A part of the people may be named even so. Not where the call as a whole was turned away.
    if (envelope.document() && envelope.verdict() == CallVerdict::BatchRefused) {
      take_lists(roster, lists_of(envelope), recipients);
      // A deletion that failed with an error is no deletion of somebody already gone.
      const bool ambiguous = kind == OperationKind::Delete && !envelope.says_person_missing();
      if (roster.anybody_named() && !ambiguous) {
        roster.settle_rest(outcome_with(OutcomeKind::Unknown, domain::Reason::NotNamed));
        return answered(roster.outcomes());
      }
    }
    return read_failure(recipients, answer, envelope);
  }
  if (!envelope.document() || !envelope.document()->is_object())
    return envelope.document() || envelope.verdict() != CallVerdict::Throttled
               ? unreadable(recipients, answer)
               : failed_call(envelope, recipients, answer);
  take_lists(roster, lists_of(envelope), recipients);
  if (!envelope.ok() && !roster.anybody_named()) return unreadable(recipients, answer);
  // What a group call answers besides Ok is documented nowhere.
  roster.settle_rest(is_group_call(kind) && envelope.ok() == true
                         ? outcome_with(OutcomeKind::Delivered)
                         : outcome_with(OutcomeKind::Unknown, domain::Reason::NotNamed));
  return answered(roster.outcomes());
}

CallResult read_probe(const ApiAnswer& answer) {
  const std::vector<Recipient> nobody;
  const Envelope envelope(answer);
  if (envelope.failed()) return failed_call(envelope, nobody, answer);
  if (!envelope.document()) return unreadable(nobody, answer);
  return whole_call(CallVerdict::Answered, nobody, {}, {}, {});
}

}  // namespace stibee_sync::delivery::v1
