#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/member.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace stibee_sync::diff {

/// One row that bears an address, after the changes of a read. `member` is there if the row was staged by
/// this read (it is new or changed, or it shares its address with a lower key), else only what the snapshot
/// keeps.
struct Bearer {
  domain::MemberKey key;
  bool subscribed = true;
  bool rejected = false;  // its values cannot be sent; the address is fine
  const domain::Member* member = nullptr;
  /// False: the caller knows that this very row did not go from not subscribed to subscribed in this read. A
  /// row that is neither staged nor rejected cannot have, whatever this says.
  bool may_have_opted_in = true;
  bool opted_out_now = false;  // this very row went from subscribed to not subscribed in this read
};

/// What is to be known of an address beside the rows that bear it.
struct Circumstances {
  bool left_by_living = false;    // a row that bore it bears another address now, or none
  bool left_saying_no = false;    // … and says no
  bool member_opted_out = false;  // one whose row bears it now, maybe under another address
  /// The person resubscribed at Stibee, and that is not in the table yet: their word counts until it is, or
  /// until the table has a later no of theirs.
  bool awaits_resubscribe = false;
  /// A no that is new in the table may be the one from before their resubscribe, which was carried there.
  bool may_show_own_no = false;
  domain::UtcTime our_time{};  // who left is dated by the later of it and `now`
  /// A row that says yes may have said so since then, and another daemon may have acted upon it, or the yes
  /// waits since then for a human: what the person said meanwhile is not older than their yes. nullopt: it
  /// is acted upon as soon as it is seen, and counts from then on.
  std::optional<domain::UtcTime> seen_before;
};

/// What a change means for the guard.
enum class ChangeClass { None, Add, Update, OptOut, Resubscribe, Removal };
std::string_view name(ChangeClass change_class);  // guard's words: "removals", "optouts", "resubscribes",
                                                  // "updates"; else "adds", "none"

struct Resolution {
  domain::Wanted wanted;
  const domain::Member* values = nullptr;  // whose field values are to be sent; null: unchanged from before
  std::optional<domain::MemberKey> key;    // the row whose values are wanted (the lowest key)
  bool duplicate = false;                  // more than one row bears the address
  ChangeClass change_class = ChangeClass::None;
  /// False: an opt-out of somebody who opted out at Stibee (or was deleted there) before, as it comes with
  /// every write-back. Nothing will be sent for it, so it is no reason to hold its class. It waits with its
  /// class all the same: were it applied while a broken table says no for everybody, the table's recovery
  /// would look like this person's new consent.
  bool counts = true;
  /// The resubscribe that is not in the table yet is overtaken by a no in the table: it is not to get there.
  bool overtakes_resubscribe = false;
};

/// What is wanted of an address, given all rows that bear it (in key order; empty: nobody), what was wanted
/// before (nullopt: no ledger row), and what is `known` of Stibee. Pure and total.
/// * Subscribed only if every row says so, rejected rows included; the values are those of the lowest usable
///   (not rejected) key.
/// * If no row is usable, an opt-out still counts; otherwise the intent stays what it was (without a ledger
///   row: Absent).
/// * `renewed` is the time of the opt-out that a newer consent overcomes. `silenced`: an Absent one is not to
/// be
///   kept.
/// * `opted_in_at` is `now`, or `seen_before` if that is known, if the address goes from Unsubscribed to
///   Subscribed and a row may have opted in, or becomes Subscribed by the row of a member who opted out and
///   opts in with it;
///   `left_at` is `now`, or `our_time` if that is later, when the last row is gone, kept while Absent, and
///   empty otherwise.
Resolution resolve(const std::vector<Bearer>& bearers, const std::optional<domain::Wanted>& before,
                   const domain::Confirmed& known, const domain::StateKey& key, domain::UtcTime now,
                   const Circumstances& circumstances = {});

}  // namespace stibee_sync::diff
