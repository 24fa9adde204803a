#pragma once

#include "app/control_service.hpp"
#include "app/engine_slot.hpp"
#include "app/webhook_service.hpp"
#include "disk/state.hpp"
#include "simulation/day/lock_server.hpp"
#include "simulation/day/postbox.hpp"
#include "simulation/day/tap.hpp"
#include "simulation/day/trace.hpp"
#include "simulation/simulated_daemon.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::day {

using simulation::Crash;
using simulation::FarEnd;
using simulation::SteppedClock;

/// What outlives one life of the daemon.
struct Ground {
  FarEnd& far_end;
  test_disk::SimulatedDisk& disk;
  Trace& trace;
  settings::Settings settings;
  std::function<source::ScriptedRead()> read_table;
  std::function<std::variant<std::size_t, source::WriteFailure>(const std::string& event,
                                                                const source::WriteValues& values)>
      write_back;
  std::uint64_t seed = 1;
  runtime::MonotonicTime now{std::chrono::hours(1)};
  std::chrono::milliseconds wall_ahead{0};
  /// Another daemon works for so long; nullopt: there is none.
  std::optional<std::chrono::milliseconds> stands_by;
  /// Stibee was answered.
  std::function<void(const stibee_sim::WebhookDelivery& delivery, bool accepted)> event_answered;
  FeedHands feed;  // of a mirror that has one
  PostHands post;  // where somebody is told
  /// Of several daemons at once, which one this is, and who says which of them works.
  int number = 0;
  LockServer* locks = nullptr;
};

/// Lets go of all that waits while what it refers to is still there.
class Context : public boost::asio::io_context {
 public:
  void let_go() { shutdown(); }
};

/// One life of the daemon but its sockets: the engine and the webhooks' service that ship, on virtual time,
/// with the store that ships on a simulated disk. When the disk dies, a Crash comes out of the constructor or
/// of `run_until`; the host is then to be destroyed, as a killed process is.
class Host {
 public:
  explicit Host(Ground ground);
  ~Host();

  void run_until(runtime::MonotonicTime until) { clock_.run_until(until); }
  /// When it has something to do again.
  runtime::MonotonicTime next() const { return clock_.next(); }
  SteppedClock& clock() { return wall_; }
  store::Store& store() { return *store_; }
  /// nullptr while there is none: it is being opened.
  app::Engine* engine() { return engine_.get(); }
  const std::vector<pipeline::MirrorPlan>& plans() const { return engine_->mirrors(); }
  /// As `status` has it.
  app::DaemonView view();
  /// As SIGHUP does: other settings, the same state.
  void reload(settings::Settings settings);
  /// An event of Stibee comes to this host, whoever works.
  void take_event(stibee_sim::WebhookDelivery delivery);
  /// Webhooks may have become due.
  void webhooks_changed() { courier_->wake(); }
  /// As `guard approve` does, with all that is held: how many people.
  std::size_t approve_all();
  void retry_all();
  /// This life has taken the list over, with all that it showed.
  bool took_list_over() const { return took_list_over_; }
  bool stands_by() const { return around_.stands_by || (leadership_ && !leadership_->leads()); }
  /// The listener of its change feed; nullptr: there is none.
  Ear* ear() { return ear_; }
  /// How many differences reads found in this life of which its feed had said nothing.
  std::size_t missed_by_feed() const;

 private:
  boost::asio::awaitable<void> live();
  boost::asio::awaitable<void> begin();
  /// Once the other daemon is gone.
  boost::asio::awaitable<void> take_its_place();
  /// What somebody is told.
  boost::asio::awaitable<void> tell();
  /// Brings Stibee's events when they are due.
  boost::asio::awaitable<void> carry_events();
  boost::asio::awaitable<void> bring(stibee_sim::WebhookDelivery delivery);
  app::Outside outside();
  std::string of_any_run(std::string_view line) const;

  Ground around_;
  Context context_;
  runtime::VirtualClock clock_;
  SteppedClock wall_;
  std::unique_ptr<runtime::Worker> worker_;
  std::unique_ptr<store::Store> owned_;
  store::Store* store_ = owned_.get();  // a way of the test's own
  const domain::StateKey key_ = store_->key();
  runtime::Confined<store::Store> confined_{std::move(owned_), runtime::make_inline_worker()};
  telemetry::Log log_;
  telemetry::Metrics metrics_;
  std::mt19937_64 random_;
  app::Ground ground_;
  std::optional<app::Leadership> leadership_;
  app::EngineSlot slot_;
  app::WebhookService events_;
  http::Handler handle_event_;
  std::optional<app::Notifier> notices_;
  std::unique_ptr<runtime::Timer> next_look_;
  std::unique_ptr<runtime::Timer> courier_;
  std::unique_ptr<runtime::Timer> told_;
  std::unique_ptr<runtime::Timer> succession_;
  std::optional<settings::Settings> next_settings_;
  Ear* ear_ = nullptr;  // outlives the engine, whose it is
  std::unique_ptr<app::Engine> engine_;
  bool took_list_over_ = false;
};

}  // namespace stibee_sync::day
