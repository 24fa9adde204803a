#pragma once

#include "stibee_sync/pipeline/apply_read.hpp"
#include "stibee_sync/pipeline/feed_watch.hpp"
#include "stibee_sync/pipeline/group_keeper.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/services.hpp"
#include "stibee_sync/pipeline/table_read.hpp"
#include "stibee_sync/source/change_feed.hpp"
#include "stibee_sync/source/source.hpp"
#include "stibee_sync/telemetry/line_budget.hpp"
#include "stibee_sync/telemetry/trouble.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::pipeline {

struct Drained;

/// How the last read of a mirror ended.
enum class CycleOutcome { Applied, Held, Untrusted, Failed, Cancelled };

/// How a mirror's changes are found. Off: by reading the table at each poll. Polled: the feed is looked at
/// once a second, since nothing tells of changes. Lost: the feed cannot be relied on, so that the table is
/// read at each poll. Standby: another daemon drains it, so here, too.
enum class FeedState { Off, Starting, Live, Polled, Lost, Standby };
std::string_view name(FeedState state);

struct FeedCondition {
  FeedState state = FeedState::Off;
  std::string problem;                     // why it is lost, or polled, and the cure
  std::optional<domain::UtcTime> in_step;  // all that was committed there by then is in our state
};

/// What ops see of a mirror's source.
struct SourceCondition {
  std::optional<CycleOutcome> last;  // nullopt: not read yet in this life
  std::string problem;               // why it is untrusted or failing; for ops, no person in it
  source::SourceError::Kind kind = source::SourceError::Kind::Failed;  // of the problem
  std::string sqlstate;                                                // of the problem; "" if it has none
  int failures = 0;                                                    // in a row
  std::size_t rows_looked_at = 0;  // by reads in this life: new, changed, or looked at again
  FeedCondition feed;
};

/// The first loop: for each mirror in turn, reads the table, compares it with the snapshot, asks the guard,
/// and commits new snapshot and what is now wanted, a large read in parts. On the loop thread, but for its
/// blocking parts.
class Ingest {
 public:
  /// `changed` is called after each commit that queued something; `source_worker` is the only place where
  /// `reader` is used.
  Ingest(Services services, runtime::Worker& source_worker, source::Reader& reader,
         std::vector<MirrorPlan> mirrors, std::function<void()> changed);

  /// Polls until stop(). A failing database never ends it.
  boost::asio::awaitable<void> run();
  /// One read of one mirror, as `run` does it.
  boost::asio::awaitable<CycleOutcome> cycle(std::size_t mirror);

  void sync_now();  // every mirror is due at once
  void sync_now(std::size_t mirror);
  void stop();  // ends a running read, too
  void set_paused(std::size_t mirror, bool paused);
  bool reading() const { return reading_; }
  /// Told at each turn of the loop, with the time within which the next turn is certain to come (a read may
  /// be long).
  void on_beat(std::function<void(std::optional<domain::Duration>)> beat) { beat_ = std::move(beat); }

  /// Told after each commit of a mirror's read, whether it changed anything or not, and when that read began.
  using Committed = std::function<void(std::size_t mirror, runtime::MonotonicTime began)>;
  void on_commit(Committed committed) { committed_ = std::move(committed); }
  /// The size of the first part of a read's commit; for tests.
  void set_first_part(std::size_t most) { first_part_ = most; }
  /// Mirrors whose plan says so are read through their change feed, and as a whole on a schedule.
  /// `listener` tells when (see `heard`). Both outlive the loop; `feed` is used on the source's thread.
  /// `leads`: asked before anything is taken out of a feed, where several daemons have it.
  void watch_feeds(
      source::ChangeFeed& feed, source::FeedListener& listener,
      std::function<bool()> leads = [] { return true; });
  /// Another daemon drains the feeds; and this one again.
  void stand_by();
  void lead();
  /// What the listener said, on the loop's thread.
  void heard(const std::string& mirror, source::FeedListener::Why why);
  /// Who makes missing groups; without, their values are ignored. Outlives the loop.
  void keep_groups(GroupKeeper& groups) { groups_ = &groups; }

  const std::vector<MirrorPlan>& mirrors() const { return mirrors_; }
  const SourceCondition& condition(std::size_t mirror) const { return states_[mirror].condition; }

