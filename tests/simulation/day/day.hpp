#pragma once

#include "simulation/day/host.hpp"
#include "simulation/day/judges.hpp"
#include "simulation/day/letter_judge.hpp"
#include "simulation/day/member_table.hpp"
#include "simulation/day/profile.hpp"
#include "simulation/day/trace.hpp"

#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace stibee_sync::day {

/// What a day has seen: a simulation in which nothing happens proves nothing.
struct Counts {
  std::size_t crashes = 0, calls = 0, events = 0, events_refused = 0, commits = 0, reads = 0;
  std::size_t opt_outs_known = 0, subscribes_judged = 0, removed = 0, approved = 0, write_backs = 0;
  std::size_t failovers = 0, reloads = 0, take_overs = 0, successions = 0, looks = 0, disk_failures = 0,
              holds = 0, drains = 0, drained = 0, calm_changes = 0, letters = 0;
  std::chrono::seconds longest_to_settle{0};
  void add(const Counts& other);
};

/// One virtual day of a mirror, a seed decides all of it: a table that changes, on a PostgreSQL that goes
/// away, lags and is replaced by an older one; a Stibee that fails in every way it knows, and whose list
/// others edit; webhooks that are lost, late, repeated; a daemon that crashes, reloads and moves to another
/// host. Then all of it heals. Judged at every call, and at the end.
class Day {
 public:
  /// `Plain`: without a change feed and without letters, as all were before there were any.
  enum class Kind { Any, Plain };
  explicit Day(std::uint64_t seed, bool keeps_trace = false, Kind kind = Kind::Any);
  ~Day();

  /// The whole story; what is wrong.
  std::vector<std::string> run();
  const Trace& trace() const { return trace_; }
  Counts counts() const;

 private:
  // The daemon's lives (day.cpp).
  void start_life();
  std::chrono::milliseconds standing_by();
  void end_life();
  void pass(std::chrono::milliseconds time);
  void refuse_due_events();
  void hostile();
  void heal();
  bool approve();
  void step();
  void move_to_second_host();
  void reload();
  void look();
  // The table (day_table.cpp).
  void fill_table();
  void change_table();
  void change(const std::function<void(Members&)>& change, bool careless = false);
  void trace_change(const Members& before);
  void careless_statement();
  void trouble_database();
  source::ScriptedRead read_table();
  std::variant<std::size_t, source::WriteFailure> write_back(const std::string& event,
                                                             const source::WriteValues& values);
  // Its change feed (day_feed.cpp).
  FeedHands feed_hands();
  source::ScriptedDrain drain_feed(const source::FeedPlan& plan);
  std::optional<source::SourceError> discard(const std::vector<std::int64_t>& ids);
  void commit(const std::function<void(Members&)>& change);
  void trouble_feed();
  void server_changes();
  void notify();
  void judge_feed();
  void feed_in_calm();
  std::size_t feed_pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(feed_random_);
  }
  bool feed_chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(feed_random_) < probability;
  }
  // Whom it tells (day_notices.cpp).
  PostHands post_hands();
  Receipt receive(const std::string& body);
  void judge_letters();
  std::size_t notice_pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(notice_random_);
  }
  bool notice_chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(notice_random_) < probability;
  }
  // Stibee (day_stibee.cpp).
  void fill_list();
  void choose_unknowns();
  void trouble_stibee();
  void edit_list();
  void edit(const std::string& action, const std::string& address, const std::string& actor = "");
  void event_answered(const stibee_sim::WebhookDelivery& delivery, bool accepted);
  void call_sent(const http::Request& request);
  void call_applied(std::uint64_t call, int status, const std::string& body);
  // What is wrong (day_verdict.cpp).
  void settle_pictures();
  std::vector<std::string> differences();
  void judge_time(std::chrono::milliseconds settled, int rounds, std::chrono::milliseconds step);
  void judge_end();
  void complain(const std::string& text);

  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }
  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }
  runtime::MonotonicTime now() const { return life_ ? life_->clock().monotonic() : now_; }
  domain::UtcTime utc() const;  // the true one, which is the database's
  std::string new_address();

  std::mt19937_64 random_;
  // Of their own: a day without them is what it was.
  std::mt19937_64 feed_random_, notice_random_;
  Profile profile_;
  settings::Settings settings_;
  Trace trace_;
  FarEnd far_end_;
  std::unique_ptr<test_disk::SimulatedDisk> disk_;
  MemberTable table_;
  ConsentJudge consents_;
  RemovalJudge removals_;
  LetterJudge letters_;
  Pictures pictures_;
  std::unique_ptr<Host> life_;
  runtime::MonotonicTime now_{std::chrono::hours(1)};
  std::chrono::milliseconds wall_ahead_{0};
  std::optional<test_disk::SimulatedDisk::Image> older_;  // a state of before, on the second host
  bool stands_by_ = false;                                // until the one before is gone
  bool calm_ = false;
  bool database_writable_ = true;
  std::set<std::string> touched_there_;    // other people changed them in the list, for good
  std::map<std::int64_t, Member> gone_;    // may return
  std::set<std::string> shown_there_;      // by pages of the list, while nobody knew of them
  std::vector<MemberTable::Writer> open_;  // began to write, and commit later
  bool drained_ = false;     // the last picture is of a drain that is not known to be taken over
  bool drain_cut_ = false;   // the next one finds its connection lost
  bool took_back_ = false;   // a failover, in this life, what the feed had told
  bool heard_late_ = false;  // a notification is on its way
  std::chrono::milliseconds feed_pace_{1000};
  std::vector<std::string> wrong_;
  Counts counts_;
  int next_address_ = 0;
  std::int64_t next_key_ = 1;
};

}  // namespace stibee_sync::day
