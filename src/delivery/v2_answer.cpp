// How API v2 answers: a single call with the text `ok` (or JSON that says as much), a bulk call with lists of
// addresses by result, an error with {code, httpStatusCode, message}.
#include "result_lists.hpp"
#include "stibee_sync/ledger/placement.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "v2.hpp"
#include "wording.hpp"

#include <cstdlib>

namespace stibee_sync::delivery::v2 {

namespace {

using domain::OperationKind;
using domain::OutcomeKind;

// Nothing at all behind a 2xx is an ok, too: v2 tells of errors by the status, and never by an empty page.
// Only of a call that ends somebody's mail it proves too little: repeating it costs nothing.
bool says_ok(const Envelope& envelope, std::string_view body) {
  if (text::trimmed(body).empty()) return true;
  if (!envelope.document()) return body.size() <= 16 && bare(body) == "ok";
  const json::Value& document = *envelope.document();
  if (const auto* text = document.if_string()) return bare(*text) == "ok";
  if (const auto* flag = document.if_bool()) return *flag;
  return document.is_object();
}

bool ends_mail(OperationKind kind) {
  return kind == OperationKind::Unsubscribe || kind == OperationKind::Delete;
}

domain::Outcome delivered(const Recipient& recipient, int status) {
  domain::Outcome outcome = outcome_with(OutcomeKind::Delivered);
  const bool adds = recipient.operation.consent == domain::ConsentRide::Alone ||
                    recipient.operation.kind != OperationKind::Update;
  if (!sends_values(recipient.operation.kind) || recipient.operation.confirm || !adds) return outcome;
  // The add call tells by its status whether it added somebody (200) or updated them (201).
  const bool existed = status == 201;
  if (recipient.operation.kind == OperationKind::Update) {
    if (!existed) outcome.existed = false;
  } else if (existed) {
    outcome.existed = true;
  }
  return outcome;
}

CallResult read_bulk(const std::vector<Recipient>& recipients, const ApiAnswer& answer,
                     const Envelope& envelope) {
  if (!envelope.document() || !envelope.document()->is_object()) return unreadable(recipients, answer);
  Roster roster(recipients);
  take_lists(roster, lists_of(envelope), recipients);
  if (!roster.anybody_named()) return unreadable(recipients, answer);
  roster.settle_rest(outcome_with(OutcomeKind::Unknown, domain::Reason::NotNamed));
  return answered(roster.outcomes());
}

}  // namespace

CallResult read(const std::vector<Recipient>& recipients, const ApiAnswer& answer) {
  if (recipients.empty()) return answered({});
  const Envelope envelope(answer);
  if (envelope.failed()) return read_failure(recipients, answer, envelope);
  if (!envelope.document() && envelope.verdict() == CallVerdict::Throttled)
    return failed_call(envelope, recipients, answer);
  if (is_bulk(recipients)) return read_bulk(recipients, answer, envelope);
  if (!says_ok(envelope, answer.body)) return unreadable(recipients, answer);
  if (ends_mail(recipients.front().operation.kind) && text::trimmed(answer.body).empty()) {
    const auto unproven = outcome_with(OutcomeKind::Unknown, domain::Reason::EmptyAnswer);
    return answered(std::vector<domain::Outcome>(recipients.size(), unproven));
  }
  // An ok with lists all the same: whom they name is believed.
  Roster roster(recipients);
  if (envelope.document()) take_lists(roster, lists_of(envelope), recipients);
  std::vector<domain::Outcome> named = roster.outcomes();
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    if (!roster.is_named(i)) named[i] = delivered(recipients[i], answer.status);
  }
  return answered(std::move(named));
}

}  // namespace stibee_sync::delivery::v2
