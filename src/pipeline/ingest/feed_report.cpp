#include "stibee_sync/pipeline/ingest.hpp"

#include <array>
#include <utility>

// What is said of a change feed: once, when it is news.

namespace stibee_sync::pipeline {

using diff::ChangeClass;
using telemetry::Event;
using telemetry::FeedGap;
using telemetry::Level;

namespace {

constexpr std::array<std::string_view, 6> feed_state_names{"off",    "starting", "live",
                                                           "polled", "lost",     "standby"};

FeedGap label_of(FeedWatch::Gap gap, const MirrorPlan& plan) {
  switch (gap) {
    case FeedWatch::Gap::None:
      return plan.condition_moves ? FeedGap::Condition : FeedGap::Feed;
    case FeedWatch::Gap::Unwatched:
      return FeedGap::Unwatched;
    case FeedWatch::Gap::Everything:
      return FeedGap::Everything;
    case FeedWatch::Gap::Catalog:
      return FeedGap::Catalog;
  }
  return FeedGap::Feed;
}

}  // namespace

std::string_view name(FeedState state) {
  return feed_state_names[static_cast<std::size_t>(state)];
}

/// Differences that a read found, and of which the feed said nothing. What is held is found by every read.
void Ingest::count_missed(std::size_t mirror, const ReadFinding& finding) {
  const auto& state = states_[mirror];
  if (finding.forced || state.was_holding || finding.different.empty()) return;
  const auto gap = label_of(state.watch->gap(*finding.report.feed), mirrors_[mirror]);
  services_.metrics.feed_missed(mirrors_[mirror].name, gap, finding.different.size());
}

void Ingest::drain_failed(std::size_t mirror, const source::SourceError& error) {
  if (failed(mirror, error) == CycleOutcome::Cancelled) return;
  states_[mirror].watch->failed(services_.clock.monotonic() + pause_after_failure(mirror));
  show_feed(mirror);
}

void Ingest::tell_feed(std::size_t mirror, FeedWatch::News news) {
  const auto& name = mirrors_[mirror].name;
  const auto& watch = *states_[mirror].watch;
  switch (news) {
    case FeedWatch::News::Nothing:
      break;
    case FeedWatch::News::Lost:
      services_.log.event(Level::Warn, Event::FeedLost, watch.loss()->message,
                          {{"mirror", name},
                           {"reason", source::label(watch.loss()->kind)},
                           {"meanwhile", "the table is read at each `poll_interval`"}});
      break;
    case FeedWatch::News::Restored:
      services_.log.event(Level::Info, Event::FeedRestored,
                          "the change feed is whole again, and the table was read since", {{"mirror", name}});
      break;
  }
  show_feed(mirror);
}

/// What ops see of it, and that nothing tells of changes, once.
void Ingest::show_feed(std::size_t mirror) {
  auto& state = states_[mirror];
  auto& shown = state.condition.feed;
  const auto said = std::move(shown.problem);
  shown.problem.clear();
  if (state.watch->loss()) {
    shown.state = FeedState::Lost;
    shown.problem = state.watch->loss()->message;
    return;
  }
  if (state.watch->stands_by()) {
    shown.state = FeedState::Standby;
    return;
  }
  const bool listens = listener_->listens();
  const auto trouble = listens ? std::string() : listener_->trouble();
  // A read is often done before the listener has found out whether it hears.
  if (!state.watch->believed() || (!listens && trouble.empty())) {
    shown.state = FeedState::Starting;
    return;
  }
  shown.state = trouble.empty() ? FeedState::Live : FeedState::Polled;
  shown.problem = trouble;
  if (trouble.empty() || trouble == said) return;
  services_.log.event(Level::Warn, Event::SourceConnected,
                      "nothing tells when something changes: the change feed is looked at once a second",
                      {{"mirror", mirrors_[mirror].name}, {"cause", trouble}});
}

void Ingest::report_drained(std::size_t mirror, const ReadFinding& finding, const CommittedRead& committed) {
  auto& state = states_[mirror];
  const auto& name = mirrors_[mirror].name;
  state.condition.last = CycleOutcome::Applied;
  state.condition.failures = 0;
  state.condition.problem.clear();
  answered(mirrors_[mirror], finding);
  count_changes(mirror, finding);
  services_.metrics.last_success(name, services_.clock.utc());
  services_.metrics.source_members(name, finding.report.rows);
  report_rows(mirror, finding);
  if (committed.applied.erased > 0) {
    services_.log.event(Level::Info, Event::PrivacyErased, "people who left are erased, but for a keyed hash",
                        {{"mirror", name}, {"count", committed.applied.erased}});
  }
  const auto now = services_.clock.monotonic();
  const bool over = state.trouble.over(now).has_value();
  if (committed.applied.rows > 0) services_.store_worked();
  const auto left_out = state.drain_lines.take(now);
  if (over || (left_out && committed.applied.rows > 0)) {
    services_.log.event(Level::Info, Event::SyncFinished, "changes came by the feed",
                        {{"mirror", name},
                         {"rows", committed.applied.rows},
                         {"adds", finding.of(ChangeClass::Add).count},
                         {"updates", finding.of(ChangeClass::Update).count},
                         {"optouts", finding.of(ChangeClass::OptOut).count},
                         {"resubscribes", finding.of(ChangeClass::Resubscribe).count},
                         {"removals", finding.of(ChangeClass::Removal).count},
                         {"seconds", finding.report.elapsed},
                         {"left_out", left_out.value_or(0)}});
  }
  if (committed_) committed_(mirror, state.began);
  if ((committed.applied.addresses > 0 || finding.of(ChangeClass::None).count > 0) && changed_) changed_();
}

}  // namespace stibee_sync::pipeline
