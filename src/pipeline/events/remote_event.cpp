#include "stibee_sync/pipeline/remote_event.hpp"

#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/next_operation.hpp"
#include "stibee_sync/pipeline/foreign_hands.hpp"
#include "stibee_sync/pipeline/writeback.hpp"
#include "stibee_sync/text/ascii.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

namespace stibee_sync::pipeline {
namespace {

using domain::Intent;
using domain::Lane;
using domain::RemoteStatus;
using telemetry::WebhookEffect;
using webhook::Action;
using webhook::Actor;

/// The values of all mapped fields, in the order of the mapping; nullopt if one is not shown.
std::optional<domain::FieldValues> mapped_values(const webhook::EventPerson& person, const MirrorPlan& plan) {
  domain::FieldValues values;
  for (const auto& field : plan.mapping.fields) {
    const auto found = std::find_if(
        person.fields.begin(), person.fields.end(),
        [&](const domain::FieldValue& shown) { return text::equal_ignoring_case(shown.tag, field.tag); });
    if (found == person.fields.end()) return std::nullopt;
    values.push_back({field.tag, found->value});
  }
  return values;
}

/// Where the statement asks for no values, the address is all that it writes.
std::optional<store::WritebackRequest> address_writeback(const RemoteEvent& event, const MirrorPlan& plan,
                                                         domain::UtcTime now) {
  const auto statement = writeback_statement(plan, std::string(webhook::name(Action::Updated)));
  if (!statement) return std::nullopt;
  const auto named = source::parameters_of(*statement);
  const auto is_value = [](const std::string& name) { return name.starts_with("field_"); };
  if (std::any_of(named.begin(), named.end(), is_value)) return std::nullopt;
  store::WritebackRequest request;
  request.event = statement->event;
  request.occurred_by = webhook::name(event.actor);
  request.occurred_at = now;
  return request;
}

class Judge {
 public:
  Judge(const RemoteEvent& event, const ledger::RemoteView& view, const MirrorPlan& plan,
        const domain::StateKey& key, domain::UtcTime now)
      : event_(event), view_(view), plan_(plan), key_(key), now_(now) {}

  RemoteVerdict verdict() {
    switch (event_.action) {
      case Action::Unsubscribed:
        unsubscribed();
        break;
      case Action::Resubscribed:
        resubscribed();
        break;
      case Action::Subscribed:
        subscribed();
        break;
      case Action::Deleted:
        deleted();
        break;
      case Action::Purged:
        purged();
        break;
      case Action::Updated:
        updated();
        break;
      case Action::Other:
        break;
    }
    verdict_.undoes_ours = undoes_ours();
    return std::move(verdict_);
  }

 private:
  /// With nothing known of somebody: Unknown.
  RemoteStatus status() const {
    return view_.ledger ? view_.ledger->confirmed.status : RemoteStatus::Unknown;
  }
  bool became_lately(RemoteStatus what) const {
    if (status() != what) return false;
    const auto& since = view_.ledger->confirmed.since;
    return lately(since);
  }
  /// Within the time in which an echo may come. A time that is further ahead than that was told by a clock
  /// that has been set right since, and says nothing.
  bool lately(const std::optional<domain::UtcTime>& time) const {
    return time && now_ - *time < ledger::echo_window && *time - now_ < ledger::echo_window;
  }
  bool in_flight(Lane lane) const { return view_.in_flight == lane; }
  /// Whether the event may be the echo of such a call of ours, late, repeated or out of order as it may be.
  bool may_echo(Lane lane) const {
    if (in_flight(lane)) return true;
    if (!view_.ledger) return false;
    return lately(view_.ledger->confirmed.called.of(lane));
  }

  /// Of values that we sent before those of now. Where the call that subscribed them is the only one, there
  /// are none.
  bool may_echo_values() const {
    const auto& confirmed = view_.ledger->confirmed;
    return may_echo(Lane::Upsert) && confirmed.called.upsert != confirmed.since;
  }

  void echo() { verdict_.effect = WebhookEffect::Echo; }

  /// Hands in the web page do so now and then; another program with the same list does it again and again. A
  /// bounce is nobody's doing.
  bool undoes_ours() const {
    if (event_.actor == Actor::Subscriber || event_.action == Action::Deleted || !view_.ledger) return false;
    if (!verdict_.drift && !verdict_.change.confirmed) return false;
    return sent_lately(view_.ledger->confirmed.called, now_);
  }

  void observed(RemoteStatus what) {
    verdict_.effect = WebhookEffect::Applied;
    // Of somebody whom Stibee has under another address now, nothing is there under this one.
    if (!view_.ledger || status() == RemoteStatus::Moved) return;
    verdict_.change.confirmed =
        ledger::with_observed(view_.ledger->confirmed, view_.ledger->wanted, what, now_);
  }

