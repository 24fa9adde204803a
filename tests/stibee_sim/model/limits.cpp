#include "limits.hpp"

#include <algorithm>

namespace stibee_sim {

bool SlidingWindow::admit(SimTime now, bool keep_refused) {
  ++calls_;
  while (!times_.empty() && times_.front() + rate_.window <= now)
    times_.pop_front();
  times_.push_back(now);
  peak_ = std::max<std::uint64_t>(peak_, times_.size());
  if (times_.size() <= rate_.calls) return true;
  ++violations_;
  if (!keep_refused) times_.pop_back();
  return false;
}

bool Limits::admit(const std::string& key, LimitClass which, SimTime now, bool keep_refused) {
  auto& windows = windows_[key];
  if (windows.empty()) {
    for (const Rate& rate : rates_)
      windows.emplace_back(rate);
  }
  return windows[static_cast<std::size_t>(which)].admit(now, keep_refused);
}

std::vector<ClassCount> Limits::counts() const {
  std::vector<ClassCount> counts;
  for (std::size_t i = 0; i < rates_.size(); ++i) {
    ClassCount count;
    count.name = limit_class_names[i];
    for (const auto& [key, windows] : windows_) {
      count.calls += windows[i].calls();
      count.violations += windows[i].violations();
      count.peak = std::max(count.peak, windows[i].peak());
    }
    counts.push_back(std::move(count));
  }
  return counts;
}

}  // namespace stibee_sim
