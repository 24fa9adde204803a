#pragma once

#include "stibee_sync/pipeline/consequence.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/telemetry/labels.hpp"
#include "stibee_sync/webhook/list_event.hpp"

#include <chrono>
#include <optional>

namespace stibee_sync::pipeline {

/// One person of an event, and what is to be known beside the state to judge it.
struct RemoteEvent {
  webhook::Action action = webhook::Action::Other;
  webhook::Actor actor = webhook::Actor::Unknown;
  const webhook::EventPerson* person = nullptr;
  std::optional<ledger::Suppression> inherited;  // the opt-out on record for the person's old address
  bool may_mend = true;  // false: drift of this person was mended lately; a loop is not to be fed
  /// Until then another daemon may have called, whose echoes look like people's words.
  std::optional<domain::UtcTime> others_called_until = {};
};

/// What an event makes of a person, and of the log.
struct RemoteVerdict {
  Consequence change;
  telemetry::WebhookEffect effect = telemetry::WebhookEffect::Ignored;
  bool suppression_added = false;  // that was not on record before
  bool suppression_lifted = false;
  bool drift = false;        // Stibee has other values than were sent
  bool mends = false;        // the values we sent are to be sent again
  bool undoes_ours = false;  // somebody who is not the subscriber reversed what we sent within the last day
};

/// The rules of docs/webhooks.md, for one person as the state has them. Pure: no clock, no store.
RemoteVerdict verdict_of(const RemoteEvent& event, const ledger::RemoteView& view, const MirrorPlan& plan,
                         const domain::StateKey& key, domain::UtcTime now);

/// What it makes of a person with a row, which bears `borne`, that Stibee has them under another address
/// since, or under that one again. Pure.
Consequence moved(const RemoteEvent& event, const domain::EmailAddress& borne, const ledger::Person& person,
                  const MirrorPlan& plan, domain::UtcTime now);

/// The `updated` write-back of an event, if there is a statement and the event has all mapped values.
std::optional<store::WritebackRequest> updated_writeback(const RemoteEvent& event, const MirrorPlan& plan,
                                                         domain::UtcTime now);

}  // namespace stibee_sync::pipeline
