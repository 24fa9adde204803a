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
    found_.change.writeback = writeback_of_listed_opt_out(plan_, now_);
    found_.change.no_is_ours = found_.change.writeback.has_value();
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

bool in_progress(const ledger::RemoteView& view, const MirrorPlan& plan, UtcTime now) {
  if (view.in_flight) return true;
  if (!view.ledger || view.parked) return false;
  const auto decision = ledger::next_operation(view.ledger->wanted, view.ledger->confirmed, plan.policy, now);
  return std::holds_alternative<domain::Operation>(decision);
}

}  // namespace

std::optional<store::WritebackRequest> writeback_of_listed_opt_out(const MirrorPlan& plan, UtcTime now) {
  store::WritebackRequest request;
  request.event = "unsubscribed";
  if (!plan.writeback.contains(request.event)) return std::nullopt;
  request.occurred_by = "unknown";
  request.occurred_at = now;
  return request;
}

PersonDrift compare(const store::ListedPair& pair, const MirrorPlan& plan, UtcTime now) {
  PersonDrift found;
  if (pair.listed && !pair.listed->status) {
    found.hands_off = true;
    return found;
  }
  const bool has_row = pair.view.ledger && !pair.view.is_trace;
  if (in_progress(pair.view, plan, now)) {
    return has_row && !pair.view.in_flight ? Comparison(pair, plan, now).opt_out() : found;
  }
  if (has_row) return Comparison(pair, plan, now).run();
  if (pair.listed &&
      (pair.listed->status == RemoteStatus::Subscribed || pair.listed->status == RemoteStatus::Ready)) {
    found.drifts.push_back({DriftKind::StrayThere, "not_in_table", "none"});
  }
  return found;
}

bool unchanged_since(const store::ListedPair& pair, const ledger::RemoteView& view) {
  if (view.in_flight.has_value()) return false;
  if (!pair.view.ledger || pair.view.is_trace) return view.is_trace || !view.ledger;
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

}  // namespace stibee_sync::pipeline
