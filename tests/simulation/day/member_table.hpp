#pragma once

#include "stibee_sync/domain/time.hpp"
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

/// PostgreSQL with one table of members: a primary, what it was before, and standbys of it.
class MemberTable {
 public:
  explicit MemberTable(bool has_consents) : has_consents_(has_consents) { remember(); }

  const Members& rows() const { return *log_.back().rows; }
  void commit(const std::function<void(Members&)>& change);
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
  std::shared_ptr<const Members> picture_of_primary() const { return log_.back().rows; }
  /// The rows that a read of now finds.
  std::shared_ptr<const Members> picture() const;

 private:
  struct Version {
    std::shared_ptr<const Members> rows;
    std::int64_t wal = 0;
  };
  const Version& version() const;
  void remember();

  bool has_consents_;
  bool away_ = false;
  std::size_t behind_ = 0;
  int timeline_ = 1;
  std::optional<std::int64_t> promoted_;
  std::vector<Version> log_;
};

source::SourceError connection_lost();

}  // namespace stibee_sync::day
