#include "stibee_sync/diff/resolve.hpp"

#include "stibee_sync/ledger/next_operation.hpp"

#include <algorithm>
#include <cstdlib>

namespace stibee_sync::diff {
namespace {

using domain::Confirmed;
using domain::Intent;
using domain::RemoteStatus;
using domain::Wanted;

bool same_values(const Wanted& a, const Wanted& b) {
  return a.fields == b.fields && a.ad_agreed == b.ad_agreed && a.groups == b.groups;
}

// Of somebody who opted out at Stibee: whether that stands whatever the table says, so that nothing is sent.
// A fresh state that meets the opt-outs on record is no mass resubscribe.
bool stays_out(const Wanted& wanted, const Confirmed& known) {
  return !known.maybe_subscribed && !ledger::overcome(wanted, known);
}

// Somebody who was never wanted counts as Absent before.
ChangeClass classify(const Wanted& wanted, const Wanted& before, const Confirmed& confirmed,
                     const Circumstances& circumstances) {
  const Intent was = before.intent;
  const RemoteStatus known = confirmed.status;
  switch (wanted.intent) {
    case Intent::Subscribed:
      if (was != Intent::Subscribed) {
        // From no to yes in the table counts even for somebody whom Stibee never saw: a careless
        // `SET opt_in = true` would mail people who said no.
        if (was == Intent::Unsubscribed || known == RemoteStatus::Unsubscribed)
          return ChangeClass::Resubscribe;
        return known == RemoteStatus::OptedOut && !stays_out(wanted, confirmed) ? ChangeClass::Resubscribe
                                                                                : ChangeClass::Add;
      }
      // A newer consent lifts an opt-out though the row was subscribed all along: a careless
      // `SET consented_at = now()` must not get past the guard as harmless.
      if (known == RemoteStatus::OptedOut && wanted.renewed && wanted.renewed != before.renewed)
        return ChangeClass::Resubscribe;
      return same_values(wanted, before) ? ChangeClass::None : ChangeClass::Update;
    case Intent::Unsubscribed:
      return was == Intent::Subscribed ? ChangeClass::OptOut : ChangeClass::None;
    case Intent::Absent:
      if (was == Intent::Absent) return ChangeClass::None;
      // Nobody was created in order to be unsubscribed, so nobody goes.
      if (was == Intent::Unsubscribed && known == RemoteStatus::Unknown) return ChangeClass::None;
      // A no that comes with another address, or none, is the member's: it does not wait with removals.
      if (circumstances.left_saying_no) return ChangeClass::OptOut;
      return ChangeClass::Removal;
  }
  std::abort();
}

// Of an opt-out in the table: one that was carried back from Stibee, above all. There is nobody left to
// unsubscribe there.
bool is_known_there(const Confirmed& known) {
  if (known.maybe_subscribed) return false;
  return known.status == RemoteStatus::OptedOut || known.status == RemoteStatus::AutoDeleted ||
         known.status == RemoteStatus::Purged;
}

// Only a row that this read staged or rejected can have changed at all.
bool may_have_opted_in(const Bearer& bearer) {
  return bearer.may_have_opted_in && (bearer.member != nullptr || bearer.rejected);
}

}  // namespace

std::string_view name(ChangeClass change_class) {
  switch (change_class) {
    case ChangeClass::None:
      return "none";
    case ChangeClass::Add:
      return "adds";
    case ChangeClass::Update:
      return "updates";
    case ChangeClass::OptOut:
      return "optouts";
    case ChangeClass::Resubscribe:
      return "resubscribes";
    case ChangeClass::Removal:
      return "removals";
  }
  std::abort();
}

Resolution resolve(const std::vector<Bearer>& bearers, const std::optional<Wanted>& before,
                   const Confirmed& known, const domain::StateKey& key, domain::UtcTime now,
                   const Circumstances& circumstances) {
  Resolution result;
  Wanted& wanted = result.wanted;
  const Wanted was_wanted = before.value_or(Wanted{});
  const Intent was = was_wanted.intent;
  wanted = was_wanted;
  result.duplicate = bearers.size() > 1;

  if (bearers.empty()) {
    wanted.intent = Intent::Absent;
    if (was != Intent::Absent || !wanted.left_at) wanted.left_at = std::max(now, circumstances.our_time);
    if (was == Intent::Unsubscribed || circumstances.left_by_living) wanted.silenced = true;
    result.change_class = classify(wanted, was_wanted, known, circumstances);
    return result;
  }

  const bool all_subscribed =
      std::all_of(bearers.begin(), bearers.end(), [](const Bearer& b) { return b.subscribed; });
  const auto usable = std::find_if(bearers.begin(), bearers.end(), [&](const Bearer& bearer) {
    // A row that is neither staged nor known from before has no values to send.
    return !bearer.rejected && (bearer.member != nullptr || before);
  });
  result.key = usable == bearers.end() ? bearers.front().key : usable->key;

  const bool has_own_word = circumstances.awaits_resubscribe && was == Intent::Subscribed;
  result.overtakes_resubscribe =
      has_own_word && !circumstances.may_show_own_no &&
      std::any_of(bearers.begin(), bearers.end(), [](const Bearer& bearer) { return bearer.opted_out_now; });
  if (!all_subscribed && (!has_own_word || result.overtakes_resubscribe)) {
    wanted.intent = Intent::Unsubscribed;
  } else if (usable != bearers.end()) {
    wanted.intent = Intent::Subscribed;
  }
  if (wanted.intent != Intent::Absent) {
    wanted.left_at.reset();
    wanted.silenced = false;
  }
  if (usable != bearers.end() && usable->member != nullptr) {
    result.values = usable->member;
    wanted.fields = domain::fingerprint_of(usable->member->fields, key);
    wanted.ad_agreed = usable->member->ad_agreed;
    wanted.groups = usable->member->groups;
    wanted.consented_at = usable->member->consented_at;
  }
  const bool said_no = was == Intent::Unsubscribed || circumstances.member_opted_out;
  if (said_no && was != Intent::Subscribed && wanted.intent == Intent::Subscribed &&
      std::any_of(bearers.begin(), bearers.end(), may_have_opted_in)) {
    wanted.opted_in_at = std::min(now, circumstances.seen_before.value_or(now));
  }
  if (wanted.intent == Intent::Subscribed && known.status == RemoteStatus::OptedOut) {
    wanted.renewed.reset();  // a consent can be taken back before it was sent
    if (ledger::newer_consent(wanted, known, now)) wanted.renewed = known.since;
  }
  result.change_class = classify(wanted, was_wanted, known, circumstances);
  result.counts = result.change_class != ChangeClass::OptOut || !is_known_there(known);
  return result;
}

}  // namespace stibee_sync::diff
