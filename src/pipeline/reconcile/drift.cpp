#include "stibee_sync/pipeline/drift.hpp"

#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/next_operation.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <variant>

namespace stibee_sync::pipeline {

using domain::Confirmed;
using domain::Intent;
using domain::RemoteStatus;
using domain::UtcTime;

namespace {

constexpr const char* parked_prefix = "parked: ";

/// Rules for one person with a ledger row, whom nothing is due for.
class Comparison {
 public:
  Comparison(const store::ListedPair& pair, const MirrorPlan& plan, UtcTime now)
      : listed_(pair.listed),
        parked_(pair.view.parked),
        wanted_(pair.view.ledger->wanted),
        confirmed_(pair.view.ledger->confirmed),
        plan_(plan),
        now_(now) {}

  /// Of somebody whom a call waits for: whoever said no meanwhile is not sent anything.
  PersonDrift opt_out() {
    const bool known =
        confirmed_.status == RemoteStatus::Subscribed || confirmed_.status == RemoteStatus::Unknown;
    if (known && wanted_.intent == Intent::Subscribed && listed_ &&
        listed_->status == RemoteStatus::OptedOut) {
      listed_unsubscribed();
    }
    return std::move(found_);
  }

  PersonDrift run() {
    if (wanted_.intent == Intent::Subscribed) {
      want_subscribed();
    } else if (wanted_.intent == Intent::Unsubscribed || wanted_.silenced ||
               plan_.policy.on_leave != ledger::OnLeave::Keep) {
      want_silence();
    }
    if (parked_) {
      // What holds these people up is known; nothing that is done here would move them.
      if (found_.mending != Mending::Record) {
        for (auto& one : found_.drifts) {
          one.cause = parked_prefix + name(parked_);
          one.repair = "none";
        }
        found_.mending = Mending::None;
        found_.change = Consequence{};
      }
    }
    return std::move(found_);
  }

 private:
  void drift(DriftKind kind, const char* cause, const char* repair) {
    found_.drifts.push_back({kind, cause, repair});
  }
  void none(DriftKind kind, const char* cause) { drift(kind, cause, "none"); }
  void record(DriftKind kind, const char* cause, RemoteStatus observed) {
    drift(kind, cause, "record");
    found_.mending = Mending::Record;
    found_.change.confirmed = ledger::with_observed(confirmed_, wanted_, observed, now_);
  }

  void want_subscribed() {
    if (!listed_) {
      not_listed();
      return;
    }
    switch (*listed_->status) {
      case RemoteStatus::Subscribed:
        listed_subscribed();
        return;
      case RemoteStatus::OptedOut:
      case RemoteStatus::Unsubscribed:
        listed_unsubscribed();
        return;
      case RemoteStatus::AutoDeleted:
        if (confirmed_.status == RemoteStatus::OptedOut) return;
        if (confirmed_.status == RemoteStatus::AutoDeleted) {
          none(DriftKind::AutoDeleted, "bounced");
        } else {
          record(DriftKind::AutoDeleted, "bounced", RemoteStatus::AutoDeleted);
        }
        return;
      case RemoteStatus::Purged:
        if (confirmed_.status == RemoteStatus::OptedOut) return;
        if (confirmed_.status == RemoteStatus::Purged) {
          none(DriftKind::Purged, "purged_there");
        } else {
          record(DriftKind::Purged, "purged_there", RemoteStatus::Purged);
        }
        return;
      case RemoteStatus::Ready:  // asked to confirm: the person has the next word
      case RemoteStatus::Moved:  // no list shows that
      case RemoteStatus::Unknown:
        return;
    }
    std::abort();
  }

  void not_listed() {
    switch (confirmed_.status) {
      case RemoteStatus::OptedOut:
        return;
      case RemoteStatus::Purged:
        none(DriftKind::Purged, "purged_there");
        return;
      case RemoteStatus::AutoDeleted:
        none(DriftKind::AutoDeleted, "bounced");
        return;
      case RemoteStatus::Ready:
        // To ask again would be a second confirmation mail.
        none(DriftKind::MissingThere, "unconfirmed_and_gone");
        return;
      case RemoteStatus::Unknown:
      case RemoteStatus::Unsubscribed:
        if (!parked_) return;
        none(DriftKind::MissingThere, "");
        return;
      case RemoteStatus::Moved:  // and listed under another address
        return;
      case RemoteStatus::Subscribed:
        drift(DriftKind::MissingThere, "deleted_there_or_call_lost", "subscribe");
        found_.mending = Mending::Send;
        found_.change.confirmed = Confirmed{};
        return;
    }
    std::abort();
  }