  void write_back(Action action) {
    const std::string name(webhook::name(action));
    if (!plan_.writeback.contains(name)) return;
    store::WritebackRequest request;
    request.event = name;
    request.occurred_by = webhook::name(event_.actor);
    request.reason = event_.person->reason;
    request.occurred_at = now_;
    verdict_.change.writeback = std::move(request);
    verdict_.effect = WebhookEffect::Applied;
  }
  bool has_statement(Action action) const {
    return plan_.writeback.contains(std::string(webhook::name(action)));
  }

  void unsubscribed() {
    // The subscriber's own word is never taken for ours.
    if (event_.actor != Actor::Subscriber &&
        (may_echo(Lane::Optout) || may_echo(Lane::Delete) || became_lately(RemoteStatus::Unsubscribed))) {
      return echo();
    }
    const auto before = opt_out_on_record(view_);
    const bool said_already =
        before && (!view_.ledger || status() == RemoteStatus::OptedOut || status() == RemoteStatus::Moved);
    observed(RemoteStatus::OptedOut);
    ledger::Suppression suppression;
    suppression.at = now_;
    suppression.by = webhook::name(event_.actor);
    suppression.reason = event_.person->reason;
    if (suppression.reason.empty() && before) suppression.reason = before->reason;
    verdict_.change.suppress = std::move(suppression);
    if (said_already && !may_be_cut_short(*before)) return;
    verdict_.suppression_added = !said_already;
    write_back(Action::Unsubscribed);
    verdict_.change.no_is_ours = verdict_.change.writeback.has_value();
  }

  /// Of somebody with a row, a taking that was cut short is completed from the record of the opt-out. That
  /// knows no address: of others, the sender's repetition has to do.
  bool may_be_cut_short(const ledger::Suppression& before) const {
    return !view_.ledger && lately(before.at);
  }

  /// Whether the call that is out may be the one that brings somebody back. Whom Stibee shows as opted out
  /// since it went out, it cannot: then the person came back by themselves.
  bool resubscribing() const {
    if (!in_flight(Lane::Upsert)) return false;
    if (status() != RemoteStatus::OptedOut) return true;
    const auto next =
        ledger::next_operation(view_.ledger->wanted, view_.ledger->confirmed, plan_.policy, now_);
    const auto* operation = std::get_if<domain::Operation>(&next);
    return operation != nullptr && operation->kind == domain::OperationKind::Resubscribe;
  }

  /// By us.
  bool resubscribed_lately() const {
    return view_.ledger && lately(view_.ledger->confirmed.called.resubscribe);
  }

  /// Of a resubscribe that the daemon before this one made. Nobody's no is lifted by that.
  bool may_be_older_than_the_no() const {
    const auto before = opt_out_on_record(view_);
    const auto& until = event_.others_called_until;
    return before && lately(until) && before->at > *until - ledger::echo_window;
  }

  void resubscribed() {
    // Whoever the actor: our own resubscribe is made in the subscriber's name.
    if (resubscribing() || resubscribed_lately() || became_lately(RemoteStatus::Subscribed)) return echo();
    if (may_be_older_than_the_no()) return echo();
    if (status() == RemoteStatus::Subscribed && !view_.suppression) return;  // said already
    verdict_.suppression_lifted = opt_out_on_record(view_).has_value();
    observed(RemoteStatus::Subscribed);
    verdict_.change.lift = true;
    write_back(Action::Resubscribed);
    if (has_statement(Action::Resubscribed) && view_.ledger && !view_.is_trace &&
        view_.ledger->wanted.intent == Intent::Unsubscribed) {
      // The person's later word counts until it is in the table; the read after that decides anew.
      auto wanted = view_.ledger->wanted;
      wanted.intent = Intent::Subscribed;
      wanted.opted_in_at = now_;
      verdict_.change.wanted = std::move(wanted);
    }
  }

  void subscribed() {
    if (opt_out_on_record(view_)) return;  // only a word of the person's own lifts it: RESUBSCRIBED
    if (status() == RemoteStatus::Ready) {
      observed(RemoteStatus::Subscribed);
      write_back(Action::Subscribed);
      return;
    }
    if (status() == RemoteStatus::Subscribed) return echo();
    // Our own resubscribe is made in the subscriber's name.
    const bool own_word = event_.actor == Actor::Subscriber && !resubscribing() && !resubscribed_lately();
    if (!own_word && (view_.in_flight || became_lately(RemoteStatus::Unsubscribed) || may_echo(Lane::Upsert)))
      return echo();
    if (view_.ledger) observed(RemoteStatus::Subscribed);
    write_back(Action::Subscribed);
  }

