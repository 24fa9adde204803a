#include "stibee_sync/pipeline/ingest.hpp"

#include "pipeline/ingest/ingest_read.hpp"
#include "stibee_sync/domain/backoff.hpp"
#include "stibee_sync/pipeline/apply_read.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
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

constexpr std::string_view no_rows = "the source has no rows: nothing is removed";

constexpr std::string_view another_server =
    "the database is another server or timeline than at the last read, or was set back, and may lack what "
    "was "
    "read before: its differences wait until they are approved (`guard`)";

/// Why what waits is not believed, beside its number; "": it is.
std::string_view distrust_of(const ReadFinding& finding, const Judgement& judgement) {
  if (judgement.zero_rows) return no_rows;
  return finding.trust == ServerTrust::Another ? another_server : std::string_view();
}

/// An empty table looks like one whose rows are hidden, or not there yet: as long as it was never seen with
/// rows, its emptiness is not taken for its state.
SourceError empty_from_the_start() {
  SourceError error;
  error.kind = SourceError::Kind::Untrusted;
  error.message =
      "the source has no rows, and was never seen with any: nothing is made of it until it has some; check "
      "`table`, `where`, and whether row level security hides the rows from the role";
  return error;
}

/// All that was read is in this server.
void take_over_server(store::SourceFacts& facts, const source::ReadShape& server) {
  if (!server.server_identity.empty()) facts.server_identity = server.server_identity;
  facts.wal_position = server.wal_after;
}

constexpr ChangeClass counted_classes[] = {ChangeClass::Add, ChangeClass::Update, ChangeClass::OptOut,
                                           ChangeClass::Resubscribe, ChangeClass::Removal};

}  // namespace

Ingest::Ingest(Services services, runtime::Worker& source_worker, source::Reader& reader,
               std::vector<MirrorPlan> mirrors, std::function<void()> changed)
    : services_(std::move(services)),
      source_worker_(source_worker),
      reader_(reader),
      mirrors_(std::move(mirrors)),
      states_(mirrors_.size()),
      changed_(std::move(changed)),
      timer_(services_.clock.make_timer()) {}

asio::awaitable<void> Ingest::run() {
  while (!stopping_) {
    if (beat_) beat_(std::nullopt);
    const auto mirror = next_due();
    const auto now = services_.clock.monotonic();
    // Also wakes regularly, so that a loop that waits can be told from one that hangs.
    const auto regular = now + std::chrono::seconds(5);
    if (!mirror) {
      co_await timer_->wait_until(regular);
      continue;
    }
    const auto due = states_[*mirror].due;
    if (due > now) {
      co_await timer_->wait_until(std::min(due, regular));
      continue;
    }
    const auto outcome = co_await cycle(*mirror);
    auto& state = states_[*mirror];
    domain::Duration pause = mirrors_[*mirror].poll_interval;
    if (outcome == CycleOutcome::Failed) {
      // Soon at first, since most outages are short; then less and less often, with jitter against herds.
      pause = domain::backoff(std::chrono::seconds(1), std::chrono::minutes(1), state.condition.failures,
                              domain::Jitter::Half, services_.random());
    }
    state.due = services_.clock.monotonic() + pause;
  }
}

std::optional<std::size_t> Ingest::next_due() const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].paused) continue;
    if (!best || states_[i].due < states_[*best].due) best = i;
  }
  return best;
}

void Ingest::sync_now() {
  for (auto& state : states_)
    state.due = {};
  timer_->wake();
}

void Ingest::sync_now(std::size_t mirror) {
  states_[mirror].due = {};
  timer_->wake();
}

void Ingest::stop() {
  stopping_ = true;
  if (reading_) reader_.cancel();
  timer_->wake();
}

void Ingest::set_paused(std::size_t mirror, bool paused) {
  states_[mirror].paused = paused;
  timer_->wake();
}

