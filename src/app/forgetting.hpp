#pragma once

#include "stibee_sync/json/value.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/store/store.hpp"
#include "stibee_sync/telemetry/log.hpp"

#include <string>
#include <vector>

namespace stibee_sync::app {

/// Who tells Stibee that somebody left.
enum class Teller {
  Here,       // this host: what waits is still to be sent
  Leader,     // another daemon, which leads: nobody here knows how far it is
  LeaderDid,  // the same, and a human says that it has forgotten them, so that it is done
};
/// `leads`: the daemon of this state, or nobody else, does. `said`: `--forgotten-by-leader` was given.
Teller teller(bool leads, bool said);

/// What came of the wish to forget somebody.
struct Forgetting {
  std::string refused;  // why not now, and when; "": it was not
  bool known = false;   // something was kept of them
  bool tidy = true;     // false: a read is in the way of emptying the files' logs, which comes by itself
};

/// Erases a person from the state, of mirrors that the settings do not name any more, too. What stays is the
/// keyed hash of an opt-out. Refused while the table has them, or something is still to be sent to Stibee:
/// also where another daemon sends it, since what waits here is all that would send it if that one were lost.
/// Blocking, on the store's thread. Throws store::StoreError.
Forgetting forget_person(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                         const domain::EmailAddress& email, Teller teller);
/// Logs that, by a ref.
void tell_of_forgetting(telemetry::Log& log, const domain::StateKey& key, const domain::EmailAddress& email);

json::Value forgetting_report(const Forgetting& forgetting);
inline constexpr std::string_view nobody_to_forget =
    "nothing is kept of this person but, if they opted out, a keyed hash";

}  // namespace stibee_sync::app
