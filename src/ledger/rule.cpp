#include "stibee_sync/ledger/rule.hpp"

#include "stibee_sync/ledger/next_operation.hpp"

#include <cstdlib>
#include <variant>

namespace stibee_sync::ledger {

namespace {

using domain::Confirmed;
using domain::Intent;
using domain::OperationKind;
using domain::RemoteStatus;
using domain::Wanted;

Rule absent_rule(const Wanted& wanted, RowNow row) {
  if (row == RowNow::HasNone) return Rule::AddressTaken;
  return wanted.silenced ? Rule::MovedOn : Rule::Absent;
}

Rule rule_of_adding(const Confirmed& confirmed) {
  if (confirmed.status == RemoteStatus::Purged) return Rule::PurgedRestored;
  return confirmed.status == RemoteStatus::OptedOut ? Rule::NewerConsent : Rule::Resubscribe;
}

/// Of a no, said now or later.
Rule rule_of_no(const Wanted& wanted, const Confirmed& confirmed, RowNow row) {
  const bool on_the_list =
      confirmed.status == RemoteStatus::Subscribed || confirmed.status == RemoteStatus::Ready;
  const bool ours = on_the_list || confirmed.status == RemoteStatus::Unsubscribed;
  if (wanted.intent == Intent::Absent && ours) return absent_rule(wanted, row);
  return on_the_list ? Rule::Unsubscribe : Rule::NewerNo;
}

Rule rule_of(const domain::Operation& operation, const Wanted& wanted, const Confirmed& confirmed,
             RowNow row) {
  switch (operation.kind) {
    case OperationKind::Subscribe:
      return confirmed.status == RemoteStatus::Unknown ? Rule::SubscribeNew : rule_of_adding(confirmed);
    case OperationKind::Resubscribe:
      return rule_of_adding(confirmed);
    case OperationKind::Update:
      return Rule::Update;
    case OperationKind::AssignGroup:
    case OperationKind::ReleaseGroup:
      return Rule::Groups;
    case OperationKind::Unsubscribe:
    case OperationKind::Delete:
      return rule_of_no(wanted, confirmed, row);
  }
  std::abort();
}

Rule rule_of(Rest rest, const Wanted& wanted, RowNow row) {
  switch (rest) {
    case Rest::Settled:
    case Rest::Kept:
      return wanted.intent == Intent::Absent ? absent_rule(wanted, row) : Rule::Settled;
    case Rest::NeverCreated:
      return Rule::NeverCreated;
    case Rest::OptedOut:
      return Rule::OptedOut;
    case Rest::AutoDeleted:
      return Rule::AutoDeleted;
    case Rest::Purged:
      return Rule::Purged;
    case Rest::AwaitingConfirmation:
      return Rule::AwaitingConfirmation;
    case Rest::Moved:
      return Rule::MovedThere;
  }
  std::abort();
}

std::string leaving(const Policy& policy) {
  switch (policy.on_leave) {
    case OnLeave::Unsubscribe:
      return policy.delete_after ? "they are unsubscribed now and deleted once `delete_after` is over"
                                 : "by `on_leave: unsubscribe` they are unsubscribed";
    case OnLeave::Delete:
      return policy.delete_after ? "they are unsubscribed now and deleted once `delete_after` is over"
                                 : "by `on_leave: delete` they are deleted";
    case OnLeave::Keep:
      return "by `on_leave: keep` they stay as they are";
  }
  std::abort();
}

}  // namespace

std::string_view name(Rule rule) {
  switch (rule) {
    case Rule::SubscribeNew:
      return "subscribe_new";
    case Rule::Update:
      return "update";
    case Rule::Resubscribe:
      return "resubscribe";
    case Rule::OptedOut:
      return "opted_out";
    case Rule::NewerConsent:
      return "newer_consent";
    case Rule::AutoDeleted:
      return "auto_deleted";
    case Rule::Unsubscribe:
      return "unsubscribe";
    case Rule::NeverCreated:
      return "never_created";
    case Rule::NewerNo:
      return "newer_no";
    case Rule::Purged:
      return "purged";
    case Rule::PurgedRestored:
      return "purged_restored";
    case Rule::Absent:
      return "absent";
    case Rule::MovedOn:
      return "moved_on";
    case Rule::AddressTaken:
      return "address_taken";
    case Rule::UnusableAddress:
      return "unusable_address";
    case Rule::MovedThere:
      return "moved_there";
    case Rule::Groups:
      return "groups";
    case Rule::AwaitingConfirmation:
      return "awaiting_confirmation";
    case Rule::Settled:
      return "settled";
  }
  std::abort();
}

Rule rule_of(const Wanted& wanted, const Confirmed& confirmed, const Policy& policy, domain::UtcTime now,
             RowNow row) {
  const auto step = next_operation(wanted, confirmed, policy, now);
  if (row == RowNow::HasUnusable && std::holds_alternative<Rest>(step)) return Rule::UnusableAddress;
  if (const auto* operation = std::get_if<domain::Operation>(&step))
    return rule_of(*operation, wanted, confirmed, row);
  if (std::holds_alternative<Later>(step)) return rule_of_no(wanted, confirmed, row);
  if (const auto* rest = std::get_if<Rest>(&step)) return rule_of(*rest, wanted, row);
  // What cannot be done is always an adding.
  return confirmed.status == RemoteStatus::Unknown ? Rule::SubscribeNew : rule_of_adding(confirmed);
}

std::string in_words(Rule rule, const Policy& policy) {
  switch (rule) {
    case Rule::SubscribeNew:
      return policy.confirm_email ? "the table wants them subscribed, and nothing is known of them at "
                                    "Stibee: they are asked to "
                                    "confirm (`confirm_email`)"
                                  : "the table wants them subscribed, and nothing is known of them at "
                                    "Stibee: they are subscribed, "
                                    "as the administrator";
    case Rule::Update:
      return "they are subscribed, and the table has other values than Stibee is known to have: those are "
             "updated";
    case Rule::Resubscribe:
      return policy.can_resubscribe ? "they were unsubscribed by us, because the table said so, and the "
                                      "table wants them again: they "
                                      "are subscribed again"
                                    : "they were unsubscribed by us, and the table wants them again, but "
                                      "this API has no call for "
                                      "that: parked until somebody subscribes them at Stibee";
    case Rule::OptedOut:
      return "they opted out at Stibee: nothing is sent until the table shows a newer consent";
    case Rule::NewerConsent:
      return policy.can_resubscribe
                 ? "they opted out at Stibee, and the table shows a newer consent: they are subscribed again"
                 : "they opted out at Stibee, and the table shows a newer consent, but this API has no call "
                   "for "
                   "that: parked until somebody subscribes them at Stibee";
    case Rule::AutoDeleted:
      return "Stibee deleted them after a bounce: nothing is sent";
    case Rule::Unsubscribe:
      return "the table does not want them subscribed, and at Stibee they are: they are unsubscribed, before "
             "everybody else";
    case Rule::NeverCreated:
      return "the table does not want them subscribed, and nothing is known of them at Stibee: nobody is "
             "created "
             "in order to be unsubscribed";
    case Rule::NewerNo:
      return "the table's no is newer than what is known of Stibee, or followed a call of unknown end: it is "
             "said "
             "to Stibee once more, since what is believed of it may be wrong";
    case Rule::Purged:
      return policy.on_remote_purge == OnRemotePurge::Respect
                 ? "they were deleted for good by hand at Stibee: nothing is sent until the row changes "
                   "(`on_remote_purge: respect`)"
                 : "they were deleted for good by hand at Stibee, and the table does not want them "
                   "subscribed: "
                   "nothing is sent";
    case Rule::PurgedRestored:
      return policy.on_remote_purge == OnRemotePurge::Respect
                 ? "they were deleted for good by hand at Stibee, and their row has changed since: they are "
                   "subscribed again"
                 : "they were deleted for good by hand at Stibee, and the table wants them: they are "
                   "subscribed "
                   "again (`on_remote_purge: restore`)";
    case Rule::Absent:
      return "no row of the table bears the address any more: " + leaving(policy);
    case Rule::MovedOn:
      return "the row that bore the address bears another one now, or said no before it left, so they are "
             "not "
             "kept under this one: " +
             (policy.on_leave == OnLeave::Keep ? "they are unsubscribed" : leaving(policy));
    case Rule::AddressTaken:
      return "the row has no address any more, so they are not kept under its last one: " +
             (policy.on_leave == OnLeave::Keep ? "they are unsubscribed" : leaving(policy));
    case Rule::UnusableAddress:
      return "the row has an address that cannot be used, and is parked: its last good one stays as it is, "
             "until "
             "the row is mended or says no";
    case Rule::MovedThere:
      return "their address was changed at Stibee: nothing is sent for the old one until the table bears "
             "another";
    case Rule::Groups:
      return "their groups differ: those that this mirror manages are assigned and released, those made by "
             "hand "
             "are left alone";
    case Rule::AwaitingConfirmation:
      return "Stibee has asked them to confirm, and they have not yet: nothing is sent";
    case Rule::Settled:
      return "Stibee has them as the table wants them: nothing is sent";
  }
  std::abort();
}

}  // namespace stibee_sync::ledger
