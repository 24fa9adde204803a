#pragma once

#include "stibee_sync/pipeline/consequence.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/store/store.hpp"
#include "stibee_sync/telemetry/labels.hpp"

#include <cstddef>
#include <string>
#include <vector>

/// What Stibee's list says against what the ledger has: the pure rules of adopting and reconciling a list.
namespace stibee_sync::pipeline {

using telemetry::DriftKind;

/// One way in which a person is not in the list as the table wants it.
struct Drift {
  DriftKind kind = DriftKind::StrayThere;
  std::string cause;   // short code: "not_in_table", "edited_there", "parked: wrong_email", …
  std::string repair;  // what mends it: "subscribe", "update", "groups", "unsubscribe", "record"; "none"
  friend bool operator==(const Drift&, const Drift&) = default;
};

/// How far a repair may go by itself.
enum class Mending {
  None,         // a human must look
  Record,       // the ledger learns what Stibee shows
  Send,         // something is sent again
  Unsubscribe,  // somebody is unsubscribed: under the limits of the guard
};

struct PersonDrift {
  std::vector<Drift> drifts;  // empty: as wanted, or work in progress
  bool hands_off = false;     // Stibee shows a status that nobody knows
  Mending mending = Mending::None;
  Consequence change;  // what mends all of it; empty with Mending::None
};

/// Compares one person of the merge of ledger and list. Pure and total; table in docs/reconcile.md. People
/// whom a call is due for or on its way to are work in progress, not drift.
PersonDrift compare(const store::ListedPair& pair, const MirrorPlan& plan, domain::UtcTime now);

/// Whether the person is still as `compare` saw them: the list is read over minutes.
bool unchanged_since(const store::ListedPair& pair, const ledger::RemoteView& view);

/// For somebody without a ledger row when the read began, who has one no more: what the trace says changes
/// the answer.
PersonDrift compare_trace(const PersonDrift& found, const ledger::RemoteView& view, const MirrorPlan& plan);

/// What the first start against a list takes over of a person: what is there counts as confirmed, whoever is
/// unsubscribed there has opted out, since nobody can tell who did it. Of whom something is known already,
/// what the list shows is newer than what was known before it was begun to be read (`asked`), as in a state
/// that was put back or of a daemon that stood by; but for who opted out: they stay so. `asked` and `said`,
/// which is now, are by the clock that dates opt-outs (`DatabaseClock::later`), `now` by ours. Pure.
Consequence adopt_change(const store::Listed& listed, const ledger::RemoteView& view, domain::UtcTime asked,
                         domain::UtcTime said, domain::UtcTime now);
/// Of somebody who is listed unsubscribed under an address that their row bears no more, since they are
/// subscribed under the one that it bears: that was no word of theirs. Pure.
Consequence unsubscribed_for_a_move(const ledger::RemoteView& view, domain::UtcTime now);

/// What the table is to be told of somebody whom the list shows unsubscribed, by whose hand nobody knows;
/// nullopt: it is not told of opt-outs.
std::optional<store::WritebackRequest> writeback_of_listed_opt_out(const MirrorPlan& plan,
                                                                   domain::UtcTime now);

}  // namespace stibee_sync::pipeline
