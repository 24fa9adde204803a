#include "stibee_sync/pipeline/event_intake.hpp"

#include <algorithm>
#include <exception>
#include <unordered_set>
#include <utility>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using domain::EmailAddress;
using telemetry::Event;
using telemetry::Level;
using webhook::Action;

namespace {

/// Somebody whose values Stibee keeps changing after us is left to the reconcile for so long.
constexpr std::chrono::hours mend_pause{1};
constexpr std::size_t most_mended = 10'000;

telemetry::WebhookAction label(Action action) {
  return telemetry::label_from<telemetry::WebhookAction>(webhook::name(action))
      .value_or(telemetry::WebhookAction::Other);
}

}  // namespace

/// One event on its way through the store's thread.
struct EventIntake::Work {
  std::shared_ptr<const webhook::ListEvent> event;
  std::shared_ptr<const std::vector<MirrorPlan>> mirrors;  // keeps `plan` alive
  const MirrorPlan* plan = nullptr;
  domain::UtcTime now{};
  domain::UtcTime said{};  // by the later of our clock and the database's
  std::vector<EmailAddress> people;
  std::vector<EmailAddress> old_people;                       // addresses that were given up for others
  std::unordered_map<EmailAddress, RemoteEvent> events;       // by the address that it is about
  std::unordered_map<EmailAddress, EmailAddress> successors;  // old → new
  std::unordered_map<EmailAddress, RemoteVerdict> verdicts;
};

EventIntake::EventIntake(Services services, std::vector<MirrorPlan> mirrors)
    : services_(std::move(services)),
      mirrors_(std::make_shared<const std::vector<MirrorPlan>>(std::move(mirrors))),
      event_lines_(60, std::chrono::seconds(1)),
      echo_lines_(10, std::chrono::minutes(1)),
      person_lines_(60, std::chrono::seconds(1)),
      suppression_lines_(200, std::chrono::milliseconds(200)) {}

asio::awaitable<Intake> EventIntake::take(std::shared_ptr<const webhook::ListEvent> event) {
  const auto plan = std::find_if(mirrors_->begin(), mirrors_->end(),
                                 [&](const MirrorPlan& each) { return each.list_id == event->list_id; });
  if (plan == mirrors_->end()) co_return Intake();
  const auto work = prepare(std::move(event), *plan);
  if (work->people.empty()) co_return finished(*work);
  auto job = store::in_transaction(
      [work, key = services_.key](store::Transaction& transaction) { apply(*work, transaction, key); });
  const auto applied = co_await services_.store.run(std::move(job));
  if (applied) {
    services_.store_worked();
    co_return finished(*work);
  }
  services_.store_failed(applied.error());
  Intake failed;
  failed.kind = Intake::Kind::Failed;
  co_return failed;
}

std::shared_ptr<EventIntake::Work> EventIntake::prepare(std::shared_ptr<const webhook::ListEvent> event,
                                                        const MirrorPlan& plan) {
  auto work = std::make_shared<Work>();
  work->event = std::move(event);
  work->mirrors = mirrors_;
  work->plan = &plan;
  work->now = services_.clock.utc();
  work->said = services_.database_clock->later(work->now, services_.clock.monotonic());
  if (work->event->action == Action::Other) return work;
  const bool mends =
      work->event->action == Action::Updated && plan.reconcile.mode == settings::ReconcileMode::Repair;
  for (const auto& person : work->event->people) {
    RemoteEvent about;
    about.action = work->event->action;
    about.actor = work->event->actor;
    about.person = &person;
    about.others_called_until = others_called_until_;
    if (mends) about.may_mend = may_mend(services_.key.ref(person.email.text()));
    work->events.emplace(person.email, about);
    work->people.push_back(person.email);
    if (about.action == Action::Updated && person.old_email &&
        work->successors.emplace(*person.old_email, person.email).second)
      work->old_people.push_back(*person.old_email);
  }
  return work;
}

/// On the store's thread, and safe to be done again from the start.
void EventIntake::apply(Work& work, store::Transaction& transaction, const domain::StateKey& key) {
  const auto& plan = *work.plan;
  work.verdicts.clear();
  for (const auto& old : work.old_people) {
    const auto& successor = work.successors.at(old);
    // Whose address changed may have opted out under the old one.
    const auto person = transaction.find(plan.id, old);
    work.events.at(successor).inherited = ledger::opt_out_on_record(ledger::view_of(person));
    // And the row has the old one, where it has not changed, too; or one from before an earlier change.
    const auto borne = person.row ? std::optional(old) : transaction.moved_from(plan.id, old);
    if (!borne || (work.events.contains(*borne) && *borne != successor)) continue;
    const auto bearer = transaction.find(plan.id, *borne);
    const auto consequence = moved(work.events.at(successor), *borne, bearer, plan, work.now);
    carry_out(transaction, plan.id, *borne, bearer, consequence, plan.policy, work.now, work.said);
  }
  const auto judge = [&](const RemoteEvent& event, const EmailAddress& email) {
    const auto person = transaction.find(plan.id, email);
    auto verdict = verdict_of(event, ledger::view_of(person), plan, key, work.now);
    carry_out(transaction, plan.id, email, person, verdict.change, plan.policy, work.now, work.said);
    return verdict;
  };
  for (const auto& email : work.people) {
    const auto& event = work.events.at(email);
    auto verdict = judge(event, email);
    // What somebody says under an address that the table does not have yet is the member's word.
    const auto row_of = transaction.moved_from(plan.id, email);
    if (row_of && event.action != Action::Updated) {
      auto of_member = judge(event, *row_of);
      of_member.suppression_added = of_member.suppression_added || verdict.suppression_added;
      verdict = std::move(of_member);
    }
    work.verdicts.insert_or_assign(email, std::move(verdict));
  }
}

