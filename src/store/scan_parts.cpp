// In which order a decided read is taken over, and what of it goes together.
#include "store/scan_parts.hpp"

#include "store/scan_state.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::store {
namespace {

constexpr std::size_t number_size = sizeof(std::uint32_t);

// Orders as bytes like the number itself.
void append_number(std::string& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>((number >> shift) & 0xff);
}

std::uint32_t number_at(std::string_view bytes) {
  std::uint32_t number = 0;
  for (const char c : bytes.substr(0, number_size))
    number = (number << 8) | static_cast<unsigned char>(c);
  return number;
}

bool begin(Sorter& sorter, std::string_view& key, std::string_view& payload) {
  if (sorter.size() == 0) return false;
  sorter.rewind();
  return sorter.next(key, payload);
}

void append_part(std::string& out, const Scan::State::PartRow& part) {
  out += part.waits ? 'w' : '-';
  append_number(out, static_cast<std::uint32_t>(part.decided_ones.size()));
  for (const auto& email : part.decided_ones)
    (out += email) += '\0';
  append_payload(out, part.row);
}

Scan::State::PartRow part_row(std::string_view sort_key, std::string_view bytes) {
  Scan::State::PartRow part;
  part.waits = bytes[0] == 'w';
  auto count = number_at(bytes.substr(1));
  bytes.remove_prefix(1 + number_size);
  for (; count > 0; --count) {
    const auto end = bytes.find('\0');
    part.decided_ones.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
  }
  part.row = row_record(sort_key, bytes);
  return part;
}

bool goes_in_groups(Stage stage) {
  return stage == Stage::Bound || stage == Stage::Late;
}

}  // namespace

std::string ScanParts::name_of_group(std::uint32_t decision) {
  const auto group = bonds->of(decision);
  const bool is_late = std::binary_search(late_groups.begin(), late_groups.end(), group);
  std::string name(1, is_late ? '\1' : '\0');
  append_number(name, group);
  return name;
}

void Scan::State::begin_parts(std::size_t most) {
  close_snapshot();
  parts_ = std::make_unique<ScanParts>(staging);
  sort_decisions(!has_members && decisions_.size() > most ? most : 0);
  if (parts_->grouped > 0) {
    bind_decisions();
    group_decisions();
    group_rows();
  }
  parts_->bound = Sorter(staging, events_memory);  // its memory is not needed any more
  parts_->bonds.reset();
  parts_->more_rows = begin(parts_->rows, parts_->row_key, parts_->row_payload);
  parts_->more_decisions = begin(parts_->decisions, parts_->decision_key, parts_->decision_payload);
  rewind_rows();
}

void Scan::State::sort_decisions(std::size_t ahead) {
  auto& parts = *parts_;
  parts.stages.reserve(decisions_.size());
  NumberedBytes decision;
  rewind_decisions();
  while (next_bytes(decision)) {
    auto stage = stage_of_record(decision.bytes);
    if (stage == Stage::Adds && decision.number < ahead) stage = Stage::Bound;
    parts.stages.push_back(stage);
    if (!goes_in_groups(stage)) continue;
    ++parts.grouped;
    payload_.clear();
    append_number(payload_, static_cast<std::uint32_t>(decision.number));
    const auto record = decision_record(decision.bytes);
    for (const auto& row : record.rows) {
      sort_key_.clear();
      append_sort_key(sort_key_, row.key);
      parts.bound.add(sort_key_, payload_);
    }
  }
}

// Two decisions that a row binds are in one group.
void Scan::State::bind_decisions() {
  auto& parts = *parts_;
  parts.bonds.emplace(decisions_.size());
  std::string_view key, number;
  std::string last_key;
  std::uint32_t last = 0;
  for (bool more = begin(parts.bound, key, number); more; more = parts.bound.next(key, number)) {
    const auto decision = number_at(number);
    if (key == last_key) parts.bonds->join(last, decision);
    last_key = key;
    last = decision;
  }
  for (std::uint32_t i = 0; i < parts.stages.size(); ++i) {
    if (parts.stages[i] == Stage::Late) parts.late_groups.push_back(parts.bonds->of(i));
  }
  std::sort(parts.late_groups.begin(), parts.late_groups.end());
}

