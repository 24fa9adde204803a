#include "app/human_word.hpp"

#include "stibee_sync/pipeline/outbound_queue.hpp"
#include "stibee_sync/store/transaction.hpp"
#include "stibee_sync/text/time_format.hpp"

#include <utility>

namespace stibee_sync::app {

std::vector<PauseChange> pause_mirrors(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                       domain::UtcTime now, std::optional<domain::UtcTime> until) {
  std::vector<PauseChange> changed;
  store::Transaction transaction(store);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const bool was = store.paused(plans[i].id);
    const auto known = store.milestones(plans[i].id);
    if (was && known.paused_until == until) continue;
    changed.push_back({i, true, was ? known.paused_since : now, until});
    transaction.set_paused(plans[i].id, true, now, until);
  }
  transaction.commit();
  return changed;
}

namespace {

/// Of those that are paused, the ones that `ends` says yes to.
template <class Ends>
std::vector<PauseChange> end_pauses(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                    domain::UtcTime now, bool by_itself, const Ends& ends) {
  std::vector<PauseChange> changed;
  store::Transaction transaction(store);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const auto known = store.milestones(plans[i].id);
    if (!store.paused(plans[i].id) || !ends(known)) continue;
    changed.push_back({i, false, known.paused_since, std::nullopt, by_itself});
    transaction.set_paused(plans[i].id, false, now);
  }
  transaction.commit();
  return changed;
}

}  // namespace

std::vector<PauseChange> resume_mirrors(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                        domain::UtcTime now) {
  return end_pauses(store, plans, now, false, [](const store::Milestones&) { return true; });
}

std::vector<PauseChange> end_due_pauses(store::Store& store, const std::vector<pipeline::MirrorPlan>& plans,
                                        domain::UtcTime now) {
  const auto next = next_end_of_pause(store, plans);
  if (!next || *next > now) return {};
  return end_pauses(store, plans, now, true, [&](const store::Milestones& known) {
    return known.paused_until && *known.paused_until <= now;
  });
}

std::optional<domain::UtcTime> next_end_of_pause(const store::Store& store,
                                                 const std::vector<pipeline::MirrorPlan>& plans) {
  std::optional<domain::UtcTime> next;
  for (const auto& plan : plans) {
    const auto until = store.milestones(plan.id).paused_until;
    if (until && (!next || *until < *next)) next = until;
  }
  return next;
}

void tell_of_pause(telemetry::Log& log, const pipeline::MirrorPlan& plan, const PauseChange& change,
                   const std::string& by) {
  const std::string since = change.since ? text::iso_utc(*change.since) : "unknown";
  if (change.paused) {
    log.event(telemetry::Level::Info, telemetry::Event::MirrorPaused,
              change.until ? "nothing is read or sent for it for a while"
                           : "nothing is read or sent for it until `resume`",
              {{"mirror", plan.name},
               {"since", since},
               {"until", change.until ? text::iso_utc(*change.until) : "resume"},
               {"by", by}});
  } else {
    log.event(telemetry::Level::Info, telemetry::Event::MirrorResumed,
              change.by_itself ? "the pause is over: it is read and sent again" : "it is read and sent again",
              {{"mirror", plan.name}, {"since", since}, {"by", by}});
  }
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
