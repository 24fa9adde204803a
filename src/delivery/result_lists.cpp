#include "result_lists.hpp"

#include "stibee_sync/delivery/next_operation.hpp"
#include "stibee_sync/text/ascii.hpp"
#include "wording.hpp"

#include <string_view>
#include <utility>

namespace stibee_sync::delivery {

namespace {

using domain::OperationKind;
using domain::Outcome;
using domain::OutcomeKind;
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
      if (kind != OperationKind::Update) result.reason = reason_updated;
    } else if (kind == OperationKind::Update) {
      result.reason = reason_created;
    }
  }
  result.observed = observed(recipient, person);
  return result;
}

// `list` is the result's key in lower case, `key` as it came.
Outcome failed(const Recipient& recipient, const NamedPerson& person, std::string_view list,
               std::string_view key) {
  const OperationKind kind = recipient.operation.kind;
  Outcome result;
  if ((list == "failexistemail" || list == "failalreadyexists") && sends_values(kind)) {
    result = outcome_with(OutcomeKind::AlreadyInState, "exist_email");
  } else if (list == "faildeny" && sends_values(kind)) {
    // Refused because the person said no: nothing is left to send, and that is no failure of ours.
    result = outcome_with(OutcomeKind::AlreadyInState, "deny");
    result.observed = RemoteStatus::OptedOut;
    return result;
  } else if (list == "failduplicatedemail" || list == "failduplicatedemails") {
    // We never send an address twice in a call; Stibee takes two of ours for one. In another call it will
    // pass.
    result = outcome_with(OutcomeKind::Transient, "duplicated_email");
  } else if (list == "failunknown") {
    result = outcome_with(OutcomeKind::Transient, "unknown_failure");
  } else if (list == "failoralreadyunsubscribe" && kind == OperationKind::Unsubscribe) {
    result = outcome_with(OutcomeKind::AlreadyInState, "already_unsubscribed");
  } else if (list == "fail" && kind == OperationKind::Delete) {
    result = outcome_with(OutcomeKind::AlreadyInState, "not_found");
  } else if (list == "failnoemails") {
    result = outcome_with(OutcomeKind::Rejected, "no_email");
  } else if (list == "failinvalidemails") {
    result = outcome_with(OutcomeKind::Rejected, "wrong_email");
  } else if (list == "fail") {
    result = outcome_with(OutcomeKind::Rejected, "failed");
  } else {
    result = outcome_with(OutcomeKind::Rejected, reason_of(key, "fail", "failed"));
  }
  result.observed = observed(recipient, person);
  return result;
}

}  // namespace

Outcome outcome_with(OutcomeKind kind, std::string reason) {
  Outcome result;
  result.kind = kind;
  result.reason = std::move(reason);
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
        Outcome result = failed(recipient, person, list, original);
        if (result.kind == OutcomeKind::Rejected) result.message = message_about(person.words, recipients);
        return result;
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
                    answer.body.empty() ? "empty_answer" : "unreadable_answer", {}, answer.retry_after);
}

std::optional<Outcome> harmless_error(const Recipient& recipient, const Envelope& envelope) {
  const OperationKind kind = recipient.operation.kind;
  if (sends_values(kind) && envelope.says_already_subscribed())
    return outcome_with(OutcomeKind::AlreadyInState, "already_subscribed");
  if (kind == OperationKind::AssignGroup && envelope.says_already_assigned())
    return outcome_with(OutcomeKind::AlreadyInState, "already_assigned");
  if (kind == OperationKind::ReleaseGroup && envelope.says_group_missing())
    return outcome_with(OutcomeKind::AlreadyInState, "group_not_found");
  if (!envelope.says_person_missing()) return std::nullopt;
  Outcome result = outcome_with(OutcomeKind::AlreadyInState, "not_found");
  if (kind == OperationKind::Unsubscribe) result.observed = RemoteStatus::Unknown;
  // Somebody known to be there is not any more: deleted for good by hand.
  if (sends_values(kind) || is_group_call(kind)) result.observed = RemoteStatus::Purged;
  return result;
}

CallResult read_failure(const std::vector<Recipient>& recipients, const ApiAnswer& answer,
                        const Envelope& envelope) {
  if (recipients.size() == 1) {
    if (auto harmless = harmless_error(recipients.front(), envelope)) return answered({std::move(*harmless)});
  } else if (sends_values(recipients.front().operation.kind) && envelope.says_already_subscribed()) {
    // Of whom it is said nobody knows: halved until they are alone.
    return whole_call(CallVerdict::BatchRefused, recipients, "already_subscribed", {}, answer.retry_after);
  }
  return failed_call(envelope, recipients, answer);
}

}  // namespace stibee_sync::delivery
