#pragma once

#include "stibee_sync/delivery/call_choice.hpp"
#include "stibee_sync/pipeline/burst.hpp"
#include "stibee_sync/pipeline/call_memory.hpp"
#include "stibee_sync/pipeline/caller.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/outbound_queue.hpp"
#include "stibee_sync/pipeline/refusals.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace stibee_sync::pipeline {

/// What ops see of the outbound side.
struct DispatchCondition {
  delivery::CircuitBreaker::State circuit = delivery::CircuitBreaker::State::Closed;
  bool key_refused = false;
  std::size_t in_flight = 0;
  std::size_t calls = 0;    // since the start
  std::size_t settled = 0;  // people who are as wanted, since the start: progress
  std::string problem;      // why the last call failed as a whole; "" after one that did not
  std::vector<LimiterCondition> limiters;
  bool limited = false;         // ordinary calls of a class wait for the limit
  bool urgent_limited = false;  // even urgent ones do
};

/// The second loop: whenever the limiter grants a slot, claims the most urgent batch, sends it, reads what
/// became of each person, and settles that in one transaction. Several calls are in flight at a time, never
/// two for one person, since a claimed person is not claimed again. Other loops ask Stibee through it, too,
/// so that all calls share limits and circuit. On the loop thread.
class Dispatch final : public Asker {
 public:
  Dispatch(Services services, boost::asio::any_io_executor executor, http::Transport& transport,
           const delivery::Dialect& dialect, std::vector<MirrorPlan> mirrors, CallerOptions options);

  /// Serves the queue until stop(), then waits for the calls in flight.
  boost::asio::awaitable<void> run();
  /// Works without `run`, too.
  boost::asio::awaitable<Reply> ask_until(delivery::ApiRequest request,
                                          runtime::MonotonicTime until) override;

  void wake();  // something may have become pending; a lost wake costs latency only
  void stop();
  void set_paused(std::size_t mirror, bool paused);
  /// A mirror that must not be served yet, since its list has not been taken over.
  void set_blocked(std::size_t mirror, bool blocked);
  /// What the table says may be old: nobody is subscribed before it is read; who leaves goes.
  void set_awaits_read(std::size_t mirror, bool awaits);
  /// Stibee does not let the key use the mirror's list, as the last call for it showed.
  bool forbidden(std::size_t mirror) const { return refusals_.forbidden(mirrors_[mirror].id); }
  /// Why Stibee refuses calls of the mirror, whoever they are for; "": it does not.
  std::string refused(std::size_t mirror) const { return refusals_.problem(mirrors_[mirror].id); }
  DeliveryProgress progress(std::size_t mirror) const;
  /// See Caller.
  void inherit(const std::map<delivery::LimiterClass, std::size_t>& calls) { caller_.inherit(calls); }
  /// See Caller.
  bool has(delivery::LimiterClass limiter_class) const { return caller_.has(limiter_class); }
  boost::asio::awaitable<bool> lend_slot(delivery::LimiterClass limiter_class, runtime::MonotonicTime until) {
    return caller_.lend_slot(limiter_class, until);
  }
  /// Nothing is due now and nothing is in flight.
  bool idle() const { return !work_ && needs_.empty() && caller_.in_flight() == 0 && !claiming_; }
  /// Called whenever the loop falls idle or a call was settled.
  void on_progress(std::function<void()> progress) { progress_ = std::move(progress); }
  void on_beat(std::function<void()> beat) { beat_ = std::move(beat); }
  /// Told of a mirror's call that was refused since one of these groups is not there.
  void on_missing_group(std::function<void(std::size_t mirror, const domain::GroupSet& groups)> missing) {
    missing_group_ = std::move(missing);
  }
  DispatchCondition condition() const;
  CallMemory& memory() { return memory_; }

 private:
  struct Answer;
  struct Call;
  struct Corrections;
  struct Found;
  struct Queued;
  /// A slot that somebody who is due waits for.
  using Need = std::pair<delivery::LimiterClass, Urgency>;

