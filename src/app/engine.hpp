#pragma once

#include "app/human_word.hpp"
#include "app/mirror_match.hpp"
#include "app/outside.hpp"
#include "app/reload_report.hpp"
#include "stibee_sync/delivery/schedule.hpp"
#include "stibee_sync/http/client.hpp"
#include "stibee_sync/pipeline/dispatch.hpp"
#include "stibee_sync/pipeline/event_intake.hpp"
#include "stibee_sync/pipeline/ingest.hpp"
#include "stibee_sync/pipeline/reconciler.hpp"
#include "stibee_sync/pipeline/writeback.hpp"
#include "stibee_sync/settings/settings.hpp"
#include "stibee_sync/telemetry/health.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace stibee_sync::app {

/// What an engine is put upon; all of it outlives the engine.
struct Ground {
  boost::asio::io_context& context;
  runtime::Clock& clock;
  runtime::Worker& source_worker;
  runtime::Confined<store::Store>& store;
  const domain::StateKey& key;  // the store's
  telemetry::Log& log;
  telemetry::Metrics& metrics;
  /// Of each engine; blocking, on the source's worker.
  std::function<Outside(boost::asio::any_io_executor, const settings::Settings&)> outside = real_outside;
};

/// The mirrors of some settings, opened in the store, and what it knew of each then.
struct OpenedMirrors {
  OpenedMirrors() = default;
  MatchedMirrors matched;
  std::vector<pipeline::MirrorState> states;
  std::vector<PauseChange> resumed;  // their pause was over
};

/// The loops with everything that follows from the settings. A reload makes a new one: the state is on
/// disk, so starting anew is the same as going on. On the loop thread.
class Engine {
 public:
  /// Opens the mirrors of the settings in the store, and tells the log of states that have no mirror any
  /// more. What waits there is placed by these settings before anything of it is sent. Throws
  /// store::StoreError. The one way to make an engine. What is pointed at outlives the opening.
  /// `may_call`: asked before each call to Stibee.
  static boost::asio::awaitable<std::unique_ptr<Engine>> open(const Ground* ground,
                                                              const settings::Settings* settings,
                                                              std::function<bool()> may_call);
  Engine(const Ground& ground, const settings::Settings& settings, OpenedMirrors mirrors, Outside outside,
         std::function<bool()> may_call);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Starts all loops. `failed` is told if one of them ends by an exception, which only a bug can cause.
  void start(std::function<void(std::string)> failed);
  /// Starts the outbound loop alone.
  void start_dispatch(std::function<void(std::string)> failed);
  /// Starts the inbound loop alone, and the one into the database; after `start_dispatch`.
  void start_ingest();
  void start_writeback();
  /// Takes over, beside whatever else runs, the lists that were not yet; until then nothing is sent to them.
  /// Not those of paused mirrors.
  void start_adopting();
  /// Stibee does not let the key use the mirror's list: only this mirror waits.
  bool forbidden(std::size_t mirror) const {
    return dispatch_->forbidden(mirror) || reconciler_->forbidden(mirror);
  }
  /// Why Stibee refuses calls of the mirror, whoever they are for; "": it does not.
  std::string refused(std::size_t mirror) const { return dispatch_->refused(mirror); }
  /// A call was told that a group is not there, which the next read of the mirror's table mends.
  bool misses_group(std::size_t mirror) const { return groups_->misses_any(mirror); }
  /// What Stibee and PostgreSQL have against our secrets at present.
  RefusedSecrets refused_secrets() const;
  /// Of all mirrors but paused and forbidden ones.
  bool adopting() const;
  /// Serves no mirror at all until all may be served.
  void block_all(bool blocked);
  /// Another daemon works: the table is read on, events are taken, and nothing is sent.
  void stand_by();
  /// This one works, after it stood by: first the lists are taken over as they are by now. `calls` of the one
  /// before count against the limits.
  void lead(const std::map<delivery::LimiterClass, std::size_t>& calls);
  bool stands_by() const { return !leads_; }
  /// Nobody is subscribed before the table is read: since the start, or the end of a pause.
  bool awaits_read(std::size_t mirror) const { return awaits_read_[mirror]; }
  /// Of a mirror whose table could not be read: nobody is subscribed, nothing is written back.
  void await_read(std::size_t mirror) { set_awaits_read(mirror, true); }
  /// It leads, and the server has said so a moment ago.
  bool surely_leads() const { return leads_ && may_call_(); }
  /// Nobody waits any longer for the calls that are out.
  void cut_calls() { outside_.cut(); }
  /// Ends all loops: no new call goes out, those in flight have `limit` to end, then they are cut off. When
  /// it returns, nothing of the engine runs any more.
  boost::asio::awaitable<void> stop(domain::Duration limit);
  bool stopping() const { return stopping_; }