  void listed_subscribed() {
    switch (confirmed_.status) {
      case RemoteStatus::Subscribed:
        compare_values();
        return;
      case RemoteStatus::OptedOut:
        // Only a newer consent that the table or a webhook shows lifts an opt-out.
        none(DriftKind::SubscribedThere, "resubscribed_there");
        return;
      case RemoteStatus::Ready:
        record(DriftKind::SubscribedThere, "confirmed_there", RemoteStatus::Subscribed);
        take_values();
        return;
      case RemoteStatus::Unsubscribed:
      case RemoteStatus::AutoDeleted:
      case RemoteStatus::Purged:
      case RemoteStatus::Moved:
        record(DriftKind::SubscribedThere, "resubscribed_there", RemoteStatus::Subscribed);
        take_values();
        return;
      case RemoteStatus::Unknown:
        // Only the parked: what cannot be sent there may be there all the same, by hand.
        return;
    }
    std::abort();
  }

  void listed_unsubscribed() {
    if (confirmed_.status == RemoteStatus::OptedOut) return;  // equal to the table but for who said no
    if (confirmed_.status == RemoteStatus::Unsubscribed) {
      if (parked_) none(DriftKind::OptedOutThere, "");
      return;
    }
    record(DriftKind::OptedOutThere, "unsubscribed_there", RemoteStatus::OptedOut);
    ledger::Suppression suppression;
    suppression.at = now_;
    suppression.by = "unknown";
    found_.change.suppress = suppression;
    constexpr const char* event = "unsubscribed";
    if (plan_.writeback.contains(event)) {
      store::WritebackRequest request;
      request.event = event;
      request.occurred_by = "unknown";
      request.occurred_at = now_;
      found_.change.writeback = std::move(request);
    }
  }

  void compare_values() {
    auto mended = confirmed_;
    if (confirmed_.fields && *confirmed_.fields != listed_->fields) {
      drift(DriftKind::FieldsDiffer, "edited_there", "update");
      mended.fields.reset();
    }
    if (wanted_.ad_agreed && listed_->ad_agreed && confirmed_.ad_agreed &&
        *confirmed_.ad_agreed != *listed_->ad_agreed) {
      drift(DriftKind::FieldsDiffer, "consent_edited_there", "update");
      mended.ad_agreed.reset();
    }
    if (listed_->groups && *listed_->groups != confirmed_.groups) {
      drift(DriftKind::GroupsDiffer, "groups_edited_there", "groups");
      mended.groups = *listed_->groups;
      mended.maybe_groups.clear();
    }
    if (found_.drifts.empty()) return;
    found_.mending = Mending::Send;
    found_.change.confirmed = std::move(mended);
  }

  void take_values() {
    auto& confirmed = *found_.change.confirmed;
    confirmed.fields = listed_->fields;
    confirmed.ad_agreed = listed_->ad_agreed;
    if (listed_->groups) {
      confirmed.groups = *listed_->groups;
      confirmed.maybe_groups.clear();
    }
  }

  void want_silence() {
    if (!listed_) return;
    const auto there = *listed_->status;
    if (there != RemoteStatus::Subscribed && there != RemoteStatus::Ready) return;
    switch (confirmed_.status) {
      case RemoteStatus::OptedOut:
        // Neither the table nor the record wants them mailed.
        found_.drifts.push_back({DriftKind::SubscribedThere, "resubscribed_there", "unsubscribe"});
        found_.mending = Mending::Unsubscribe;
        found_.change.confirmed = confirmed_;
        found_.change.confirmed->owes_no = true;
        return;
      case RemoteStatus::Subscribed:
      case RemoteStatus::Ready:
        if (parked_) none(DriftKind::SubscribedThere, "");
        return;
      case RemoteStatus::Unknown:
        unsubscribe("added_there", there);
        return;
      case RemoteStatus::AutoDeleted:
      case RemoteStatus::Purged:
      case RemoteStatus::Moved:
        unsubscribe("resubscribed_there", there);
        return;
      case RemoteStatus::Unsubscribed: {
        // Stibee shows whole seconds.
        const bool touched_since = listed_->modified && confirmed_.since &&
                                   *listed_->modified + std::chrono::seconds(1) > *confirmed_.since;
        unsubscribe(touched_since ? "resubscribed_there" : "unsubscribe_lost", there);
        return;
      }
    }
    std::abort();
  }