  boost::asio::awaitable<void> wait_for_work(runtime::MonotonicTime now);
  boost::asio::awaitable<void> wait_for_slot(std::set<Need> needs, runtime::MonotonicTime until);
  boost::asio::awaitable<bool> claim_and_send(delivery::FreeSlots free);
  boost::asio::awaitable<Found> claim(delivery::FreeSlots free);
  /// Claims what comes first, and logs the attempt that it is. On the store's thread.
  static Found look(store::Transaction& transaction, const delivery::CallChoice& choice, const Caller& caller,
                    const Queued& queued);
  /// Decides for each person anew and packs the call; nullptr: nobody is left.
  boost::asio::awaitable<std::shared_ptr<Call>> prepare(std::shared_ptr<Found> found);
  /// As many of those whom the call is for as it carries; the others are placed anew. On the compute thread,
  /// to which call and corrections belong meanwhile.
  boost::asio::awaitable<std::shared_ptr<delivery::PackedCall>> pack(std::shared_ptr<Call> call,
                                                                     std::shared_ptr<Corrections> corrections,
                                                                     bool in_bulk) const;
  /// Whoever is packed goes, if the call can go out now.
  void load(Call& call, Corrections& corrections, delivery::PackedCall packed, delivery::LimiterClass logged);
  bool may_go(domain::Lane lane, delivery::LimiterClass limiter_class) const;
  void refuse_too_large(const ClaimedPerson& person, const MirrorPlan& plan, Corrections& corrections) const;
  /// People of a claim who are not sent after all.
  boost::asio::awaitable<void> give_back(store::MirrorId mirror, std::vector<domain::EmailAddress> people);
  boost::asio::awaitable<void> exchange(std::shared_ptr<Call> call);
  /// On the compute thread, to which the call belongs meanwhile.
  boost::asio::awaitable<std::shared_ptr<Answer>> read(std::shared_ptr<Call> call,
                                                       std::shared_ptr<const Attempted> attempted) const;
  boost::asio::awaitable<void> settle(std::shared_ptr<Call> call, std::shared_ptr<Answer> answer);
  /// For whoever asks later why somebody is as they are.
  void remember(const Call& call, const Answer& answer);
  /// What follows for those who have not arrived.
  void decide(const Call& call, Answer& answer);
  /// What follows for one person of the call; the rest of the settlement is for the caller to add.
  ledger::Settlement next_step(const Call& call, const ClaimedPerson& claimed, const domain::Outcome& outcome,
                               const delivery::CallResult& result, double draw);
  /// The same for somebody whose call was refused as a whole.
  ledger::Settlement after_refusal(const Call& call, const ClaimedPerson& claimed,
                                   const domain::Outcome& outcome, const delivery::CallResult& result,
                                   double draw);
  void report(const Settled& settled, const std::string& mirror);
  /// The mirror is served from now on, unless something keeps it from that.
  void note_service(std::size_t mirror);
  /// What of a call arrived, for the burst that it is of.
  void note_arrivals(const Call& call, const Answer& answer, const Settled& settled);
  /// Of mirrors of which nobody waits, though no call of theirs was the last.
  void close_bursts();
  void tell_bursts();
  void tell(const Delivered& delivered, const std::string& mirror);
  void report(const std::vector<ledger::Settlement>& people, const delivery::CallResult& result,
              const std::string& mirror);
  delivery::FreeSlots free_slots(runtime::MonotonicTime now) const;
  /// When no class has a slot in a moment.
  runtime::MonotonicTime all_distant(runtime::MonotonicTime now) const;
  /// Of all classes in which the queue is served.
  std::set<Need> all_needs() const;
  runtime::MonotonicTime first_slot(const std::set<Need>& needs, runtime::MonotonicTime now) const;
  void store_failed(const std::string& trouble);
  /// When nobody waits: nothing of those who are settled is to stay in the state's logs.
  boost::asio::awaitable<void> tidy();
  /// How the call ended, for what is known of its mirror.
  void note_refusal(const Call& call, const delivery::CallResult& result);
  /// Those that are served, in turn: first whom no call went out for the longest time.
  std::vector<store::MirrorId> active() const;
  /// Whether the clock was set back since it was asked last.
  bool clock_set_back();
  /// Whether the queues stand as these policies place them, as far as the store knows.
  boost::asio::awaitable<void> look_who_is_placed();
  /// Finds anew where each of a mirror stands. Some at a time, so that nobody waits long for the store.
  boost::asio::awaitable<void> place_anew(std::size_t mirror);
  std::size_t place_of(store::MirrorId id) const;
  const MirrorPlan& plan_of(store::MirrorId id) const;

  Services services_;
  const delivery::Dialect& dialect_;
  std::vector<MirrorPlan> mirrors_;
  std::vector<bool> paused_;
  std::vector<bool> blocked_;
  std::vector<bool> awaits_read_;
  std::vector<bool> placed_;            // false: nobody of the mirror is claimed before they are placed anew
  std::vector<std::size_t> last_turn_;  // of each mirror: the number of its last call
  std::vector<Burst> bursts_;
  std::vector<std::optional<runtime::MonotonicTime>> served_since_;
  Refusals refusals_;
  std::size_t max_in_flight_;
  delivery::Api main_;
  std::unique_ptr<runtime::Timer> timer_;
  Caller caller_;
  std::optional<std::pair<runtime::MonotonicTime, domain::UtcTime>> clocks_;  // when they were compared last
  bool work_ = true;                                                          // something may be due
  bool more_ = false;     // the last batch left some waiting
  std::set<Need> needs_;  // the last claim found nobody but those who wait for these slots
  bool claiming_ = false;
  bool running_ = false;
  bool stopping_ = false;
  std::optional<domain::UtcTime> next_due_;
  runtime::MonotonicTime store_not_before_{};  // after a store error
  runtime::MonotonicTime tidy_again_{};        // not before
  std::size_t settled_ = 0;
  CallMemory memory_;
  std::function<void()> progress_;
  std::function<void()> beat_;
  std::function<void(std::size_t, const domain::GroupSet&)> missing_group_;
};

}  // namespace stibee_sync::pipeline
