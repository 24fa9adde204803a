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
/// the server restarts; members come, change and say no, there and at Stibee. Then all of it heals, and the
/// one that leads dies.
class Pair {
 public:
  explicit Pair(std::uint64_t seed, bool keeps_trace = false);
  ~Pair();
  std::vector<std::string> run();
  const Trace& trace() const { return trace_; }
  PairCounts counts() const;

 private:
  using Time = runtime::MonotonicTime;
  struct Side {
    int number = 0;
    std::unique_ptr<test_disk::SimulatedDisk> disk;
    std::unique_ptr<Host> life;
    std::optional<Time> starts_at;   // again
    std::optional<Time> reaches_at;  // PostgreSQL, again
    std::shared_ptr<const Members> read, read_before;
    std::set<std::string> knows;                // who said no at Stibee
    std::set<std::string> asked, asked_before;  // to subscribe, in this term of its and in the one before
    std::size_t grants_seen = 0;
  };

  void start(Side& side);
  void kill(Side& side, bool with_its_machine);
  void pass(std::chrono::milliseconds time);
  void run_until(Time until);
  void step();
  void trouble();
  void change_table();
  void opt_out();
  void bring_events();
  source::ScriptedRead read_table(Side& side);
  std::variant<std::size_t, source::WriteFailure> write_back(const Side& side, const std::string& event,
                                                             const source::WriteValues& values);
  void heal();
  void lose_the_leader();
  std::vector<std::string> differences();
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

  std::mt19937_64 random_;
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
  bool quiet_ = false;                     // nothing is to be sent
  std::vector<std::string> wrong_;
  PairCounts counts_;
  std::int64_t next_key_ = 1;
};

}  // namespace stibee_sync::day
