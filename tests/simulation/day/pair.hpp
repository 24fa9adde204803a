#pragma once

#include "simulation/day/call.hpp"
#include "simulation/day/host.hpp"
#include "simulation/day/lock_server.hpp"
#include "simulation/day/member_table.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace stibee_sync::day {

inline constexpr const char* watched_list = "1234";

/// Of a host, for whoever reads.
inline std::string name_of(int host) {
  return host == 0 ? "one" : "two";
}

struct PairCounts {
  std::size_t calls = 0, grants = 0, kills = 0, cuts = 0, events = 0, opt_outs = 0, judged = 0, repeated = 0;
  std::chrono::milliseconds longest_take_over{0};
  void add(const PairCounts& other);
};

/// Two hosts with the same mirror and a leader lock, on one virtual clock, for two hours; a seed decides all
/// of it. Hosts die and come back, the network between one of them and PostgreSQL fails, sessions are ended,
/// the server restarts; members come, change and say no, there and at Stibee; on some, changes are told by a
/// change feed, states are lost or set back, the clocks of the hosts are apart. Then all of it heals, all who
/// said no say yes anew, and the one that leads dies.
class Pair {
 public:
  /// `Plain`: without a change feed, consents, lost states and clocks that are apart, as all were before
  /// there were any.
  enum class Kind { Any, Plain };
  explicit Pair(std::uint64_t seed, bool keeps_trace = false, Kind kind = Kind::Any);
  ~Pair();
  std::vector<std::string> run();
  const Trace& trace() const { return trace_; }
  PairCounts counts() const;

 private:
  using Time = runtime::MonotonicTime;
  struct Side {
    int number = 0;
    std::chrono::milliseconds wall_ahead{0};
    std::unique_ptr<test_disk::SimulatedDisk> disk;
    std::unique_ptr<Host> life;
    std::optional<Time> starts_at;   // again
    std::optional<Time> reaches_at;  // PostgreSQL, again
    std::shared_ptr<const Members> read, read_before;
    std::set<std::string> knows;                // who said no at Stibee
    std::set<std::string> seen;                 // in the table
    std::set<std::string> asked, asked_before;  // to subscribe, in this term of its and in the one before
    std::size_t grants_seen = 0;
    std::optional<test_disk::SimulatedDisk::Image> older;
  };

  void start(Side& side);
  void kill(Side& side, bool with_its_machine);
  void lose_state(Side& side);
  void pass(std::chrono::milliseconds time);
  void run_until(Time until);
  void step();
  void trouble();
  // The table, and its change feed (pair_table.cpp).
  void fill_table();
  void add_row(Members& rows, bool says_yes);
  void change_table();
  void move(std::int64_t key, Member& member);
  void says_no_once(const std::string& address);
  void commit(const std::function<void(Members&)>& change);
  FeedHands feed_hands(Side& side);
  void trouble_feed();
  void tell_listeners();
  void notify();
  void judge_feed(Side& side);
  void opt_out();
  void bring_events();
  source::ScriptedRead read_table(Side& side);
  std::variant<std::size_t, source::WriteFailure> write_back(const Side& side, const std::string& event,
                                                             const source::WriteValues& values);
  void heal();
  void changes_in_calm();
  void say_yes_anew();
  void lose_the_leader();
  std::vector<std::string> differences();
  bool cannot_return(const std::string& address);
  Side* leader();

  void call_sent(const http::Request& request, int client);
  void judge_turn(const Call& call, int client);
  void judge_consent(const Call& call, Side& side);
  void complain(const std::string& text);

  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }
  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }
  domain::UtcTime utc() const;

  std::size_t more_pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(more_random_);
  }
  bool more_chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(more_random_) < probability;
  }

  std::mt19937_64 random_;
  std::mt19937_64 more_random_;  // of what plain ones have not: they are what they were
  bool plain_, has_feed_, has_consents_, loses_states_;
  settings::Settings settings_;
  Trace trace_;
  FarEnd far_end_;
  LockServer locks_;
  MemberTable table_;
  std::array<Side, 2> sides_;
  Time now_{std::chrono::hours(1)};
  std::optional<Time> server_at_;          // it is there again
  std::map<std::string, Time> opted_out_;  // at Stibee, without a yes since
  std::set<std::string> ever_said_no_;     // there or in the table
  std::set<std::string> unable_;           // to return
  std::vector<MemberTable::Writer> open_;  // began to write, and commit later
  int moves_ = 0;
  std::set<std::string> inherited_;  // addresses, since their members said no under another one
  bool calm_ = false;
  bool quiet_ = false;         // nothing is to be sent
  bool all_say_yes_ = false;   // whoever is in the table
  bool lost_a_state_ = false;  // one of them knew less than the other
  std::vector<std::string> wrong_;
  PairCounts counts_;
  std::int64_t next_key_ = 1;
};

}  // namespace stibee_sync::day
