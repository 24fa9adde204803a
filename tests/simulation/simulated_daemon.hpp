#pragma once

#include "disk/state.hpp"
#include "simulation/simulated_transport.hpp"
#include "stibee_sync/delivery/schedule.hpp"
#include "stibee_sync/pipeline/dispatch.hpp"
#include "stibee_sync/pipeline/ingest.hpp"
#include "stibee_sync/runtime/virtual_clock.hpp"

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::simulation {

/// The API that the daemon writes by. Both: v2, and v1 for resubscribing.
enum class Api { V1, V2, Both };

/// What outlives a daemon: Stibee, the disk, the table.
struct Surroundings {
  FarEnd& far_end;
  test_disk::SimulatedDisk& disk;
  std::function<source::ScriptedRead()> read_table;
  settings::Mirror mirror;
  std::uint64_t seed = 1;
  runtime::MonotonicTime now{std::chrono::hours(1)};
  std::chrono::milliseconds wall_ahead{0};
  std::string api_key = "sim-key";
  Api api = Api::V1;
  delivery::Limits limits = {};  // others than Stibee's own
  std::size_t first_part = pipeline::ReadTakeover::first_part;
  std::function<bool()> leads = [] { return true; };  // else another host calls
  bool sends = true;                                  // `sync` reads before it sends
  std::vector<settings::Mirror> more_mirrors = {};    // of the same table
  /// Of a mirror with `detect: changefeed`.
  std::function<source::ScriptedDrain()> drain_feed = {};
  std::function<std::optional<source::SourceError>(const std::vector<std::int64_t>& ids)> discard_feed = {};
};

/// The disk died, and the daemon with it. Not a std::exception, so that nobody takes it for an error.
struct Crash {};

/// Virtual time whose wall clock is set forward or back.
class SteppedClock final : public runtime::Clock {
 public:
  SteppedClock(runtime::Clock& clock, std::chrono::milliseconds ahead) : clock_(clock), ahead_(ahead) {}
  runtime::MonotonicTime monotonic() const override { return clock_.monotonic(); }
  runtime::UtcTime utc() const override { return clock_.utc() + ahead_; }
  std::unique_ptr<runtime::Timer> make_timer() override { return clock_.make_timer(); }
  runtime::UtcTime true_utc() const { return clock_.utc(); }  // the database's
  void set_ahead(std::chrono::milliseconds ahead) { ahead_ = ahead; }

 private:
  runtime::Clock& clock_;
  std::chrono::milliseconds ahead_;
};

/// One life of the daemon but its sockets, on virtual time, with both loops running. When the disk dies, a
/// Crash comes out of the constructor or of `run_until` before anything else happens; the daemon is then to
/// be destroyed, as a killed process is.
class SimulatedDaemon {
 public:
  explicit SimulatedDaemon(Surroundings surroundings);
  ~SimulatedDaemon();

  void run_until(runtime::MonotonicTime until) { clock_.run_until(until); }
  void run_for(std::chrono::milliseconds time) { run_until(clock_.monotonic() + time); }

  SteppedClock& clock() { return wall_; }
  store::Store& store() { return *store_; }
  std::size_t pending(std::size_t mirror = 0) { return store_->pending(plans_[mirror].id, wall_.utc()); }
  /// A NOTIFY arrives.
  void hear();
  /// A counter, by its name and labels.
  std::size_t counted(const std::string& series) const;
  /// How many differences reads found that no drain had brought, by cause, in this life.
  std::size_t missed_by_feed(const std::string& cause) const;
  /// As a human asks for it: by reason, by address, all ("").
  std::size_t retry(std::string_view reason, std::string_view email);
  void approve(const std::string& digest);
  pipeline::Ingest& ingest() { return *ingest_; }
  pipeline::Dispatch& dispatch() { return *dispatch_; }
  SimulatedTransport& transport() { return transport_; }
  boost::asio::io_context& context() { return context_; }
  const pipeline::MirrorPlan& plan(std::size_t mirror = 0) const { return plans_[mirror]; }
  /// Every line logged so far.
  const std::string& log_text() const { return log_text_; }

 private:
  boost::asio::io_context context_;
  runtime::VirtualClock clock_;
  SteppedClock wall_;
  std::unique_ptr<runtime::Worker> worker_;
  std::unique_ptr<store::Store> owned_;
  store::Store* store_ = owned_.get();  // a way of the test's own
  const domain::StateKey key_ = store_->key();
  runtime::Confined<store::Store> confined_{std::move(owned_), runtime::make_inline_worker()};
  std::string log_text_;
  telemetry::Log log_;
  telemetry::Metrics metrics_;
  std::unique_ptr<delivery::Dialect> dialect_;
  std::mt19937_64 random_;
  SimulatedTransport transport_;
  source::ScriptedReader reader_;
  source::ScriptedFeed feed_;
  std::unique_ptr<source::ScriptedListener> listener_;
  std::vector<pipeline::MirrorPlan> plans_;
  std::unique_ptr<pipeline::Dispatch> dispatch_;
  std::unique_ptr<pipeline::GroupKeeper> groups_;
  std::unique_ptr<pipeline::Ingest> ingest_;
};

}  // namespace stibee_sync::simulation
