#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/ledger/policy.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace stibee_sync::ledger {

/// The rows of the table in docs/design.md by which `next_operation` decides, for those who ask why.
enum class Rule {
  SubscribeNew,          // wanted, and nothing known
  Update,                // wanted with other values
  Resubscribe,           // wanted, and unsubscribed by us
  OptedOut,              // wanted, and opted out at Stibee
  NewerConsent,          // … and the table shows a newer consent
  AutoDeleted,           // wanted, and deleted by a bounce
  Unsubscribe,           // not wanted, and subscribed
  NeverCreated,          // not wanted, and nothing known
  NewerNo,               // the table's newer no, to somebody who is believed to be off the list
  Purged,                // purged by hand
  PurgedRestored,        // … and wanted back by the row or the settings
  Absent,                // gone from the table
  MovedOn,               // the row bears another address now, or said no before it left
  AddressTaken,          // the row has no address any more
  UnusableAddress,       // the row has an unusable one
  MovedThere,            // at Stibee, to another address
  Groups,                // groups of this mirror differ
  AwaitingConfirmation,  // asked to confirm
  Settled,               // as wanted
};
std::string_view name(Rule rule);  // "subscribe_new", "opted_out", …

/// What has become of the row that bore the address, where that is known.
enum class RowNow { Bears, BearsAnother, HasNone, HasUnusable };

/// By which row the step of `next_operation` is decided. Pure; decides nothing itself.
Rule rule_of(const domain::Wanted& wanted, const domain::Confirmed& confirmed, const Policy& policy,
             domain::UtcTime now, RowNow row = RowNow::Bears);
/// That row, in words for ops.
std::string in_words(Rule rule, const Policy& policy);

}  // namespace stibee_sync::ledger
