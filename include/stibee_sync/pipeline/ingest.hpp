#pragma once

#include "stibee_sync/pipeline/apply_read.hpp"
#include "stibee_sync/pipeline/group_keeper.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/services.hpp"
#include "stibee_sync/pipeline/table_read.hpp"
#include "stibee_sync/source/source.hpp"
#include "stibee_sync/telemetry/line_budget.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::pipeline {

/// How the last read of a mirror ended.
enum class CycleOutcome { Applied, Held, Untrusted, Failed, Cancelled };

/// What ops see of a mirror's source.
struct SourceCondition {
  std::optional<CycleOutcome> last;  // nullopt: not read yet in this life
  std::string problem;               // why it is untrusted or failing; for ops, no person in it
  source::SourceError::Kind kind = source::SourceError::Kind::Failed;  // of the problem
  std::string sqlstate;                                                // of the problem; "" if it has none
  int failures = 0;                                                    // in a row
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

  /// Told after each commit of a mirror's read, whether it changed anything or not.
  void on_commit(std::function<void(std::size_t mirror)> committed) { committed_ = std::move(committed); }
  /// The size of the first part of a read's commit; for tests.
  void set_first_part(std::size_t most) { first_part_ = most; }
  /// Who makes missing groups; without, their values are ignored. Outlives the loop.
  void keep_groups(GroupKeeper& groups) { groups_ = &groups; }

  const std::vector<MirrorPlan>& mirrors() const { return mirrors_; }
  const SourceCondition& condition(std::size_t mirror) const { return states_[mirror].condition; }

 private:
  struct State {
    SourceCondition condition;
    runtime::MonotonicTime due{};
    bool paused = false;
    std::vector<std::string> held_classes;
    bool was_holding = false;           // at the last read, perhaps an earlier daemon's
    std::set<std::string> groups_told;  // values without a group that were spoken of in this life
    std::set<std::string> parked_told;  // rows that the last read found refused, by ref and reason
    std::size_t more_parked_told = 0;   // … and how many of those were only counted
    telemetry::LineBudget failure_lines{1, std::chrono::minutes(1)};
  };

  struct Read;
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
  std::optional<std::uint64_t> line_about(std::size_t mirror, const std::string& trouble);
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
  std::function<void()> changed_;
  std::function<void(std::size_t)> committed_;
  std::size_t first_part_ = ReadTakeover::first_part;
  std::function<void(std::optional<domain::Duration>)> beat_;
  std::unique_ptr<runtime::Timer> timer_;
  bool stopping_ = false;
  bool reading_ = false;
  bool connected_ = false;
  bool clocks_apart_ = false;
  telemetry::LineBudget clock_lines_{1, std::chrono::minutes(1)};
};

}  // namespace stibee_sync::pipeline
