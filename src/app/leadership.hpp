#pragma once

#include "app/engine.hpp"
#include "stibee_sync/source/leader_lock.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::app {

/// Calls of the last windows, by class, in words that another daemon reads: "stibee-syncd leader v1=7", at
/// most 63 characters. Pure; and back again, where nothing that makes no sense is taken over.
std::string calls_in_words(const std::vector<pipeline::LimiterCondition>& limiters);
std::map<delivery::LimiterClass, std::size_t> calls_from_words(std::string_view words);

/// What leadership has of the world beyond this process.
struct Locks {
  std::function<std::unique_ptr<source::LeaderLock>(
      const settings::Settings& settings, std::vector<std::int64_t> lists, std::function<void()> changed)>
      make_lock;
  std::function<std::unique_ptr<runtime::Worker>()> make_worker;  // where locks are given up
};
/// The world itself: PostgreSQL.
Locks real_locks();

/// Whether this daemon is the one that works (`database.leader_lock`). Without that, it always is. On the
/// loop thread, but for `may_call`.
class Leadership {
 public:
  struct Hooks {
    std::function<void()> begin;  // it works from now on
    std::function<void()> end;    // no longer: no new call goes out
    std::function<void()> cut;    // nobody waits any longer for the calls that are out
    /// What its calls have used up of the limits.
    std::function<std::vector<pipeline::LimiterCondition>()> limiters;
  };

  explicit Leadership(const Ground& ground, Locks locks = real_locks());
  ~Leadership();
  Leadership(const Leadership&) = delete;
  Leadership& operator=(const Leadership&) = delete;

  /// From now on by these settings: at the start, and after a reload. Where they name another lock, the old
  /// one is given up, and this daemon stands by until it holds the new one.
  void follow(const settings::Settings& settings);
  /// Looks after the lock until `stop`.
  boost::asio::awaitable<void> run(Hooks hooks);
  /// Waits until this daemon works. Why it does not; nullopt: it does.
  boost::asio::awaitable<std::optional<std::string>> gain(domain::Duration patience);
  void stop();

  bool leads() const { return leads_; }
  /// It leads, and the server has said so a moment ago: a call may go out.
  bool may_call() const;
  /// Why nobody here can; "": it leads, or another daemon does.
  std::string trouble() const;
  /// With a lock: since when. Until then another one may have worked.
  std::optional<domain::UtcTime> leads_since() const { return leads_since_; }
  /// What the daemon that worked before has used up of the limits.
  std::map<delivery::LimiterClass, std::size_t> inherited() const;

 private:
  void look();
  void begin_to_lead();
  void stand_by(const std::string& why);

  std::optional<domain::UtcTime> leads_since_;
  Ground ground_;
  Locks locks_;
  std::unique_ptr<runtime::Worker> worker_;  // where locks are given up, which may take a moment
  std::unique_ptr<runtime::Timer> timer_;
  std::shared_ptr<Leadership*> self_;  // gone with it: of calls that come later
  settings::Database database_;        // of the lock
  std::vector<std::int64_t> lists_;    // likewise
  std::shared_ptr<source::LeaderLock> lock_;
  Hooks hooks_;
  std::uint64_t term_ = 0;             // of the lock, as seen last
  runtime::MonotonicTime may_lead_{};  // in this term
  bool leads_ = true;
  bool cut_ = true;  // nothing is out that nobody waits for
  bool stopping_ = false;
  telemetry::LastingTrouble trouble_;
};

/// An engine works or stands by as `leadership` says; `engine` is what there is of it at any time. Both
/// outlive the hooks.
Leadership::Hooks hooks_of(const std::unique_ptr<Engine>& engine, const Leadership& leadership);

}  // namespace stibee_sync::app
