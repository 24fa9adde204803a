#include "result_lists.hpp"

#include "stibee_sync/ledger/placement.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "wording.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace stibee_sync::delivery {

namespace {

using domain::OperationKind;
using domain::Outcome;
using domain::OutcomeKind;
using domain::Reason;
using domain::RemoteStatus;

// A status that the answer shows, where it tells us something: nothing of people whom the call itself
// removes.
std::optional<RemoteStatus> observed(const Recipient& recipient, const NamedPerson& person) {
  if (recipient.operation.kind == OperationKind::Unsubscribe ||
      recipient.operation.kind == OperationKind::Delete)
    return std::nullopt;
  // What is expected anyway, but of those who are asked to confirm.
  if (person.status == RemoteStatus::Subscribed && !recipient.operation.confirm) return std::nullopt;
  return person.status;
}

bool names_existing(std::string_view list) {
  return list == "update" || list == "updated" || list == "updatedsubscribers";
}

bool names_new(std::string_view list) {
  return list == "success" || list == "created" || list == "createdsubscribers";
}

Outcome delivered(const Recipient& recipient, const NamedPerson& person, std::string_view list) {
  Outcome result = outcome_with(OutcomeKind::Delivered);
  const OperationKind kind = recipient.operation.kind;
  if (sends_values(kind)) {
    if (names_existing(list)) {
      if (kind != OperationKind::Update) result.existed = true;
    } else if (kind == OperationKind::Update) {
      result.existed = false;
    }
  }
  result.observed = observed(recipient, person);
  // Whoever is only updated was not subscribed again, as far as anybody can tell: what the answer shows
  // counts more than what was wished for. A human sees them, and nobody takes them for people who said no.
  if (kind == OperationKind::Resubscribe && names_existing(list) && !person.status)
    return outcome_with(OutcomeKind::Rejected, Reason(Reason::ResubscribeUnsupported));
  return result;
}

struct FailureList {
  std::string_view key;  // in lower case
  OutcomeKind kind;
  Reason::Code reason;
};

constexpr FailureList failure_lists[] = {
    {"fail", OutcomeKind::Rejected, Reason::Failed},
    {"failalreadyexists", OutcomeKind::Rejected, Reason::ExistEmail},
    {"faildeny", OutcomeKind::Rejected, Reason::Deny},
    // We never send an address twice in a call; Stibee takes two of ours for one. In another call it will
    // pass.
    {"failduplicatedemail", OutcomeKind::Transient, Reason::DuplicatedEmail},
    {"failduplicatedemails", OutcomeKind::Transient, Reason::DuplicatedEmail},
    {"failduplicatedphone", OutcomeKind::Rejected, Reason::DuplicatedPhone},
    {"failexistemail", OutcomeKind::Rejected, Reason::ExistEmail},
    {"failexistphone", OutcomeKind::Rejected, Reason::ExistPhone},
    {"failinvalidemails", OutcomeKind::Rejected, Reason::WrongEmail},
    {"failinvalidfields", OutcomeKind::Rejected, Reason::InvalidFields},
    {"failinvalidsubscriberstatus", OutcomeKind::Rejected, Reason::InvalidSubscriberStatus},
    {"failnoemail", OutcomeKind::Rejected, Reason::NoEmail},
    {"failnoemails", OutcomeKind::Rejected, Reason::NoEmail},
    {"failnotexist", OutcomeKind::Rejected, Reason::NotExist},
    {"failoralreadyunsubscribe", OutcomeKind::Rejected, Reason::AlreadyUnsubscribed},
    {"failunknown", OutcomeKind::Transient, Reason::UnknownFailure},
    {"failvalidation", OutcomeKind::Rejected, Reason::Validation},
    {"failvalidationdatetime", OutcomeKind::Rejected, Reason::ValidationDateTime},
    {"failwrongemail", OutcomeKind::Rejected, Reason::WrongEmail},
    {"failwrongphone", OutcomeKind::Rejected, Reason::WrongPhone},
};

// Null: a list that we do not know.
const FailureList* failure_list(std::string_view key) {
  const auto* const found = std::find_if(std::begin(failure_lists), std::end(failure_lists),
                                         [&](const FailureList& known) { return known.key == key; });
  return found == std::end(failure_lists) ? nullptr : found;
}

// Nothing is left to send, and that is no failure of ours: they are so already, or said no.
bool is_harmless(OperationKind kind, Reason reason) {
  if (sends_values(kind)) return reason == Reason::ExistEmail || reason == Reason::Deny;
  if (kind == OperationKind::Unsubscribe) return reason == Reason::AlreadyUnsubscribed;
  return kind == OperationKind::Delete && reason == Reason::Failed;
}

// `key` is the result's, as it came.
Outcome failed(const Recipient& recipient, const NamedPerson& person, std::string_view key,
               const std::vector<Recipient>& recipients) {
  const OperationKind kind = recipient.operation.kind;
  Outcome result = outcome_with(OutcomeKind::Rejected, Reason::Failed);
  result.observed = observed(recipient, person);
  const FailureList* const known = failure_list(text::lower_case(key));
  if (!known) {
    result.message = message_about(with_code(key, person.words), recipients);
  } else if (is_harmless(kind, known->reason)) {
    result.kind = OutcomeKind::AlreadyInState;
    result.reason = kind == OperationKind::Delete ? Reason::NotFound : known->reason;
    if (result.reason == Reason::Deny) result.observed = RemoteStatus::OptedOut;
  } else {
    result.kind = known->kind;
    result.reason = known->reason;
    if (result.kind == OutcomeKind::Rejected) result.message = message_about(person.words, recipients);
  }
  return result;
}

}  // namespace

