#pragma once

#include "simulation/simulated_feed.hpp"
#include "stibee_sync/domain/time.hpp"
#include "stibee_sync/source/change_feed.hpp"
#include "stibee_sync/source/source.hpp"
#include "stibee_sync/source/writer.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::day {

struct Member {
  std::string email;
  std::optional<bool> subscribed = true;
  std::optional<domain::UtcTime> consented_at;
  std::string grade;  // "": NULL
  std::string name;
  friend bool operator==(const Member&, const Member&) = default;
};
using Members = std::map<std::int64_t, Member>;

/// The address as the mirror has it; nullopt: none that can be used.
std::optional<std::string> usable(const std::string& email);
/// Who bears the address, in key order.
std::vector<std::int64_t> bearers(const Members& members, const std::string& address);

/// PostgreSQL with one table of members and a change feed of it: a primary, what it was before, and standbys
/// of it.
class MemberTable {
 public:
  using Writer = simulation::SimulatedFeed::Transaction;
  MemberTable(bool has_consents, bool has_feed) : has_consents_(has_consents), has_feed_(has_feed) {
    remember();
  }

  const Members& rows() const { return *log_.back().rows; }
  void commit(const std::function<void(Members&)>& change) { commit(change, feed().begin()); }
  /// Of somebody who began to write before.
  void commit(const std::function<void(Members&)>& change, const Writer& writer);
  /// A partition is truncated: no trigger says whose rows are gone.
  void truncate(const std::function<void(Members&)>& change);
  std::size_t commits() const { return log_.size(); }

  /// Nobody reaches it, or it is there again.
  void set_away(bool away) { away_ = away; }
  bool away() const { return away_; }
  /// Reads go to a standby that is so many commits behind; 0: to the primary.
  void read_standby(std::size_t commits_behind) { behind_ = commits_behind; }
  bool on_standby() const { return behind_ > 0; }
  /// The primary is lost, and a standby that had not seen its last commits takes its place.
  void fail_over(std::size_t commits_lost);

  /// What a read of now finds, by a server whose clock shows `now`.
  source::ScriptedRead read(domain::UtcTime now) const;
  /// What waits in the feed, with the rows that it names.
  source::ScriptedDrain drain(domain::UtcTime now) const;
  simulation::SimulatedFeed& feed() { return log_.back().feed; }
  bool feed_waits() const { return version().feed.waits(); }
  std::shared_ptr<const Members> picture_of_primary() const { return log_.back().rows; }
  /// The rows that a read of now finds.
  std::shared_ptr<const Members> picture() const;

 private:
  struct Version {
    std::shared_ptr<const Members> rows;
    std::int64_t wal = 0;
    simulation::SimulatedFeed feed;
  };
  const Version& version() const;
  void write(const std::function<void(Members&)>& change);
  source::ReadShape shape(domain::UtcTime now) const;
  std::string line(std::int64_t key, const Member& member) const;
  source::FeedSeenByScan seen_in_feed() const;
  void remember();

  bool has_consents_;
  bool has_feed_;
  bool away_ = false;
  std::size_t behind_ = 0;
  int timeline_ = 1;
  std::optional<std::int64_t> promoted_;
  std::vector<Version> log_;
};

/// What was known, and the rows that a drain names as it has them.
std::shared_ptr<const Members> with_changes(const Members& known, const Members& there,
                                            const source::ScriptedDrain& drain);

source::SourceError connection_lost();

}  // namespace stibee_sync::day
