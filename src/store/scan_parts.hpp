#pragma once

#include "store/bonds.hpp"
#include "store/scan_record.hpp"
#include "store/spool.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stibee_sync::store {

/// What a sorter of addresses may take before it goes to disk.
inline constexpr std::size_t events_memory = 3 * 1024 * 1024;

/// The order in which a decided read is taken over, and how far that is. Groups are what cannot be taken over
/// one without the other: decisions that a row binds which moves, with the rows that they are about.
struct ScanParts {
  explicit ScanParts(const std::filesystem::path& staging)
      : bound(staging, events_memory), rows(staging, events_memory), decisions(staging, events_memory) {}

  /// Names of groups order by when they go.
  std::string name_of_group(std::uint32_t decision);

  std::vector<Stage> stages;  // by the number of the decision
  std::size_t grouped = 0;    // decisions that go in groups
  Sorter bound;               // each row of such a decision: its key → the decision's number
  std::optional<Bonds> bonds;
  std::vector<std::uint32_t> late_groups;  // sorted

  Sorter rows, decisions;            // of groups, by the group's name
  std::vector<bool> row_is_grouped;  // by the row's number in key order; empty: none is
  std::size_t row_number = 0;
  bool more_rows = false, more_decisions = false;
  std::string_view row_key, row_payload, decision_key, decision_payload;
  Stage reading = Stage::Done;  // which stage the decisions are read for
};

}  // namespace stibee_sync::store