Outcome outcome_with(OutcomeKind kind, std::optional<Reason> reason) {
  Outcome result;
  result.kind = kind;
  result.reason = reason;
  return result;
}

bool sends_values(OperationKind kind) {
  return kind == OperationKind::Subscribe || kind == OperationKind::Update ||
         kind == OperationKind::Resubscribe;
}

bool is_group_call(OperationKind kind) {
  return kind == OperationKind::AssignGroup || kind == OperationKind::ReleaseGroup;
}

void take_lists(Roster& roster, const json::Value& lists, const std::vector<Recipient>& recipients) {
  const auto* members = lists.if_object();
  if (!members) return;
  for (const auto& [key, people] : *members) {
    const std::string list = text::lower_case(key);
    if (list.starts_with("fail")) {
      // Named: a capture of a structured binding is not C++20 in every compiler.
      const std::string& original = key;
      roster.take_list(people, [&](const Recipient& recipient, const NamedPerson& person) {
        return failed(recipient, person, original, recipients);
      });
    } else if (names_new(list) || names_existing(list)) {
      roster.take_list(people, [&](const Recipient& recipient, const NamedPerson& person) {
        return delivered(recipient, person, list);
      });
    }
  }
}

const json::Value& lists_of(const Envelope& envelope) {
  const json::Value* value = envelope.value();
  return value && value->is_object() ? *value : *envelope.document();
}

CallResult answered(std::vector<Outcome> outcomes) {
  CallResult result;
  result.verdict = CallVerdict::Answered;
  result.outcomes = std::move(outcomes);
  return result;
}

CallResult unreadable(const std::vector<Recipient>& recipients, const ApiAnswer& answer) {
  return whole_call(CallVerdict::ServerTrouble, recipients,
                    answer.body.empty() ? Reason::EmptyAnswer : Reason::UnreadableAnswer, {},
                    answer.retry_after);
}

std::optional<Outcome> harmless_error(const Recipient& recipient, const Envelope& envelope) {
  const OperationKind kind = recipient.operation.kind;
  if (sends_values(kind) && envelope.says_already_subscribed())
    return outcome_with(OutcomeKind::AlreadyInState, Reason::AlreadySubscribed);
  if (kind == OperationKind::AssignGroup && envelope.says_already_assigned())
    return outcome_with(OutcomeKind::AlreadyInState, Reason::AlreadyAssigned);
  if (!envelope.says_person_missing()) return std::nullopt;
  Outcome result = outcome_with(OutcomeKind::AlreadyInState, Reason::NotFound);
  if (kind == OperationKind::Unsubscribe) result.observed = RemoteStatus::Unknown;
  // Somebody known to be there is not any more: deleted for good by hand.
  if (sends_values(kind) || is_group_call(kind)) result.observed = RemoteStatus::Purged;
  return result;
}

CallResult read_failure(const std::vector<Recipient>& recipients, const ApiAnswer& answer,
                        const Envelope& envelope) {
  const auto kind = recipients.front().operation.kind;
  // Nobody is in it any more, however many are named.
  if (kind == OperationKind::ReleaseGroup && envelope.says_group_missing())
    return answered(
        std::vector(recipients.size(), outcome_with(OutcomeKind::AlreadyInState, Reason::GroupNotFound)));
  if (recipients.size() == 1) {
    if (auto harmless = harmless_error(recipients.front(), envelope)) return answered({std::move(*harmless)});
  } else if (sends_values(kind) && envelope.says_already_subscribed()) {
    // Of whom it is said nobody knows: halved until they are alone.
    return whole_call(CallVerdict::BatchRefused, recipients, Reason::AlreadySubscribed, {},
                      answer.retry_after);
  }
  return failed_call(envelope, recipients, answer);
}

}  // namespace stibee_sync::delivery
