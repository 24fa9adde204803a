#pragma once

#include "stibee_sync/delivery/dialect.hpp"
#include "stibee_sync/delivery/rate_limiter.hpp"
#include "stibee_sync/delivery/retry.hpp"
#include "stibee_sync/http/transport.hpp"
#include "stibee_sync/pipeline/asker.hpp"
#include "stibee_sync/pipeline/services.hpp"
#include "stibee_sync/privacy/secret.hpp"

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace stibee_sync::pipeline {

struct CallerOptions {
  /// Of every class of calls that is made at all.
  std::map<delivery::LimiterClass, delivery::Rate> limits;
  /// Whose trouble is the daemon's. A key that the other API refuses stops that one only.
  delivery::Api main = delivery::Api::V1;
  std::size_t max_in_flight = 8;
  privacy::Secret api_key;          // sent with every call
  std::string boot_id;              // of this boot; "" if unknown
  std::string key_cure = "reload";  // what makes the daemon take over another key
  /// Whether calls may go out, in this moment: another daemon may be the one that works. Asked before each.
  std::function<bool()> leads = [] { return true; };
};

/// For whom a slot is: ordinary calls leave some of a window of v2's shared class to the urgent ones, so that
/// an opt-out never waits until the window turns; and spare ones, of a backlog that could share a bulk call,
/// leave a tenth more to the ordinary ones. While Stibee wants no calls, urgent ones probe more often.
/// Asking: as an urgent one, but no opt-out waits for the answer.
enum class Urgency { Spare, Ordinary, Urgent, Asking };

struct LimiterCondition {
  delivery::LimiterClass limiter_class = delivery::LimiterClass::All;
  std::size_t limit = 0;  // calls per window
  std::size_t current = 0;
  std::chrono::nanoseconds window{};
  std::size_t used = 0;                            // calls of the window that ends now
  std::optional<domain::UtcTime> held_until = {};  // Stibee wants no calls before (Retry-After)
};

/// When the logged calls of a class went out, by the clock of now; earliest first. What another boot has
/// logged cannot be compared, and is taken for just now rather than forgotten.
std::vector<runtime::MonotonicTime> times_of(const std::vector<store::LoggedAttempt>& logged,
                                             delivery::LimiterClass limiter_class, std::string_view boot_id,
                                             runtime::MonotonicTime now);

/// What is logged beside the attempts of a class: until when Stibee wants no calls of it.
std::string hold_of(delivery::LimiterClass limiter_class);
/// That time, where it lies in the future.
std::optional<domain::UtcTime> held_until(const std::vector<store::LoggedAttempt>& logged,
                                          delivery::LimiterClass limiter_class, domain::UtcTime now);

/// How one attempt went.
struct Attempted {
  Attempted() = default;
  Reply reply;
  std::string trouble;            // in words, if there was no answer
  bool stale_connection = false;  // the other end had closed it before we wrote
  domain::Duration took{};
};

/// The one gate through which every call to Stibee goes: limits per class, kept across restarts; one circuit
/// per API; the budget of retries; connections; how many calls are in flight. On the loop thread, but for
/// `logged_now`.
class Caller final : public Asker {
 public:
  /// Counts among those of a kind until it is given up or destroyed, as by a coroutine that failed.
  class Counted {
   public:
    explicit Counted(std::shared_ptr<std::size_t> taken) : taken_(std::move(taken)) { ++*taken_; }
    ~Counted() { give_up(); }
    Counted(Counted&&) noexcept = default;
    Counted& operator=(Counted&&) = delete;
    void give_up() {
      if (taken_) --*taken_;
      taken_.reset();
    }

   private:
    std::shared_ptr<std::size_t>
        taken_;  // shared: a coroutine that never ended is destroyed after its caller
  };
  /// An attempt that has its slot, its connection and its place in flight.
  struct Attempt {
    explicit Attempt(Counted in_flight) : place(std::move(in_flight)) {}
    Counted place;
    delivery::LimiterClass limiter_class = delivery::LimiterClass::All;
    delivery::RateLimiter::Attempt slot;
    std::unique_ptr<http::Channel> channel;
    runtime::MonotonicTime sent{};
  };
  /// What a call was, for log and metrics.
  struct Facts {
    delivery::Endpoint endpoint = delivery::Endpoint::Subscribe;
    delivery::LimiterClass limiter_class = delivery::LimiterClass::All;
    std::string_view mirror;  // "": of no mirror's queue
    std::size_t people = 0;
    int status = 0;  // of HTTP; 0: no answer came
    domain::Duration took{};
    runtime::MonotonicTime sent{};
  };

  /// `changed` is called when a slot, a connection or a place in flight may have become free.
  Caller(Services services, boost::asio::any_io_executor executor, http::Transport& transport,
         CallerOptions options, std::function<void()> changed);

  boost::asio::awaitable<Reply> ask_until(delivery::ApiRequest request,
                                          runtime::MonotonicTime until) override;
  /// Waits for a slot and takes it for a call that somebody else makes at once. False: none came free before
  /// `until`, calls of this class are not made here, or it stops.
  boost::asio::awaitable<bool> lend_slot(delivery::LimiterClass limiter_class, runtime::MonotonicTime until);

  /// Brings back the attempts of an earlier life. To be awaited before the first call; again does nothing.
  boost::asio::awaitable<void> restore();
  void stop();
  /// Of another daemon with this key, which worked until now: so many calls of its last windows count as
  /// ours.
  void inherit(const std::map<delivery::LimiterClass, std::size_t>& calls);
  bool quiet() const { return *in_flight_ == 0 && *opening_ == 0 && *keeping_ == 0 && asks_->empty(); }

  /// Whether calls of this class are made here.
  bool has(delivery::LimiterClass limiter_class) const { return limiters_.contains(limiter_class); }
  /// When the next call of this class may go out, by limit and circuit (≤ now: at once).
  runtime::MonotonicTime next_call(delivery::LimiterClass limiter_class, Urgency urgency,
                                   runtime::MonotonicTime now) const;
  /// Whether it is the limit that it waits for, not the circuit.
  bool limited(delivery::LimiterClass limiter_class, Urgency urgency, runtime::MonotonicTime now) const;
  /// The attempt of now, to be kept in the store before it is made. Any thread.
  store::LoggedAttempt logged_now(delivery::LimiterClass limiter_class) const;
  delivery::RetryBudget& retry_budget() { return retry_budget_; }

  /// No further call may be in flight.
  bool full() const { return *in_flight_ + *asks_in_line_ >= options_.max_in_flight; }
  std::size_t free_places() const {
    return full() ? 0 : options_.max_in_flight - *in_flight_ - *asks_in_line_;
  }
  std::size_t in_flight() const { return *in_flight_; }

  bool connected() const { return !ready_.empty(); }
  /// Opens connections until so many are ready or being opened.
  void connect(std::size_t wanted);
  runtime::MonotonicTime connect_not_before() const { return open_not_before_; }
  /// Gives connections that are not used back to the pool of idle ones.
  void disconnect() { ready_.clear(); }

  /// Takes slot, connection (there must be one) and place: the call goes out now.
  std::shared_ptr<Attempt> begin(delivery::LimiterClass limiter_class, bool is_retry);
  boost::asio::awaitable<Attempted> exchange(std::shared_ptr<Attempt> attempt, delivery::ApiRequest request);
  /// Limiter, circuit, log and metrics learn how a call ended.
  void judge(const Facts& facts, const delivery::CallResult& result);
  /// Gives up the place in flight: what the call brought is settled.
  void ended(Attempt& attempt);

  /// Runs a task of its own; an exception, which only a bug can cause, is logged.
  void spawn(boost::asio::awaitable<void> task);

  const delivery::CircuitBreaker& circuit() const { return circuits_.at(options_.main); }
  std::size_t calls() const { return calls_; }
  const std::string& problem() const { return problem_; }
  std::vector<LimiterCondition> limiters() const;

 private:
  /// Those that wait in `ask`. Shared with them: a coroutine that never ended is destroyed after its caller.
  using Asks = std::list<std::unique_ptr<runtime::Timer>>;
  class Asking;

  boost::asio::awaitable<Reply> ask_in_line(delivery::ApiRequest request, runtime::MonotonicTime until,
                                            runtime::Timer* timer);
  /// On the compute thread: an answer may be long.
  boost::asio::awaitable<std::shared_ptr<delivery::CallResult>> verdict_of(
      std::shared_ptr<const Attempted> attempted) const;
  boost::asio::awaitable<bool> take_slot(delivery::LimiterClass limiter_class, runtime::MonotonicTime until,
                                         runtime::Timer* timer);
  boost::asio::awaitable<bool> log_attempt(delivery::LimiterClass limiter_class);
  boost::asio::awaitable<void> open_channel(std::unique_ptr<Counted> opening);
  /// As long as Stibee wants, or from now on no longer; a restart is to know.
  void hold(delivery::LimiterClass limiter_class, domain::Duration wait);
  void release(delivery::LimiterClass limiter_class, runtime::MonotonicTime sent);
  boost::asio::awaitable<void> keep_hold(delivery::LimiterClass limiter_class, domain::UtcTime until,
                                         std::unique_ptr<Counted> keeping);
  void restore_holds(const std::vector<store::LoggedAttempt>& logged);
  void channel_failed(const http::Failure& failure, delivery::Api api, telemetry::EndpointLabel endpoint);
  void count(const Facts& facts, const delivery::CallResult& result);
  void trace(const Facts& facts, const delivery::CallResult& result);
  void worked(const Facts& facts);
  void tell(std::optional<std::uint64_t> left_out, telemetry::Event event, std::string_view msg,
            std::span<const telemetry::Field> fields);
  void judge_refused_key(const Facts& facts, const std::string& why,
                         std::span<const telemetry::Field> fields);
  runtime::MonotonicTime next_slot(delivery::LimiterClass limiter_class, Urgency urgency,
                                   runtime::MonotonicTime now) const;
  void report_circuit(delivery::Api api, delivery::CircuitBreaker::Change change, const std::string& why);
  void changed();

  Services services_;
  boost::asio::any_io_executor executor_;
  http::Transport& transport_;
  CallerOptions options_;
  std::function<void()> changed_;
  std::map<delivery::LimiterClass, delivery::RateLimiter> limiters_;
  std::map<delivery::Api, delivery::CircuitBreaker> circuits_;
  delivery::RetryBudget retry_budget_;
  bool restored_ = false;
  std::vector<std::unique_ptr<http::Channel>> ready_;
  std::shared_ptr<std::size_t> opening_ = std::make_shared<std::size_t>(0);
  std::shared_ptr<std::size_t> keeping_ =
      std::make_shared<std::size_t>(0);  // holds, on their way to the disk
  int open_failures_ = 0;
  runtime::MonotonicTime open_not_before_{};
  std::shared_ptr<std::size_t> in_flight_ = std::make_shared<std::size_t>(0);
  std::shared_ptr<Asks> asks_ = std::make_shared<Asks>();
  // Have a slot, and wait for a place in flight.
  std::shared_ptr<std::size_t> asks_in_line_ = std::make_shared<std::size_t>(0);
  std::size_t calls_ = 0;
  std::string problem_;
  std::map<delivery::Api, telemetry::LastingTrouble>
      failing_;  // calls without an answer, or with one that is none
  std::map<delivery::LimiterClass, telemetry::LastingTrouble> throttled_;
  telemetry::LastingTrouble refused_;  // calls as a whole
  bool stopping_ = false;
};

}  // namespace stibee_sync::pipeline
