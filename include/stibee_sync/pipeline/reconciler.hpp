#pragma once

#include "stibee_sync/pipeline/drift.hpp"
#include "stibee_sync/pipeline/list_read.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::pipeline {

struct Difference {
  domain::EmailAddress email;
  Drift drift;
  bool mended = false;  // recorded, or what mends it is in the queue
  bool done = false;    // recorded, or delivered
};

inline constexpr std::size_t drift_kinds = telemetry::label_count<DriftKind>;

/// The last comparison of one mirror with its list, or the one that runs.
struct ReconcileReport {
  enum class Phase { Never, Reading, Comparing, Delivering, Finished };
  Phase phase = Phase::Never;
  bool repair = false;
  std::optional<ListReadEnd> failed;  // the list could not be read
  std::string problem;                // why the comparison is missing or not complete; "" otherwise
  std::size_t read = 0;               // progress of Reading: entries
  std::size_t total = 0;
  std::size_t compared = 0;        // people of table or list
  std::size_t unknown_status = 0;  // hands off
  std::size_t undone = 0;          // differences of people to whom something was sent within a day
  std::size_t held_back = 0;       // unsubscribes that were too many for a repair without a human
  std::array<std::size_t, drift_kinds> counts{};  // all differences, also those not kept below
  std::array<std::size_t, drift_kinds> mended{};
  std::vector<Difference> differences;  // the first `most_differences_kept`

  bool running() const { return phase != Phase::Never && phase != Phase::Finished; }
  std::size_t all() const;
  /// Differences that are neither recorded nor delivered.
  std::size_t remaining() const;
};
std::string_view name(ReconcileReport::Phase phase);  // "reading", …
inline constexpr std::size_t most_differences_kept = 10'000;

/// What the daemon around it lends; all of it outlives the reconciler.
struct ReconcilerHooks {
  std::function<const MirrorPlan&(std::size_t)> plan;  // of the moment: groups may be added to it
  std::function<bool(std::size_t)> paused;             // or another daemon works
  std::function<void(std::size_t)> adopted;            // the mirror may be served from now on
  std::function<void()> changed;                       // something may have become pending
};

struct ReconcilerOptions {
  bool writes_on_v1 = true;  // then a key that may not read over v2 is no reason to stop
};

/// Reads lists back: takes a list over before the first change is sent to it, and compares it with table and
/// ledger on a schedule or when asked. On the loop thread, but for its blocking parts. Never throws
/// StoreError.
class Reconciler {
 public:
  /// `worker` is this class's own: a list of a million keeps it busy for seconds.
  Reconciler(Services services, runtime::Worker& worker, Asker& asker, const delivery::Dialect& dialect,
             const std::vector<MirrorState>& mirrors, ReconcilerOptions options, ReconcilerHooks hooks);

  /// For one mirror: adopts its list if that is due, then compares on schedule and on request, until stop().
  boost::asio::awaitable<void> run(std::size_t mirror);
  /// Takes the list over, unless that was done. Returns once it is done or not possible, or after stop().
  boost::asio::awaitable<void> adopt(std::size_t mirror);
  /// One comparison to its end, with `repair` until what was mended is delivered or does not move.
  boost::asio::awaitable<void> compare_list(std::size_t mirror, bool repair, int most_failures);

  /// Asks `run` for a comparison of these mirrors now. False: one of them is being compared.
  bool request(bool repair, const std::vector<std::size_t>& mirrors);
  bool running(std::size_t mirror) const { return states_[mirror].report.running(); }
  void table_was_read(std::size_t mirror);  // and committed
  /// An event could not be taken: what it said, the list shows. Read within a minute, whatever the mode.
  void event_missed(std::size_t mirror);
  /// And that is still to be done.
  bool misses_event(std::size_t mirror) const { return states_[mirror].missed_at.has_value(); }
  /// False: nothing may be sent to the list yet.
  bool adopted(std::size_t mirror) const { return states_[mirror].adopted; }
  /// Why that lasts; "" if nothing is wrong.
  const std::string& trouble(std::size_t mirror) const { return states_[mirror].trouble; }
  bool forbidden(std::size_t mirror) const { return states_[mirror].forbidden; }
  const ReconcileReport& report(std::size_t mirror) const { return states_[mirror].report; }
  /// Another daemon works from now on: what the list holds is not known any more, and is taken over anew
  /// once this one does. Not where lists are never read (`off`).
  void stand_by();
  /// This one works from now on: the table is read once more first, since whoever came last may be in the
  /// list already.
  void lead();
  void stop();
  void wake();  // a pause ended

