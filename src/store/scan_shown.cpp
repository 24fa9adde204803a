// What a scan shows of its decisions: rows and decisions in order, without those that are held back.
#include "store/bonds.hpp"
#include "store/scan_state.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

namespace stibee_sync::store {

bool Scan::State::holds(const DecisionRecord& record) const {
  return !held_.empty() && held_[record.number];
}

bool Scan::State::anything_waits() const {
  return std::find(held_.begin(), held_.end(), true) != held_.end();
}

std::vector<domain::Fingerprint> Scan::State::items_of(int change_class) {
  std::vector<domain::Fingerprint> items;
  DecisionRecord record;
  rewind_decisions();
  while (next_decision(record)) {
    if (record.item && record.change_class == change_class) items.push_back(*record.item);
  }
  std::sort(items.begin(), items.end());
  return items;
}

std::vector<domain::Fingerprint> Scan::State::waiting_of(const std::vector<domain::Fingerprint>& items) {
  std::vector<domain::Fingerprint> waiting;
  DecisionRecord record;
  rewind_decisions();
  while (next_decision(record)) {
    if (record.item && holds(record) && std::binary_search(items.begin(), items.end(), *record.item))
      waiting.push_back(*record.item);
  }
  std::sort(waiting.begin(), waiting.end());
  return waiting;
}

void Scan::State::find_held(const std::set<int>& classes, const HoldBack& what) {
  // Rows that move bind two decisions. A hash of their keys is enough: one that two of them share holds back
  // a little more.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> ends;
  std::vector<bool> exempt(decisions_.size(), false);
  held_.assign(decisions_.size(), false);
  DecisionRecord record;
  rewind_decisions();
  while (next_decision(record)) {
    const bool released =
        record.item && std::binary_search(what.released.begin(), what.released.end(), *record.item);
    held_[record.number] = classes.contains(record.change_class) && !released;
    exempt[record.number] = record.change_class == what.never_with_others;
    for (const auto& row : record.rows) {
      if (!row.moves) continue;
      sort_key_.clear();
      append_sort_key(sort_key_, row.key);
      ends.emplace_back(std::hash<std::string>{}(sort_key_), static_cast<std::uint32_t>(record.number));
    }
  }
  if (ends.empty()) return;
  std::sort(ends.begin(), ends.end());
  Bonds bonds(held_.size());
  const auto goes_alone = [&](std::uint32_t decision) { return exempt[decision] && !held_[decision]; };
  for (std::size_t i = 1; i < ends.size(); ++i) {
    const auto one = ends[i - 1].second, other = ends[i].second;
    // What goes whatever waits holds nothing that hangs on it either.
    if (ends[i].first != ends[i - 1].first || goes_alone(one) || goes_alone(other)) continue;
    bonds.join(one, other);
  }
  std::set<std::uint32_t> waiting;
  for (std::uint32_t i = 0; i < held_.size(); ++i) {
    if (held_[i]) waiting.insert(bonds.of(i));
  }
  for (const auto& [hash, decision] : ends) {
    if (!exempt[decision] && waiting.contains(bonds.of(decision))) held_[decision] = true;
  }
}

void Scan::State::hold_back(const HoldBack& what) {
  held_.clear();
  waiting_.reset();
  std::set<int> classes;
  for (const auto change_class : what.classes) {
    if (classes_.contains(change_class)) classes.insert(change_class);
  }
  if (classes.empty()) return;
  find_held(classes, what);
  waiting_.emplace(staging, events_memory);
  DecisionRecord record;
  rewind_decisions();
  while (next_decision(record)) {
    const bool waits = holds(record);
    for (const auto& row : record.rows) {
      if (!waits && !row.moves) continue;
      sort_key_.clear();
      append_sort_key(sort_key_, row.key);
      waiting_->add(sort_key_, (waits ? "h" : "a") + record.email);
    }
  }
}

// Ascending keys only.
bool Scan::State::row_waits(const domain::MemberKey& key, std::vector<std::string>& decided_ones) {
  decided_ones.clear();
  bool waits = false;
  while (more_waiting_) {
    const auto at = key_from_sort_key(waiting_key_);
    if (key < at) break;
    if (at == key) {
      if (waiting_payload_[0] == 'h') {
        waits = true;
      } else {
        decided_ones.emplace_back(waiting_payload_.substr(1));
      }
    }
    more_waiting_ = waiting_->next(waiting_key_, waiting_payload_);
  }
  return waits;
}

void Scan::State::rewind_decisions() {
  decision_number_ = 0;
  decision_reader_.reset();
  if (decisions_.size() > 0) decision_reader_.emplace(decisions_.read());
}

bool Scan::State::next_bytes(NumberedBytes& decision) {
  if (!decision_reader_ || !decision_reader_->next(decision.bytes)) return false;
  decision.number = decision_number_++;
  return true;
}

bool Scan::State::next_decision(DecisionRecord& record) {
  NumberedBytes decision;
  if (!next_bytes(decision)) return false;
  record = decision_record(decision.bytes);
  record.number = decision.number;
  return true;
}

}  // namespace stibee_sync::store
