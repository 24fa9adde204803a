#include "pipeline/ingest/feed_read.hpp"
#include "pipeline/ingest/ingest_read.hpp"
#include "stibee_sync/pipeline/group_keeper.hpp"
#include "stibee_sync/pipeline/ingest.hpp"

#include <utility>

// One turn with the change feed: drain → compare → guard → commit → take out of the feed what was read.

namespace stibee_sync::pipeline {

namespace asio = boost::asio;
using runtime::offload;
using source::FeedListener;
using source::SourceError;

namespace {

using Gap = FeedWatch::Gap;

/// What a drain stands on: the snapshot, and what the reads before left behind.
struct Ground {
  store::Scan scan;
  store::SourceFacts facts;
  std::vector<store::HeldChanges> held;
  std::size_t mirrored = 0;  // people who are wanted subscribed
  std::uint64_t reads_wanted = 0;
};

/// What a drain leaves behind. That something is held, or what the table was at the last good read, is said
/// by reads of the whole table.
ReadCommit commit_of(const store::SourceFacts& before, const ReadFinding& finding, domain::UtcTime now) {
  ReadCommit commit;
  commit.removals = finding.of(diff::ChangeClass::Removal).count;
  commit.resubscribes = finding.of(diff::ChangeClass::Resubscribe).count;
  auto& facts = commit.good_facts;
  facts = before;
  facts.last_rows = finding.report.rows;
  facts.last_success = now;
  const auto& server = finding.report.shape;
  if (!server.server_identity.empty()) facts.server_identity = server.server_identity;
  if (server.wal_after) facts.wal_position = server.wal_after;
  note_drained(facts.drained, finding, now);
  commit.drained_before = before.drained;
  return commit;
}

/// Reads carry it on, and take it back. Until the first of them the feed may become small by itself, and this
/// life may end.
bool remember_unheard_writes(store::Store& store, store::MirrorId mirror) {
  auto facts = store.source_facts(mirror);
  if (std::exchange(facts.unheard_writes, true)) return false;
  store::Transaction transaction(store);
  transaction.set_facts(mirror, facts);
  transaction.commit();
  return true;
}

}  // namespace

void Ingest::watch_feeds(source::ChangeFeed& feed, FeedListener& listener, std::function<bool()> leads) {
  feed_ = &feed;
  listener_ = &listener;
  leads_ = std::move(leads);
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    if (!mirrors_[i].changefeed) continue;
    mirrors_[i].read.feed = mirrors_[i].name;
    states_[i].watch.emplace(mirrors_[i].poll_interval, mirrors_[i].full_scan_interval);
    states_[i].condition.feed.state = FeedState::Starting;
  }
}

/// Writers notify only while nobody drains without being told.
void Ingest::tell_listener(std::size_t mirror, bool was_awake) {
  const auto& watch = *states_[mirror].watch;
  if (watch.awake() && !was_awake) listener_->awake(mirrors_[mirror].name);
  if (!watch.awake() && was_awake) listener_->asleep(mirrors_[mirror].name);
}

void Ingest::turn_feeds(void (FeedWatch::*turn)()) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    auto& watch = states_[i].watch;
    if (!watch) continue;
    const bool was_awake = watch->awake();
    ((*watch).*turn)();
    tell_listener(i, was_awake);
    show_feed(i);
  }
  timer_->wake();
}

void Ingest::stand_by() {
  turn_feeds(&FeedWatch::stand_by);
}

void Ingest::lead() {
  turn_feeds(&FeedWatch::lead);
}

void Ingest::heard(const std::string& mirror, FeedListener::Why why) {
  for (std::size_t i = 0; i < mirrors_.size(); ++i) {
    auto& watch = states_[i].watch;
    if (mirrors_[i].name != mirror || !watch) continue;
    const auto now = services_.clock.monotonic();
    if (why == FeedListener::Why::Notified) {
      watch->notified(now);
    } else {
      watch->heard(now);
    }
    if (why == FeedListener::Why::Connected || why == FeedListener::Why::Lost) show_feed(i);
  }
  timer_->wake();
}