Intake EventIntake::finished(const Work& work) {
  Intake intake;
  intake.kind = Intake::Kind::OnDisk;
  const auto action = label(work.event->action);
  const auto count = [&](telemetry::WebhookEffect effect, std::size_t& sum, std::size_t people) {
    sum += people;
    for (std::size_t i = 0; i < people; ++i)
      services_.metrics.webhook_event(action, effect);
  };
  for (const auto& [email, verdict] : work.verdicts) {
    switch (verdict.effect) {
      case telemetry::WebhookEffect::Applied:
        count(verdict.effect, intake.applied, 1);
        break;
      case telemetry::WebhookEffect::Echo:
        count(verdict.effect, intake.echo, 1);
        break;
      case telemetry::WebhookEffect::Ignored:
        count(verdict.effect, intake.ignored, 1);
        break;
    }
    if (verdict.mends) mended(services_.key.ref(email.text()));
    if (verdict.undoes_ours) undone(work.plan->name);
  }
  const bool other = work.event->action == Action::Other;
  const auto unjudged =
      work.event->unusable + (other ? std::max<std::size_t>(work.event->people.size(), 1) : 0);
  count(telemetry::WebhookEffect::Ignored, intake.ignored, unjudged);
  report(work, intake);
  return intake;
}

void EventIntake::report(const Work& work, const Intake& intake) {
  auto& lines = intake.applied > 0 || intake.echo == 0 ? event_lines_ : echo_lines_;
  if (const auto left_out = lines.take(services_.clock.monotonic())) {
    services_.log.event(Level::Info, Event::WebhookAccepted, "an event of Stibee is on disk",
                        {{"mirror", work.plan->name},
                         {"action", webhook::name(work.event->action)},
                         {"actor", webhook::name(work.event->actor)},
                         {"applied", intake.applied},
                         {"echo", intake.echo},
                         {"ignored", intake.ignored},
                         {"left_out", *left_out}});
  }
  for (const auto& email : work.people) {
    const auto found = work.verdicts.find(email);
    if (found == work.verdicts.end() || found->second.effect != telemetry::WebhookEffect::Applied) continue;
    report_person(work, services_.key.ref(email.text()), found->second);
  }
}

void EventIntake::report_person(const Work& work, const std::string& ref, const RemoteVerdict& verdict) {
  const auto now = services_.clock.monotonic();
  if (const auto left_out = person_lines_.take(now)) {
    const auto& change = verdict.change;
    services_.log.event(
        Level::Info, Event::WebhookApplied,
        verdict.drift ? "Stibee has other values than were sent" : "what happened at Stibee counts",
        {{"mirror", work.plan->name},
         {"ref", ref},
         {"action", webhook::name(work.event->action)},
         {"actor", webhook::name(work.event->actor)},
         {"status", change.confirmed ? domain::name(change.confirmed->status) : "unchanged"},
         {"writeback", change.writeback.has_value()},
         {"left_out", *left_out}});
  }
  if (!verdict.suppression_added && !verdict.suppression_lifted) return;
  if (const auto left_out = suppression_lines_.take(now)) {
    const bool added = verdict.suppression_added;
    services_.log.event(Level::Info, added ? Event::SuppressionAdded : Event::SuppressionLifted,
                        added ? "a person opted out at Stibee" : "a person came back at Stibee",
                        {{"mirror", work.plan->name},
                         {"ref", ref},
                         {"by", webhook::name(work.event->actor)},
                         {"left_out", *left_out}});
  }
}

void EventIntake::undone(const std::string& mirror) {
  if (const auto count = foreign_[mirror].undone(services_.clock.monotonic()))
    tell_of_foreign_hands(services_.log, mirror, *count);
}

bool EventIntake::may_mend(const std::string& ref) const {
  const auto found = mended_.find(ref);
  return found == mended_.end() || services_.clock.utc() - found->second >= mend_pause;
}

void EventIntake::mended(const std::string& ref) {
  const auto now = services_.clock.utc();
  if (mended_.size() >= most_mended)
    std::erase_if(mended_, [now](const auto& entry) { return now - entry.second >= mend_pause; });
  if (mended_.size() >= most_mended) mended_.clear();
  mended_.insert_or_assign(ref, now);
}

}  // namespace stibee_sync::pipeline
