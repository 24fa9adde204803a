#include "app/history.hpp"

#include <algorithm>

namespace stibee_sync::app {

void MirrorHistory::note(const MirrorCounts& counts, domain::UtcTime now) {
  const auto quarter = std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()) / step;
  if (quarters_.empty()) {
    quarters_.emplace_back();
    present_ = quarter;
  }
  if (quarter - present_ > static_cast<std::int64_t>(most)) {
    // Nothing of it would be left; and a clock that jumps far must not be followed step by step.
    quarters_.clear();
    present_ = quarter - static_cast<std::int64_t>(most);
  }
  for (; present_ < quarter; ++present_) {
    quarters_.emplace_back();
    if (quarters_.size() > most) quarters_.pop_front();
  }
  auto& present = quarters_.back();
  present.changes += counts.people - std::min(counts.people, last_.people);
  present.calls += counts.calls - std::min(counts.calls, last_.calls);
  present.waiting = std::max(present.waiting, counts.waiting);
  last_ = counts;
}

domain::UtcTime MirrorHistory::begin() const {
  const auto first = present_ + 1 - static_cast<std::int64_t>(quarters_.size());
  return domain::UtcTime(std::chrono::minutes(first * step.count()));
}

void History::note(const std::string& mirror, const MirrorCounts& counts, domain::UtcTime now) {
  mirrors_[mirror].note(counts, now);
}

void History::begin_anew() {
  for (auto& [name, history] : mirrors_)
    history.begin_anew();
}

const MirrorHistory* History::of(const std::string& mirror) const {
  const auto found = mirrors_.find(mirror);
  return found == mirrors_.end() ? nullptr : &found->second;
}

}  // namespace stibee_sync::app
