#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/delivery/rate_limiter.hpp"
#include "stibee_sync/delivery/retry.hpp"
#include "stibee_sync/http/transport.hpp"
#include "stibee_sync/pipeline/mirror_plan.hpp"
#include "stibee_sync/pipeline/services.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace stibee_sync::pipeline {

struct DispatchOptions {
  delivery::Rate rate;
  std::size_t max_in_flight = 8;
  std::string api_key;  // sent with every call, printed nowhere
  std::string boot_id;  // of this boot; "" if unknown
};

/// What ops see of the outbound side.
struct DispatchCondition {
  delivery::CircuitBreaker::State circuit = delivery::CircuitBreaker::State::Closed;
  bool key_refused = false;
  std::size_t in_flight = 0;
  std::size_t calls = 0;    // since the start
  std::size_t settled = 0;  // people who are as wanted, since the start: progress
  std::string problem;      // why the last call failed as a whole; "" after one that did not
  std::size_t limit = 0;    // calls per window
  std::size_t current_limit = 0;
};

/// The second loop: whenever the limiter grants a slot, claims the most urgent batch, sends it, reads what
/// became of each person, and settles that in one transaction. Several calls are in flight at a time, never
/// two for one person, since a claimed person is not claimed again. On the loop thread.
class Dispatch {
 public:
  Dispatch(Services services, boost::asio::any_io_executor executor, http::Transport& transport,
           const delivery::Dialect& dialect, std::vector<MirrorPlan> mirrors, DispatchOptions options);

  /// Serves the queue until stop(), then waits for the calls in flight.
  boost::asio::awaitable<void> run();

  void wake();  // something may have become pending; a lost wake costs latency only
  void stop();
  void set_paused(std::size_t mirror, bool paused);
  /// Nothing is due now and nothing is in flight.
  bool idle() const { return !work_ && in_flight_ == 0 && !claiming_; }
  /// Called whenever the loop falls idle or a call was settled.
  void on_progress(std::function<void()> progress) { progress_ = std::move(progress); }
  void on_beat(std::function<void()> beat) { beat_ = std::move(beat); }
  DispatchCondition condition() const;

 private:
  struct Call;

  boost::asio::awaitable<void> restore_limiter();
  boost::asio::awaitable<bool> claim_and_send();
  boost::asio::awaitable<void> open_channel();
  boost::asio::awaitable<void> exchange(std::shared_ptr<Call> call);
  boost::asio::awaitable<void> settle(std::shared_ptr<Call> call,
                                      std::shared_ptr<delivery::CallResult> result);
  void open_channels(std::size_t wanted);
  void spawn(boost::asio::awaitable<void> task);
  void judge_call(const Call& call, const delivery::CallResult& result, domain::Duration took);
  std::vector<store::Settlement> settlements(const Call& call, const delivery::CallResult& result);
  void channel_failed(const http::Failure& failure);
  void report_circuit(delivery::CircuitBreaker::Change change, const std::string& why);
  std::vector<store::MirrorId> active() const;
  const MirrorPlan& plan_of(store::MirrorId id) const;

  Services services_;
  boost::asio::any_io_executor executor_;
  http::Transport& transport_;
  const delivery::Dialect& dialect_;
  std::vector<MirrorPlan> mirrors_;
  std::vector<bool> paused_;
  DispatchOptions options_;
  delivery::RateLimiter limiter_;
  delivery::RetryBudget retry_budget_;
  delivery::CircuitBreaker circuit_;
  std::unique_ptr<runtime::Timer> timer_;
  std::vector<std::unique_ptr<http::Channel>> ready_;
  std::size_t opening_ = 0;
  int open_failures_ = 0;
  runtime::MonotonicTime open_not_before_{};
  std::size_t in_flight_ = 0;
  bool work_ = true;   // something may be due
  bool more_ = false;  // the last batch was full: more of it waits
  bool claiming_ = false;
  bool stopping_ = false;
  std::optional<domain::UtcTime> next_due_;
  runtime::MonotonicTime store_not_before_{};  // after a store error
  std::size_t calls_ = 0;
  std::size_t settled_ = 0;
  std::string problem_;
  std::function<void()> progress_;
  std::function<void()> beat_;
};

}  // namespace stibee_sync::pipeline
