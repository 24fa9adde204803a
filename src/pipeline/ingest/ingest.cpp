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
using runtime::offload;
using source::SourceError;
using telemetry::Event;
using telemetry::Level;

namespace {

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

/// Of a server that was set back: that it writes on does not bring back what it lost.
constexpr auto beyond_any_server = std::numeric_limits<std::int64_t>::max();

/// All that was read is in this server.
void take_over_server(store::SourceFacts& facts, const source::ReadShape& server) {
  if (!server.server_identity.empty()) facts.server_identity = server.server_identity;
  facts.wal_position = server.wal_after;
}

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
    const auto due = due_of(states_[*mirror]);
    if (due > now) {
      co_await timer_->wait_until(std::min(due, regular));
      continue;
    }
    const auto& watch = states_[*mirror].watch;
    const bool was_awake = watch && watch->awake();
    if (watch && watch->next() == FeedWatch::Step::Drain) {
      co_await drain(*mirror);
    } else {
      co_await poll(*mirror);
    }
    if (watch) tell_listener(*mirror, was_awake);
  }
}

asio::awaitable<void> Ingest::poll(std::size_t mirror) {
  auto& state = states_[mirror];
  if (state.watch) state.watch->begins_scan();
  state.due = runtime::forever;
  const auto outcome = co_await cycle(mirror);
  const auto now = services_.clock.monotonic();
  // Who asks for a read while one runs wants what that one's snapshot may lack.
  if (state.due == runtime::forever) {
    state.due = now + mirrors_[mirror].poll_interval;
    if (outcome == CycleOutcome::Failed) state.due = now + pause_after_failure(mirror);
  }
  if (std::exchange(state.left_unjudged, false)) sync_now(mirror);
  if (state.watch && outcome != CycleOutcome::Applied && outcome != CycleOutcome::Held) {
    state.watch->failed(state.due);
    show_feed(mirror);
  }
}

/// Soon at first, since most outages are short; then less and less often, with jitter against herds.
domain::Duration Ingest::pause_after_failure(std::size_t mirror) const {
  return domain::backoff(std::chrono::seconds(1), std::chrono::minutes(1), states_[mirror].condition.failures,
                         domain::Jitter::Half, services_.random());
}

runtime::MonotonicTime Ingest::due_of(const State& state) const {
  return state.watch ? state.watch->due() : state.due;
}

std::optional<std::size_t> Ingest::next_due() const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].paused) continue;
    if (!best || due_of(states_[i]) < due_of(states_[*best])) best = i;
  }
  return best;
}

void Ingest::sync_now() {
  for (std::size_t i = 0; i < states_.size(); ++i)
    sync_now(i);
}

void Ingest::sync_now(std::size_t mirror) {
  states_[mirror].due = {};
  if (auto& watch = states_[mirror].watch) watch->wants_scan_now();
  timer_->wake();
}

void Ingest::stop() {
  stopping_ = true;
  if (reading_) reader_.cancel();
  if (reading_ && feed_ != nullptr) feed_->cancel();
  timer_->wake();
}

void Ingest::set_paused(std::size_t mirror, bool paused) {
  states_[mirror].paused = paused;
  timer_->wake();
}

asio::awaitable<CycleOutcome> Ingest::cycle(std::size_t mirror) {
  const auto began = states_[mirror].began = services_.clock.monotonic();
  // A read of ten million rows takes its time; the statement time-out bounds it.
  if (beat_) beat_(std::chrono::minutes(15));
  auto cycle = read_and_commit(mirror);
  const auto ended = co_await runtime::answer_of<store::StoreError>(std::move(cycle));
  const auto outcome = ended ? ended.value() : CycleOutcome::Failed;
  reading_ = false;
  if (!ended) note_store_failure(mirror, ended.error());
  telemetry::CycleResult result = telemetry::CycleResult::Failed;
  if (outcome == CycleOutcome::Applied) result = telemetry::CycleResult::Ok;
  if (outcome == CycleOutcome::Held) result = telemetry::CycleResult::Held;
  if (outcome == CycleOutcome::Untrusted) result = telemetry::CycleResult::Untrusted;
  if (outcome != CycleOutcome::Cancelled) {
    services_.metrics.cycle(mirrors_[mirror].name, result, services_.clock.monotonic() - began);
  }
  co_return outcome;
}

void Ingest::note_store_failure(std::size_t mirror, const std::string& why) {
  services_.store_failed(why, {{"mirror", mirrors_[mirror].name}});
  auto& condition = states_[mirror].condition;
  condition.last = CycleOutcome::Failed;
  condition.problem = why;
  ++condition.failures;
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

  auto scan = std::make_shared<store::Scan>(std::move(*made->scan));
  made->scan.reset();
  const auto taken = co_await take_over(made->plan, std::move(scan), commit, made->now);
  if (!taken->done()) co_return CycleOutcome::Cancelled;
  const auto& committed = taken->committed();
  if (makes_groups && !commit->judgement.holds_any(ChangeClass::Update)) {
    groups_->committed(mirror, commit->good_facts.mapping);
    mirrors_[mirror].mapping_text = commit->good_facts.mapping;
  }
  finished(mirror, finding, commit->judgement, committed);
  states_[mirror].left_unjudged = committed.leaves_unjudged;
  if (states_[mirror].watch) co_await take_over_feed(mirror, made);
  co_return committed.held.empty() ? CycleOutcome::Applied : CycleOutcome::Held;
}