void Scan::State::group_decisions() {
  auto& parts = *parts_;
  NumberedBytes decision;
  rewind_decisions();
  while (next_bytes(decision)) {
    if (!goes_in_groups(parts.stages[decision.number])) continue;
    const auto number = static_cast<std::uint32_t>(decision.number);
    sort_key_ = parts.name_of_group(number);
    append_number(sort_key_, number);
    parts.decisions.add(sort_key_, decision.bytes);
  }
}

// The rows of a group are those of its decisions.
void Scan::State::group_rows() {
  auto& parts = *parts_;
  parts.row_is_grouped.assign(rows.size(), false);
  rewind_rows();
  PartRow part;
  std::string own_key;
  std::string_view key, number;
  bool more = begin(parts.bound, key, number);
  while (more && next_staged(part)) {
    own_key.clear();
    append_sort_key(own_key, part.row.key);
    if (key != own_key) continue;
    parts.row_is_grouped[parts.row_number - 1] = true;
    sort_key_ = parts.name_of_group(number_at(number));
    sort_key_ += own_key;
    payload_.clear();
    append_part(payload_, part);
    parts.rows.add(sort_key_, payload_);
    while (more && key == own_key)
      more = parts.bound.next(key, number);
  }
}

bool Scan::State::next_group(Stage wanted, Group& group) {
  auto& parts = *parts_;
  group.rows.clear();
  group.decisions.clear();
  if (!parts.more_decisions) return false;
  const bool is_late = parts.decision_key[0] == '\1';
  if (is_late != (wanted == Stage::Late)) return false;
  const std::string name(parts.decision_key.substr(0, 1 + number_size));
  while (parts.more_decisions && parts.decision_key.starts_with(name)) {
    group.decisions.push_back(decision_record(parts.decision_payload));
    group.decisions.back().number = number_at(parts.decision_key.substr(name.size()));
    parts.more_decisions = parts.decisions.next(parts.decision_key, parts.decision_payload);
  }
  while (parts.more_rows && parts.row_key.starts_with(name)) {
    group.rows.push_back(part_row(parts.row_key.substr(name.size()), parts.row_payload));
    parts.more_rows = parts.rows.next(parts.row_key, parts.row_payload);
  }
  return true;
}

bool Scan::State::next_decision(Stage wanted, DecisionRecord& record) {
  auto& parts = *parts_;
  if (std::exchange(parts.reading, wanted) != wanted) rewind_decisions();
  NumberedBytes decision;
  while (next_bytes(decision)) {
    if (parts.stages[decision.number] != wanted) continue;
    record = decision_record(decision.bytes);
    record.number = decision.number;
    return true;
  }
  return false;
}

void Scan::State::rewind_rows() {
  parts_->row_number = 0;
  if (rows.size() > 0) rows.rewind();
  if (waiting_) more_waiting_ = begin(*waiting_, waiting_key_, waiting_payload_);
}

bool Scan::State::next_staged(PartRow& part) {
  std::string_view sort_key, payload;
  if (rows.size() == 0 || !rows.next(sort_key, payload)) return false;
  ++parts_->row_number;
  part.row = row_record(sort_key, payload);
  part.waits = waiting_ && row_waits(part.row.key, part.decided_ones);
  return true;
}

bool Scan::State::next_row(PartRow& part) {
  while (next_staged(part)) {
    const auto number = parts_->row_number - 1;
    if (parts_->row_is_grouped.empty() || !parts_->row_is_grouped[number]) return true;
  }
  return false;
}

}  // namespace stibee_sync::store
