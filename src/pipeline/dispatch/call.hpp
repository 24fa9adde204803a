#pragma once

#include "stibee_sync/pipeline/dispatch.hpp"

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace stibee_sync::pipeline {

/// What a look into the queue brought.
struct Dispatch::Found {
  Found() = default;
  std::optional<Claimed> claimed;
  bool more = false;                                            // others wait who could have been served
  delivery::LimiterClass logged = delivery::LimiterClass::All;  // of the attempt that was kept with the claim
  std::set<Need> needs;                     // nobody was claimed, or some could not be for want of these
  std::optional<domain::UtcTime> next_due;  // if nobody was claimed, and not for want of slots
  std::vector<Refusals::Key> nobody_left;   // lines that may probe, and have nobody
};

/// What of the queue is looked at.
struct Dispatch::Queued {
  std::vector<store::MirrorId> mirrors;  // in turn
  store::Due due;
  Refusals::Gates gates;
  std::set<store::MirrorId> no_deletes;  // while it is not certain what time it is
  std::set<store::MirrorId> no_upserts;  // before their table is read
  /// How many people of the line may go out at all.
  std::size_t most_of(const store::QueueLine& line) const {
    if (line.lane == domain::Lane::Delete && no_deletes.contains(line.mirror)) return 0;
    if (line.lane == domain::Lane::Upsert && no_upserts.contains(line.mirror)) return 0;
    const auto gate = gates.find(Refusals::key_of(line));
    if (gate == gates.end()) return std::numeric_limits<std::size_t>::max();
    return gate->second ? 1 : 0;
  }
};

/// One batch on its way.
struct Dispatch::Call {
  Claimed claimed;
  std::vector<delivery::Recipient> recipients;  // recipients[i] is claimed.people[i]
  delivery::ApiRequest request;
  std::shared_ptr<Caller::Attempt> attempt;
};

/// What an answer says of a call and of its people. What follows for those who have not arrived is for the
/// loop to decide.
struct Dispatch::Answer {
  Answer() = default;
  delivery::CallResult result;
  std::vector<ledger::Settlement> people;                  // one for each recipient
  std::map<domain::OperationKind, std::size_t> arrived{};  // how many
  std::size_t all_arrived() const {
    std::size_t sum = 0;
    for (const auto& [kind, count] : arrived)
      sum += count;
    return sum;
  }
};

/// What is to be kept before a packed call goes out, since the claim promised otherwise.
struct Dispatch::Corrections {
  std::vector<ledger::Settlement> settled;              // do not belong to the call
  std::vector<domain::EmailAddress> unsent;             // are free again
  std::optional<delivery::LimiterClass> another_class;  // in which the call counts
  bool empty() const { return settled.empty() && unsent.empty() && !another_class; }
};

}  // namespace stibee_sync::pipeline
