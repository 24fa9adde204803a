#include "ledger/row_steps.hpp"
#include "stibee_sync/ledger/confirmed.hpp"
#include "stibee_sync/ledger/opt_out.hpp"
#include "stibee_sync/ledger/transitions.hpp"

#include <utility>

/// What an opt-out of one address does to the others of the member.
namespace stibee_sync::ledger {

using domain::Confirmed;
using domain::Intent;
using domain::Lane;
using domain::RemoteStatus;
using domain::UtcTime;
using domain::Wanted;

std::optional<domain::EmailAddress> silenced_successor(const Person& person, const Wanted& decided) {
  if (!person.row || decided.intent == Intent::Subscribed) return std::nullopt;
  const auto& confirmed = person.row->confirmed;
  if (confirmed.status != RemoteStatus::Moved || confirmed.moved_to.empty()) return std::nullopt;
  return domain::EmailAddress::from_normalised(confirmed.moved_to);
}

Person after_silencing(Person successor, const Wanted& decided, const Policy& policy, UtcTime now) {
  if (successor.row) return successor;
  LedgerRow row;
  row.wanted = decided;
  row.confirmed = known_before(successor.trace, successor.suppression).value_or(Confirmed{});
  if (row.confirmed.status == RemoteStatus::OptedOut) {
    row.confirmed.owes_no = true;
  } else {
    row.confirmed.status = RemoteStatus::Subscribed;
    row.confirmed.since = now;
  }
  const auto fate = place_again(row, policy, now);
  keep_or_erase(successor, std::move(row), fate);
  return successor;
}

Person after_inheriting(Person person, const Suppression& of_member, const Policy& policy, UtcTime now) {
  if (person.row && is_news(of_member, person.row->confirmed)) {
    auto row = *person.row;
    row.confirmed = inheriting(std::move(row.confirmed), of_member);
    leave_parking(row);
    forget_failures(row);
    if (person.call) {
      person.call->observed = true;
      row.in_doubt = true;
      if (person.call->lane == Lane::Upsert) row.confirmed.maybe_subscribed = true;
    }
    place_again(row, policy, now);  // the table has it: it stays
    person.row = std::move(row);
  }
  put_on_record(person, of_member);
  return person;
}

Person with_suppression(Person person, const Suppression& suppression) {
  if (person.row) {
    auto& row = *person.row;
    if (row.confirmed.status != RemoteStatus::Moved)
      row.confirmed = known_before(row.confirmed, suppression).value();
    // An unsubscribe that is due does no harm; anything else might.
    if (row.lane != Lane::Optout) leave_queue(row);
  }
  if (person.call) person.call->observed = true;
  return person;
}

Person forgotten(Person person) {
  const auto known = person.row ? std::optional(person.row->confirmed) : person.trace;
  const bool opted_out = known && known->status == domain::RemoteStatus::OptedOut;
  person.row.reset();
  person.trace = opted_out ? trace_of(*known) : std::nullopt;
  return person;
}

}  // namespace stibee_sync::ledger
