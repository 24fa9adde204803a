#include "pipeline/ingest/ingest_read.hpp"
#include "stibee_sync/pipeline/distrust.hpp"
#include "stibee_sync/pipeline/ingest.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

// What is said of a read: once, when it is news.

namespace stibee_sync::pipeline {

using diff::ChangeClass;
using source::SourceError;
using telemetry::Event;
using telemetry::Level;

namespace {

telemetry::ChangeOperation operation_of(ChangeClass change_class, const ledger::Policy& policy) {
  switch (change_class) {
    case ChangeClass::Update:
      return telemetry::ChangeOperation::Update;
    case ChangeClass::OptOut:
      return telemetry::ChangeOperation::Unsubscribe;
    case ChangeClass::Resubscribe:
      return telemetry::ChangeOperation::Resubscribe;
    case ChangeClass::Removal:
      return policy.on_leave == ledger::OnLeave::Delete && !policy.delete_after
                 ? telemetry::ChangeOperation::Delete
                 : telemetry::ChangeOperation::Unsubscribe;
    case ChangeClass::None:
    case ChangeClass::Add:
      break;
  }
  return telemetry::ChangeOperation::Subscribe;
}

/// Where so many values are in no group, the column is no list of groups; that was said by then.
constexpr std::size_t most_groups_told = 10 * diff::max_unknown_groups;

/// Why what waits is not believed, beside its number; "": it is.
std::string_view distrust_of(const ReadFinding& finding, const Judgement& judgement) {
  if (judgement.zero_rows) return no_rows;
  return finding.trust == ServerTrust::Another ? another_server_waits : std::string_view();
}

constexpr ChangeClass counted_classes[] = {ChangeClass::Add, ChangeClass::Update, ChangeClass::OptOut,
                                           ChangeClass::Resubscribe, ChangeClass::Removal};

}  // namespace

CycleOutcome Ingest::failed(std::size_t mirror, const SourceError& error) {
  auto& condition = states_[mirror].condition;
  const auto& name = mirrors_[mirror].name;
  if (error.kind == SourceError::Kind::Cancelled && stopping_) return CycleOutcome::Cancelled;
  const bool distrust =
      error.kind == SourceError::Kind::Untrusted || error.kind == SourceError::Kind::NotAsMapped;
  const auto now = services_.clock.monotonic();
  const auto left_out = states_[mirror].trouble.happened(now, error.message);
  condition.problem = error.message;
  condition.kind = error.kind;
  condition.sqlstate = error.sqlstate;
  ++condition.failures;
  condition.last = distrust ? CycleOutcome::Untrusted : CycleOutcome::Failed;
  const bool lost = error.kind == SourceError::Kind::Unreachable || error.kind == SourceError::Kind::Refused;
  if (lost) services_.metrics.db_up(false);
  if (lost && std::exchange(connected_, false) && connection_.happened(now)) {
    services_.log.event(Level::Warn, Event::SourceLost, error.message, {{"mirror", name}});
  }
  if (left_out) {
    const auto event = distrust ? Event::SourceUntrusted : Event::SyncFailed;
    services_.log.event(Level::Error, event, error.message,
                        {{"mirror", name},
                         {"sqlstate", error.sqlstate},
                         {"failures", condition.failures},
                         {"left_out", *left_out}});
  }
  return *condition.last;
}

void Ingest::report_holds(std::size_t mirror, const CommittedRead& committed) {
  auto& state = states_[mirror];
  const auto& name = mirrors_[mirror].name;
  for (const auto& [changes, as_a_whole] : committed.released) {
    services_.log.event(Level::Warn, Event::GuardApproved, "a held change set was approved and applied",
                        {{"mirror", name},
                         {"class", changes.change_class},
                         {"count", changes.count},
                         {"digest", changes.digest}});
  }
  std::vector<std::string> classes;
  std::array<std::size_t, std::size(telemetry::label_names<telemetry::GuardClass>)> held{};
  const bool first = !state.condition.last.has_value();
  for (const auto& changes : committed.held) {
    classes.push_back(changes.change_class);
    if (const auto label = telemetry::label_from<telemetry::GuardClass>(changes.change_class))
      held[static_cast<std::size_t>(*label)] = changes.count;
    const auto& news = committed.news;
    // A start says what waits, too.
    if (!first && std::find(news.begin(), news.end(), changes.digest) == news.end()) continue;
    services_.log.event(
        Level::Error, Event::GuardHeld, changes.why,
        {{"mirror", name},
         {"class", changes.change_class},
         {"count", changes.count},
         {"of", changes.of},
         {"digest", changes.digest},
         {"cure", "look at `guard`; if it is meant, `guard approve " + changes.digest + "`"}});
  }
  for (std::size_t i = 0; i < held.size(); ++i) {
    services_.metrics.guard_held(name, static_cast<telemetry::GuardClass>(i), held[i]);
  }
  if (classes.empty() && state.was_holding && committed.released.empty()) {
    services_.log.event(Level::Info, Event::GuardCleared, "what was held is gone: the source is as it was",
                        {{"mirror", name}});
  }
  state.held_classes = std::move(classes);
}

void Ingest::count_changes(std::size_t mirror, const ReadFinding& finding) const {
  const auto& plan = mirrors_[mirror];
  const auto& still_held = states_[mirror].held_classes;
  for (const auto change_class : counted_classes) {
    const auto count = finding.of(change_class).count;
    const bool waits =
        std::find(still_held.begin(), still_held.end(), diff::name(change_class)) != still_held.end();
    if (count > 0 && !waits)
      services_.metrics.changes(plan.name, operation_of(change_class, plan.policy), count);
  }
}

/// A row that the guard holds back is found anew in every read: it is spoken of when it was not in the last
/// one.
void Ingest::report_parked(std::size_t mirror, const ReadFinding& finding) {
  auto& state = states_[mirror];
  const auto& plan = mirrors_[mirror];
  const auto before = std::exchange(state.parked_told, {});
  for (const auto& [ref, reason] : finding.parked) {
    const auto told = state.parked_told.insert(ref + " " + name(reason)).first;
    if (before.contains(*told)) continue;
    services_.log.event(Level::Warn, Event::PersonParked, "a row cannot be sent; see `failures`",
                        {{"mirror", plan.name}, {"ref", ref}, {"reason", name(reason)}});
  }
  const auto more = finding.newly_parked - finding.parked.size();
  if (std::exchange(state.more_parked_told, more) != more && more > 0) {
    services_.log.event(Level::Warn, Event::PersonParked, "more rows cannot be sent; see `failures`",
                        {{"mirror", plan.name}, {"count", more}});
  }
}

void Ingest::report_rows(std::size_t mirror, const ReadFinding& finding) {
  const auto& plan = mirrors_[mirror];
  report_parked(mirror, finding);
  // Rows that share an address are looked at in every read: a value is spoken of once in the daemon's life,
  // or until another one comes.
  auto& told = states_[mirror].groups_told;
  const auto before = told.size();
  if (before < most_groups_told) told.insert(finding.unknown_groups.begin(), finding.unknown_groups.end());
  if (told.size() > before) {
    // The values themselves come from people's rows, so only their number is told.
    services_.log.event(Level::Warn, Event::SyncFinished,
                        plan.create_missing_groups
                            ? "group values without a group at Stibee were ignored"
                            : "group values without an entry under `groups` were ignored",
                        {{"mirror", plan.name}, {"values", finding.unknown_groups.size()}});
  }
}

void Ingest::finished(std::size_t mirror, const ReadFinding& finding, const Judgement& judgement,
                      const CommittedRead& committed) {
  auto& state = states_[mirror];
  auto& condition = state.condition;
  const auto& plan = mirrors_[mirror];
  const auto changed = committed.applied.addresses;
  const bool first = !condition.last.has_value();
  const bool over = state.trouble.over(services_.clock.monotonic()).has_value();
  const bool news = first || over || changed > 0;
  if (changed > 0) services_.store_worked();
  const auto known = std::move(condition.problem);
  condition.failures = 0;
  condition.problem.clear();
  condition.rows_looked_at += finding.differing;

  report_holds(mirror, committed);
  condition.last = state.held_classes.empty() ? CycleOutcome::Applied : CycleOutcome::Held;
  const auto distrust = distrust_of(finding, judgement);
  if (!distrust.empty() && !state.held_classes.empty()) {
    condition.problem = distrust;
    if (finding.trust == ServerTrust::Another) condition.last = CycleOutcome::Untrusted;
    if (known != distrust) {
      services_.log.event(Level::Error, Event::SourceUntrusted, condition.problem, {{"mirror", plan.name}});
    }
  }
  count_changes(mirror, finding);
  services_.metrics.last_success(plan.name, services_.clock.utc());
  services_.metrics.source_members(plan.name, finding.report.rows);
  report_rows(mirror, finding);
  if (committed.applied.erased > 0) {
    services_.log.event(Level::Info, Event::PrivacyErased, "people who left are erased, but for a keyed hash",
                        {{"mirror", plan.name}, {"count", committed.applied.erased}});
  }
  if (news) {
    services_.log.event(Level::Info, Event::SyncFinished, "the table was read",
                        {{"mirror", plan.name},
                         {"rows", finding.report.rows},
                         {"adds", finding.of(ChangeClass::Add).count},
                         {"updates", finding.of(ChangeClass::Update).count},
                         {"optouts", finding.of(ChangeClass::OptOut).count},
                         {"resubscribes", finding.of(ChangeClass::Resubscribe).count},
                         {"removals", finding.of(ChangeClass::Removal).count},
                         {"duplicates", finding.duplicates},
                         {"held", state.held_classes.size()},
                         {"seconds", finding.report.elapsed}});
  }
  if (committed_) committed_(mirror, state.began);
  // Also where a row that is as before merely supplied the values for which somebody in the ledger waited.
  if ((changed > 0 || finding.of(ChangeClass::None).count > 0) && changed_) changed_();
}

}  // namespace stibee_sync::pipeline