asio::awaitable<CycleOutcome> Ingest::cycle(std::size_t mirror) {
  const auto began = services_.clock.monotonic();
  // A read of ten million rows takes its time; the statement time-out bounds it.
  if (beat_) beat_(std::chrono::minutes(15));
  auto cycle = read_and_commit(mirror);
  const auto ended = co_await runtime::answer_of<store::StoreError>(std::move(cycle));
  const auto outcome = ended ? ended.value() : CycleOutcome::Failed;
  reading_ = false;
  if (!ended) {
    services_.metrics.store_error();
    if (const auto left_out = line_about(mirror, ended.error())) {
      services_.log.event(Level::Error, Event::StoreFailed, ended.error(),
                          {{"mirror", mirrors_[mirror].name}, {"left_out", *left_out}});
    }
    auto& condition = states_[mirror].condition;
    condition.last = outcome;
    condition.problem = ended.error();
    ++condition.failures;
  }
  telemetry::CycleResult result = telemetry::CycleResult::Failed;
  if (outcome == CycleOutcome::Applied) result = telemetry::CycleResult::Ok;
  if (outcome == CycleOutcome::Held) result = telemetry::CycleResult::Held;
  if (outcome == CycleOutcome::Untrusted) result = telemetry::CycleResult::Untrusted;
  if (outcome != CycleOutcome::Cancelled) {
    services_.metrics.cycle(mirrors_[mirror].name, result, services_.clock.monotonic() - began);
  }
  co_return outcome;
}

asio::awaitable<CycleOutcome> Ingest::read_and_commit(std::size_t mirror) {
  const bool makes_groups = groups_ != nullptr && mirrors_[mirror].create_missing_groups;
  auto reading = makes_groups ? read_making_groups(mirror) : read(mirror);
  const auto made = co_await std::move(reading);
  if (const auto* error = std::get_if<SourceError>(&made->finding)) co_return failed(mirror, *error);
  const auto& finding = std::get<ReadFinding>(made->finding);
  answered(*made->plan, finding);

  // Counting a million people takes a moment: only done where the guard could need it.
  std::size_t mirrored = 0;
  if (finding.needs_count()) {
    auto count = [id = made->plan->id](store::Store& store) { return store.wanted_subscribed(id); };
    const auto counted = co_await services_.store.run(std::move(count));
    mirrored = counted.value();
  }
  const auto commit = std::make_shared<ReadCommit>();
  commit->judgement = judge_finding(finding, *made->plan, *made->before, made->held, mirrored, made->now);
  commit->removals = finding.of(ChangeClass::Removal).count;
  commit->resubscribes = finding.of(ChangeClass::Resubscribe).count;
  commit->mirrored = mirrored;
  if (commit->judgement.zero_rows && !made->before->last_good_rows) {
    const auto error = empty_from_the_start();
    co_return failed(mirror, error);
  }
  note_facts(mirror, *made, finding, *commit);

  AppliedRead ahead;
  const bool large = finding.of(ChangeClass::Add).count > 2 * ahead_;
  if (commit->judgement.holds.empty() && !made->before->last_success && large)
    ahead = co_await commit_ahead(made);
  auto work = [made, commit](store::Store& store) {
    store::Transaction transaction(store);
    const auto& plan = *made->plan;
    auto committed = commit_read(transaction, plan.id, *made->scan, *commit, plan.policy, made->now);
    transaction.commit();
    made->scan.reset();
    return committed;
  };
  auto answer = co_await services_.store.run(std::move(work));
  auto committed = std::move(answer).value();
  committed.applied.addresses += ahead.addresses;

  finished(mirror, finding, commit->judgement, committed);
  co_return committed.held.empty() ? CycleOutcome::Applied : CycleOutcome::Held;
}

void Ingest::answered(const MirrorPlan& plan, const ReadFinding& finding) {
  services_.metrics.db_up(true);
  services_.metrics.db_query(finding.report.elapsed);
  compare_clocks(plan, finding.report.shape);
  if (std::exchange(connected_, true)) return;
  services_.log.event(Level::Info, Event::SourceConnected, "the database answers",
                      {{"mirror", plan.name}, {"server_version", finding.report.shape.server_version}});
}

void Ingest::compare_clocks(const MirrorPlan& plan, const source::ReadShape& server) {
  auto& clock = *services_.database_clock;
  const auto ours = services_.clock.utc();
  const auto at = services_.clock.monotonic();
  const bool agreed = clock.agrees(ours, at);
  clock.compared(server.server_time.value_or(ours), at);
  // Deletions may have waited for this.
  if (!agreed && clock.agrees(ours, at) && changed_) changed_();
  const auto apart = clock.ahead(ours, at).value();
  if (std::chrono::abs(apart) <= DatabaseClock::noticed) {
    if (std::exchange(clocks_apart_, false)) {
      clock_lines_ = telemetry::LineBudget(1, std::chrono::minutes(1));
      services_.log.event(Level::Info, Event::SyncFinished,
                          "the clocks of the database and of this host agree again", {{"mirror", plan.name}});
    }
    return;
  }
  clocks_apart_ = true;
  const auto left_out = clock_lines_.take(at);
  if (!left_out) return;
  services_.log.event(Level::Warn, Event::SyncFinished,
                      "the clocks of the database and of this host are apart",
                      {{"mirror", plan.name},
                       {"database_ahead_seconds", std::chrono::duration<double>(apart)},
                       {"left_out", *left_out},
                       {"cure",
                        "let both be set by NTP; while they are over 5 minutes apart, nobody is deleted "
                        "by `delete_after`"}});
}

