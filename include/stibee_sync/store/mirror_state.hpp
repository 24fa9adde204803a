#pragma once

#include "stibee_sync/domain/ledger.hpp"
#include "stibee_sync/domain/member_key.hpp"
#include "stibee_sync/domain/time.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stibee_sync::store {

/// Identifies a mirror's state: another list id is another, fresh state.
struct MirrorId {
  std::int64_t number = 0;
  friend auto operator<=>(const MirrorId&, const MirrorId&) = default;
};

/// A mirror that the state knows, whether the settings name it or not.
struct KnownMirror {
  MirrorId id;
  std::string name;
  std::int64_t list_id = 0;
  friend bool operator==(const KnownMirror&, const KnownMirror&) = default;
};

/// What was applied in one hour, without what somebody approved.
struct HourOfChanges {
  std::int64_t hour = 0;  // since 1970
  std::size_t removals = 0;
  std::size_t resubscribes = 0;
  std::size_t mirrored = 0;  // people mirrored when its first ones were applied
  friend bool operator==(const HourOfChanges&, const HourOfChanges&) = default;
};

/// What came in one slot of time without anybody's approval, and counts with what is found later. Of reads of
/// the whole table, which find all but these again: `lost` and `consents_moved`.
struct SlotOfChanges {
  std::int64_t slot = 0;  // since 1970; how long one is, is the pipeline's
  std::size_t adds = 0, updates = 0, optouts = 0, resubscribes = 0, removals = 0;
  std::size_t lost = 0, consents_moved = 0;
  friend bool operator==(const SlotOfChanges&, const SlotOfChanges&) = default;
};

/// Facts of a mirror that outlive a read.
struct SourceFacts {
  std::optional<std::size_t> last_good_rows;
  std::size_t last_rows = 0;
  std::vector<std::size_t> non_null;         // per column of the mapping, saturating
  std::string mapping;                       // text that changes when the mapping does
  std::string server_identity;               // system identifier and timeline of the last trusted read
  std::optional<std::int64_t> wal_position;  // of that server: all that was read lies at or below it
  std::optional<domain::UtcTime> last_success;
  std::map<std::string, std::size_t> rejected;  // reason → rows, of the last read
  std::size_t duplicates = 0;
  std::vector<HourOfChanges> recent;   // of the last day
  std::vector<SlotOfChanges> drained;  // of the last hour
  bool unheard_writes = false;         // may still be committed, of which the change feed was never told
  friend bool operator==(const SourceFacts&, const SourceFacts&) = default;
};

/// When a mirror came how far.
struct Milestones {
  std::optional<domain::UtcTime> paused_since;   // nullopt: it is not, or was before times were kept
  std::optional<domain::UtcTime> paused_until;   // nullopt: it is not, or until somebody resumes it
  std::optional<domain::UtcTime> imported;       // the first read was through: nobody of it waited any more
  std::optional<domain::UtcTime> last_delivery;  // somebody became as wanted at Stibee
  std::optional<domain::UtcTime> last_compared;  // with Stibee's own list
  std::size_t drift = 0;                         // differences that were left then, in people
  friend bool operator==(const Milestones&, const Milestones&) = default;
};

/// A held class of changes, as it is stored and reported.
struct HeldChanges {
  std::string change_class;  // "removals", …
  std::size_t count = 0;
  std::size_t of = 0;
  std::string digest;
  std::string why;
  std::vector<std::string> refs;  // of some of the people
  domain::UtcTime since{};
  bool lasting = false;  // held until approved, whatever its number
  friend bool operator==(const HeldChanges&, const HeldChanges&) = default;
};

/// One of a held set.
struct HeldPerson {
  std::string email;
  std::optional<domain::MemberKey> key;
  domain::Intent intent = domain::Intent::Absent;  // that would be wanted
};

/// So many attempts of each limiter are kept: more than any limit of Stibee's allows in its window.
inline constexpr std::size_t most_logged_attempts = 4096;

/// Attempts of the rate limiter that may still count after a restart.
struct LoggedAttempt {
  std::string limiter_class;
  domain::UtcTime at;   // wall clock
  std::string boot_id;  // "" if unknown
  std::int64_t since_boot_ns = 0;
};

}  // namespace stibee_sync::store
