#include "app/human_word.hpp"

#include "stibee_sync/pipeline/outbound_queue.hpp"
#include "stibee_sync/store/transaction.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <utility>

namespace stibee_sync::app {

std::vector<PauseChange> pause_mirrors(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                       bool paused, domain::UtcTime now) {
  std::vector<PauseChange> changed;
  store::Transaction transaction(store);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (store.paused(plans[i].id) == paused) continue;
    changed.push_back({i, paused ? now : store.milestones(plans[i].id).paused_since});
    transaction.set_paused(plans[i].id, paused, now);
  }
  transaction.commit();
  return changed;
}

void tell_of_pause(telemetry::Log& log, const pipeline::MirrorPlan& plan, bool paused,
                   const PauseChange& change) {
  log.event(telemetry::Level::Info, paused ? telemetry::Event::MirrorPaused : telemetry::Event::MirrorResumed,
            paused ? "nothing is read or sent for it until `resume`" : "it is read and sent again",
            {{"mirror", plan.name}, {"since", change.since ? text::iso_utc(*change.since) : "unknown"}});
}

bool approve_hold(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                  const std::string& digest, domain::UtcTime now) {
  for (const auto& plan : plans) {
    if (!store.class_of_held_set(plan.id, digest, now)) continue;
    store::Transaction transaction(store);
    transaction.approve(plan.id, digest, now + approval_lifetime);
    transaction.commit();
    return true;
  }
  return false;
}

std::size_t retry_parked(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                         const std::string& what, domain::UtcTime now) {
  std::string reason = what;
  std::string email;
  if (what.find('@') != std::string::npos) {
    reason.clear();
    auto parsed = domain::EmailAddress::parse(what);
    email = std::holds_alternative<domain::EmailAddress>(parsed)
                ? std::get<domain::EmailAddress>(parsed).text()
                : what;
  }
  std::size_t count = 0;
  store::Transaction transaction(store);
  for (const auto& plan : plans)
    count += pipeline::unpark(transaction, plan.id, reason, email, plan.policy, now);
  transaction.commit();
  return count;
}

}  // namespace stibee_sync::app
