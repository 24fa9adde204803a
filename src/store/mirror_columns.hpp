#pragma once

#include "stibee_sync/store/mirror_state.hpp"
#include "store/sqlite.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// How the lists among a mirror's facts stand in one column of its row: a line for each entry.
// What is read from a row and has not as many numbers as a line must have is damage: the connection says so.
namespace stibee_sync::store {

std::vector<std::string> lines_of(std::string_view text);
std::string lines_to_text(const std::vector<std::string>& lines);

// "3 empty_address" a line. A line that is none is passed over.
std::string counts_to_text(const std::map<std::string, std::size_t>& counts);
std::map<std::string, std::size_t> counts_at(const Statement& row, int column);

// "hour removals resubscribes mirrored" a line.
std::string hours_to_text(const std::vector<HourOfChanges>& hours);
std::vector<HourOfChanges> hours_at(const Statement& row, int column);

// The slot and its counts a line.
std::string slots_to_text(const std::vector<SlotOfChanges>& slots);
std::vector<SlotOfChanges> slots_at(const Statement& row, int column);

}  // namespace stibee_sync::store