  pipeline::Ingest& ingest() { return *ingest_; }
  pipeline::Dispatch& dispatch() { return *dispatch_; }
  pipeline::EventIntake& events() { return *events_; }
  /// Something happened at Stibee: there may be something to send, or to write back.
  void events_applied();
  /// An event of that list, or of nobody knows which, could not be taken: the list is read soon.
  void event_missed(std::optional<std::int64_t> list_id);
  /// Of which lists that is still to be done.
  std::vector<std::int64_t> lists_with_missed_events() const;
  pipeline::Writeback& writeback() { return *writeback_; }
  pipeline::Reconciler& reconciler() { return *reconciler_; }
  const settings::Settings& settings() const { return settings_; }
  const std::vector<pipeline::MirrorPlan>& mirrors() const { return ingest_->mirrors(); }
  void set_paused(std::size_t mirror, bool paused);
  bool paused(std::size_t mirror) const { return paused_[mirror]; }
  const delivery::Dialect& dialect() const { return *dialect_; }
  http::Transport& transport() { return *outside_.transport; }
  void watch_over(telemetry::Health& health);

 private:
  void make_reconciler(const std::vector<pipeline::MirrorState>& states);
  /// Whether the mirror is served, as things stand.
  void serve(std::size_t mirror);
  void set_awaits_read(std::size_t mirror, bool awaits);
  pipeline::Services services() const;
  void spawn(boost::asio::awaitable<void> loop);
  /// Those of mirrors that ask for it.
  void watch_feeds();

  Ground ground_;
  settings::Settings settings_;
  Outside outside_;
  std::shared_ptr<pipeline::DatabaseClock> database_clock_ = std::make_shared<pipeline::DatabaseClock>();
  std::shared_ptr<telemetry::LastingTrouble> store_trouble_ = std::make_shared<telemetry::LastingTrouble>();
  std::shared_ptr<runtime::Worker> compute_;
  std::unique_ptr<delivery::Dialect> dialect_;
  std::function<bool()> may_call_;
  std::vector<bool> paused_;
  std::vector<bool> has_past_;                      // of which somebody may wait
  std::vector<runtime::MonotonicTime> reads_from_;  // reads that began before do not count
  std::vector<bool> awaits_read_;  // of the table, since the start, the end of a pause or a take-over
  std::unique_ptr<pipeline::Dispatch> dispatch_;
  std::unique_ptr<pipeline::GroupKeeper> groups_;
  std::unique_ptr<pipeline::Ingest> ingest_;
  std::unique_ptr<pipeline::EventIntake> events_;
  std::unique_ptr<source::ChangeFeed> feed_;
  std::unique_ptr<source::FeedListener> listener_;
  std::unique_ptr<pipeline::Writeback> writeback_;
  std::unique_ptr<runtime::Worker> writer_worker_;
  std::unique_ptr<runtime::Worker> list_worker_;
  std::unique_ptr<pipeline::Reconciler> reconciler_;
  std::unique_ptr<runtime::Timer> ended_;
  std::function<void(std::string)> failed_;
  std::shared_ptr<Engine*> self_ = std::make_shared<Engine*>(this);  // gone with it: of calls that come later
  int running_ = 0;
  bool leads_ = true;
  bool all_blocked_ = false;
  bool stopping_ = false;
};

/// Uniform in [0, 1).
std::function<double()> system_random();
/// Pure; without the ids that the store gives.
std::vector<pipeline::MirrorPlan> mirror_plans(const settings::Settings& settings,
                                               const delivery::Dialect& dialect);
/// The same with their ids. Blocking, on the store's thread. Throws store::StoreError.
std::vector<pipeline::MirrorPlan> mirrors_in(store::Store& store, const settings::Settings& settings,
                                             const delivery::Dialect& dialect);
std::unique_ptr<delivery::Dialect> make_dialect(const settings::Settings& settings);
/// Of every class of calls that is made with these settings.
delivery::Limits limits(const settings::Settings& settings);
source::Connection database_connection(const settings::Settings& settings);
/// The same for write-backs, whose statements have a shorter time-out.
source::Connection write_connection(const settings::Settings& settings);
http::ClientOptions client_options(const settings::Settings& settings);

}  // namespace stibee_sync::app