asio::awaitable<void> Ingest::drain(std::size_t mirror) {
  states_[mirror].began = services_.clock.monotonic();
  if (beat_) beat_(std::chrono::minutes(5));
  auto turn = drain_and_commit(mirror);
  const auto ended = co_await runtime::answer_of<store::StoreError>(std::move(turn));
  reading_ = false;
  if (ended) co_return;
  note_store_failure(mirror, ended.error());
  states_[mirror].watch->failed(services_.clock.monotonic() + pause_after_failure(mirror));
}

asio::awaitable<void> Ingest::drain_and_commit(std::size_t mirror) {
  const auto plan = std::make_shared<const MirrorPlan>(mirrors_[mirror]);
  const auto began = services_.clock.utc();
  reading_ = true;
  auto& watch = *states_[mirror].watch;
  auto work = [&feed = *feed_, plan, look = watch.begins_drain(services_.clock.monotonic())] {
    return drain_feed(feed, *plan, look);
  };
  auto result = co_await offload(source_worker_, std::move(work));
  reading_ = false;
  if (stopping_) co_return;
  if (const auto* error = std::get_if<SourceError>(&result)) {
    drain_failed(mirror, *error);
    co_return;
  }
  services_.metrics.db_up(true);
  if (const auto* loss = std::get_if<source::FeedLoss>(&result)) {
    tell_feed(mirror, watch.lost(*loss));
    if (loss->kind == source::FeedLoss::Kind::Overgrown) {
      auto remember = [id = plan->id](store::Store& store) { return remember_unheard_writes(store, id); };
      const auto remembered = co_await services_.store.run(std::move(remember));
      remembered.value();
    }
    co_return;
  }
  const auto drained = std::make_shared<const Drained>(std::get<Drained>(std::move(result)));
  const auto& seen = drained->report.feed;
  if (!drained->report.looked_closely) {
    watch.found_nothing(false, drained->report.feed_read, services_.clock.monotonic());
  } else if (seen.fingerprint != watch.fingerprint()) {
    watch.needs_scan(Gap::Catalog);
  } else if (seen.everything) {
    watch.needs_scan(Gap::Everything);
  } else if (drained->changes.empty() || !drained->report.shape) {
    co_await nothing_drained(mirror, drained->report.feed_read);
    states_[mirror].condition.feed.in_step = began;
  } else {
    co_await apply_drained(mirror, drained);
  }
}

asio::awaitable<void> Ingest::nothing_drained(std::size_t mirror, std::chrono::milliseconds took) {
  auto& state = states_[mirror];
  state.watch->found_nothing(true, took, services_.clock.monotonic());
  // Those whose rows did not change, but are to be looked at.
  auto look = [id = mirrors_[mirror].id](store::Store& store) { return store.reads_wanted(id); };
  const auto wanted = co_await services_.store.run(std::move(look));
  if (wanted.value() > state.reads_wanted) state.watch->wants_scan();
}

