#pragma once

#include "stibee_sync/diff/resolve.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::diff {

struct GuardLimits {
  std::size_t max_removals = 500;
  double max_removal_percent = 2;
  std::size_t min_removals = 20;
  double max_optout_percent = 20;
  double min_source_percent = 50;
  double max_update_percent = 30;
  double max_daily_percent = 10;
};

/// What a change feed brought of late: it counts with what is found now as if it had come at once. Rows lost
/// and consents moved are of reads of the whole table, too.
struct DrainedChanges {
  std::size_t adds = 0, updates = 0, optouts = 0, resubscribes = 0, removals = 0;
  std::size_t lost = 0;
  std::size_t consents_moved = 0;
};

/// What came before a read and counts with it: many small steps are a large one.
struct GuardHistory {
  std::size_t removals = 0, resubscribes = 0;  // of the last 24 hours, without what was approved
  std::size_t mirrored = 0;                    // people mirrored when those began
  std::map<ChangeClass, std::string> lasting;  // why a class waits until approved, whatever its number
  DrainedChanges drained;                      // of the last hour, without what was approved
};

/// What one complete read found, for the guard's judgement.
struct ReadFacts {
  std::size_t source_rows = 0;
  std::optional<std::size_t> last_good_rows;  // nullopt: never read before
  std::size_t mirrored = 0;                   // people wanted subscribed before this read
  std::size_t adds = 0, updates = 0, optouts = 0, resubscribes = 0, removals = 0;
  // Names of mapped columns that became all NULL, by the class they touch:
  std::vector<std::string> newly_null_optout;   // the subscribed column
  std::vector<std::string> newly_null_removal;  // the address column
  std::vector<std::string> newly_null_update;   // fields, groups, ad_agreed
  std::size_t lost = 0;            // rows of the last good read that are gone, or bear another address
  std::size_t consents_moved = 0;  // people whose consent stamp is another, or whose no became a yes
  GuardHistory history;
};

/// A class that must wait for a human, and why, in words for ops: numbers, settings, columns; no person.
struct Hold {
  ChangeClass change_class = ChangeClass::Removal;
  std::size_t count = 0;
  std::size_t of = 0;  // the mirrored people, against whom the count is measured
  std::string why;
  bool lasting = false;  // held until approved or gone, whatever the next read finds
};

struct GuardVerdict {
  std::vector<Hold> holds;        // empty: all flows
  bool source_count_good = true;  // whether source_rows becomes the next "last good count"
  bool zero_rows = false;         // the source is empty, and no good read has found it so
};

/// Pure and total. Adds are held only where they are another population; a class with nothing in it never is.
GuardVerdict guarded(const ReadFacts& facts, const GuardLimits& limits);

/// The most people who may leave at once, of `mirrored`, without a human.
std::size_t most_removals(const GuardLimits& limits, std::size_t mirrored);

}  // namespace stibee_sync::diff