  void deleted() {
    if (may_echo(Lane::Delete)) return echo();
    if (status() == RemoteStatus::AutoDeleted) return;  // said already
    if (view_.ledger && status() != RemoteStatus::OptedOut) observed(RemoteStatus::AutoDeleted);
    write_back(Action::Deleted);
    verdict_.change.no_is_ours = verdict_.change.writeback.has_value();
  }

  void purged() {
    if (may_echo(Lane::Delete) || !view_.ledger || status() == RemoteStatus::Unknown) return echo();
    if (status() == RemoteStatus::Purged) return;  // said already
    if (status() != RemoteStatus::OptedOut) observed(RemoteStatus::Purged);
    write_back(Action::Purged);
    verdict_.change.no_is_ours = verdict_.change.writeback.has_value();
  }

  void updated() {
    if (event_.inherited && !opt_out_on_record(view_)) {
      observed(RemoteStatus::OptedOut);
      verdict_.change.suppress = event_.inherited;
      verdict_.suppression_added = true;
      return;
    }
    const auto values = mapped_values(*event_.person, plan_);
    if (!values || values->empty() || !view_.ledger || view_.is_trace ||
        view_.ledger->wanted.intent == Intent::Absent) {
      return;  // nothing of ours
    }
    const auto& [wanted, confirmed] = *view_.ledger;
    const auto shown = domain::fingerprint_of(*values, key_);
    if (shown == wanted.fields || shown == confirmed.fields) return echo();
    if (event_.actor != Actor::Subscriber && (view_.in_flight || may_echo_values())) return echo();
    if (view_.pending) return;  // the table's word is on its way
    verdict_.drift = true;
    verdict_.effect = WebhookEffect::Applied;
    verdict_.change.writeback = updated_writeback(event_, plan_, now_);
    if (verdict_.change.writeback && writes_every_field(plan_)) {
      // Neither sent back to where it came from, nor overwritten before it is in the table.
      auto wanted_now = wanted;
      auto confirmed_now = confirmed;
      wanted_now.fields = shown;
      confirmed_now.fields = shown;
      verdict_.change.wanted = std::move(wanted_now);
      verdict_.change.confirmed = std::move(confirmed_now);
    } else if (plan_.reconcile.mode == settings::ReconcileMode::Repair && event_.may_mend &&
               status() == RemoteStatus::Subscribed) {
      auto unknown = confirmed;
      unknown.fields.reset();
      verdict_.change.confirmed = std::move(unknown);
      verdict_.mends = true;
    }
  }

  const RemoteEvent& event_;
  const ledger::RemoteView& view_;
  const MirrorPlan& plan_;
  const domain::StateKey& key_;
  domain::UtcTime now_;
  RemoteVerdict verdict_;
};

}  // namespace

RemoteVerdict verdict_of(const RemoteEvent& event, const ledger::RemoteView& view, const MirrorPlan& plan,
                         const domain::StateKey& key, domain::UtcTime now) {
  return Judge(event, view, plan, key, now).verdict();
}

Consequence moved(const RemoteEvent& event, const domain::EmailAddress& borne, const ledger::Person& person,
                  const MirrorPlan& plan, domain::UtcTime now) {
  Consequence consequence;
  const auto& row = person.row.value();
  if (event.person->email == borne) {
    // Back where the table has them.
    const auto there = ledger::with_observed(row.confirmed, row.wanted, RemoteStatus::Subscribed, now);
    consequence.confirmed = ledger::known_before(there, person.suppression);
    return consequence;
  }
  auto confirmed = ledger::with_observed(row.confirmed, row.wanted, RemoteStatus::Moved, now);
  confirmed.moved_to = event.person->email.text();
  consequence.confirmed = std::move(confirmed);
  consequence.writeback = updated_writeback(event, plan, now);
  if (!consequence.writeback) consequence.writeback = address_writeback(event, plan, now);
  if (consequence.writeback) consequence.writeback->new_email = event.person->email.text();
  return consequence;
}

std::optional<store::WritebackRequest> updated_writeback(const RemoteEvent& event, const MirrorPlan& plan,
                                                         domain::UtcTime now) {
  const std::string name(webhook::name(Action::Updated));
  if (!plan.writeback.contains(name)) return std::nullopt;
  const auto values = mapped_values(*event.person, plan);
  if (!values || values->empty()) return std::nullopt;
  store::WritebackRequest request;
  request.event = name;
  request.occurred_by = webhook::name(event.actor);
  request.occurred_at = now;
  for (const auto& [tag, value] : *values)
    request.fields.emplace(tag, value);
  return request;
}

}  // namespace stibee_sync::pipeline