 private:
  struct State {
    bool adopted = false;
    bool table_read = false;
    std::size_t stood_by = 0;       // so many times: what was begun before is void
    std::size_t forgotten = 0;      // of these, the last that the state knows of
    std::optional<bool> requested;  // with repair
    std::optional<domain::UtcTime> last;
    std::optional<domain::UtcTime> not_before;          // after a comparison that failed
    std::optional<runtime::MonotonicTime> missed_at;    // of the first event since the last comparison began
    std::optional<runtime::MonotonicTime> made_up_for;  // of the one that the comparison running makes up for
    runtime::MonotonicTime missed_not_before{};
    std::string trouble;                              // that keeps the list from being taken over
    bool forbidden = false;                           // the trouble: the key may not use the list
    std::optional<runtime::MonotonicTime> odd_since;  // only answers that are of no use since then
    ReconcileReport report;
    std::unique_ptr<runtime::Timer> timer;
  };
  struct Candidate;
  struct Pass;
  using Candidates = std::vector<Candidate>;

  std::optional<domain::UtcTime> due(std::size_t mirror) const;
  void make_up_again(std::size_t mirror);
  boost::asio::awaitable<void> pause(std::size_t mirror, domain::Duration time);
  boost::asio::awaitable<void> until_table_read(std::size_t mirror);
  boost::asio::awaitable<std::shared_ptr<store::ListScan>> begin_list(store::MirrorId id);
  boost::asio::awaitable<void> drop(std::shared_ptr<store::ListScan> scan);
  ListReadHooks read_hooks(std::size_t mirror, int most_failures);
  void store_failed(std::size_t mirror, const std::string& what);

  boost::asio::awaitable<void> try_to_adopt(std::size_t mirror);
  boost::asio::awaitable<void> unreadable(std::size_t mirror, ListReadResult result);
  boost::asio::awaitable<bool> key_works_on_v1();
  boost::asio::awaitable<void> leave_ledger(std::shared_ptr<store::ListScan> scan);
  struct Asked {
    domain::UtcTime utc;
    runtime::MonotonicTime monotonic;
  };
  /// `when`: the list was begun to be read.
  boost::asio::awaitable<void> take_over(std::size_t mirror, std::shared_ptr<const MirrorPlan> plan,
                                         std::shared_ptr<store::ListScan> scan, Asked when);
  boost::asio::awaitable<void> set_adopted(std::size_t mirror);
  /// The state, too, is to know that the list is to be taken over anew.
  boost::asio::awaitable<void> forget_adopted(std::size_t mirror);

  boost::asio::awaitable<void> compare_or_throw(std::size_t mirror, bool repair, int most_failures);
  boost::asio::awaitable<void> merge(std::size_t mirror, std::shared_ptr<Pass> pass);
  boost::asio::awaitable<void> look_again(std::size_t mirror, std::shared_ptr<Pass> pass,
                                          std::shared_ptr<Candidates> candidates);
  static void mend(store::Transaction& transaction, Candidate& candidate, const MirrorPlan& plan,
                   const Pass& pass);
  boost::asio::awaitable<void> await_delivery(std::size_t mirror, std::shared_ptr<const MirrorPlan> plan);
  void keep(std::size_t mirror, const Candidates& candidates);
  void finish(std::size_t mirror, domain::Duration took);
  void report_drift(std::size_t mirror);

  Services services_;
  runtime::Worker& worker_;
  Asker& asker_;
  const delivery::Dialect& dialect_;
  ReconcilerOptions options_;
  ReconcilerHooks hooks_;
  std::vector<State> states_;
  bool stopping_ = false;
};

}  // namespace stibee_sync::pipeline