void Ingest::answered(const MirrorPlan& plan, const ReadFinding& finding) {
  services_.metrics.db_up(true);
  services_.metrics.db_query(finding.report.elapsed);
  compare_clocks(plan, finding.report.shape);
  if (std::exchange(connected_, true)) return;
  // A connection that comes and goes is told when it is first there, and as a trouble from then on.
  const bool first = !std::exchange(ever_connected_, true);
  if (!connection_.over(services_.clock.monotonic()) && !first) return;
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
  commit.drained_before = before.drained;
  commit.resubscribes_waited = waits_since(made.held, ChangeClass::Resubscribe).has_value();
  auto& facts = commit.facts;
  facts = before;
  facts.last_rows = finding.report.rows;
  facts.last_success = made.now;
  facts.duplicates = finding.duplicates;

  // Before anything is taken out of a feed that had outgrown its bound: after that it looks whole.
  if (auto& watch = states_[mirror].watch; watch && finding.report.feed) {
    if (before.unheard_writes) watch->remembers_lost_writes();
    facts.unheard_writes = watch->may_lack_writes(*finding.report.feed);
  }

  // Whether group values were ignored is remembered with the mapping, so that a later read, perhaps a later
  // daemon's, looks at every row again.
  auto mapping = plan.mapping_text;
  if (groups_ != nullptr && plan.create_missing_groups) {
    const bool all_rows = !before.last_success || before.mapping != plan.mapping_text;
    // Of who is looked at while no group is known, nobody can tell whether they are in the right ones.
    const bool unjudged = !plan.groups_known && finding.differing > 0;
    mapping = groups_->remembered(mirror, plan, unjudged || !finding.unknown_groups.empty(), all_rows);
    // Who waits has their old groups: all are looked at again until nobody does.
    const bool all_taken = !commit.judgement.holds_any(ChangeClass::Update);
    if (all_taken && mapping_itself(before.mapping) == mapping_itself(mapping)) facts.mapping = mapping;
  }
  // What is held keeps the rows of the mapping before; what is not is of this one.
  if (is_mixed_mapping(before.mapping) || (before.last_success && finding.remapped))
    facts.mapping = mixed_mapping(before.mapping);
  const auto& server = finding.report.shape;
  if (finding.trust == ServerTrust::Trusted) {
    take_over_server(facts, server);
  } else if (server.server_identity == before.server_identity) {
    facts.wal_position = beyond_any_server;
  }
  auto& good = commit.good_facts;
  good = facts;
  take_over_server(good, server);
  good.last_good_rows = finding.report.rows;
  good.non_null = finding.non_null;
  good.mapping = mapping;
}

// What a stop leaves is found by the next read.
asio::awaitable<std::shared_ptr<const ReadTakeover>> Ingest::take_over(
    std::shared_ptr<const MirrorPlan> plan, std::shared_ptr<store::Scan> scan,
    std::shared_ptr<const ReadCommit> commit, domain::UtcTime now) {
  HoldsBefore before;
  if (!commit->judgement.holds.empty()) {
    auto load = [plan, commit, now](store::Store& store) {
      store::Transaction transaction(store);
      return holds_before(transaction, plan->id, commit->judgement, now);
    };
    auto loaded = co_await services_.store.run(std::move(load));
    before = std::move(loaded).value();
  }
  auto arrange = [plan, scan, commit, now, first_part = first_part_, before = std::move(before)]() mutable {
    return std::make_shared<ReadTakeover>(plan->id, std::move(*scan), *commit, std::move(before),
                                          plan->policy, now, first_part);
  };
  const auto read = co_await offload(source_worker_, std::move(arrange));
  auto most = first_part_;
  do {
    auto work = [read, most, &clock = services_.clock](store::Store& store) {
      const auto began = clock.monotonic();
      store::Transaction transaction(store);
      const auto addresses = read->take(transaction, most);
      transaction.commit();
      const auto took = std::chrono::ceil<domain::Duration>(clock.monotonic() - began);
      return std::pair(addresses, ReadTakeover::next_part(most, took));
    };
    const auto answer = co_await services_.store.run(std::move(work));
    const auto [addresses, next] = answer.value();
    most = next;
    // After the last part, the report says so.
    if (addresses > 0 && !read->done() && changed_) changed_();
    if (beat_) beat_(std::chrono::minutes(15));
  } while (!read->done() && !stopping_);
  co_return read;
}

}  // namespace stibee_sync::pipeline