  void unsubscribe(const char* cause, RemoteStatus there) {
    drift(DriftKind::SubscribedThere, cause, "unsubscribe");
    found_.mending = Mending::Unsubscribe;
    found_.change.confirmed = ledger::with_observed(confirmed_, wanted_, there, now_);
  }

  const std::optional<store::Listed>& listed_;
  const std::optional<domain::Reason> parked_;
  const domain::Wanted& wanted_;
  const Confirmed& confirmed_;
  const MirrorPlan& plan_;
  UtcTime now_;
  PersonDrift found_;
};

/// When it happened is told by no time that Stibee shows for certain, so it counts from now: a consent given
/// before must not bring back somebody who may have said no after it.
ledger::Suppression opt_out_seen(UtcTime now) {
  ledger::Suppression suppression;
  suppression.at = now;
  suppression.by = "unknown";
  return suppression;
}

void take_values(Confirmed& confirmed, const store::Listed& listed) {
  confirmed.fields = listed.fields;
  confirmed.ad_agreed = listed.ad_agreed;
  if (!listed.groups) return;
  confirmed.groups = *listed.groups;
  confirmed.maybe_groups.clear();
}

/// Whether whom the list shows unsubscribed has been so since it was learnt here: not brought back meanwhile,
/// by another daemon, to say no once more. When Stibee last changed them tells.
bool out_as_known(const store::Listed& listed, const domain::Wanted& wanted, const Confirmed& before) {
  // Between a change there and what we made of it, and between two clocks.
  constexpr std::chrono::minutes apart{5};
  if (before.status != RemoteStatus::OptedOut && before.status != RemoteStatus::Unsubscribed) return false;
  if (!listed.modified || !before.since) return false;
  // Whatever happened there, they said yes after it. (When a column turned is when it was seen to, by this
  // state.)
  if (wanted.consented_at && *wanted.consented_at > *listed.modified) return true;
  if (before.status == RemoteStatus::OptedOut) return *listed.modified <= *before.since;
  // Since when we take somebody for unsubscribed by ourselves may be assumed only.
  return wanted.intent != domain::Intent::Subscribed && *listed.modified <= *before.since + apart;
}

/// What became of somebody who is known, while nobody looked here: in a state that was put back, or of a
/// daemon that stood by.
Consequence since_then(const store::Listed& listed, const ledger::RemoteView& view, UtcTime asked,
                       UtcTime said, UtcTime now) {
  Consequence change;
  const auto& person = *view.ledger;
  const auto& before = person.confirmed;
  // What was learnt while the list was read may be newer than what it shows. What is dated later than now was
  // dated by a clock that was wrong, of another host perhaps.
  const bool older = !before.since || *before.since < asked || *before.since > said;
  if (!older || !listed.status) return change;
  const auto there = *listed.status;
  const bool is_out = there == RemoteStatus::OptedOut || there == RemoteStatus::Unsubscribed;
  // Only a newer consent lifts an opt-out; and of whom a trace tells, nothing is to be sent.
  if (!is_out && (view.is_trace || before.status == RemoteStatus::OptedOut)) return change;
  switch (there) {
    case RemoteStatus::OptedOut:
    case RemoteStatus::Unsubscribed:
      if (out_as_known(listed, person.wanted, before)) return change;
      change.confirmed = ledger::with_observed(before, person.wanted, RemoteStatus::OptedOut, now);
      change.suppress = opt_out_seen(now);
      return change;
    case RemoteStatus::Subscribed: {
      auto confirmed =
          before.status == there ? before : ledger::with_observed(before, person.wanted, there, now);
      take_values(confirmed, listed);
      if (confirmed != before) change.confirmed = std::move(confirmed);
      return change;
    }
    case RemoteStatus::AutoDeleted:
    case RemoteStatus::Purged:
      if (before.status != there) change.confirmed = ledger::with_observed(before, person.wanted, there, now);
      return change;
    case RemoteStatus::Ready:
    case RemoteStatus::Moved:
    case RemoteStatus::Unknown:
      return change;
  }
  std::abort();
}

/// A subscribe of unknown end, of an earlier life perhaps, settles nothing; but whom the list shows
/// unsubscribed then has opted out, and is to be unsubscribed once more should the call be applied yet.
Consequence opt_out_met(const store::Listed& listed, const ledger::RemoteView& view, UtcTime now) {
  Consequence change;
  if (listed.status != RemoteStatus::OptedOut || view.in_flight != domain::Lane::Upsert || !view.ledger)
    return change;
  const auto& before = view.ledger->confirmed;
  // Whom we unsubscribed ourselves, or who consented since, comes back by that call.
  if (out_as_known(listed, view.ledger->wanted, before)) return change;
  change.confirmed = ledger::with_observed(before, view.ledger->wanted, RemoteStatus::OptedOut, now);
  change.confirmed->maybe_subscribed = true;
  change.suppress = opt_out_seen(now);
  return change;
}

bool in_progress(const ledger::RemoteView& view, const MirrorPlan& plan, UtcTime now) {
  if (view.in_flight) return true;
  if (!view.ledger || view.parked) return false;
  const auto decision = ledger::next_operation(view.ledger->wanted, view.ledger->confirmed, plan.policy, now);
  return std::holds_alternative<domain::Operation>(decision);
}

}  // namespace

PersonDrift compare(const store::ListedPair& pair, const MirrorPlan& plan, UtcTime now) {
  PersonDrift found;
  if (pair.listed && !pair.listed->status) {
    found.hands_off = true;
    return found;
  }
  if (in_progress(pair.view, plan, now)) {
    return pair.view.ledger && !pair.view.in_flight ? Comparison(pair, plan, now).opt_out() : found;
  }
  if (pair.view.ledger) return Comparison(pair, plan, now).run();
  if (pair.listed &&
      (pair.listed->status == RemoteStatus::Subscribed || pair.listed->status == RemoteStatus::Ready)) {
    found.drifts.push_back({DriftKind::StrayThere, "not_in_table", "none"});
  }
  return found;
}

bool unchanged_since(const store::ListedPair& pair, const ledger::RemoteView& view) {
  if (view.in_flight.has_value()) return false;
  if (!pair.view.ledger) return view.is_trace || !view.ledger;
  return !view.is_trace && view.ledger == pair.view.ledger && view.parked == pair.view.parked;
}

PersonDrift compare_trace(const PersonDrift& found, const ledger::RemoteView& view, const MirrorPlan& plan) {
  if (!view.is_trace || !view.ledger) return found;
  if (plan.policy.on_leave == ledger::OnLeave::Keep) return PersonDrift{};
  auto refined = found;
  for (auto& drift : refined.drifts) {
    if (drift.kind == DriftKind::StrayThere) drift.cause = "left_the_table_and_came_back";
  }
  return refined;
}

Consequence adopt_change(const store::Listed& listed, const ledger::RemoteView& view, UtcTime asked,
                         UtcTime said, UtcTime now) {
  Consequence change;
  if (view.in_flight) return opt_out_met(listed, view, now);
  const bool known = view.ledger && view.ledger->confirmed.status != RemoteStatus::Unknown;
  if (known) return since_then(listed, view, asked, said, now);
  if (listed.status == RemoteStatus::OptedOut && !view.suppression) change.suppress = opt_out_seen(now);
  if (!view.ledger || view.is_trace) return change;
  // A status that nobody knows: the one state in which nothing is ever sent.
  const auto status = listed.status.value_or(RemoteStatus::AutoDeleted);
  if (status == RemoteStatus::Unknown) return change;
  auto confirmed = ledger::with_observed(view.ledger->confirmed, view.ledger->wanted, status, now);
  if (status != RemoteStatus::Purged) {
    confirmed.fields = listed.fields;
    confirmed.ad_agreed = listed.ad_agreed;
    confirmed.groups = listed.groups.value_or(domain::GroupSet{});
  }
  change.confirmed = std::move(confirmed);
  return change;
}

}  // namespace stibee_sync::pipeline
