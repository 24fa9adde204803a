#include "store/mirror_columns.hpp"

#include "store/row_codec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace stibee_sync::store {
namespace {

/// As many numbers as the line has to have.
template <std::size_t count>
std::array<std::int64_t, count> numbers_of(const Statement& row, const std::string& line) {
  std::array<std::int64_t, count> numbers{};
  const char* at = line.data();
  const char* const end = line.data() + line.size();
  for (auto& number : numbers) {
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) row.damaged();
    at = next == end ? end : next + 1;
  }
  return numbers;
}

constexpr std::size_t SlotOfChanges::* counts_of_slot[] = {
    &SlotOfChanges::adds,          &SlotOfChanges::updates,  &SlotOfChanges::optouts,
    &SlotOfChanges::resubscribes,  &SlotOfChanges::removals, &SlotOfChanges::lost,
    &SlotOfChanges::consents_moved};

}  // namespace

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string lines_to_text(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines)
    text += line + '\n';
  return text;
}

std::string counts_to_text(const std::map<std::string, std::size_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts)
    text += std::to_string(count) + ' ' + name + '\n';
  return text;
}

std::map<std::string, std::size_t> counts_at(const Statement& row, int column) {
  std::map<std::string, std::size_t> counts;
  for (const auto& line : lines_of(row.text(column))) {
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), count);
    if (error != std::errc() || end == line.data() + line.size()) continue;
    counts[std::string(end + 1, line.data() + line.size())] = count;
  }
  return counts;
}

std::string hours_to_text(const std::vector<HourOfChanges>& hours) {
  std::string text;
  for (const auto& each : hours) {
    text += list_to_text({each.hour, static_cast<std::int64_t>(each.removals),
                          static_cast<std::int64_t>(each.resubscribes),
                          static_cast<std::int64_t>(each.mirrored)});
    text += '\n';
  }
  return text;
}

std::vector<HourOfChanges> hours_at(const Statement& row, int column) {
  std::vector<HourOfChanges> hours;
  for (const auto& line : lines_of(row.text(column))) {
    const auto numbers = numbers_of<4>(row, line);
    HourOfChanges each;
    each.hour = numbers[0];
    each.removals = static_cast<std::size_t>(numbers[1]);
    each.resubscribes = static_cast<std::size_t>(numbers[2]);
    each.mirrored = static_cast<std::size_t>(numbers[3]);
    hours.push_back(each);
  }
  return hours;
}

std::string slots_to_text(const std::vector<SlotOfChanges>& slots) {
  std::string text;
  for (const auto& each : slots) {
    std::vector<std::int64_t> numbers{each.slot};
    for (const auto count : counts_of_slot)
      numbers.push_back(static_cast<std::int64_t>(each.*count));
    text += list_to_text(numbers) + '\n';
  }
  return text;
}

std::vector<SlotOfChanges> slots_at(const Statement& row, int column) {
  std::vector<SlotOfChanges> slots;
  for (const auto& line : lines_of(row.text(column))) {
    const auto numbers = numbers_of<1 + std::size(counts_of_slot)>(row, line);
    SlotOfChanges each;
    each.slot = numbers[0];
    for (std::size_t i = 0; i < std::size(counts_of_slot); ++i)
      each.*counts_of_slot[i] = static_cast<std::size_t>(numbers[i + 1]);
    slots.push_back(each);
  }
  return slots;
}

}  // namespace stibee_sync::store
