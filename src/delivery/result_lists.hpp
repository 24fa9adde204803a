#pragma once

#include "envelope.hpp"
#include "roster.hpp"
#include "stibee_sync/delivery/dialect.hpp"

#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::delivery {

domain::Outcome outcome_with(domain::OutcomeKind kind, std::optional<domain::Reason> reason = {});
bool sends_values(domain::OperationKind kind);
bool is_group_call(domain::OperationKind kind);

/// Reads the lists of people by result ("success", "failWrongEmail", "createdSubscribers", …) of either API.
void take_lists(Roster& roster, const json::Value& lists, const std::vector<Recipient>& recipients);
/// v1's `Value`, or the document itself where there is no such wrapper.
const json::Value& lists_of(const Envelope& envelope);

/// An error about the only person of a call that is none to a mirror: they are so already, or not there any
/// more.
std::optional<domain::Outcome> harmless_error(const Recipient& recipient, const Envelope& envelope);
/// A call that failed as a whole, unless the only person's error is harmless.
CallResult read_failure(const std::vector<Recipient>& recipients, const ApiAnswer& answer,
                        const Envelope& envelope);

CallResult answered(std::vector<domain::Outcome> outcomes);
CallResult unreadable(const std::vector<Recipient>& recipients, const ApiAnswer& answer);

}  // namespace stibee_sync::delivery
