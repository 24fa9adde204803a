#pragma once

#include "simulation/simulated_daemon.hpp"
#include "simulation/simulated_feed.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace stibee_sync::simulation {

/// A row of the simulated member table.
struct TableRow {
  std::string email;
  std::optional<bool> subscribed = true;
  std::string grade;
  std::string name;
  friend bool operator==(const TableRow&, const TableRow&) = default;
};

/// One seeded run: a member table that changes, a daemon whose disk dies at commits and in the midst of
/// writes and is full or broken for a while, a wall clock that is set, a Stibee that fails in every way it
/// knows, all on virtual time. Every other four seeds have a change feed, with writers that commit late,
/// notifications that are lost, and triggers, table and feed that people lay hands on. The same seed gives
/// the same run.
class SimulatedWorld {
 public:
  explicit SimulatedWorld(std::uint64_t seed);
  ~SimulatedWorld();

  /// The whole story: troubled times, then calm until everything has settled. Returns what is wrong at the
  /// end.
  std::vector<std::string> run();
  std::size_t crashes() const { return crashes_; }
  /// What the disk refused to do.
  std::size_t disk_failures() const { return disk_->failed(); }
  /// Changes of which the feed told nobody though it seemed whole; only writes that were made so are.
  std::size_t missed_by_feed() const { return missed_by_feed_; }
  std::size_t drained() const { return drained_; }
  std::size_t calls() const { return static_cast<std::size_t>(far_end_.model.totals().calls); }
  /// Everything Stibee was asked, for comparing two runs of one seed.
  std::string journal() const;
  /// Every call that named this person, and how they stand.
  std::string story_of(const std::string& address) const;

 private:
  void start_life();
  void end_life();
  /// Lets time pass; a crash ends the life and begins the next.
  void pass(std::chrono::milliseconds time);
  void change_table();
  void change_at_stibee();
  void random_faults();
  std::vector<std::string> verdict();
  std::string parked_of(const std::string& address) const;
  std::string who_waits() const;
  bool has_unusable_text(std::int64_t key) const;
  bool members_said_no(const std::vector<std::int64_t>& keys) const;
  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }
  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }
  std::string new_address();
  source::ScriptedRead read_table();
  void choose_fate();
  void begin_disk_trouble(std::size_t after);
  void set_wall_clock();
  // With a change feed.
  void write();
  void commit(const SimulatedFeed::Transaction& transaction);
  void commit_all();
  void disturb_feed();
  void truncate_partition();
  std::string line_of(std::int64_t key, const TableRow& row) const;
  void note_bearer(std::int64_t key, const TableRow& row);
  source::ScriptedDrain drain_feed();
  std::optional<source::SourceError> discard(const std::vector<std::int64_t>& ids);
  void count_missed();

  std::mt19937_64 random_;
  Api api_;
  FarEnd far_end_;
  std::unique_ptr<test_disk::SimulatedDisk> disk_;
  // Now and then, in this run:
  bool disk_fails_ = false;
  bool clock_steps_ = false;
  bool mended_ = false;
  bool has_feed_ = false;
  bool tells_lies_ = false;  // some writes are kept from it, which nothing shows
  SimulatedFeed feed_;
  std::vector<SimulatedFeed::Transaction> open_;                // writers that have not committed yet
  bool unheard_ = false, altered_ = false, truncated_ = false;  // what has happened to the feed
  std::size_t missed_by_feed_ = 0;
  std::size_t drained_ = 0;
  std::vector<std::string> wrong_;  // on the way
  std::map<std::int64_t, TableRow> table_;
  std::set<std::string> ever_said_no_;                      // the same, newer yes or not
  std::map<std::string, std::set<std::int64_t>> borne_by_;  // of all tables that were read
  std::set<std::string>
      said_no_at_stibee_;  // addresses that unsubscribed there, without a newer yes in the table
  std::unique_ptr<SimulatedDaemon> life_;
  runtime::MonotonicTime now_{std::chrono::hours(1)};
  std::size_t crashes_ = 0;
  std::chrono::milliseconds wall_ahead_{0};
  bool calm_ = false;
  bool database_down_ = false;
  int next_address_ = 0;
  std::int64_t next_key_ = 1;
};

}  // namespace stibee_sync::simulation