 private:
  struct State {
    SourceCondition condition;
    runtime::MonotonicTime due{};
    runtime::MonotonicTime began{};  // the last read, or drain
    bool paused = false;
    bool left_unjudged = false;  // by the last read
    std::vector<std::string> held_classes;
    bool was_holding = false;           // at the last read, perhaps an earlier daemon's
    std::set<std::string> groups_told;  // values without a group that were spoken of in this life
    std::set<std::string> parked_told;  // rows that the last read found refused, by ref and reason
    std::size_t more_parked_told = 0;   // … and how many of those were only counted
    telemetry::LastingTrouble trouble;  // reads that fail
    // With a change feed.
    std::optional<FeedWatch> watch;
    std::uint64_t reads_wanted = 0;  // when the last read of the table began
    telemetry::LineBudget drain_lines{10, std::chrono::minutes(1)};
  };

  struct Read;
  /// A read of the table, and when the next one is due.
  boost::asio::awaitable<void> poll(std::size_t mirror);
  runtime::MonotonicTime due_of(const State& state) const;
  domain::Duration pause_after_failure(std::size_t mirror) const;
  void note_store_failure(std::size_t mirror, const std::string& why);
  // The change feed (feed_turn.cpp, feed_report.cpp).
  boost::asio::awaitable<void> drain(std::size_t mirror);
  boost::asio::awaitable<void> drain_and_commit(std::size_t mirror);
  boost::asio::awaitable<void> apply_drained(std::size_t mirror, std::shared_ptr<const Drained> drained);
  boost::asio::awaitable<void> nothing_drained(std::size_t mirror, std::chrono::milliseconds took);
  boost::asio::awaitable<bool> discard(std::size_t mirror, std::vector<std::int64_t> ids);
  boost::asio::awaitable<void> take_over_feed(std::size_t mirror, std::shared_ptr<Read> made);
  bool groups_ignored(std::size_t mirror) const { return groups_ == nullptr || groups_->ignores(mirror); }
  void tell_listener(std::size_t mirror, bool was_awake);
  void turn_feeds(void (FeedWatch::*turn)());
  void drain_failed(std::size_t mirror, const source::SourceError& error);
  void tell_feed(std::size_t mirror, FeedWatch::News news);
  void show_feed(std::size_t mirror);
  void count_missed(std::size_t mirror, const ReadFinding& finding);
  void report_drained(std::size_t mirror, const ReadFinding& finding, const CommittedRead& committed);
  boost::asio::awaitable<CycleOutcome> read_and_commit(std::size_t mirror);
  boost::asio::awaitable<std::shared_ptr<Read>> read(std::size_t mirror);
  /// Reads again while groups are made for values that had none.
  boost::asio::awaitable<std::shared_ptr<Read>> read_making_groups(std::size_t mirror);
  boost::asio::awaitable<std::shared_ptr<const ReadTakeover>> take_over(
      std::shared_ptr<const MirrorPlan> plan, std::shared_ptr<store::Scan> scan,
      std::shared_ptr<const ReadCommit> commit, domain::UtcTime now);
  void answered(const MirrorPlan& plan, const ReadFinding& finding);
  void compare_clocks(const MirrorPlan& plan, const source::ReadShape& server);
  /// What the next read is measured against.
  void note_facts(std::size_t mirror, const Read& made, const ReadFinding& finding, ReadCommit& commit);
  CycleOutcome failed(std::size_t mirror, const source::SourceError& error);
  void finished(std::size_t mirror, const ReadFinding& finding, const Judgement& judgement,
                const CommittedRead& committed);
  void count_changes(std::size_t mirror, const ReadFinding& finding) const;
  void report_parked(std::size_t mirror, const ReadFinding& finding);
  void report_rows(std::size_t mirror, const ReadFinding& finding);
  void report_holds(std::size_t mirror, const CommittedRead& committed);
  std::optional<std::size_t> next_due() const;

  Services services_;
  runtime::Worker& source_worker_;
  source::Reader& reader_;
  std::vector<MirrorPlan> mirrors_;
  std::vector<State> states_;
  GroupKeeper* groups_ = nullptr;
  source::ChangeFeed* feed_ = nullptr;
  source::FeedListener* listener_ = nullptr;
  std::function<bool()> leads_;
  std::function<void()> changed_;
  Committed committed_;
  std::size_t first_part_ = ReadTakeover::first_part;
  std::function<void(std::optional<domain::Duration>)> beat_;
  std::unique_ptr<runtime::Timer> timer_;
  bool stopping_ = false;
  bool reading_ = false;
  bool connected_ = false;
  bool ever_connected_ = false;
  telemetry::LastingTrouble connection_;
  bool clocks_apart_ = false;
  telemetry::LineBudget clock_lines_{1, std::chrono::minutes(1)};
};

}  // namespace stibee_sync::pipeline