void Ingest::note_facts(std::size_t mirror, const Read& made, const ReadFinding& finding,
                        ReadCommit& commit) {
  const auto& plan = *made.plan;
  const auto& before = *made.before;
  auto& facts = commit.facts;
  facts = before;
  facts.last_rows = finding.report.rows;
  facts.last_success = made.now;
  facts.duplicates = finding.duplicates;

  // Whether group values were ignored is remembered with the mapping, so that a later read, perhaps a later
  // daemon's, looks at every row again.
  auto mapping = plan.mapping_text;
  if (groups_ != nullptr && plan.create_missing_groups) {
    const bool all_rows = !before.last_success || before.mapping != plan.mapping_text;
    mapping = groups_->committed(mirror, plan, !finding.unknown_groups.empty(), all_rows);
    if (mapping_itself(before.mapping) == mapping_itself(mapping)) facts.mapping = mapping;
  }
  const auto& server = finding.report.shape;
  if (finding.trust == ServerTrust::Trusted) {
    take_over_server(facts, server);
  } else if (server.server_identity == before.server_identity) {
    // It was set back: that it writes on does not bring back what it lost.
    facts.wal_position = std::numeric_limits<std::int64_t>::max();
  }
  auto& good = commit.good_facts;
  good = facts;
  take_over_server(good, server);
  good.last_good_rows = finding.report.rows;
  good.non_null = finding.non_null;
  good.mapping = mapping;
}

asio::awaitable<AppliedRead> Ingest::commit_ahead(std::shared_ptr<Read> made) {
  auto work = [made, most = ahead_](store::Store& store) {
    return apply_ahead(store, made->plan->id, *made->scan, most, made->plan->policy, made->now);
  };
  const auto answer = co_await services_.store.run(std::move(work));
  const auto applied = answer.value();
  if (applied.addresses > 0 && changed_) changed_();
  if (applied.addresses > 0 && sent_ahead_) co_await sent_ahead_();
  co_return applied;
}

/// The same trouble again and again is a line when it begins, and one a minute: whether there is to be one
/// now, and then how many were left out.
std::optional<std::uint64_t> Ingest::line_about(std::size_t mirror, const std::string& trouble) {
  auto& state = states_[mirror];
  if (state.condition.problem != trouble) state.failure_lines = State{}.failure_lines;
  return state.failure_lines.take(services_.clock.monotonic());
}

CycleOutcome Ingest::failed(std::size_t mirror, const SourceError& error) {
  auto& condition = states_[mirror].condition;
  const auto& name = mirrors_[mirror].name;
  if (error.kind == SourceError::Kind::Cancelled && stopping_) return CycleOutcome::Cancelled;
  const bool distrust =
      error.kind == SourceError::Kind::Untrusted || error.kind == SourceError::Kind::NotAsMapped;
  const auto left_out = line_about(mirror, error.message);
  condition.problem = error.message;
  condition.kind = error.kind;
  condition.sqlstate = error.sqlstate;
  ++condition.failures;
  condition.last = distrust ? CycleOutcome::Untrusted : CycleOutcome::Failed;
  const bool lost = error.kind == SourceError::Kind::Unreachable || error.kind == SourceError::Kind::Refused;
  if (lost) services_.metrics.db_up(false);
  if (lost && std::exchange(connected_, false)) {
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
  for (const auto& changes : committed.released) {
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
  const bool news = !condition.last.has_value() || condition.failures > 0 || changed > 0;
  const auto known = std::move(condition.problem);
  condition.failures = 0;
  condition.problem.clear();

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
  if (committed_) committed_(mirror);
  // Also where a row that is as before merely supplied the values for which somebody in the ledger waited.
  if ((changed > 0 || finding.of(ChangeClass::None).count > 0) && changed_) changed_();
}

}  // namespace stibee_sync::pipeline
