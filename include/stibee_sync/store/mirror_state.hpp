#pragma once

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

/// Facts of a mirror that outlive a read.
struct SourceFacts {
  std::optional<std::size_t> last_good_rows;
  std::size_t last_rows = 0;
  std::vector<std::size_t> non_null;  // per column of the mapping, saturating
  std::string mapping;                // text that changes when the mapping does
  std::string server_identity;        // system identifier and timeline of the last trusted read
  std::optional<domain::UtcTime> last_success;
  std::map<std::string, std::size_t> rejected;  // reason → rows, of the last read
  std::size_t duplicates = 0;
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
};

/// Attempts of the rate limiter that may still count after a restart.
struct LoggedAttempt {
  std::string limiter_class;
  domain::UtcTime at;   // wall clock
  std::string boot_id;  // "" if unknown
  std::int64_t since_boot_ns = 0;
};

}  // namespace stibee_sync::store
