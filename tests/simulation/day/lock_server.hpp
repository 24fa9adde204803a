#pragma once

#include "app/leadership.hpp"
#include "stibee_sync/runtime/clock.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace stibee_sync::day {

/// PostgreSQL as the leader locks of several hosts see it: sessions, of which one holds the lock; a server
/// that goes away; and, for each host, a network that may swallow everything, of which the server learns
/// later than the host, or the other way round.
class LockServer {
 public:
  using Time = runtime::MonotonicTime;
  /// By its keep-alives the server notices that nobody is there any more.
  static constexpr std::chrono::milliseconds notices{4000};

  /// Who got the lock, and when.
  struct Grant {
    int host = 0;
    Time at{};
  };

  /// How long the locks of the hosts wait for an answer: as PostgresLeaderLock does, or longer, as one whose
  /// thread gets no time.
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }
  std::chrono::milliseconds patience() const { return patience_; }

  /// What a host has of it.
  app::Locks locks_for(int host, boost::asio::io_context& context, runtime::Clock& clock);

  /// The server answers nobody; its sessions have ended.
  void set_away(bool away);
  /// Nothing arrives from that host, or at it.
  void set_cut_off(int host, bool is_cut_off, Time now);
  /// Of one host: somebody terminated them.
  void end_sessions(int host);
  const std::vector<Grant>& grants() const { return grants_; }
  /// For whoever reads a complaint.
  std::string holder() const;

  // What a session does; `id` is nullopt where nobody answers.
  bool reachable(int host) const { return !away_ && !cut_off_.contains(host); }
  std::optional<std::uint64_t> connect(int host);
  bool lives(std::uint64_t session, Time now);
  /// Its client is gone. Where the network does not say so, it ends by silence, or when the machine is there
  /// again.
  void close(std::uint64_t session);
  bool take(std::uint64_t session, Time now);
  void publish(std::uint64_t session, const std::string& words) { words_[session] = words; }
  std::string words_of_holder() const;

 private:
  struct Session {
    int host = 0;
    std::optional<Time> silent_since;
    bool is_orphan = false;
  };
  void notice(Time now);

  std::chrono::milliseconds patience_{3000};
  bool away_ = false;
  std::map<int, Time> cut_off_;
  std::map<std::uint64_t, Session> sessions_;
  std::map<std::uint64_t, std::string> words_;  // of a session
  std::optional<std::uint64_t> holder_;
  std::uint64_t last_session_ = 0;
  std::vector<Grant> grants_;
};

}  // namespace stibee_sync::day
