#include "stibee_sync/pipeline/call_memory.hpp"

#include <algorithm>
#include <utility>

namespace stibee_sync::pipeline {

void CallMemory::note(store::MirrorId mirror, const domain::Fingerprint& person, RememberedCall call) {
  Entry entry{mirror, person, std::move(call)};
  if (entries_.size() < most) {
    entries_.push_back(std::move(entry));
    return;
  }
  entries_[next_] = std::move(entry);
  next_ = (next_ + 1) % most;
}

std::vector<RememberedCall> CallMemory::of(store::MirrorId mirror, const domain::Fingerprint& person) const {
  std::vector<RememberedCall> calls;
  for (std::size_t i = entries_.size(); i > 0; --i) {
    const auto& entry = entries_[(next_ + i - 1) % entries_.size()];
    if (entry.mirror == mirror && entry.person == person) calls.push_back(entry.call);
  }
  return calls;
}

void CallMemory::forget(const domain::Fingerprint& person) {
  std::vector<Entry> kept;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto& entry = entries_[(next_ + i) % entries_.size()];
    if (entry.person != person) kept.push_back(std::move(entry));
  }
  entries_ = std::move(kept);
  next_ = 0;
}

}  // namespace stibee_sync::pipeline
