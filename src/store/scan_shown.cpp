// What a scan shows of its decisions: rows and decisions in order, without those that are held back.
#include "store/scan_state.hpp"

namespace stibee_sync::store {

bool Scan::State::holds(const DecisionRecord& record) const {
  return held_.contains(record.change_class);
}

void Scan::State::hold_back(const std::vector<int>& change_classes) {
  held_.clear();
  waiting_.reset();
  for (const auto change_class : change_classes) {
    if (classes_.contains(change_class)) held_.insert(change_class);
  }
  if (held_.empty()) return;
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

void Scan::State::rewind_rows() {
  first_row_ = 0;
  if (rows.size() > 0) rows.rewind();
  if (!waiting_) return;
  waiting_->rewind();
  more_waiting_ = waiting_->next(waiting_key_, waiting_payload_);
}

bool Scan::State::next_row(RowRecord& row, bool& waits, std::vector<std::string>& decided_ones) {
  std::string_view sort_key, payload;
  while (rows.size() > 0 && rows.next(sort_key, payload)) {
    row = row_record(sort_key, payload);
    const bool is_first = first_row_ < first_rows_.size() && first_rows_[first_row_] == row.key;
    if (is_first) ++first_row_;
    if (part != Part::All && (part == Part::First) != is_first) continue;
    waits = waiting_ && row_waits(row.key, decided_ones);
    return true;
  }
  return false;
}

void Scan::State::rewind_decisions() {
  decision_number_ = 0;
  decision_reader_.reset();
  if (decisions_.size() > 0) decision_reader_.emplace(decisions_.read());
}

bool Scan::State::next_decision(DecisionRecord& record) {
  std::string_view bytes;
  while (decision_reader_ && decision_reader_->next(bytes)) {
    const bool is_first = decision_number_++ < first_decisions_;
    if (!is_first && part == Part::First) return false;
    if (is_first && part == Part::Rest) continue;
    record = decision_record(bytes);
    return true;
  }
  return false;
}

void Scan::State::show_first(std::size_t most) {
  first_rows_.clear();
  first_decisions_ = std::min<std::size_t>(most, decisions_.size());
  part = Part::First;
  DecisionRecord record;
  rewind_decisions();
  while (next_decision(record)) {
    for (const auto& row : record.rows)
      first_rows_.push_back(row.key);
  }
  std::sort(first_rows_.begin(), first_rows_.end());
}

}  // namespace stibee_sync::store