asio::awaitable<void> Ingest::apply_drained(std::size_t mirror, std::shared_ptr<const Drained> drained) {
  auto& watch = *states_[mirror].watch;
  const auto plan = std::make_shared<const MirrorPlan>(mirrors_[mirror]);
  const auto now = services_.clock.utc();
  auto begin = [id = plan->id](store::Store& store) {
    return std::make_shared<Ground>(Ground{store.begin_scan(id), store.source_facts(id), store.holds(id),
                                           store.wanted_subscribed(id), store.reads_wanted(id)});
  };
  const auto begun = co_await services_.store.run(std::move(begin));
  const auto ground = begun.value();
  if (ground->reads_wanted > states_[mirror].reads_wanted) watch.wants_scan();
  // What waits is judged together with what comes to it, and of a torn read everything is looked at.
  if (!ground->held.empty() || ground->scan.is_torn() || is_mixed_mapping(ground->facts.mapping) ||
      mapping_itself(ground->facts.mapping) != mapping_itself(plan->mapping_text)) {
    watch.needs_scan(Gap::None);
    co_return;
  }
  auto compare = [drained, plan, ground, key = services_.key, now] {
    return find_changes(*drained, *plan, ground->scan, ground->facts, key, now);
  };
  auto result = co_await offload(source_worker_, std::move(compare));
  if (const auto* error = std::get_if<SourceError>(&result)) {
    drain_failed(mirror, *error);
    co_return;
  }
  const auto& found = std::get<ChangesFound>(result);
  const auto& finding = found.finding;
  // Unless the state remembers already that such rows are to be looked at again.
  const bool makes_groups = plan->create_missing_groups && !groups_ignored(mirror) &&
                            (!plan->groups_known || !finding.unknown_groups.empty());
  if (finding.trust != ServerTrust::Trusted || found.whole_table_needed || makes_groups) {
    watch.needs_scan(Gap::None);
    co_return;
  }
  const auto judgement = judge_finding(finding, *plan, ground->facts, {}, ground->mirrored, now);
  if (!judgement.holds.empty()) {
    watch.needs_scan(Gap::None);
    co_return;
  }
  const auto commit = std::make_shared<ReadCommit>(commit_of(ground->facts, finding, now));
  commit->mirrored = ground->mirrored;
  auto scan = std::make_shared<store::Scan>(std::move(ground->scan));
  const auto taken = co_await take_over(plan, std::move(scan), commit, now);
  if (!taken->done()) co_return;
  report_drained(mirror, finding, taken->committed());
  auto ids = drained->report.feed.ids;
  const bool taken_out = co_await discard(mirror, std::move(ids));
  if (!taken_out) co_return;
  watch.found(drained->report.feed_read, services_.clock.monotonic());
  states_[mirror].condition.feed.in_step = now;
}

/// False: they are still there, which is told; or another daemon leads, which hears of them by its own drain.
/// What was seen while this one led is in the first read of whoever led next.
asio::awaitable<bool> Ingest::discard(std::size_t mirror, std::vector<std::int64_t> ids) {
  if (!leads_()) {
    // Perhaps for a moment: then it is drained again.
    states_[mirror].watch->found_nothing(false, std::chrono::milliseconds(0), services_.clock.monotonic());
    co_return false;
  }
  if (ids.empty()) co_return true;
  auto work = [&feed = *feed_, name = mirrors_[mirror].name, ids = std::move(ids)] {
    return feed.discard(name, ids);
  };
  const auto error = co_await offload(source_worker_, std::move(work));
  if (error) drain_failed(mirror, *error);
  co_return !error;
}

/// After a read was committed: it has seen all that waited in the feed at its snapshot.
asio::awaitable<void> Ingest::take_over_feed(std::size_t mirror, std::shared_ptr<Read> made) {
  auto& state = states_[mirror];
  auto& finding = std::get<ReadFinding>(made->finding);
  auto& seen = finding.report.feed;
  if (!seen) {
    state.watch->failed(services_.clock.monotonic() + mirrors_[mirror].poll_interval);
    co_return;
  }
  count_missed(mirror, finding);
  state.condition.feed.in_step = made->now;
  auto ids = std::move(seen->ids);
  // Where nothing can be taken out, nothing is tried.
  const bool refused = seen->loss && (seen->loss->kind == source::FeedLoss::Kind::Standby ||
                                      seen->loss->kind == source::FeedLoss::Kind::Refused);
  const auto news = state.watch->scanned(*seen, services_.clock.monotonic());
  tell_feed(mirror, news);
  if (refused) co_return;
  co_await discard(mirror, std::move(ids));
}

}  // namespace stibee_sync::pipeline
