#include "stibee_sync/pipeline/foreign_hands.hpp"

#include "stibee_sync/telemetry/log.hpp"

namespace stibee_sync::pipeline {

void tell_of_foreign_hands(telemetry::Log& log, std::string_view mirror, std::size_t people) {
  log.event(
      telemetry::Level::Warn, telemetry::Event::ReconcileDrift,
      "somebody undoes at Stibee what this daemon sends: is there another program, or another daemon, with "
      "the same list?",
      {{"mirror", mirror},
       {"kind", "undone"},
       {"count", people},
       {"cure",
        "let one program alone write to the list; of several daemons, set `database.leader_lock: true` in "
        "each"}});
}

}  // namespace stibee_sync::pipeline
